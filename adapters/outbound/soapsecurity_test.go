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
	delivery := announcement()
	asked := urn(delivery.WireID)
	relates := func(attributes, id string) string {
		return `<wsa:RelatesTo xmlns:wsa="` + envelope.NamespaceAddressing + `"` + attributes + `>` + id + `</wsa:RelatesTo>`
	}
	related := func(headers string) string {
		return strings.Replace(reply(good), "<e:Body>", "<e:Header>"+headers+"</e:Header><e:Body>", 1)
	}
	ours := relates("", asked)
	for _, c := range []struct {
		name, answer string
		status       int
		taken        bool
	}{
		{"signed", sign(partners, related(ours)), 200, true},
		{"signed, of the type of a reply", sign(partners, related(relates(` RelationshipType="http://www.w3.org/2005/08/addressing/reply"`, " "+asked+" "))), 200, true},
		{"signed, in the vocabulary of 2004", sign(partners, related(strings.Replace(ours, envelope.NamespaceAddressing, envelope.NamespaceAddressing2004, 1))), 200, true},
		{"beside another relation", sign(partners, related(relates(` RelationshipType="urn:other"`, "urn:x")+ours)), 200, true},
		{"a fault of the partner's", sign(partners, strings.Replace(related(ours), good, `<e:Fault><faultcode>e:Server</faultcode><faultstring>no</faultstring></e:Fault>`, 1)), 500, false},
		{"of another request", sign(partners, related(relates("", urn(strings.Repeat("1", 32))))), 200, false},
		{"of another request, too", sign(partners, related(relates("", urn(strings.Repeat("1", 32)))+ours)), 200, false},
		{"of no request", sign(partners, reply(good)), 200, false},
		{"of another relation", sign(partners, related(relates(` RelationshipType="urn:other"`, asked))), 200, false},
		{"said to somebody else", sign(partners, related(strings.Replace(ours, "<wsa:RelatesTo ", `<wsa:RelatesTo e:actor="urn:other" `, 1))), 200, false},
		{"said beside the signature", strings.Replace(sign(partners, reply(good)), "<e:Header>", "<e:Header>"+ours, 1), 200, false},
		{"moved to our request", strings.Replace(sign(partners, related(relates("", urn(strings.Repeat("1", 32))))), urn(strings.Repeat("1", 32)), asked, 1), 200, false},
		{"not signed", related(ours), 200, false},
		{"signed by another", sign(others, related(ours)), 200, false},
		{"changed", strings.Replace(sign(partners, related(ours)), "<d:Ticket>7", "<d:Ticket>8", 1), 200, false},
		{"empty", "", 200, false},
		{"empty and accepted", "", 202, false},
		{"too large", sign(partners, related(ours)) + strings.Repeat(" ", 32<<20), 200, false},
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
			p := caller11(t, "DeskService.Desk.Announce", SOAP{URL: server.URL, Token: Token{"user", config.NewSecret("pw")},
				Security: Security{Sign: &own, AnswersSignedBy: partners.CertFile}})
			results, _ := p.Correspond(t.Context(), []gateway.Delivery{delivery})
			if (results[0] == nil) != c.taken {
				t.Errorf("%v", results[0])
			}
		})
	}
}

// TestAnswersNeedAddressing: who takes signed answers alone has to be able to tell
// whose they are.
func TestAnswersNeedAddressing(t *testing.T) {
	c := SOAP{Addressing: new(false), Security: Security{AnswersSignedBy: "partner.pem"}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "addressing: ") {
		t.Errorf("%v", err)
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
