package gateway_test

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const (
	orderEndpoint = "soap:orders/OrderService.SubmitOrder"
	tokenProfile  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#"
)

// vouched stands for what certificates and tokens lead to: the certificate's
// serial number, and the token itself, are looked up here.
type vouched struct {
	bench  *bench
	logins map[string]string
	bound  *x509.Certificate // that the last token came with
}

func (v *vouched) Holder(ctx context.Context, cert *x509.Certificate) (*gateway.Identity, error) {
	return v.bench.directory.Lookup(ctx, v.logins[cert.Subject.CommonName])
}

func (v *vouched) Login(_ context.Context, token string, cert *x509.Certificate) (string, error) {
	v.bound = cert
	if login, ok := v.logins[token]; ok {
		return login, nil
	}
	return "", fault.New(fault.CodeBearer, "")
}

// token is a security header with a UsernameToken.
func securityToken(user, kind, password, nonce string, created time.Time) string {
	text := `<soap:Header><wsse:Security xmlns:wsse="` + envelope.NamespaceSecurity + `" xmlns:wsu="` + envelope.NamespaceUtility + `"><wsse:UsernameToken>` +
		`<wsse:Username>` + user + `</wsse:Username><wsse:Password Type="` + tokenProfile + kind + `">` + password + `</wsse:Password>`
	if nonce != "" {
		text += `<wsse:Nonce>` + base64.StdEncoding.EncodeToString([]byte(nonce)) + `</wsse:Nonce>`
	}
	if !created.IsZero() {
		text += `<wsu:Created>` + created.UTC().Format(time.RFC3339) + `</wsu:Created>`
	}
	return text + `</wsse:UsernameToken></wsse:Security></soap:Header><soap:Body>`
}

func digestToken(user, secret, nonce string, created time.Time) string {
	sum := sha1.Sum([]byte(nonce + created.UTC().Format(time.RFC3339) + secret))
	return securityToken(user, "PasswordDigest", base64.StdEncoding.EncodeToString(sum[:]), nonce, created)
}

func withHeader(t *testing.T, header string) []byte {
	t.Helper()
	if header == "" {
		return sample(t, "order-full.xml")
	}
	return []byte(strings.Replace(string(sample(t, "order-full.xml")), "<soap:Body>", header, 1))
}

// shown is what a request brings.
type shown struct {
	basic, header, bearer, certificate string
}

func (b *bench) showing(t *testing.T, s shown) *gateway.Arrival {
	t.Helper()
	user, password, _ := strings.Cut(s.basic, ":")
	a := b.arrival(withHeader(t, s.header), user, password)
	a.Bearer = s.bearer
	if s.certificate != "" {
		a.Certificate = &x509.Certificate{}
		a.Certificate.Subject.CommonName = s.certificate
	}
	return a
}

