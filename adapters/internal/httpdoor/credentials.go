package httpdoor

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// authorization reads the Authorization header: HTTP Basic (RFC 7617) or a bearer
// token (RFC 6750). Absent credentials are nil and empty without an error: a
// UsernameToken may follow in the envelope, or a certificate say enough.
func authorization(h http.Header) (basic *gateway.Credentials, bearer string, err error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return nil, "", nil
	}
	if len(values) > 1 {
		return nil, "", fault.New(fault.CodeUnauthenticated, "the request carries more than one Authorization header")
	}
	scheme, rest, _ := strings.Cut(TrimBlanks(values[0]), " ")
	rest = TrimBlanks(rest)
	switch strings.ToLower(scheme) {
	case "basic":
		basic, err = basicCredentials(rest)
		return basic, "", err
	case "bearer":
		if rest == "" || strings.Trim(strings.TrimRight(rest, "="), tokenLetters) != "" {
			return nil, "", fault.New(fault.CodeBearer, "the bearer token is malformed")
		}
		return nil, rest, nil
	}
	return nil, "", fault.New(fault.CodeTokenUnsupported, "the authentication scheme is not offered here; send HTTP Basic, a bearer token or a wsse:UsernameToken")
}

// tokenLetters are those of a b64token (RFC 6750 §2.1).
const tokenLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/"

// basicCredentials refuses everything that is not one well-formed pair, so that
// an empty password never reaches a directory, which might take it for an
// anonymous bind (RFC 4513 §5.1.2).
func basicCredentials(encoded string) (*gateway.Credentials, error) {
	username, password, ok := decodeBasic(encoded)
	if !ok {
		return nil, fault.New(fault.CodeUnauthenticated, "the Basic credentials are malformed")
	}
	if username == "" || password == "" {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	return &gateway.Credentials{Username: username, Password: password}, nil
}

// Shown is what a caller shows to prove who it is; nothing of it is proved yet but
// that the certificate is its own.
type Shown struct {
	Basic       *gateway.Credentials // nil: none
	Bearer      string               // empty: none
	Certificate *x509.Certificate    // nil: none
}

// Shown reads what the request shows. Passwords and tokens in clear are refused
// where they have to come over TLS.
func (x *Exchange) Shown() (Shown, error) {
	basic, bearer, err := authorization(x.R.Header)
	if err != nil {
		return Shown{}, err
	}
	switch {
	case x.TakesPasswords():
	case basic != nil:
		return Shown{}, fault.New(fault.CodeClearTextPassword, "")
	case bearer != "":
		return Shown{}, fault.New(fault.CodeClearTextPassword, "a bearer token is taken over TLS only")
	}
	return Shown{Basic: basic, Bearer: bearer, Certificate: x.certificate()}, nil
}

// TakesPasswords reports whether a password may come the way this request came.
func (x *Exchange) TakesPasswords() bool {
	if x.Peer.Secure {
		return true
	}
	if required := x.config.RequireTLSForPasswords; required != nil {
		return !*required
	}
	return x.Peer.Local
}

// certificate is the client certificate that the handshake has verified, or nil.
// One that a proxy shows is the proxy's.
func (x *Exchange) certificate() *x509.Certificate {
	if x.addresses.trusts(x.R.RemoteAddr) || x.R.TLS == nil || len(x.R.TLS.VerifiedChains) == 0 {
		return nil
	}
	return x.R.TLS.VerifiedChains[0][0]
}

// challenges are what a 401 offers (RFC 9110 §11.6.1). While the endpoint's ways
// are not known, nil, Basic stands for them. A certificate has no registered
// scheme of its own; it is named where nothing else is offered, for a 401 must
// name one.
func challenges(realm string, f *fault.Error, ways []gateway.WayIn) []string {
	realm = ` realm="` + realm + `"`
	if ways == nil {
		if f.Code == fault.CodeBearer {
			return []string{"Bearer" + realm + bearerError(f)}
		}
		return []string{"Basic" + realm + `, charset="UTF-8"`}
	}
	var out []string
	for _, way := range ways {
		switch way {
		case gateway.WayBasic:
			out = append(out, "Basic"+realm+`, charset="UTF-8"`)
		case gateway.WayBearer:
			out = append(out, "Bearer"+realm+bearerError(f))
		}
	}
	if out == nil {
		out = []string{"Certificate" + realm}
		if slices.Contains(ways, gateway.WayUsernameToken) || slices.Contains(ways, gateway.WayDigest) {
			out = []string{"UsernameToken" + realm}
		}
	}
	return out
}

// bearerError says what was wrong with a token (RFC 6750 §3.1), and nothing to
// who sent none.
func bearerError(f *fault.Error) string {
	if f.Code != fault.CodeBearer {
		return ""
	}
	description := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, f.Message)
	return `, error="invalid_token", error_description="` + description + `"`
}

// decodeBasic splits at the first colon: a password may hold more of them.
// Control characters are forbidden by RFC 7617 §2.
func decodeBasic(encoded string) (username, password string, ok bool) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", "", false
	}
	username, password, ok = strings.Cut(toUTF8(raw), ":")
	if !ok || HasControl(username+password) || strings.Contains(username+password, "\t") {
		return "", "", false
	}
	return username, password, true
}

// toUTF8 reads credentials as the UTF-8 that the challenge asks for, and else
// as ISO-8859-1, which clients older than RFC 7617 send without asking.
func toUTF8(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	runes := make([]rune, len(raw))
	for i, b := range raw {
		runes[i] = rune(b)
	}
	return string(runes)
}
