package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// maxToken bounds a token, in bytes.
const maxToken = 16 << 10

// Verifier proves tokens of its issuers. It is safe for concurrent use.
type Verifier struct {
	issuers []*issuer
	now     func() time.Time
}

type issuer struct {
	config Config
	keys   *keys
}

// New returns a Verifier of the issuers' tokens; it asks none of them yet. The
// error is about a configuration, or a file that it names.
func New(configs []Config, log *slog.Logger, now func() time.Time) (*Verifier, error) {
	v := &Verifier{now: now}
	for _, c := range configs {
		if err := c.Validate(); err != nil {
			return nil, err
		}
		c = c.Effective()
		secure, err := c.TLS.Load()
		if err != nil {
			return nil, err
		}
		client := &http.Client{
			Transport: &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second,
				TLSHandshakeTimeout: c.Timeout, MaxResponseHeaderBytes: 64 << 10, Proxy: http.ProxyFromEnvironment},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		v.issuers = append(v.issuers, &issuer{c, &keys{config: c, client: client, now: now, log: log}})
	}
	return v, nil
}

// Login verifies a token and returns the user name that its claim holds. A token
// that does not hold is fault.CodeBearer, and the sentence says why; an issuer
// whose keys cannot be read is fault.CodeIssuerUnavailable. A token bound to a
// client certificate holds with that one only (RFC 8705 §3.1).
func (v *Verifier) Login(ctx context.Context, token string, cert *x509.Certificate) (string, error) {
	if len(token) > maxToken {
		return "", invalid("it is larger than %d bytes", maxToken)
	}
	i, err := v.issuerOf(token)
	if err != nil {
		return "", err
	}
	parsed, err := jwt.ParseSigned(token, i.config.signatures())
	if err != nil || len(parsed.Headers) != 1 {
		return "", invalid("its signature is of no kind that is taken here").Because(err)
	}
	header := parsed.Headers[0]
	if err := i.config.takesType(header); err != nil {
		return "", err
	}
	key, err := i.keys.find(ctx, header.KeyID, header.Algorithm)
	switch {
	case errors.Is(err, errNoKey):
		return "", invalid("its issuer has no key that it could be signed with").Because(err)
	case err != nil:
		f := fault.New(fault.CodeIssuerUnavailable, "").Because(err)
		f.RetryAfter = retryAfter
		return "", f
	}
	var c claims
	all := map[string]any{}
	if err := parsed.Claims(key, &c, &all); err != nil {
		return "", invalid("its signature is wrong").Because(err)
	}
	if err := i.judge(&c, v.now(), cert); err != nil {
		return "", err
	}
	login, ok := all[i.config.Claim].(string)
	if !ok || strings.TrimSpace(login) == "" {
		return "", invalid("it has no claim %s", i.config.Claim)
	}
	return login, nil
}

// claims are what a token says of itself.
type claims struct {
	jwt.Claims
	Confirmation map[string]any `json:"cnf"`
}

// issuerOf reads who a token says it is from, to know whose keys to try it with.
func (v *Verifier) issuerOf(token string) (*issuer, error) {
	var all []jose.SignatureAlgorithm
	for _, a := range algorithms {
		all = append(all, jose.SignatureAlgorithm(a))
	}
	parsed, err := jwt.ParseSigned(token, all)
	if err != nil {
		return nil, invalid("it is no JSON Web Token with a signature that can be verified").Because(err)
	}
	var c jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&c); err != nil {
		return nil, invalid("its claims cannot be read").Because(err)
	}
	for _, i := range v.issuers {
		if i.config.Issuer == c.Issuer {
			return i, nil
		}
	}
	return nil, invalid("its issuer is none of those trusted here")
}

// takesType judges the typ header: what is meant for something else, such as a
// logout, is no token to come in with (RFC 8725 §3.11).
func (c *Config) takesType(header jose.Header) error {
	kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
	kind = strings.TrimPrefix(strings.ToLower(kind), "application/")
	switch {
	case c.Type != "" && kind != strings.ToLower(c.Type):
		return invalid("its type is not %s", c.Type)
	case c.Type == "" && kind != "" && kind != "jwt" && kind != "at+jwt":
		return invalid("its type is not that of an access token")
	}
	return nil
}

// judge holds the claims of a token whose signature is right against now and here.
func (i *issuer) judge(c *claims, now time.Time, cert *x509.Certificate) error {
	if c.Expiry == nil {
		return invalid("it never expires")
	}
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: i.config.Issuer, AnyAudience: i.config.Audience, Time: now}, i.config.ClockSkew)
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return invalid("it expired at %s", c.Expiry.Time().UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrNotValidYet), errors.Is(err, jwt.ErrIssuedInTheFuture):
		return invalid("it is not valid yet")
	case errors.Is(err, jwt.ErrInvalidAudience):
		return invalid("it is for somebody else")
	case err != nil:
		return invalid("").Because(err)
	}
	return bound(c.Confirmation, cert)
}

// bound checks what a token is bound to. A binding that is not understood cannot
// be checked, so that the token could be a stolen one.
func bound(confirmation map[string]any, cert *x509.Certificate) error {
	for method, value := range confirmation {
		if method != "x5t#S256" {
			return invalid("it is bound to a key by %s, which is not checked here", method)
		}
		if cert == nil {
			return invalid("it is bound to a client certificate, and came without one")
		}
		sum := sha256.Sum256(cert.Raw)
		if value != base64.RawURLEncoding.EncodeToString(sum[:]) {
			return invalid("it is bound to another client certificate")
		}
	}
	return nil
}

func invalid(format string, args ...any) *fault.Error {
	why := ""
	if format != "" {
		why = ": " + fmt.Sprintf(format, args...)
	}
	return fault.New(fault.CodeBearer, "the bearer token does not hold here%s", why)
}

// Check asks every issuer for its keys and tells, line by line, what it has; the
// error joins what is wrong.
func (v *Verifier) Check(ctx context.Context) ([]string, error) {
	var lines []string
	var faults []error
	for _, i := range v.issuers {
		set, err := i.keys.fetch(ctx)
		if err != nil {
			faults = append(faults, fmt.Errorf("token issuer %s: %w", i.config.Issuer, err))
			lines = append(lines, fmt.Sprintf("%s: %v", i.config.Issuer, err))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s; %s is the login", i.config.Issuer, plural.Of(len(set), "key", "keys"), i.config.Claim))
	}
	return lines, errors.Join(faults...)
}