// TestWaysIn shows credentials of every kind, alone and together, at endpoints
// that take them and at others.
func TestWaysIn(t *testing.T) {
	now := time.Now()
	alice, bob := "erp.alice:erp.alice-secret", "wms.bob:wms.bob-secret"
	text := securityToken("erp.alice", "PasswordText", "erp.alice-secret", "", time.Time{})
	digest := digestToken("ERP.Alice", "digest-secret", "n", now)
	everything := []gateway.WayIn(nil)
	for name, c := range map[string]struct {
		shown
		at    []gateway.WayIn // nil: every way
		code  fault.Code
		words string
	}{
		"certificate":                       {shown{certificate: "alice"}, everything, "", ""},
		"certificate and same Basic":        {shown{certificate: "alice", basic: alice}, everything, "", ""},
		"certificate and same everything":   {shown{certificate: "alice", basic: alice, header: text, bearer: "alice"}, everything, "", ""},
		"certificate and other Basic":       {shown{certificate: "alice", basic: bob}, everything, fault.CodeCredentials, "two users"},
		"certificate and wrong password":    {shown{certificate: "alice", basic: "erp.alice:no"}, everything, fault.CodeUnauthenticated, ""},
		"certificate of nobody":             {shown{certificate: "mallory"}, everything, fault.CodeUnauthenticated, ""},
		"certificate of nobody, Basic good": {shown{certificate: "mallory", basic: alice}, everything, fault.CodeUnauthenticated, ""},
		"certificate not taken here":        {shown{certificate: "alice"}, []gateway.WayIn{gateway.WayBasic}, fault.CodeUnauthenticated, "HTTP Basic"},
		"certificate passed over":           {shown{certificate: "mallory", basic: alice}, []gateway.WayIn{gateway.WayBasic}, "", ""},
		"Basic where a certificate must be": {shown{basic: alice}, []gateway.WayIn{gateway.WayCertificate}, fault.CodeTokenUnsupported, "a client certificate"},
		"token where a certificate must be": {shown{header: text}, []gateway.WayIn{gateway.WayCertificate}, fault.CodeTokenUnsupported, "a client certificate"},
		"bearer":                            {shown{bearer: "alice"}, everything, "", ""},
		"bearer that does not hold":         {shown{bearer: "forged"}, everything, fault.CodeBearer, ""},
		"bearer of a user who is gone":      {shown{bearer: "mallory"}, everything, fault.CodeBearer, ""},
		"bearer and other token":            {shown{bearer: "bob", header: text}, everything, fault.CodeCredentials, "two users"},
		"bearer not taken here":             {shown{bearer: "alice"}, []gateway.WayIn{gateway.WayBasic}, fault.CodeTokenUnsupported, "HTTP Basic"},
		"digest":                            {shown{header: digest}, everything, "", ""},
		"digest and same Basic":             {shown{header: digest, basic: alice}, everything, "", ""},
		"wrong digest":                      {shown{header: digestToken("erp.alice", "guess", "n", now)}, everything, fault.CodeUnauthenticated, ""},
		"digest of a user without a secret": {shown{header: digestToken("wms.bob", "wms.bob-secret", "n", now)}, everything, fault.CodeUnauthenticated, ""},
		"digest with another's secret":      {shown{header: digestToken("wms.bob", "digest-secret", "n", now)}, everything, fault.CodeUnauthenticated, ""},
		"digest not taken here":             {shown{header: digest}, []gateway.WayIn{gateway.WayUsernameToken}, fault.CodeTokenUnsupported, "gives no password out"},
		"old digest":                        {shown{header: digestToken("erp.alice", "digest-secret", "n", now.Add(-6*time.Minute))}, everything, fault.CodeStaleToken, "more than 5m0s"},
		"digest of the future":              {shown{header: digestToken("erp.alice", "digest-secret", "n", now.Add(6*time.Minute))}, everything, fault.CodeStaleToken, "more than 5m0s"},
		"old text":                          {shown{header: securityToken("erp.alice", "PasswordText", "erp.alice-secret", "n", now.Add(-time.Hour))}, everything, fault.CodeStaleToken, ""},
		"nothing":                           {shown{}, []gateway.WayIn{gateway.WayBearer}, fault.CodeUnauthenticated, "a bearer token"},
		"no way at all":                     {shown{}, []gateway.WayIn{}, fault.CodeTokenUnsupported, "no way in"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.open(t, c.at)
			r, err := b.Accept(t.Context(), b.showing(t, c.shown))
			b.stop()
			if c.code == "" {
				b.wantStored(t, r, err)
				return
			}
			b.wantRefused(t, r, err, c.code)
			if !strings.Contains(err.Error(), c.words) {
				t.Errorf("%q is not in %v", c.words, err)
			}
			if c.code == fault.CodeUnauthenticated && c.at == nil && fault.Of(err).Message != fault.Of(fault.New(fault.CodeUnauthenticated, "")).Message {
				t.Errorf("a refused login says why: %v", err)
			}
		})
	}
}

// open opens every way in, of which the endpoint takes some; nil: all.
func (b *bench) open(t *testing.T, at []gateway.WayIn) *vouched {
	t.Helper()
	v := &vouched{bench: b, logins: map[string]string{"alice": "erp.alice", "bob": "wms.bob", "mallory": "mallory"}}
	b.parts.WaysIn = gateway.WaysIn{Certificates: v, Tokens: v, Secrets: map[string]config.Secret{"erp.alice": config.NewSecret("digest-secret")}}
	if at != nil {
		b.parts.WaysIn.Endpoints = map[string][]gateway.WayIn{orderEndpoint: at}
	}
	b.Reload(b.generation(t))
	return v
}

