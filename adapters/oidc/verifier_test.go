package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// idp is an issuer on loopback.
type idp struct {
	*httptest.Server
	ca string

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	asked int                                // for keys
	rude  func(w http.ResponseWriter) bool   // answers in its place
	says  func(configuration map[string]any) // changes what is published
}

func newIDP(t testing.TB, keys ...jose.JSONWebKey) *idp {
	t.Helper()
	p := &idp{keys: keys}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	p.StartTLS()
	t.Cleanup(p.Close)
	p.ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(p.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *idp) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		c := map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys"}
		if p.says != nil {
			p.says(c)
		}
		json.NewEncoder(w).Encode(c)
	case "/keys":
		p.asked++
		if p.rude != nil && p.rude(w) {
			return
		}
		var public jose.JSONWebKeySet
		for _, k := range p.keys {
			public.Keys = append(public.Keys, jose.JSONWebKey{Key: k.Key.(crypto.Signer).Public(), KeyID: k.KeyID, Use: k.Use, Algorithm: k.Algorithm})
		}
		json.NewEncoder(w).Encode(public)
	default:
		http.NotFound(w, r)
	}
}

func (p *idp) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *idp) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *idp) config() Config {
	return Config{Issuer: p.URL, Audience: []string{"gatehouse"}, Claim: "preferred_username", TLS: config.TLS{CAFile: config.Path(p.ca)}}
}

// clock can be put forward.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func verifier(t testing.TB, c Config) (*Verifier, *clock) {
	t.Helper()
	k := &clock{at: time.Now()}
	v, err := New([]Config{c}, slog.New(slog.NewTextHandler(t.Output(), nil)), k.now)
	if err != nil {
		t.Fatal(err)
	}
	return v, k
}

func rsaKey(t testing.TB, id string, bits int) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Use: "sig"}
}

func ecKey(t testing.TB, id string) jose.JSONWebKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Use: "sig"}
}

// good are the claims of a token that holds.
func good(p *idp) map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": p.URL, "aud": []string{"other", "gatehouse"}, "exp": now + 300, "iat": now, "nbf": now,
		"sub": "4711", "preferred_username": "erp.alice"}
}

