package wss

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// leastRSA is the smallest RSA key that is taken, in bits.
const leastRSA = 2048

var errKeyUsage = errors.New("the certificate's key usage does not allow signatures of messages")

// trusted asks whether the certificate may sign here.
func (c *check) trusted() error {
	err := fit(c.cert)
	if err == nil {
		err = c.Trust(c.cert, c.now)
	}
	if err == nil {
		return nil
	}
	return because(refuse(c.signature, invalidToken, "the certificate is not trusted here", ""), err)
}

// fit looks at what a certificate says of itself and its key.
func fit(cert *x509.Certificate) error {
	const signs = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	if cert.KeyUsage != 0 && cert.KeyUsage&signs == 0 {
		return errKeyUsage
	}
	if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < leastRSA {
		return errors.New("the RSA key is shorter than " + count(leastRSA) + " bits")
	}
	return nil
}

// value verifies the signature over the SignedInfo.
func (c *check) value() error {
	n := c.signature.Child(ds("SignatureValue"))
	signature, err := octets(n)
	if err != nil {
		return err
	}
	h := c.method.hash.New()
	h.Write(c.canonical)
	holds := false
	switch key := c.cert.PublicKey.(type) {
	case *rsa.PublicKey:
		holds = !c.method.elliptic && rsa.VerifyPKCS1v15(key, c.method.hash, h.Sum(nil), signature) == nil
	case *ecdsa.PublicKey:
		holds = c.method.elliptic && verifyECDSA(key, h.Sum(nil), signature)
	}
	if !holds {
		return refuse(n, failedCheck, "the signature was not made with the key of the certificate, or over something else", "")
	}
	return nil
}

// verifyECDSA takes r and s one behind the other, each as long as the curve's
// order (RFC 6931 §2.3.6).
func verifyECDSA(key *ecdsa.PublicKey, sum, signature []byte) bool {
	size := (key.Params().N.BitLen() + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(key, sum, r, s)
}

// certificate finds the one certificate that KeyInfo refers to (WSS X.509 Token
// Profile 1.1 §3.2).
func (c *check) certificate(info document.Node) (*x509.Certificate, error) {
	reference, err := exactly(info, wsse("SecurityTokenReference"))
	if err != nil {
		return nil, err
	}
	n := reference[0].FirstChild()
	if !n.Exists() || n.NextSibling().Exists() {
		return nil, refuse(reference[0], invalidSecurity, "a SecurityTokenReference holds one reference", "")
	}
	switch n.Name() {
	case wsse("Reference"):
		return c.sent(n)
	case wsse("KeyIdentifier"):
		return c.keyIdentifier(n)
	case ds("X509Data"):
		return c.x509Data(n)
	}
	return nil, refuse(n, unsupportedToken, "only certificates are taken: an X509v3 token, a key identifier, or issuer and serial number", n.Name().String())
}

func attr(n document.Node, local string) string {
	value, _ := n.Attr(document.Name{Local: local})
	return strings.TrimSpace(value)
}

// sent returns the certificate that the message brings, beside the signature.
func (c *check) sent(n document.Node) (*x509.Certificate, error) {
	uri := attr(n, "URI")
	token := c.target(strings.TrimPrefix(uri, "#"))
	switch {
	case !strings.HasPrefix(uri, "#"), !token.Exists(), token.Parent() != c.security:
		return nil, refuse(n, unavailableToken, "a reference is to a token in the same Security header", uri)
	case !token.Is(wsse("BinarySecurityToken")), attr(token, "ValueType") != x509v3:
		return nil, refuse(token, unsupportedToken, "only tokens of type X509v3 are taken", attr(token, "ValueType"))
	}
	return parse(token)
}

// parse reads a certificate in base64.
func parse(n document.Node) (*x509.Certificate, error) {
	if encoding := attr(n, "EncodingType"); encoding != "" && encoding != base64Type {
		return nil, refuse(n, unsupportedToken, "only tokens in base64 are taken", encoding)
	}
	der, err := octets(n)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, because(refuse(n, invalidToken, "this is no X.509 certificate", ""), err)
	}
	return cert, nil
}

func (c *check) keyIdentifier(n document.Node) (*x509.Certificate, error) {
	kind := attr(n, "ValueType")
	if kind == x509v3 {
		return parse(n)
	}
	id, err := octets(n)
	if err != nil {
		return nil, err
	}
	switch kind {
	case x509Key:
		return c.known(n, func(cert *x509.Certificate) bool { return bytes.Equal(cert.SubjectKeyId, id) && len(id) > 0 })
	case thumbprint:
		return c.known(n, func(cert *x509.Certificate) bool {
			sum := sha1.Sum(cert.Raw) // it names a certificate that is here already
			return bytes.Equal(sum[:], id)
		})
	}
	return nil, refuse(n, unsupportedToken, "this key identifier is not taken; X509v3, X509SubjectKeyIdentifier and ThumbprintSHA1 are", kind)
}

// x509Data reads a certificate, or issuer and number of one; some (zeep) write both,
// and then the certificate counts.
func (c *check) x509Data(n document.Node) (*x509.Certificate, error) {
	var serial, sent document.Node
	for child := range n.Children() {
		switch {
		case child.Is(ds("X509Certificate")) && !sent.Exists():
			sent = child
		case child.Is(ds("X509IssuerSerial")) && !serial.Exists():
			serial = child
		default:
			return nil, refuse(child, invalidSecurity, "X509Data holds one certificate, or issuer and serial number of one", child.Name().String())
		}
	}
	switch {
	case sent.Exists():
		return parse(sent)
	case serial.Exists():
		return c.issuerSerial(serial)
	}
	return nil, refuse(n, invalidSecurity, "X509Data is empty", "")
}

// issuerSerial finds a certificate by number and issuer. The issuer's name tells
// two of one number apart: its spelling varies, and a wrong one verifies nothing.
func (c *check) issuerSerial(n document.Node) (*x509.Certificate, error) {
	parts, err := exactly(n, ds("X509IssuerName"), ds("X509SerialNumber"))
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(parts[1].Text())
	const digits = 60 // a serial number is of 20 bytes at most (RFC 5280 §4.1.2.2)
	number, ok := new(big.Int), len(text) <= digits
	if ok {
		_, ok = number.SetString(text, 10)
	}
	if !ok {
		return nil, refuse(parts[1], invalidSecurity, "this is no serial number", text)
	}
	issuer := plainName(parts[0].Text())
	numbered, named := 0, 0
	for _, cert := range c.Known {
		if cert.SerialNumber.Cmp(number) == 0 {
			numbered++
			if plainName(cert.Issuer.String()) == issuer {
				named++
			}
		}
	}
	return c.known(n, func(cert *x509.Certificate) bool {
		return cert.SerialNumber.Cmp(number) == 0 && (numbered == 1 || named == 1 && plainName(cert.Issuer.String()) == issuer)
	})
}

// plainName is a distinguished name as far as its spellings agree.
func plainName(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(strings.NewReplacer(", ", ",", "; ", ",", ";", ",", " = ", "=").Replace(name)), " "))
}

// known returns the configured certificate that is meant.
func (c *check) known(n document.Node, is func(*x509.Certificate) bool) (*x509.Certificate, error) {
	for _, cert := range c.Known {
		if is(cert) {
			return cert, nil
		}
	}
	return nil, refuse(n, unavailableToken, "the certificate that is referred to is not known here; send it in a BinarySecurityToken", "")
}