// TestDigestIsExplained: without a secret for anybody a digest is not a wrong
// password but something that cannot be checked, and the sender reads why.
func TestDigestIsExplained(t *testing.T) {
	b := newBench(t)
	r, err := b.Accept(t.Context(), b.showing(t, shown{header: digestToken("erp.alice", "erp.alice-secret", "n", time.Now())}))
	b.stop()
	b.wantRefused(t, r, err, fault.CodeTokenUnsupported)
	for _, word := range []string{"PasswordDigest", "directory", "PasswordText", "Basic", "TLS"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in %v", word, err)
		}
	}
	if cause := envelope.CauseOf(err); cause == nil || len(cause.Subcodes) != 1 || cause.Subcodes[0].Local != "UnsupportedSecurityToken" {
		t.Errorf("cause is %v", cause)
	}
	if b.directory.Calls() != 0 {
		t.Error("the directory was asked")
	}
}

// TestTokensAreTakenOnce sends the same token again, across a reload, and one
// that was refused.
func TestTokensAreTakenOnce(t *testing.T) {
	now := time.Now()
	for name, header := range map[string]func(nonce string) string{
		"digest": func(nonce string) string { return digestToken("erp.alice", "digest-secret", nonce, now) },
		"text": func(nonce string) string {
			return securityToken("erp.alice", "PasswordText", "erp.alice-secret", nonce, now)
		},
		"text without Created": func(nonce string) string {
			return securityToken("erp.alice", "PasswordText", "erp.alice-secret", nonce, time.Time{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.open(t, nil)
			send := func(header string) fault.Code {
				_, err := b.Accept(t.Context(), b.showing(t, shown{header: header}))
				if f := fault.Of(err); f != nil {
					return f.Code
				}
				return ""
			}
			if code := send(header("1")); code != "" {
				t.Fatalf("the first: %s", code)
			}
			if code := send(header("1")); code != fault.CodeStaleToken {
				t.Errorf("the same again: %q", code)
			}
			b.Reload(b.generation(t))
			if code := send(header("1")); code != fault.CodeStaleToken {
				t.Errorf("the same again after a reload: %q", code)
			}
			if code := send(header("2")); code != "" {
				t.Errorf("another nonce: %s", code)
			}
			b.stop()
		})
	}
}

// TestUnprovedTokensTakeNoRoom: whoever does not know the password can neither
// use a nonce up nor fill the memory.
func TestUnprovedTokensTakeNoRoom(t *testing.T) {
	b := newBench(t)
	b.open(t, nil)
	now := time.Now()
	for _, header := range []string{digestToken("erp.alice", "guess", "1", now), securityToken("erp.alice", "PasswordText", "guess", "1", now)} {
		if _, err := b.Accept(t.Context(), b.showing(t, shown{header: header})); fault.KindOf(err) != fault.Unauthenticated {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := b.Accept(t.Context(), b.showing(t, shown{header: digestToken("erp.alice", "digest-secret", "1", now)})); err != nil {
		t.Errorf("the nonce was used up by a guesser: %v", err)
	}
	b.stop()
}

// TestTokenIsShownTheCertificate: a token may be bound to the connection's.
func TestTokenIsShownTheCertificate(t *testing.T) {
	b := newBench(t)
	v := b.open(t, []gateway.WayIn{gateway.WayBearer})
	if _, err := b.Accept(t.Context(), b.showing(t, shown{bearer: "alice", certificate: "alice"})); err != nil {
		t.Fatal(err)
	}
	b.stop()
	if v.bound == nil {
		t.Error("the token's verifier does not see the certificate")
	}
}

func TestWaysAt(t *testing.T) {
	var w gateway.WaysIn
	if got := fmt.Sprint(w.At("x")); got != "[HTTP Basic authentication a wsse:UsernameToken with a password of type PasswordText]" {
		t.Errorf("by itself: %s", got)
	}
	w.Endpoints = map[string][]gateway.WayIn{"x": {gateway.WayBearer, gateway.WayBasic}}
	if got := w.At("x"); !slices.Equal(got, []gateway.WayIn{gateway.WayBasic}) {
		t.Errorf("a way that is not configured is open: %v", got)
	}
}
