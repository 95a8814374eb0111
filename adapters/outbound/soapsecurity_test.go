package outbound

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// newKey writes a key with a certificate that nobody else has issued.
func newKey(t *testing.T, name string) wss.Key {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, kind string, der []byte) config.Path {
		path := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.Path(path)
	}
	return wss.Key{CertFile: write(name+".pem", "CERTIFICATE", cert), KeyFile: write(name+".key", "PRIVATE KEY", der)}
}

func load(t *testing.T, k wss.Key) *wss.Signer {
	t.Helper()
	s, err := k.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSignedCalls has a partner who takes signed requests alone, and answers in
// several ways a channel that takes signed answers alone.
func TestSignedCalls(t *testing.T) {
	own, partners, others := newKey(t, "gateway"), newKey(t, "partner"), newKey(t, "other")
	trusted, err := wss.Certificates(own.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	verifier := &wss.Verifier{Trust: wss.TrustIn(trusted, nil), Window: time.Minute}
	sign := func(k wss.Key, body string) string {
		out, err := load(t, k).Sign([]byte(body), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for _, c := range []struct {
		name, answer string
		status       int
		taken        bool
	}{
		{"signed", sign(partners, reply(good)), 200, true},
		{"not signed", reply(good), 200, false},
		{"signed by another", sign(others, reply(good)), 200, false},
		{"changed", strings.Replace(sign(partners, reply(good)), "<d:Ticket>7", "<d:Ticket>8", 1), 200, false},
		{"empty", "", 200, false},
		{"empty and accepted", "", 202, false},
		{"too large", sign(partners, reply(good)) + strings.Repeat(" ", 32<<20), 200, false},
		{"a fault that is not signed", fault11("e:Client", ""), 500, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				tree, err := document.Read(body)
				if err != nil {
					t.Fatal(err)
				}
				defer tree.Release()
				if _, err := verifier.Verify(tree, wss.AllParts, time.Now()); err != nil {
					t.Errorf("the request is not signed: %v", err)
				}
				if head, err := envelope.Peek(body, envelope.Limits{}); err != nil || !head.Signed || head.Token == nil || !head.Addressing.Used {
					t.Errorf("%+v, %v", head, err)
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.answer)
			}))
			defer server.Close()
			p := caller11(t, "DeskService.Desk.Announce", SOAP{URL: server.URL, Addressing: new(true), Token: Token{"user", config.NewSecret("pw")},
				Security: Security{Sign: &own, AnswersSignedBy: partners.CertFile}})
			results, _ := p.Correspond(t.Context(), []gateway.Delivery{announcement()})
			if (results[0] == nil) != c.taken {
				t.Errorf("%v", results[0])
			}
		})
	}
}

func TestSecurityFiles(t *testing.T) {
	own := newKey(t, "gateway")
	other := newKey(t, "other")
	for _, s := range []Security{
		{Sign: &wss.Key{CertFile: own.CertFile, KeyFile: other.KeyFile}},
		{Sign: &wss.Key{CertFile: "missing.pem", KeyFile: own.KeyFile}},
		{AnswersSignedBy: "missing.pem"},
		{AnswersSignedBy: own.KeyFile},
	} {
		if _, err := s.load(); err == nil || !strings.HasPrefix(err.Error(), "security.") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
