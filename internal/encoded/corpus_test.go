package encoded

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// TestCorpus makes up a message of every encoded operation of a folder of real
// WSDLs, encodes it and brings it back.
func TestCorpus(t *testing.T) {
	root := os.Getenv("GATEHOUSE_TEST_CORPUS")
	if root == "" {
		t.Skip("GATEHOUSE_TEST_CORPUS is not set to a folder of WSDLs")
	}
	corpus, operations, valid := os.DirFS(root), 0, 0
	err := fs.WalkDir(corpus, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(strings.ToLower(path), ".wsdl") {
			return err
		}
		c, err := contract.Load(corpus, path)
		if err != nil {
			return nil //nolint:nilerr // a contract that does not load is another test's
		}
		for _, s := range c.Services {
			for _, op := range s.Operations {
				if op.Unsupported == "" && Takes(op) {
					operations++
					if thereAndBack(t, path, s, op) {
						valid++
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d encoded operations, the messages of %d valid", operations, valid)
	if valid*10 < operations*9 {
		t.Errorf("of %d messages %d are valid", operations, valid)
	}
}

// thereAndBack reports whether the message is valid when it is back.
func thereAndBack(t *testing.T, path string, s *contract.Service, op *contract.Operation) (valid bool) {
	made := string(appendMade(nil, op.Input.Element, 0))
	for _, v := range []envelope.Version{envelope.V11, envelope.V12} {
		payload, err := Append(nil, v, op.Input.Element, []byte(made))
		if err != nil {
			t.Errorf("%s: %s: %v", path, op.Name, err)
			return false
		}
		d, err := Normalise(s, op, envelope.AppendReply(nil, envelope.ReplyHead{Version: v}, payload), 0)
		if err != nil {
			t.Errorf("%s: %s: %v", path, op.Name, err)
			return false
		}
		if literal(t, d.XML) != canonicalOf(t, made) {
			t.Errorf("%s: %s: not the same in SOAP %s", path, op.Name, v)
		}
		details, _, err := s.Validate(d.XML, 0)
		valid = err == nil && len(details) == 0
		for _, one := range details {
			if at := d.Locate(one); at.Line != 2 { // that of the envelope
				t.Errorf("%s: %s: %v became %v", path, op.Name, one, at)
			}
		}
	}
	return valid
}

// appendMade appends an element with everything that it may have, twice where it
// may repeat.
func appendMade(dst []byte, el *contract.Element, depth int) []byte {
	name := el.Name.Local
	dst = append(dst, '<')
	if el.Name.Space != "" {
		name = "z:" + name
		dst = append(document.AppendValue(append(dst, name+` xmlns:z="`...), el.Name.Space), '"', '>')
	} else {
		dst = append(dst, name+">"...)
	}
	if s := el.Type.Simple; s != nil {
		dst = document.AppendText(dst, valueOf(s))
	}
	for _, c := range el.Type.Children() {
		times := 1
		switch {
		case c.Min == 0 && depth > 5, depth > 40: // what contains itself ends
			times = 0
		case c.Max != 1 && depth < 5:
			times = 2
		}
		for range times {
			dst = appendMade(dst, c.Element, depth+1)
		}
	}
	return append(dst, "</"+name+">"...)
}

func valueOf(s *contract.Simple) string {
	if len(s.Enumeration) > 0 {
		return s.Enumeration[0]
	}
	switch s.Primitive {
	case "dateTime":
		return "2026-03-02T09:30:00Z"
	case "date":
		return "2026-03-02"
	case "base64Binary", "hexBinary":
		return ""
	}
	return "1"
}
