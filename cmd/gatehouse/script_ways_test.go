package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// authority signs certificates for a script.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// scriptCertificates writes ca.pem, other-ca.pem, server.pem with its key, and for
// each name a client certificate with that common name; names that begin with !
// are signed by the other authority.
func scriptCertificates(ts *testscript.TestScript, _ bool, args []string) {
	ours, theirs := newAuthority(ts, "ca"), newAuthority(ts, "other-ca")
	ours.sign(ts, "server", "localhost")
	for _, name := range args {
		if other, ok := strings.CutPrefix(name, "!"); ok {
			theirs.sign(ts, "other-"+other, other)
			continue
		}
		ours.sign(ts, name, name)
	}
}

func newAuthority(ts *testscript.TestScript, file string) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	a := &authority{key: key, cert: &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: file}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	ts.Check(err)
	writePEM(ts, file+".pem", "CERTIFICATE", der)
	der, err = x509.MarshalECPrivateKey(key)
	ts.Check(err)
	writePEM(ts, file+".key", "EC PRIVATE KEY", der)
	return a
}

// scriptWithdraw: withdraw FILE DURATION [NAME...] writes the list of what ca.pem has
// withdrawn: the certificates NAME.pem. It is good for that long; one of less than
// nothing is out of date.
func scriptWithdraw(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: withdraw file duration name...")
	}
	good, err := time.ParseDuration(args[1])
	ts.Check(err)
	pair, err := tls.LoadX509KeyPair(ts.MkAbs("ca.pem"), ts.MkAbs("ca.key"))
	ts.Check(err)
	list := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now().Add(good - 2*time.Hour), NextUpdate: time.Now().Add(good)}
	for _, name := range args[2:] {
		certs, err := wss.Certificates(config.Path(ts.MkAbs(name + ".pem")))
		ts.Check(err)
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: certs[0].SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey))
	ts.Check(err)
	writePEM(ts, args[0]+".new", "X509 CRL", der)
	ts.Check(os.Rename(ts.MkAbs(args[0]+".new"), ts.MkAbs(args[0])))
}

func (a *authority) sign(ts *testscript.TestScript, file, name string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}, a.cert, key.Public(), a.key)
	ts.Check(err)
	writePEM(ts, file+".pem", "CERTIFICATE", der)
	der, err = x509.MarshalECPrivateKey(key)
	ts.Check(err)
	writePEM(ts, file+".key", "EC PRIVATE KEY", der)
}

func writePEM(ts *testscript.TestScript, file, kind string, der []byte) {
	ts.Check(os.WriteFile(ts.MkAbs(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// scriptIssuer starts an OpenID Connect issuer, sets ISSUER and writes issuer.pem
// with its certificate; for each name a file with a token of the user.
func scriptIssuer(ts *testscript.TestScript, _ bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	var server *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
			json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
			return
		}
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Use: "sig"}}})
	}))
	ts.Defer(server.Close)
	ts.Setenv("ISSUER", server.URL)
	writePEM(ts, "issuer.pem", "CERTIFICATE", server.Certificate().Raw)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	ts.Check(err)
	for _, name := range args {
		now := time.Now()
		expires := now.Add(time.Hour)
		user, late := strings.CutPrefix(name, "late-")
		if late {
			expires = now.Add(-time.Hour)
		}
		token, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: server.URL, Audience: jwt.Audience{"gatehouse"}, Subject: user,
			Expiry: jwt.NewNumericDate(expires)}).Serialize()
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name+".token"), []byte(token+"\n"), 0o600))
	}
}

// scriptDigest puts a UsernameToken with a digest, made now, before the Body of
// an envelope: digest USER SECRET FROM TO.
func scriptDigest(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: digest user secret from to")
	}
	nonce, created := make([]byte, 16), time.Now().UTC().Format(time.RFC3339)
	rand.Read(nonce)
	sum := sha1.Sum([]byte(string(nonce) + created + args[1]))
	const profile = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
	token := fmt.Sprintf(`<soap:Header><w:Security xmlns:w="%[1]swssecurity-secext-1.0.xsd"><w:UsernameToken><w:Username>%[2]s</w:Username>`+
		`<w:Password Type="%[1]susername-token-profile-1.0#PasswordDigest">%[3]s</w:Password><w:Nonce>%[4]s</w:Nonce>`+
		`<u:Created xmlns:u="%[1]swssecurity-utility-1.0.xsd">%[5]s</u:Created></w:UsernameToken></w:Security></soap:Header><soap:Body>`,
		profile, args[0], base64.StdEncoding.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(nonce), created)
	src, err := os.ReadFile(ts.MkAbs(args[2]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(strings.Replace(string(src), "<soap:Body>", token, 1)), 0o600))
}

// scriptShow: show STATUS URL [certificate NAME] [token FILE] [user LOGIN] gets a URL,
// over TLS trusting ca.pem, with what is shown, and prints the answer.
func scriptShow(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 || len(args)%2 != 0 {
		ts.Fatalf("usage: show status url [certificate name] [token file] [user login]")
	}
	req, err := http.NewRequest(http.MethodGet, args[1], nil)
	ts.Check(err)
	secure := &tls.Config{RootCAs: x509.NewCertPool()}
	secure.RootCAs.AppendCertsFromPEM([]byte(ts.ReadFile("ca.pem")))
	for i := 2; i < len(args); i += 2 {
		switch args[i] {
		case "certificate":
			pair, err := tls.LoadX509KeyPair(ts.MkAbs(args[i+1]+".pem"), ts.MkAbs(args[i+1]+".key"))
			ts.Check(err)
			secure.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil } // asked for or not
		case "token":
			req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[i+1])))
		case "user":
			req.SetBasicAuth(args[i+1], args[i+1]+"-secret")
		default:
			ts.Fatalf("show: %q is neither certificate nor token nor user", args[i])
		}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		if args[0] != "none" {
			ts.Fatalf("%v", err)
		}
		fmt.Fprintln(ts.Stdout(), err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n%s\n", body, res.Header.Values("WWW-Authenticate"))
	if fmt.Sprint(res.StatusCode) != args[0] {
		ts.Fatalf("HTTP %d, want %s:\n%s", res.StatusCode, args[0], body)
	}
}
