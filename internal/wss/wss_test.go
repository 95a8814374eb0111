package wss

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// identity is a key with its certificate.
type identity struct {
	key  crypto.Signer
	cert *x509.Certificate
}

// issue makes an identity; by nil makes an authority that signs itself.
func issue(t testing.TB, name string, key crypto.Signer, by *identity, more ...func(*x509.Certificate)) *identity {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name)) + 4711),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Peer, Inc"}},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		SubjectKeyId: []byte(name),
	}
	if by == nil {
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
		by = &identity{key, c}
	}
	for _, f := range more {
		f(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{key, cert}
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ecKey(t testing.TB, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// people are made once: RSA keys take their time.
type people struct{ ca, erp, stranger *identity }

var everybody = sync.OnceValue(func() *people {
	t := &testing.T{}
	p := &people{ca: issue(t, "authority", ecKey(t, elliptic.P256()), nil)}
	p.erp = issue(t, "erp", rsaKey(t, 2048), p.ca)
	p.stranger = issue(t, "erp", rsaKey(t, 2048), issue(t, "authority", ecKey(t, elliptic.P256()), nil))
	return p
})

func (p *people) verifier() *Verifier {
	roots := x509.NewCertPool()
	roots.AddCert(p.ca.cert)
	return &Verifier{Window: 5 * time.Minute, Known: []*x509.Certificate{p.ca.cert, p.erp.cert}, Trust: func(cert *x509.Certificate, at time.Time) error {
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err
	}}
}

func signer(t testing.TB, i *identity) *Signer {
	t.Helper()
	s, err := NewSigner(i.key, i.cert)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const plain = `<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:o="urn:o">
 <soap:Header><wsa:MessageID>urn:uuid:1</wsa:MessageID><x:Tenant xmlns:x="urn:x" soap:actor="urn:other">7</x:Tenant></soap:Header>
 <soap:Body> <o:Submit a='1' b="&#10;"><o:Amount>100</o:Amount><!-- c --><![CDATA[<>]]></o:Submit></soap:Body>
</soap:Envelope>`

func signed(t testing.TB, i *identity, src string) string {
	t.Helper()
	out, err := signer(t, i).Sign([]byte(src), now)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func verify(t testing.TB, v *Verifier, src string, parts ...Part) (*Signed, error) {
	t.Helper()
	tree, err := document.Read([]byte(src))
	if err != nil {
		t.Fatalf("%v in\n%s", err, src)
	}
	defer tree.Release()
	if parts == nil {
		parts = Usual
	}
	return v.Verify(tree, parts, now)
}

// subcode is what a refusal says.
func subcode(t testing.TB, err error) string {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("%v is no fault", err)
	}
	cause := envelope.CauseOf(f)
	if cause == nil || len(cause.Subcodes) != 1 {
		t.Fatalf("%v has no subcode", f)
	}
	return cause.Subcodes[0].Local
}

func TestRoundTrip(t *testing.T) {
	p := everybody()
	others := []*identity{p.erp}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		others = append(others, issue(t, "erp", ecKey(t, curve), p.ca))
	}
	for _, i := range others {
		for _, src := range []string{plain,
			`<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body><a xmlns="u"/></Body></Envelope>`,
			`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>`,
			string(envelope.AppendRequest(nil, envelope.RequestHead{Action: "a", Token: &envelope.UsernameToken{Username: "u", Password: "p"}}, []byte("<a/>"))),
		} {
			text := signed(t, i, src)
			got, err := verify(t, p.verifier(), text, AllParts...)
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if !got.Certificate.Equal(i.cert) || !got.Created.Equal(now) || !got.Until.Equal(now.Add(5*time.Minute)) {
				t.Errorf("%+v", got)
			}
			if head, err := envelope.Peek([]byte(text), envelope.Limits{}); err != nil || !head.Signed {
				t.Errorf("%v of\n%s", err, text)
			}
		}
	}
}

// TestOnce tells signatures apart by what they say, not by their value: an ECDSA
// signature has a second value of the same meaning, which anybody can compute.
func TestOnce(t *testing.T) {
	p := everybody()
	i := issue(t, "erp", ecKey(t, elliptic.P256()), p.ca)
	text := signed(t, i, plain)
	first, err := verify(t, p.verifier(), text)
	if err != nil {
		t.Fatal(err)
	}
	start := strings.Index(text, "<ds:SignatureValue>") + len("<ds:SignatureValue>")
	end := strings.Index(text, "</ds:SignatureValue>")
	twin := text[:start] + otherValue(t, text[start:end]) + text[end:]
	second, err := verify(t, p.verifier(), twin)
	if err != nil {
		t.Fatalf("the other value of an ECDSA signature: %v", err)
	}
	if first.Once != second.Once {
		t.Error("the same signature in another value counts as another one")
	}
	if again, err := verify(t, p.verifier(), signed(t, i, strings.Replace(plain, "100", "101", 1))); err != nil || again.Once == first.Once {
		t.Errorf("another message counts as the same one, %v", err)
	}
}

func TestSignerRefuses(t *testing.T) {
	p := everybody()
	if _, err := NewSigner(p.stranger.key, p.erp.cert); err == nil {
		t.Error("the key of another certificate is taken")
	}
	if _, err := NewSigner(p.ca.key, p.ca.cert); err == nil {
		t.Error("a certificate that may not sign messages is taken")
	}
	short := rsaKey(t, 1024)
	if _, err := NewSigner(short, issue(t, "erp", short, p.ca).cert); err == nil {
		t.Error("an RSA key of 1024 bits is taken")
	}
	for _, src := range []string{"", "<a/>", "no XML", signed(t, p.erp, plain)} {
		if out, err := signer(t, p.erp).Sign([]byte(src), now); err == nil {
			t.Errorf("%q is signed: %s", src, out)
		}
	}
}