func with(claims map[string]any, more map[string]any) map[string]any {
	out := maps.Clone(claims)
	for k, v := range more {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

// sign makes a token; an empty kid leaves the header out.
func sign(t testing.TB, algorithm string, key any, kid, kind string, claims any) string {
	t.Helper()
	options := new(jose.SignerOptions)
	if kind != "" {
		options = options.WithType(jose.ContentType(kind))
	}
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestLogin(t *testing.T) {
	one, two := rsaKey(t, "one", 2048), ecKey(t, "two")
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encryption := rsaKey(t, "enc", 2048)
	encryption.Use = "enc"
	p := newIDP(t, one, two, jose.JSONWebKey{Key: edwards, KeyID: "ed"}, encryption)
	stranger := ecKey(t, "two")
	cert := &x509.Certificate{Raw: []byte("certificate")}
	sum := sha256.Sum256(cert.Raw)
	thumb := base64.RawURLEncoding.EncodeToString(sum[:])
	public, err := x509.MarshalPKIXPublicKey(one.Key.(*rsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	claims, now := good(p), time.Now().Unix()
	ec := func(more map[string]any) string { return sign(t, "ES256", two.Key, "two", "", with(claims, more)) }
	encode := base64.RawURLEncoding.EncodeToString
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token string
		cert  *x509.Certificate
		words string // in the complaint; empty: taken
	}{
		"ES256":                    {ec(nil), nil, ""},
		"RS256":                    {sign(t, "RS256", one.Key, "one", "at+jwt", claims), nil, ""},
		"PS256, media type":        {sign(t, "PS256", one.Key, "one", "application/at+jwt", claims), nil, ""},
		"EdDSA":                    {sign(t, "EdDSA", edwards, "ed", "JWT", claims), nil, ""},
		"audience alone":           {ec(map[string]any{"aud": "gatehouse"}), nil, ""},
		"expired within the skew":  {ec(map[string]any{"exp": now - 30}), nil, ""},
		"bound to the certificate": {ec(map[string]any{"cnf": map[string]any{"x5t#S256": thumb}}), cert, ""},

		"bound, no certificate":     {ec(map[string]any{"cnf": map[string]any{"x5t#S256": thumb}}), nil, "came without one"},
		"bound, other certificate":  {ec(map[string]any{"cnf": map[string]any{"x5t#S256": "x"}}), cert, "another client certificate"},
		"bound to a key":            {ec(map[string]any{"cnf": map[string]any{"jkt": "x"}}), cert, "by jkt"},
		"expired":                   {ec(map[string]any{"exp": now - 90}), nil, "expired at"},
		"never expires":             {ec(map[string]any{"exp": nil}), nil, "never expires"},
		"not yet":                   {ec(map[string]any{"nbf": now + 90}), nil, "not valid yet"},
		"of the future":             {ec(map[string]any{"iat": now + 90}), nil, "not valid yet"},
		"audience of others":        {ec(map[string]any{"aud": "other"}), nil, "somebody else"},
		"no audience":               {ec(map[string]any{"aud": nil}), nil, "somebody else"},
		"issuer of others":          {ec(map[string]any{"iss": "https://evil.example"}), nil, "none of those trusted"},
		"no issuer":                 {ec(map[string]any{"iss": nil}), nil, "none of those trusted"},
		"no claim":                  {ec(map[string]any{"preferred_username": nil}), nil, "no claim preferred_username"},
		"empty claim":               {ec(map[string]any{"preferred_username": " "}), nil, "no claim preferred_username"},
		"claim of another type":     {ec(map[string]any{"preferred_username": []string{"erp.alice"}}), nil, "no claim preferred_username"},
		"exp of another type":       {ec(map[string]any{"exp": "soon"}), nil, ""},
		"signed by a stranger":      {sign(t, "ES256", stranger.Key, "two", "", claims), nil, "signature is wrong"},
		"unknown key":               {sign(t, "ES256", two.Key, "three", "", claims), nil, "no key"},
		"key of another kind":       {sign(t, "ES256", two.Key, "one", "", claims), nil, "signature is wrong"},
		"key for encryption":        {sign(t, "RS256", encryption.Key, "enc", "", claims), nil, "no key"},
		"no key named, several":     {sign(t, "ES256", two.Key, "", "", claims), nil, "no key"},
		"algorithm not taken":       {sign(t, "RS512", one.Key, "one", "", claims), nil, "no kind that is taken"},
		"HS256 with the public key": {sign(t, "HS256", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), "one", "", claims), nil, "no JSON Web Token"},
		"no signature":              {encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + ".", nil, "no JSON Web Token"},
		"none, in capitals":         {encode([]byte(`{"alg":"NONE"}`)) + "." + encode(payload) + ".", nil, "no JSON Web Token"},
		"key in the token":          {strings.Replace(ec(nil), ".", "..", 1), nil, "no JSON Web Token"},
		"a logout token":            {sign(t, "ES256", two.Key, "two", "logout+jwt", claims), nil, "not that of an access token"},
		"opaque":                    {"2YotnFZFEjr1zCsicMWpAA", nil, "no JSON Web Token"},
		"too long":                  {strings.Repeat("a", maxToken+1), nil, "larger than"},
		"empty":                     {"", nil, "no JSON Web Token"},
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := verifier(t, p.config())
			login, err := v.Login(t.Context(), c.token, c.cert)
			taken := c.words == "" && name != "exp of another type"
			if taken {
				if err != nil || login != "erp.alice" {
					t.Errorf("%q, %v", login, err)
				}
				return
			}
			f := fault.Of(err)
			if f == nil || f.Code != fault.CodeBearer || login != "" || !strings.Contains(f.Message, c.words) {
				t.Errorf("%q, %v; want %q", login, err, c.words)
			}
		})
	}
}

// TestTokenType: an issuer may be held to RFC 9068.
func TestTokenType(t *testing.T) {
	key := ecKey(t, "k")
	p := newIDP(t, key)
	c := p.config()
	c.Type = "at+jwt"
	v, _ := verifier(t, c)
	for kind, taken := range map[string]bool{"at+jwt": true, "AT+JWT": true, "application/at+jwt": true, "JWT": false, "": false} {
		if _, err := v.Login(t.Context(), sign(t, "ES256", key.Key, "k", kind, good(p)), nil); (err == nil) != taken {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

// TestOneKeyNeedsNoName: a token without kid is signed with the only key there is.
func TestOneKeyNeedsNoName(t *testing.T) {
	key := ecKey(t, "k")
	p := newIDP(t, key)
	v, _ := verifier(t, p.config())
	if _, err := v.Login(t.Context(), sign(t, "ES256", key.Key, "", "", good(p)), nil); err != nil {
		t.Error(err)
	}
}

// TestKeysAreKept: many tokens cost one question; made-up key ids next to none.
func TestKeysAreKept(t *testing.T) {
	key := ecKey(t, "k")
	p := newIDP(t, key)
	v, clock := verifier(t, p.config())
	token := sign(t, "ES256", key.Key, "k", "", with(good(p), map[string]any{"exp": time.Now().Add(48 * time.Hour).Unix()}))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := v.Login(context.Background(), token, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 100 {
		forged := sign(t, "ES256", key.Key, fmt.Sprint("made-up-", i), "", good(p))
		if _, err := v.Login(t.Context(), forged, nil); fault.KindOf(err) != fault.Unauthenticated {
			t.Fatal(err)
		}
	}
	if n := p.count(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
	clock.forward(2 * time.Hour)
	if _, err := v.Login(t.Context(), token, nil); err != nil || p.count() != 2 {
		t.Errorf("after two hours: %v, asked %d times", err, p.count())
	}
}

// TestRotation: a new key is found when its first token comes, and an old one is
// not taken any more once it is gone.
func TestRotation(t *testing.T) {
	before, after := ecKey(t, "before"), ecKey(t, "after")
	p := newIDP(t, before)
	v, clock := verifier(t, p.config())
	claims := with(good(p), map[string]any{"exp": time.Now().Add(48 * time.Hour).Unix()})
	old, fresh := sign(t, "ES256", before.Key, "before", "", claims), sign(t, "ES256", after.Key, "after", "", claims)
	if _, err := v.Login(t.Context(), old, nil); err != nil {
		t.Fatal(err)
	}
	p.set(func() { p.keys = []jose.JSONWebKey{after} })
	clock.forward(retryAfter)
	if _, err := v.Login(t.Context(), fresh, nil); err != nil {
		t.Errorf("the new key: %v", err)
	}
	if _, err := v.Login(t.Context(), old, nil); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("the key that is gone: %v", err)
	}
}

// TestIssuerAway: known keys serve for a day, then nobody can say; that is an
// outage and no refusal.
func TestIssuerAway(t *testing.T) {
	key := ecKey(t, "k")
	p := newIDP(t, key)
	v, clock := verifier(t, p.config())
	token := sign(t, "ES256", key.Key, "k", "", with(good(p), map[string]any{"exp": time.Now().Add(72 * time.Hour).Unix()}))
	p.set(func() {
		p.rude = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusBadGateway); return true }
	})
	if _, err := v.Login(t.Context(), token, nil); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeIssuerUnavailable {
		t.Fatalf("never read: %v", err)
	}
	if _, err := v.Login(t.Context(), token, nil); fault.KindOf(err) != fault.Unavailable || p.count() != 1 {
		t.Errorf("again at once: %v, asked %d times", err, p.count())
	}
	p.set(func() { p.rude = nil })
	clock.forward(retryAfter)
	if _, err := v.Login(t.Context(), token, nil); err != nil {
		t.Fatalf("back: %v", err)
	}
	p.set(func() {
		p.rude = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusBadGateway); return true }
	})
	clock.forward(23 * time.Hour)
	if _, err := v.Login(t.Context(), token, nil); err != nil {
		t.Errorf("away for less than a day: %v", err)
	}
	clock.forward(2 * time.Hour)
	if _, err := v.Login(t.Context(), token, nil); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("away for longer: %v", err)
	}
}

