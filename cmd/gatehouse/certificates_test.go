package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// testAuthority signs certificates of a test.
type testAuthority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newTestAuthority(t *testing.T) *testAuthority {
	a := &testAuthority{t: t}
	pair := a.issue(1, time.Now().Add(365*24*time.Hour), true)
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue makes a certificate; of an authority without one, its own.
func (a *testAuthority) issue(serial int64, until time.Time, authority bool) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: authority, BasicConstraintsValid: authority,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err == nil {
		c, err = x509.ParseCertificate(der)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: c}
}

func (a *testAuthority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func keyPEM(t *testing.T, c tls.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("PRIVATE KEY", der)
}

// door is a listener whose certificate is in files.
type tlsDoor struct {
	t       *testing.T
	section *tlsSection
	address string
	log     *bytes.Buffer
}

// put puts a file in the place of another at once, as rotations do.
func (d *tlsDoor) put(path config.Path, text []byte) {
	d.t.Helper()
	next := string(path) + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(next, string(path)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *tlsDoor) serve(door string) {
	d.t.Helper()
	log := slog.New(slog.NewTextHandler(d.log, nil))
	secure, err := d.section.of(door, log)
	if err != nil {
		d.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		d.t.Fatal(err)
	}
	d.address = listener.Addr().String()
	server := &http.Server{Handler: http.NotFoundHandler(), TLSConfig: secure, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.ServeTLS(listener, "", "") }()
	d.t.Cleanup(func() { server.Close(); <-ended })
}

// shown returns the serial number of the certificate that a caller sees, and the
// protocol that was agreed on.
func (d *tlsDoor) shown(c *tls.Config) (serial int64, protocol string, err error) {
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	conn, err := (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", d.address)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	// Whether a client's certificate is taken shows only in what is read (TLS 1.3).
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
		return 0, "", err
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return 0, "", err
	}
	state := conn.(*tls.Conn).ConnectionState()
	return state.PeerCertificates[0].SerialNumber.Int64(), state.NegotiatedProtocol, nil
}

// TestCertificatesRotate: both listeners follow their files, from one handshake to
// the next: certificate, key, and the authorities of callers. What does not fit
// changes nothing, and is told once.
func TestCertificatesRotate(t *testing.T) {
	for _, door := range []string{"public", "operations"} {
		t.Run(door, func(t *testing.T) {
			dir := t.TempDir()
			d := &tlsDoor{t: t, log: &bytes.Buffer{}, section: &tlsSection{
				CertFile: config.Path(filepath.Join(dir, "cert")), KeyFile: config.Path(filepath.Join(dir, "key")), ClientCAFile: config.Path(filepath.Join(dir, "ca")),
			}}
			server, before, after := newTestAuthority(t), newTestAuthority(t), newTestAuthority(t)
			until := time.Now().Add(90 * 24 * time.Hour)
			first, second := server.issue(11, until, false), server.issue(12, until, false)
			d.put(d.section.CertFile, pemOf("CERTIFICATE", first.Certificate[0]))
			d.put(d.section.KeyFile, keyPEM(t, first))
			d.put(d.section.ClientCAFile, pemOf("CERTIFICATE", before.cert.Raw))
			d.serve(door)

			caller := func(a *testAuthority) *tls.Config {
				return &tls.Config{RootCAs: server.pool(), Certificates: []tls.Certificate{a.issue(5, until, false)}, NextProtos: []string{"http/1.1"}}
			}
			old, young := caller(before), caller(after)
			shows := func(c *tls.Config, want int64) {
				t.Helper()
				if got, protocol, err := d.shown(c); got != want || err != nil || protocol != "http/1.1" {
					t.Errorf("certificate %d by %q, want %d: %v", got, protocol, want, err)
				}
			}
			refuses := func(c *tls.Config) {
				t.Helper()
				if _, _, err := d.shown(c); err == nil {
					t.Error("a caller came in")
				}
			}
			shows(old, 11)
			refuses(young)
			refuses(&tls.Config{RootCAs: server.pool()})
			refuses(&tls.Config{RootCAs: server.pool(), Certificates: old.Certificates, MaxVersion: tls.VersionTLS11})

			d.put(d.section.CertFile, pemOf("CERTIFICATE", second.Certificate[0])) // and the key is to come
			shows(old, 11)
			shows(old, 11)
			if got := strings.Count(d.log.String(), "cannot be used"); got != 1 {
				t.Errorf("told %d times: %s", got, d.log)
			}
			d.put(d.section.KeyFile, keyPEM(t, second))
			shows(old, 12)
			if !strings.Contains(d.log.String(), "certificate read again") {
				t.Errorf("not told: %s", d.log)
			}
			if err := os.Remove(string(d.section.KeyFile)); err != nil {
				t.Fatal(err)
			}
			shows(old, 12)
			d.put(d.section.KeyFile, keyPEM(t, second))
			d.put(d.section.ClientCAFile, append(pemOf("CERTIFICATE", before.cert.Raw), pemOf("CERTIFICATE", after.cert.Raw)...))
			shows(old, 12)
			shows(young, 12)
			d.put(d.section.ClientCAFile, pemOf("CERTIFICATE", after.cert.Raw))
			refuses(old)
			shows(young, 12)
			h2 := caller(after)
			h2.NextProtos = []string{"h2"}
			if _, protocol, err := d.shown(h2); protocol != "h2" && err == nil {
				t.Errorf("HTTP/2 is not offered: %q", protocol)
			}
		})
	}
}

func TestCertificatesThatEnd(t *testing.T) {
	a := newTestAuthority(t)
	now := time.Now()
	long, soon, over := a.issue(1, now.Add(90*24*time.Hour), false).Leaf, a.issue(2, now.Add(5*24*time.Hour+time.Hour), false).Leaf, a.issue(3, now.Add(-time.Minute), false).Leaf
	for name, tt := range map[string]struct {
		key   string
		found []*x509.Certificate
		now   time.Time
		want  string
		ended bool
	}{
		"good":                {"cert_file", []*x509.Certificate{long}, now, "", false},
		"soon":                {"cert_file", []*x509.Certificate{long, soon}, now, "in 5 days", false},
		"over":                {"cert_file", []*x509.Certificate{long, over}, now, "ended at", true},
		"not yet":             {"cert_file", []*x509.Certificate{long}, now.Add(-48 * time.Hour), "is valid only from", true},
		"authorities":         {"ca_file", []*x509.Certificate{over, soon, long}, now, "", false},
		"the last of several": {"client_ca_file", []*x509.Certificate{over, soon}, now, "in 5 days", false},
		"none":                {"ca_file", nil, now, "", false},
	} {
		text, ended := validity(tt.key, tt.found, tt.now)
		if ended != tt.ended || (tt.want == "") != (text == "") || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %q, %v", name, text, ended)
		}
	}
}

// TestCheckTellsOfCertificates: wherever a configuration names one.
func TestCheckTellsOfCertificates(t *testing.T) {
	dir := t.TempDir()
	a := newTestAuthority(t)
	for name, left := range map[string]time.Duration{"soon": 49 * time.Hour, "over": -time.Hour, "good": 90 * 24 * time.Hour} {
		text := pemOf("CERTIFICATE", a.issue(7, time.Now().Add(left), false).Certificate[0])
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "junk"), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	src := `
directory: {tls: {ca_file: soon, cert_file: junk}}
channels:
  a: {http: {tls: {cert_file: over}}}
  b: {http: {tls: {cert_file: good}}}
list: [{tls: {ca_file: nothing}}, {tls: {cert_file: soon}}]
listen: {operations: {tls: {cert_file: over, key_file: k}}}
`
	root, err := config.Parse(filepath.Join(dir, "gatehouse.yaml"), []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	p := &project{root: root}
	p.Listen.Operations = &operationsSection{TLS: &tlsSection{CertFile: config.Path(filepath.Join(dir, "good"))}}
	r := &checkReport{out: t.Output()}
	if err := p.checkCertificates(r, time.Now()); err != nil {
		t.Errorf("%v", err)
	}
	got := strings.Join(r.Warnings, "\n")
	if len(r.Warnings) != 4 || !strings.Contains(got, "directory.tls.ca_file: "+filepath.Join(dir, "soon")+" ends at") || !strings.Contains(got, "in 2 days") ||
		!strings.Contains(got, "channels.a.http.tls.cert_file: "+filepath.Join(dir, "over")+" ended at") {
		t.Errorf("warned of\n%s", got)
	}
	p.Listen.Operations.TLS.CertFile = config.Path(filepath.Join(dir, "over"))
	if err := p.checkCertificates(r, time.Now()); err == nil || !strings.Contains(err.Error(), "gatehouse.yaml:7:") {
		t.Errorf("a listener with a certificate that has ended: %v", err)
	}
}
