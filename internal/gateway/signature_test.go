package gateway_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// holder is who has a key, and the certificate of it.
type holder struct {
	key  crypto.Signer
	cert *x509.Certificate
}

// certified makes a holder; by nil makes an authority.
func certified(t *testing.T, name string, serial int64, by *holder) *holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, SubjectKeyId: []byte(name),
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	if by == nil {
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
		by = &holder{key, c}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &holder{key, cert}
}

// sign returns a message with the holder's signature.
func (h *holder) sign(t *testing.T, body []byte, now time.Time) []byte {
	t.Helper()
	s, err := wss.NewSigner(h.key, h.cert)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Sign(body, now)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSignatureIsAWayIn: a message that was signed comes from whose certificate it
// is, when the certificate is trusted, the key is that of the certificate, nothing
// was changed since, and it comes for the first time.
func TestSignatureIsAWayIn(t *testing.T) {
	now := time.Now()
	authority := certified(t, "authority", 1, nil)
	alice, gone := certified(t, "alice", 2, authority), certified(t, "alice", 3, authority)
	withdrawn := func(chains [][]*x509.Certificate) error {
		if chains[0][0].SerialNumber.Cmp(gone.cert.SerialNumber) == 0 {
			return errors.New("it was withdrawn")
		}
		return nil
	}
	order := sample(t, "order-full.xml")
	const repeated = "repeated"
	for name, c := range map[string]struct {
		body []byte
		at   []gateway.WayIn // nil: every way
		code fault.Code
	}{
		"valid":                      {alice.sign(t, order, now), nil, ""},
		"the only way":               {alice.sign(t, order, now), []gateway.WayIn{gateway.WaySignature}, ""},
		"a way that is not taken":    {alice.sign(t, order, now), []gateway.WayIn{gateway.WayBasic}, fault.CodeTokenUnsupported},
		"key of another":             {wrongKey(t, alice, gone, order, now), nil, fault.CodeSignature},
		"changed since":              {changed(t, alice.sign(t, order, now)), nil, fault.CodeSignature},
		"withdrawn":                  {gone.sign(t, order, now), nil, fault.CodeSignature},
		"of an unknown authority":    {certified(t, "alice", 2, certified(t, "authority", 1, nil)).sign(t, order, now), nil, fault.CodeSignature},
		"of nobody in the directory": {certified(t, "nobody", 4, authority).sign(t, order, now), nil, fault.CodeUnauthenticated},
		"of long ago":                {alice.sign(t, order, now.Add(-time.Hour)), nil, fault.CodeMessageExpired},
		repeated:                     {alice.sign(t, order, now), nil, fault.CodeMessageExpired},
		"not signed":                 {order, nil, fault.CodeSignature},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.open(t, c.at)
			b.parts.WaysIn.Signatures = &wss.Verifier{Window: 5 * time.Minute, Trust: wss.TrustIn([]*x509.Certificate{authority.cert}, withdrawn)}
			b.parts.WaysIn.Security = map[string]gateway.Security{orderEndpoint: {Demanded: true}}
			b.Reload(b.generation(t))
			if name == repeated {
				if _, err := b.Accept(t.Context(), b.arrival(c.body, "", "")); err != nil {
					t.Fatal(err)
				}
				b.store.entries = nil
			}
			r, err := b.Accept(t.Context(), b.arrival(c.body, "", ""))
			b.stop()
			if c.code != "" {
				b.wantRefused(t, r, err, c.code)
				return
			}
			b.wantStored(t, r, err)
			if m := b.store.entries[0]; !strings.Contains(m.Principal, "erp.alice") || strings.Contains(string(m.Payload), "Signature") {
				t.Errorf("stored as %s's: %s", m.Principal, m.Payload)
			}
		})
	}
}

// wrongKey is signed with the key of one under the certificate of another.
func wrongKey(t *testing.T, shown, signs *holder, body []byte, now time.Time) []byte {
	t.Helper()
	text := string(signs.sign(t, body, now))
	theirs, its := tokenOf(t, text), tokenOf(t, string(shown.sign(t, body, now)))
	return []byte(strings.Replace(text, theirs, its, 1))
}

// tokenOf is the certificate in a signed message, as it stands there.
func tokenOf(t *testing.T, text string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "BinarySecurityToken ")
	_, rest, begun := strings.Cut(rest, ">")
	token, _, ended := strings.Cut(rest, "<")
	if !found || !begun || !ended {
		t.Fatalf("no token in\n%s", text)
	}
	return token
}

// changed has another amount than what was signed.
func changed(t *testing.T, text []byte) []byte {
	t.Helper()
	out := strings.Replace(string(text), "</o:Quantity>", "0</o:Quantity>", 1)
	if out == string(text) {
		t.Fatal("nothing to change")
	}
	return []byte(out)
}
