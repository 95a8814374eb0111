package wss

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// otherValue returns r and n-s of an ECDSA signature of P-256.
func otherValue(t *testing.T, value string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(raw) != 64 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	s := new(big.Int).SetBytes(raw[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(raw[32:])
	return base64.StdEncoding.EncodeToString(raw)
}

// element cuts an element out of a text.
func element(t *testing.T, text, name string) string {
	t.Helper()
	start := strings.Index(text, "<"+name)
	end := strings.Index(text, "</"+name+">")
	if start < 0 || end < 0 {
		t.Fatalf("no %s in\n%s", name, text)
	}
	return text[start : end+len("</"+name+">")]
}

// change replaces the first old by new, which has to be there.
func change(t *testing.T, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in\n%s", old, text)
	}
	return strings.Replace(text, old, new, 1)
}

// TestAttacks has what is known to deceive verifiers: the signature is always a
// good one of a sender who is trusted, and what is read would be something else.
func TestAttacks(t *testing.T) {
	p := everybody()
	text := signed(t, p.erp, plain)
	body := element(t, text, "soap:Body")
	stamp := element(t, text, "wsu:Timestamp")
	messageID := element(t, text, "wsa:MessageID")
	forged := `<soap:Body><o:Submit><o:Amount>999999</o:Amount></o:Submit></soap:Body>`
	evil := strings.Replace(body, "<o:Amount>100", "<o:Amount>999999", 1)
	unmarked := strings.Replace(evil, `gw:Id="gatehouse-signed-0"`, "", 1)
	wrap := func(inner string) string {
		return `<w:Wrapper xmlns:w="urn:w">` + inner + `</w:Wrapper>`
	}
	inHeader := func(with, inner string) string {
		return change(t, change(t, text, body, with), "</soap:Header>", inner+"</soap:Header>")
	}
	inSecurity := func(with, inner string) string {
		return change(t, change(t, text, body, with), "</wsse:Security>", inner+"</wsse:Security>")
	}
	signature := element(t, text, "ds:Signature")
	reference := element(t, text, "ds:Reference")
	const exc = `<ds:Transform Algorithm="` + exclusive + `"></ds:Transform>`
	cases := []struct{ name, text, subcode string }{
		{"another amount", change(t, text, "100", "999999"), "FailedCheck"},
		{"an attribute more", change(t, text, "<o:Submit", `<o:Submit c="1"`), "FailedCheck"},
		{"a namespace bound anew", change(t, text, `xmlns:o="urn:o"`, `xmlns:o="urn:evil"`), "FailedCheck"},
		{"the time", change(t, text, "09:05:00.000Z", "09:55:00.000Z"), "FailedCheck"},
		{"the message id", change(t, text, "urn:uuid:1", "urn:uuid:2"), "FailedCheck"},

		{"XSW: the signed body in a header", inHeader(forged, wrap(body)), "InvalidSecurity"},
		{"XSW: the signed body as a header", inHeader(forged, body), "InvalidSecurity"},
		{"XSW: the signed body as a header for another role", inHeader(forged, strings.Replace(body, "<soap:Body", `<soap:Body soap:actor="urn:other"`, 1)), "InvalidSecurity"},
		{"XSW: the signed body in the Security header", inSecurity(forged, body), "InvalidSecurity"},
		{"XSW: the signed body wrapped in the Security header", inSecurity(forged, wrap(body)), "InvalidSecurity"},
		{"XSW: the signed body in the signature", change(t, change(t, text, body, forged), "</ds:Signature>", "<ds:Object>"+body+"</ds:Object></ds:Signature>"), "FailedCheck"},
		{"XSW: the signed body in KeyInfo", change(t, change(t, text, body, forged), "</ds:KeyInfo>", body+"</ds:KeyInfo>"), "InvalidSecurity"},
		{"XSW: the signed body within the forged one", change(t, text, body, change(t, forged, "</o:Submit>", "</o:Submit>"+body)), "InvalidSecurity"},
		{"XSW: the signed body within the forged element", change(t, text, body, change(t, forged, "</o:Submit>", body+"</o:Submit>")), "InvalidSecurity"},
		{"XSW: both with the id", inHeader(evil, wrap(body)), "InvalidSecurity"},
		{"XSW: both with the id, other places", inHeader(body, wrap(evil)), "InvalidSecurity"},
		{"XSW: the id as xml:id", inHeader(body, wrap(strings.Replace(evil, "gw:Id", "xml:id", 1))), "InvalidSecurity"},
		{"XSW: the id as Id", inHeader(body, wrap(strings.Replace(evil, "gw:Id", "Id", 1))), "InvalidSecurity"},
		{"XSW: the id as ID", inHeader(unmarked, wrap(strings.Replace(body, "gw:Id", "ID", 1))), "FailedCheck"},
		{"XSW: two bodies", change(t, text, body, forged+body), ""},
		{"XSW: two bodies, the other order", change(t, text, body, body+forged), ""},
		{"XSW: the body after the envelope's body", change(t, text, body, forged+wrap(body)), ""},
		{"XSW: the signed Timestamp in a header", change(t, change(t, text, stamp, strings.Replace(stamp, idStamp, "other", 1)), "</soap:Header>", wrap(stamp)+"</soap:Header>"), "InvalidSecurity"},
		{"XSW: a second Timestamp", change(t, text, stamp, strings.Replace(stamp, idStamp, "other", 1)+stamp), "InvalidSecurity"},
		{"XSW: the signed MessageID in a header", change(t, text, messageID, `<wsa:MessageID>urn:uuid:2</wsa:MessageID>`+wrap(messageID)), "InvalidSecurity"},
		{"an unsigned MessageID beside none", change(t, text, messageID, `<wsa:MessageID>urn:uuid:2</wsa:MessageID>`), "FailedCheck"},
		{"an unsigned block more", change(t, text, "</soap:Header>", `<wsa:Action>a</wsa:Action></soap:Header>`), "InvalidSecurity"},

		{"no signature", change(t, text, signature, ""), "InvalidSecurity"},
		{"two signatures", change(t, text, signature, signature+signature), "InvalidSecurity"},
		{"the body is not signed", change(t, text, reference, ""), "FailedCheck"},
		{"nothing is signed", change(t, text, signature, references(signature, "")), "FailedCheck"},
		{"a reference of the whole document", change(t, text, `URI="#gatehouse-signed-0"`, `URI=""`), "FailedCheck"},
		{"a reference without URI", change(t, text, ` URI="#gatehouse-signed-0"`, ``), "FailedCheck"},
		{"an external reference", change(t, text, `URI="#gatehouse-signed-0"`, `URI="http://127.0.0.1/x"`), "FailedCheck"},
		{"a file", change(t, text, `URI="#gatehouse-signed-0"`, `URI="file:///etc/passwd"`), "FailedCheck"},
		{"an XPointer", change(t, text, `URI="#gatehouse-signed-0"`, `URI="#xpointer(/)"`), "FailedCheck"},
		{"an attachment", change(t, text, `URI="#gatehouse-signed-0"`, `URI="cid:a@b"`), "FailedCheck"},
		{"an XPath transform", change(t, text, exc, `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>false()</ds:XPath></ds:Transform>`), "UnsupportedAlgorithm"},
		{"an XSLT transform", change(t, text, exc, `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>`), "UnsupportedAlgorithm"},
		{"an enveloped-signature transform", change(t, text, exc, `<ds:Transform Algorithm="`+NamespaceSignature+`enveloped-signature"/>`), "UnsupportedAlgorithm"},
		{"inclusive canonicalisation", change(t, text, exc, `<ds:Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>`), "UnsupportedAlgorithm"},
		{"canonicalisation with comments", change(t, text, exc, `<ds:Transform Algorithm="`+exclusive+`WithComments"/>`), "UnsupportedAlgorithm"},
		{"the STR-Transform", change(t, text, exc, `<ds:Transform Algorithm="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"/>`), "UnsupportedAlgorithm"},
		{"two transforms", change(t, text, exc, exc+exc), "FailedCheck"},
		{"no transform", change(t, text, "<ds:Transforms>"+exc+"</ds:Transforms>", ""), "FailedCheck"},
		{"HMAC with the public key", change(t, text, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"), "UnsupportedAlgorithm"},
		{"HMAC of no length", change(t, text, "></ds:SignatureMethod>", "><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>"), "UnsupportedAlgorithm"},
		{"RSA with SHA-1", change(t, text, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", NamespaceSignature+"rsa-sha1"), "UnsupportedAlgorithm"},
		{"RSA with MD5", change(t, text, "#rsa-sha256", "#rsa-md5"), "UnsupportedAlgorithm"},
		{"a digest with SHA-1", change(t, text, "http://www.w3.org/2001/04/xmlenc#sha256", NamespaceSignature+"sha1"), "UnsupportedAlgorithm"},
		{"ECDSA with an RSA key", change(t, text, "#rsa-sha256", "#ecdsa-sha256"), "FailedCheck"},
		{"no algorithm", change(t, text, ` Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"`, ""), "UnsupportedAlgorithm"},
		{"no value", change(t, text, element(t, text, "ds:SignatureValue"), "<ds:SignatureValue></ds:SignatureValue>"), "FailedCheck"},
		{"a value that is no base64", change(t, text, element(t, text, "ds:SignatureValue"), "<ds:SignatureValue>*</ds:SignatureValue>"), "FailedCheck"},
		{"an object", change(t, text, "</ds:Signature>", "<ds:Object/></ds:Signature>"), "FailedCheck"},
		{"a KeyValue", change(t, text, element(t, text, "ds:KeyInfo"), "<ds:KeyInfo><ds:KeyValue/></ds:KeyInfo>"), "FailedCheck"},
		{"a RetrievalMethod", change(t, text, element(t, text, "ds:KeyInfo"), `<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1/"/></ds:KeyInfo>`), "FailedCheck"},
		{"two keys", change(t, text, "</ds:KeyInfo>", "<ds:KeyName>k</ds:KeyName></ds:KeyInfo>"), "FailedCheck"},
		{"an external token", change(t, text, `<wsse:Reference URI="#`, `<wsse:Reference URI="http://127.0.0.1/#`), "SecurityTokenUnavailable"},
		{"a token elsewhere", change(t, text, `<wsse:Reference URI="#`+idToken, `<wsse:Reference URI="#gatehouse-signed-0`), "SecurityTokenUnavailable"},
		{"a token of another type", change(t, text, `#X509v3" wsu:Id`, `#X509PKIPathv1" wsu:Id`), "UnsupportedSecurityToken"},
		{"a token that is no certificate", change(t, text, element(t, text, "wsse:BinarySecurityToken"), `<wsse:BinarySecurityToken xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" wsu:Id="`+idToken+`" ValueType="`+x509v3+`">AAAA</wsse:BinarySecurityToken>`), "InvalidSecurityToken"},
		{"more references than there may be", change(t, text, reference, strings.Repeat(reference, maxReferences+1)), "InvalidSecurity"},
		{"more prefixes than there may be", change(t, text, exc, `<ds:Transform Algorithm="`+exclusive+`"><e:InclusiveNamespaces xmlns:e="`+exclusive+`" PrefixList="`+strings.Repeat("a ", 65)+`"/></ds:Transform>`), "FailedCheck"},
		{"the signature for another receiver", change(t, text, "<wsse:Security ", `<wsse:Security soap:actor="urn:other" `), "InvalidSecurity"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tree, err := document.Read([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Release()
			got, err := p.verifier().Verify(tree, AllParts, now)
			if err == nil {
				t.Fatalf("taken: %+v\n%s", got, c.text)
			}
			if c.subcode != "" && subcode(t, err) != c.subcode {
				t.Errorf("%s, want %s: %v", subcode(t, err), c.subcode, err)
			}
		})
	}
	if _, err := verify(t, p.verifier(), text, AllParts...); err != nil {
		t.Fatalf("the message that was attacked does not hold itself: %v", err)
	}
}

// references replaces all of them.
func references(signature, with string) string {
	start, end := strings.Index(signature, "<ds:Reference "), strings.LastIndex(signature, "</ds:Reference>")+len("</ds:Reference>")
	return signature[:start] + with + signature[end:]
}

// TestTrust has certificates that may not sign.
func TestTrust(t *testing.T) {
	p := everybody()
	if _, err := verify(t, p.verifier(), signed(t, p.stranger, plain)); subcode(t, err) != "InvalidSecurityToken" {
		t.Errorf("a certificate of a stranger: %v", err)
	}
	for name, with := range map[string]func(*x509.Certificate){
		"expired":            func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) },
		"not yet valid":      func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) },
		"not for signatures": func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment },
	} {
		i := issue(t, "erp", p.erp.key, p.ca, with)
		text, err := (&Signer{key: p.erp.key, cert: i.cert, uri: signer(t, p.erp).uri}).Sign([]byte(plain), now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t, p.verifier(), string(text)); err == nil || subcode(t, err) != "InvalidSecurityToken" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Another's certificate with one's own key.
	text, err := (&Signer{key: p.stranger.key, cert: p.erp.cert, uri: signer(t, p.erp).uri}).Sign([]byte(plain), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, p.verifier(), string(text)); subcode(t, err) != "FailedCheck" {
		t.Errorf("another's certificate: %v", err)
	}
}

// TestTimestamp has times that are not ours.
func TestTimestamp(t *testing.T) {
	p := everybody()
	for _, c := range []struct {
		at   time.Duration
		want string
	}{{0, ""}, {-4 * time.Minute, ""}, {4 * time.Minute, ""}, {-5 * time.Minute, "MessageExpired"}, {-6 * time.Minute, "MessageExpired"}, {6 * time.Minute, "MessageExpired"}} {
		out, err := signer(t, p.erp).Sign([]byte(plain), now.Add(c.at))
		if err != nil {
			t.Fatal(err)
		}
		_, err = verify(t, p.verifier(), string(out))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%v: %v", c.at, err)
		case c.want != "" && (err == nil || subcode(t, err) != c.want):
			t.Errorf("%v: %v", c.at, err)
		}
	}
	text := signed(t, p.erp, plain)
	stamp := element(t, text, "wsu:Timestamp")
	for _, with := range []string{"", strings.Replace(stamp, "wsu:Created", "wsu:Other", 2), strings.Replace(stamp, "T09", "x", 1),
		strings.Replace(stamp, "<wsu:Created>", "<wsu:Created>2026-11-22T09:00:00Z</wsu:Created><wsu:Created>", 1)} {
		if _, err := verify(t, p.verifier(), change(t, text, stamp, with)); err == nil {
			t.Errorf("taken: %s", with)
		}
	}
}

// TestReferencesToCertificates has the ways to name one that is not sent.
func TestReferencesToCertificates(t *testing.T) {
	p := everybody()
	text := signed(t, p.erp, plain)
	reference := element(t, text, "wsse:SecurityTokenReference")
	open := reference[:strings.Index(reference, ">")+1]
	with := func(inner string) string {
		return change(t, text, reference, open+inner+"</wsse:SecurityTokenReference>")
	}
	issuer := func(name, serial string) string {
		return with("<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>" + name + "</ds:X509IssuerName><ds:X509SerialNumber>" + serial + "</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>")
	}
	key := func(kind string, id []byte) string {
		return with(`<wsse:KeyIdentifier EncodingType="` + base64Type + `" ValueType="` + kind + `">` + base64.StdEncoding.EncodeToString(id) + `</wsse:KeyIdentifier>`)
	}
	print := sum(digests[NamespaceSignature+"sha1"], p.erp.cert.Raw)
	serial := p.erp.cert.SerialNumber.String()
	for _, c := range []struct{ name, text, want string }{
		{"issuer and serial", issuer(p.erp.cert.Issuer.String(), serial), ""},
		{"issuer with blanks", issuer(`CN=authority, O="Peer, Inc"`, serial), ""},
		{"another serial", issuer(p.erp.cert.Issuer.String(), "1"), "SecurityTokenUnavailable"},
		{"no serial", issuer(p.erp.cert.Issuer.String(), "x"), "InvalidSecurity"},
		{"a serial of many digits", issuer(p.erp.cert.Issuer.String(), strings.Repeat("9", 100000)), "InvalidSecurity"},
		{"subject key identifier", key(x509Key, p.erp.cert.SubjectKeyId), ""},
		{"no subject key identifier", key(x509Key, nil), "SecurityTokenUnavailable"},
		{"thumbprint", key(thumbprint, print), ""},
		{"another thumbprint", key(thumbprint, print[1:]), "SecurityTokenUnavailable"},
		{"the certificate itself", key(x509v3, p.erp.cert.Raw), ""},
		{"a certificate in X509Data", with("<ds:X509Data><ds:X509Certificate>" + base64.StdEncoding.EncodeToString(p.erp.cert.Raw) + "</ds:X509Certificate></ds:X509Data>"), ""},
		{"two certificates in X509Data", with("<ds:X509Data><ds:X509Certificate/><ds:X509Certificate/></ds:X509Data>"), "InvalidSecurity"},
		{"nothing in X509Data", with("<ds:X509Data/>"), "InvalidSecurity"},
		{"another kind", key("urn:other", print), "UnsupportedSecurityToken"},
		{"another certificate", key(thumbprint, sum(digests[NamespaceSignature+"sha1"], p.ca.cert.Raw)), "InvalidSecurityToken"},
		{"nothing", with(""), "InvalidSecurity"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := verify(t, p.verifier(), c.text)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || subcode(t, err) != c.want):
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestGenuine tells strangers by the head alone, whatever follows it.
func TestGenuine(t *testing.T) {
	p := everybody()
	for _, c := range []struct {
		name, text, want string
	}{
		{"ours", signed(t, p.erp, plain), ""},
		{"a stranger's", signed(t, p.stranger, plain), "InvalidSecurityToken"},
		{"another header", change(t, signed(t, p.erp, plain), `#sha256"></ds:DigestMethod>`, `#sha512"></ds:DigestMethod>`), "FailedCheck"},
	} {
		text := c.text[:strings.Index(c.text, "<o:Submit")] + "<o:Submit>" + strings.Repeat("<a>", 1<<20) // never read
		tree, err := envelope.ReadHead([]byte(text), envelope.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.verifier().Genuine(tree, now)
		if (err == nil) != (c.want == "") || err != nil && subcode(t, err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		tree.Release()
	}
}

// TestProofIsOfOneSignature: that one message is genuine says nothing of another.
func TestProofIsOfOneSignature(t *testing.T) {
	p := everybody()
	proofOf := func(text string) Proof {
		tree, err := document.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Release()
		proof, err := p.verifier().Genuine(tree, now)
		if err != nil {
			t.Fatal(err)
		}
		return proof
	}
	text := signed(t, p.erp, plain)
	proof := proofOf(text)
	value := element(t, text, "ds:SignatureValue")
	stranger := signed(t, p.stranger, plain)
	for name, other := range map[string]string{
		"another signer":     stranger,
		"another value":      change(t, text, value, "<ds:SignatureValue>AAAA</ds:SignatureValue>"),
		"another SignedInfo": change(t, text, `#sha256"></ds:DigestMethod>`, `#sha512"></ds:DigestMethod>`),
		"another body":       change(t, text, "100", "101"),
		"another token":      change(t, text, element(t, text, "wsse:BinarySecurityToken"), element(t, stranger, "wsse:BinarySecurityToken")),
	} {
		tree, err := document.Read([]byte(other))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.verifier().VerifyRest(tree, proof, Usual, now); err == nil {
			t.Errorf("%s is taken", name)
		}
		tree.Release()
	}
	tree, err := document.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	if _, err := p.verifier().VerifyRest(tree, proof, AllParts, now); err != nil {
		t.Error(err)
	}
}
