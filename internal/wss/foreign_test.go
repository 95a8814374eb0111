package wss

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// command finds a program of another implementation. In continuous integration
// its absence is a failure.
func command(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: package %s", name, pkg)
	}
	t.Skipf("%s is not installed: package %s, or run under testdata/servers/run.sh as root", name, pkg)
	return ""
}

// files writes an identity and the authority for other programs.
func files(t *testing.T, p *people, i *identity) (key, cert, ca string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return write("key.pem", "PRIVATE KEY", der), write("cert.pem", "CERTIFICATE", i.cert.Raw), write("ca.pem", "CERTIFICATE", p.ca.cert.Raw)
}

func run(t *testing.T, input string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("%s: %v\n%s", name, err, stderr.String())
	}
	return string(out), err
}

// ids tells xmlsec1 which attributes are ids.
func ids() []string {
	var out []string
	for _, name := range []string{"http://schemas.xmlsoap.org/soap/envelope/:Body", wsu("").Space + ":Timestamp", wsse("").Space + ":BinarySecurityToken",
		"http://www.w3.org/2005/08/addressing:MessageID", "urn:x:Tenant"} {
		out = append(out, "--id-attr:Id", name)
	}
	return out
}

// TestXMLSecVerifies has xmlsec1 verify what is signed here, and refuse it when it
// was changed.
func TestXMLSecVerifies(t *testing.T) {
	xmlsec := command(t, "xmlsec1", "xmlsec1")
	p := everybody()
	for _, i := range []*identity{p.erp, issue(t, "erp", ecKey(t, elliptic.P256()), p.ca)} {
		_, cert, _ := files(t, p, i)
		text := signed(t, i, plain)
		path := filepath.Join(t.TempDir(), "signed.xml")
		for _, c := range []struct {
			text string
			good bool
		}{{text, true}, {strings.Replace(text, "<o:Amount>100", "<o:Amount>101", 1), false}} {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"--verify", "--pubkey-cert-pem", cert}, ids()...)
			if _, err := run(t, "", xmlsec, append(args, path)...); (err == nil) != c.good {
				t.Errorf("xmlsec1 says %v, want %v, of\n%s", err == nil, c.good, c.text)
			}
		}
	}
}

// TestXMLSecSigns verifies what xmlsec1 signed: with prefixes to be included,
// other digests, and forms that are not ours.
func TestXMLSecSigns(t *testing.T) {
	xmlsec := command(t, "xmlsec1", "xmlsec1")
	p := everybody()
	ec := issue(t, "erp", ecKey(t, elliptic.P384()), p.ca)
	for _, c := range []struct {
		name, method, digest, prefixes string
		by                             *identity
	}{
		{"RSA", "rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256", "", p.erp},
		{"RSA-SHA512", "rsa-sha512", "http://www.w3.org/2001/04/xmlenc#sha512", "soap o", p.erp},
		{"RSA-SHA384", "rsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#sha384", "o #default missing", p.erp},
		{"ECDSA", "ecdsa-sha384", "http://www.w3.org/2001/04/xmlenc#sha256", "x wsu", ec},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, cert, _ := files(t, p, c.by)
			form := `<ds:Transforms><ds:Transform Algorithm="` + exclusive + `">` + inclusive(c.prefixes) + `</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="` + c.digest + `"/><ds:DigestValue/>`
			token := tokens(c.by.cert, now)
			text := `<soap:Envelope xmlns="u:default" xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:o="urn:o" xmlns:x="urn:x" xmlns:wsu="` + wsu("").Space + `"><soap:Header><wsse:Security xmlns:wsse="` + wsse("").Space + `">` +
				token + `<ds:Signature xmlns:ds="` + NamespaceSignature + `"><ds:SignedInfo>
 <ds:CanonicalizationMethod Algorithm="` + exclusive + `">` + inclusive(c.prefixes) + `</ds:CanonicalizationMethod>
 <ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#` + c.method + `"/>
 <ds:Reference URI="#body">` + form + `</ds:Reference>
 <ds:Reference URI="#` + idStamp + `">` + form + `</ds:Reference>
</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><wsse:SecurityTokenReference><wsse:Reference URI="#` + idToken + `" ValueType="` + x509v3 + `"/></wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature></wsse:Security></soap:Header>
<soap:Body wsu:Id="body"><o:Submit x:a="&lt;&#9;'" b="ü"><Amount>100</Amount><!-- c --><?p i?><![CDATA[<&>]]>` + "\r\n" + `</o:Submit></soap:Body></soap:Envelope>`
			path := filepath.Join(t.TempDir(), "template.xml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"--sign", "--privkey-pem", key + "," + cert}, ids()...)
			out, err := run(t, "", xmlsec, append(args, path)...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verify(t, p.verifier(), out); err != nil {
				t.Errorf("%v of\n%s", err, out)
			}
			if _, err := verify(t, p.verifier(), strings.Replace(out, "100", "101", 1)); err == nil || subcode(t, err) != "FailedCheck" {
				t.Errorf("a changed one: %v", err)
			}
		})
	}
}