// TestRudeIssuers answer with what is no set of keys, in bounded time and memory.
func TestRudeIssuers(t *testing.T) {
	key := ecKey(t, "k")
	weak := rsaKey(t, "weak", 1024)
	silence := make(chan struct{})
	for name, c := range map[string]struct {
		rude func(w http.ResponseWriter) bool
		says func(map[string]any)
		keys []jose.JSONWebKey
	}{
		"endless": {func(w http.ResponseWriter) bool {
			for range 3 << 10 {
				w.Write(make([]byte, 1<<10))
			}
			return true
		}, nil, nil},
		"no JSON": {func(w http.ResponseWriter) bool { fmt.Fprint(w, "<html>"); return true }, nil, nil},
		"empty":   {func(http.ResponseWriter) bool { return true }, nil, nil},
		"no keys": {func(w http.ResponseWriter) bool { fmt.Fprint(w, `{"keys":[]}`); return true }, nil, nil},
		"too many": {func(w http.ResponseWriter) bool {
			fmt.Fprint(w, `{"keys":[`+strings.Repeat("{},", maxKeys)+`{}]}`)
			return true
		}, nil, nil},
		"a secret": {func(w http.ResponseWriter) bool {
			fmt.Fprint(w, `{"keys":[{"kty":"oct","kid":"k","k":"c2VjcmV0"}]}`)
			return true
		}, nil, nil},
		"a weak key": {nil, nil, []jose.JSONWebKey{weak}},
		"elsewhere": {func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "https://evil.example/")
			w.WriteHeader(http.StatusFound)
			return true
		}, nil, nil},
		"another's":     {nil, func(c map[string]any) { c["issuer"] = "https://evil.example" }, nil},
		"keys in clear": {nil, func(c map[string]any) { c["jwks_uri"] = "http://127.0.0.1:1/keys" }, nil},
		"silence":       {func(http.ResponseWriter) bool { <-silence; return true }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t, append(c.keys, []jose.JSONWebKey{key}[len(c.keys):]...)...)
			p.rude, p.says = c.rude, c.says
			if name == "silence" {
				t.Cleanup(func() { close(silence) }) // before the server's own
			}
			settings := p.config()
			if name == "silence" {
				settings.Timeout = 50 * time.Millisecond
			}
			v, _ := verifier(t, settings)
			_, err := v.Login(t.Context(), sign(t, "ES256", key.Key, "k", "", good(p)), nil)
			if f := fault.Of(err); f == nil || f.Code != fault.CodeIssuerUnavailable {
				t.Errorf("got %v", err)
			}
			if _, err := v.Check(t.Context()); err == nil {
				t.Error("the check finds nothing")
			}
		})
	}
}

