package wss

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// tenKilobytes is a message of an order's size.
var tenKilobytes = strings.Replace(plain, "<o:Amount>100</o:Amount>", strings.Repeat("\n  <o:Line no=\"1\"><o:Sku>ABC-123</o:Sku><o:Quantity>4</o:Quantity></o:Line>", 130), 1)

// BenchmarkVerify does what the gateway does with a signed message: the head, then
// all of it.
func BenchmarkVerify(b *testing.B) {
	p := everybody()
	src := []byte(signed(b, p.erp, tenKilobytes))
	v := p.verifier()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		head, err := envelope.ReadHead(src, envelope.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		proof, err := v.Genuine(head, now)
		if err != nil {
			b.Fatal(err)
		}
		head.Release()
		tree, err := document.Read(src)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.VerifyRest(tree, proof, Usual, now); err != nil {
			b.Fatal(err)
		}
		tree.Release()
	}
}

func BenchmarkSign(b *testing.B) {
	s := signer(b, everybody().erp)
	b.SetBytes(int64(len(tenKilobytes)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign([]byte(tenKilobytes), now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCertificate is what of it nobody can do without: the certificate's chain
// and one signature.
func BenchmarkCertificate(b *testing.B) {
	p := everybody()
	v := p.verifier()
	digest := sum(crypto.SHA256, []byte(tenKilobytes))
	value, err := p.erp.key.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		b.Fatal(err)
	}
	key := p.erp.cert.PublicKey.(*rsa.PublicKey)
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Trust(p.erp.cert, now); err != nil {
			b.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, value); err != nil {
			b.Fatal(err)
		}
	}
}