func inclusive(prefixes string) string {
	if prefixes == "" {
		return ""
	}
	return `<ec:InclusiveNamespaces xmlns:ec="` + exclusive + `" PrefixList="` + prefixes + `"/>`
}

// zeepScript signs a message as zeep does, or verifies one that it is given.
const zeepScript = `
import sys, datetime
from lxml import etree
import xmlsec
from zeep.wsse.signature import Signature, BinarySignature
how, key, cert = sys.argv[1:4]
envelope = etree.fromstring(sys.stdin.buffer.read())
if how == "verify":
    Signature(key, cert).verify(envelope)
else:
    strong = dict(signature_method=xmlsec.Transform.RSA_SHA256, digest_method=xmlsec.Transform.SHA256)
    kind = dict(binary=BinarySignature, data=Signature, sha1=Signature)[how]
    envelope, _ = kind(key, cert, **({} if how == "sha1" else strong)).apply(envelope, {})
sys.stdout.buffer.write(etree.tostring(envelope))
`

// python is the Debian interpreter, which has Debian's packages, with zeep and xmlsec.
func python(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), path, "-c", "import zeep, xmlsec").Run() == nil {
			return path
		}
	}
	return command(t, "python3 with zeep and xmlsec", "python3-zeep and python3-xmlsec")
}

// TestZeep exchanges signed messages with zeep.
func TestZeep(t *testing.T) {
	python := python(t)
	p := everybody()
	key, cert, _ := files(t, p, p.erp)
	stamp := tokens(p.erp.cert, now)
	stamp = stamp[:strings.Index(stamp, "<wsse:Binary")]
	text := strings.Replace(plain[strings.Index(plain, "<soap"):], "</soap:Header>", `<wsse:Security xmlns:wsse="`+wsse("").Space+`">`+stamp+`</wsse:Security></soap:Header>`, 1)
	for _, how := range []string{"binary", "data", "sha1"} {
		t.Run(how, func(t *testing.T) {
			out, err := run(t, text, python, "-c", zeepScript, how, key, cert)
			if err != nil {
				t.Fatal(err)
			}
			v := p.verifier()
			if how == "sha1" {
				if _, err := verify(t, v, out); err == nil || subcode(t, err) != "UnsupportedAlgorithm" {
					t.Errorf("SHA-1 is taken, or refused otherwise: %v", err)
				}
				v.SHA1 = true
			}
			if _, err := verify(t, v, out); err != nil {
				t.Errorf("%v of\n%s", err, out)
			}
			if _, err := verify(t, v, out, Addressing); err == nil {
				t.Error("zeep signs no MessageID, and it is taken for signed")
			}
		})
	}
	t.Run("verifies", func(t *testing.T) {
		good := signed(t, p.erp, plain[strings.Index(plain, "<soap"):])
		if _, err := run(t, good, python, "-c", zeepScript, "verify", key, cert); err != nil {
			t.Error(err)
		}
		if _, err := run(t, strings.Replace(good, "100", "101", 1), python, "-c", zeepScript, "verify", key, cert); err == nil {
			t.Error("zeep takes a changed message: it was not verified")
		}
	})
}
