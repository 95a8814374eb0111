package wss

import (
	"errors"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// FuzzVerify writes anything over a part of a signed message. It is refused with a
// code of its own, or its Body, Timestamp and addressing are still the signed ones.
func FuzzVerify(f *testing.F) {
	p := everybody()
	text := signed(f, p.erp, plain)
	want := forms(f, []byte(text))
	f.Add(uint16(0), uint16(0), "")
	f.Add(uint16(200), uint16(0), `<wsa:To>http://x</wsa:To>`)
	f.Add(uint16(len(text)-60), uint16(3), "999")
	f.Add(uint16(600), uint16(40), ` xmlns:gw="urn:x"`)
	f.Add(uint16(0), uint16(65535), `<a/>`)
	for _, part := range []string{"<ds:Reference ", "<ds:Transforms>", "<ds:KeyInfo>", "<wsu:Timestamp", "<soap:Body"} {
		for at := range len(text) - len(part) {
			if text[at:at+len(part)] == part {
				f.Add(uint16(at), uint16(len(part)), `<x xmlns="`+NamespaceSignature+`" Id="gatehouse-signed-0">`)
				break
			}
		}
	}
	f.Fuzz(func(t *testing.T, at, size uint16, with string) {
		from := min(int(at), len(text))
		src := []byte(text[:from] + with + text[min(from+int(size), len(text)):])
		tree, err := document.Read(src)
		if err != nil {
			return
		}
		defer tree.Release()
		if _, err := p.verifier().Verify(tree, []Part{Body, Timestamp, Addressing}, now); err != nil {
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind() == fault.Internal {
				t.Fatalf("%v of\n%s", err, src)
			}
			return
		}
		if got := forms(t, src); got != want {
			t.Fatalf("taken, and it is another message:\n%s\nwas\n%s", got, want)
		}
	})
}

// forms are the canonical forms of what has to be signed.
func forms(t testing.TB, src []byte) string {
	tree, err := document.Read(src)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	parts, err := envelope.Locate(tree)
	if err != nil {
		t.Fatal(err)
	}
	form := document.AppendExclusive(nil, parts.Body, nil)
	for _, n := range parts.Blocks {
		if n.Name().Space == envelope.NamespaceAddressing {
			form = document.AppendExclusive(form, n, nil)
		}
	}
	return string(form)
}