// TestCertificateOfIssuer: the issuer must be who it says.
func TestCertificateOfIssuer(t *testing.T) {
	key := ecKey(t, "k")
	p := newIDP(t, key)
	c := p.config()
	c.TLS = config.TLS{}
	v, _ := verifier(t, c)
	if _, err := v.Login(t.Context(), sign(t, "ES256", key.Key, "k", "", good(p)), nil); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	v, _ = verifier(t, p.config())
	if lines, err := v.Check(t.Context()); err != nil || !strings.Contains(strings.Join(lines, ""), "1 key;") {
		t.Errorf("%q, %v", lines, err)
	}
}

func TestConfigFaults(t *testing.T) {
	err := Config{Issuer: "http://idp", JWKSURL: "ftp://x", Algorithms: []string{"HS256", "none"}, ClockSkew: time.Hour, Refresh: -1}.Validate()
	for _, words := range []string{"issuer:", "jwks_url:", "audience:", "claim:", `algorithms[0]: "HS256"`, `algorithms[1]: "none"`, "clock_skew:", "refresh:"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q is not in %v", words, err)
		}
	}
}

// FuzzLogin: nothing that was not signed here gets in, and nothing panics.
func FuzzLogin(f *testing.F) {
	key := ecKey(f, "k")
	p := newIDP(f, key)
	v, _ := verifier(f, p.config())
	taken := sign(f, "ES256", key.Key, "k", "", good(p))
	if _, err := v.Login(f.Context(), taken, nil); err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.")
	f.Add(taken[:len(taken)-4])
	f.Fuzz(func(t *testing.T, token string) {
		if strings.HasPrefix(token, taken[:len(taken)-1]) {
			return // base64 has more than one spelling of the last bits
		}
		if login, err := v.Login(t.Context(), token, nil); err == nil || login != "" {
			t.Fatalf("%q got in with %q", login, token)
		}
	})
}

func BenchmarkLogin(b *testing.B) {
	key := ecKey(b, "k")
	p := newIDP(b, key)
	v, _ := verifier(b, p.config())
	token := sign(b, "ES256", key.Key, "k", "", good(p))
	for b.Loop() {
		if _, err := v.Login(b.Context(), token, nil); err != nil {
			b.Fatal(err)
		}
	}
}
