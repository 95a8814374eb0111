package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// issuer is an authority that withdraws certificates.
type issuer struct {
	t      *testing.T
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

func newIssuer(t *testing.T, name string, by *issuer) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key, serial: 100, cert: &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}}
	if by == nil {
		by = i
	}
	i.cert = by.sign(i.cert, key)
	return i
}

func (i *issuer) sign(template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	i.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, key.Public(), i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	return cert
}

// leaf makes a certificate for both sides of a connection.
func (i *issuer) leaf() (tls.Certificate, *x509.Certificate) {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.serial++
	cert := i.sign(&x509.Certificate{SerialNumber: big.NewInt(i.serial), Subject: pkix.Name{CommonName: "erp"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}, key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, cert
}

// list makes a list that is good for d, and was made two hours before its end.
func (i *issuer) list(d time.Duration, extra []pkix.Extension, withdrawn ...*x509.Certificate) []byte {
	i.t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now().Add(d - 2*time.Hour), NextUpdate: time.Now().Add(d), ExtraExtensions: extra}
	for _, c := range withdrawn {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, i.cert, i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

func TestRevocations(t *testing.T) {
	ours, theirs := newIssuer(t, "Senders", nil), newIssuer(t, "Senders", nil) // of one name
	between := newIssuer(t, "Between", ours)
	_, good := ours.leaf()
	_, bad := ours.leaf()
	_, below := between.leaf()
	short, long := []*x509.Certificate{good, ours.cert}, []*x509.Certificate{below, between.cert, ours.cert}
	for name, c := range map[string]struct {
		lists  [][]byte
		chains [][]*x509.Certificate
		want   string // empty: let in
	}{
		"not on the list":             {[][]byte{ours.list(time.Hour, nil, bad)}, [][]*x509.Certificate{short}, ""},
		"on the list":                 {[][]byte{ours.list(time.Hour, nil, good)}, [][]*x509.Certificate{short}, "withdrawn"},
		"nobody is on the list":       {[][]byte{ours.list(time.Hour, nil)}, [][]*x509.Certificate{short}, ""},
		"no certificate":              {[][]byte{ours.list(time.Hour, nil, good)}, nil, ""},
		"list of a stranger":          {[][]byte{theirs.list(time.Hour, nil, bad)}, [][]*x509.Certificate{short}, "no list is signed by"},
		"stranger's beside ours":      {[][]byte{theirs.list(time.Hour, nil, good), ours.list(time.Hour, nil, bad)}, [][]*x509.Certificate{short}, ""},
		"overdue":                     {[][]byte{ours.list(-time.Minute, nil, bad)}, [][]*x509.Certificate{short}, "was good until"},
		"overdue, but on it":          {[][]byte{ours.list(-time.Minute, nil, good)}, [][]*x509.Certificate{short}, "withdrawn"},
		"authority between withdrawn": {[][]byte{ours.list(time.Hour, nil, between.cert), between.list(time.Hour, nil)}, [][]*x509.Certificate{long}, "withdrawn"},
		"below an authority between":  {[][]byte{between.list(time.Hour, nil, below)}, [][]*x509.Certificate{long}, "withdrawn"},
		"nothing of the one between":  {[][]byte{between.list(time.Hour, nil)}, [][]*x509.Certificate{long}, ""},
		"another chain is good":       {[][]byte{ours.list(time.Hour, nil, between.cert), between.list(time.Hour, nil)}, [][]*x509.Certificate{long, short}, ""},
		"a newer list lets in":        {[][]byte{ours.list(time.Hour, nil, good), ours.list(2*time.Hour, nil)}, [][]*x509.Certificate{short}, ""},
		"a newer list withdraws":      {[][]byte{ours.list(2*time.Hour, nil, good), ours.list(time.Hour, nil)}, [][]*x509.Certificate{short}, "withdrawn"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "crl.pem")
			if err := os.WriteFile(path, bytes.Join(c.lists, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			r, err := newRevocations(path, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				err = r.verify(tls.ConnectionState{VerifiedChains: c.chains})
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%v, want %q", err, c.want)
				}
			}
			if n := strings.Count(log.String(), "level=ERROR"); strings.HasPrefix(c.want, "withdrawn") && n > 1 || c.want != "" && c.want != "withdrawn" && n != 1 {
				t.Errorf("told %d times: %s", n, log.String())
			}
		})
	}
}

// TestRevocationFiles: what is no whole list is a fault when the gateway starts.
func TestRevocationFiles(t *testing.T) {
	i := newIssuer(t, "Senders", nil)
	block, _ := pem.Decode(i.list(time.Hour, nil))
	for name, c := range map[string]struct {
		src  []byte
		want string
	}{
		"DER":               {block.Bytes, ""},
		"empty":             {nil, "holds no list"},
		"garbage":           {[]byte("garbage"), "holds no list"},
		"a certificate":     {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}), "holds no list"},
		"half a list":       {block.Bytes[:len(block.Bytes)/2], "holds no list"},
		"a delta":           {i.list(time.Hour, []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}), "a part of one"},
		"of some":           {i.list(time.Hour, []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0}}}), "a part of one"},
		"unknown extension": {i.list(time.Hour, []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}), "not understood"},
	} {
		path := filepath.Join(t.TempDir(), "crl")
		if err := os.WriteFile(path, c.src, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := newRevocations(path, time.Now, slog.New(slog.DiscardHandler))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := newRevocations(filepath.Join(t.TempDir(), "none"), time.Now, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file that is not there")
	}
}

// TestWithdrawnAtTheDoor withdraws a certificate while the listener runs: the next
// connection is refused, a resumed one too, and others come in. A file that goes
// bad changes nothing.
func TestWithdrawnAtTheDoor(t *testing.T) {
	i := newIssuer(t, "Senders", nil)
	dir := t.TempDir()
	file := func(name string, src []byte) config.Path {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", src, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		return config.Path(path)
	}
	server, serverCert := i.leaf()
	key, err := x509.MarshalECPrivateKey(server.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	section := &tlsSection{
		CertFile:      file("server.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serverCert.Raw})),
		KeyFile:       file("server.key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key})),
		ClientCAFile:  file("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})),
		ClientCRLFile: file("crl.pem", i.list(time.Hour, nil)),
	}
	var log bytes.Buffer
	secure, err := section.of("public", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", secure)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("hello")) // after the handshake, or not at all
			c.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	roots := x509.NewCertPool()
	roots.AddCert(i.cert)
	knock := func(who tls.Certificate, sessions tls.ClientSessionCache) error {
		c, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{who}, ClientSessionCache: sessions})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Read(make([]byte, 5))
		return err
	}
	erp, erpCert := i.leaf()
	wms, _ := i.leaf()
	sessions := tls.NewLRUClientSessionCache(4)
	for range 2 {
		if err := knock(erp, sessions); err != nil {
			t.Fatal(err)
		}
	}
	file("crl.pem", i.list(time.Hour, nil, erpCert))
	for range 2 {
		if err := knock(erp, sessions); err == nil {
			t.Error("a withdrawn certificate came in")
		}
		if err := knock(wms, nil); err != nil {
			t.Errorf("another one: %v", err)
		}
	}
	file("crl.pem", []byte("half written"))
	if err := knock(erp, nil); err == nil {
		t.Error("a withdrawn certificate came in by a bad file")
	}
	if err := knock(wms, nil); err != nil || strings.Count(log.String(), "the lists read before go on") != 1 {
		t.Errorf("another one by a bad file: %v; %s", err, log.String())
	}
}
