package gateway

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// WayIn is a way in: how a sender who waits for an answer proves who it is.
type WayIn string

// The ways in.
const (
	WayBasic         WayIn = "basic"           // HTTP Basic
	WayUsernameToken WayIn = "username_token"  // a wsse:UsernameToken with its password in clear
	WayDigest        WayIn = "password_digest" // a wsse:UsernameToken with a digest of its password
	WayCertificate   WayIn = "certificate"     // a client certificate of the connection
	WayBearer        WayIn = "bearer"          // a signed token of an issuer
	WaySignature     WayIn = "signature"       // a signature of the message, with a certificate
)

// AllWaysIn lists every way in.
var AllWaysIn = []WayIn{WayBasic, WayUsernameToken, WayDigest, WayCertificate, WayBearer, WaySignature}

// wayWords are the ways as refused senders are told of them.
var wayWords = map[WayIn]string{
	WayBasic:         "HTTP Basic authentication",
	WayUsernameToken: "a wsse:UsernameToken with a password of type PasswordText",
	WayDigest:        "a wsse:UsernameToken with a password of type PasswordDigest",
	WayCertificate:   "a client certificate",
	WayBearer:        "a bearer token",
	WaySignature:     "a signature with an X.509 certificate (WS-Security)",
}

// String is the way in words.
func (w WayIn) String() string { return wayWords[w] }

// WaysIn is what senders may prove who they are with. The zero value takes
// passwords in clear, by HTTP Basic and in UsernameTokens, and nothing else.
type WaysIn struct {
	// Window is how far a UsernameToken's Created may be from now, and so how long
	// its Nonce is remembered; 0 means five minutes.
	Window time.Duration
	// Secrets are what PasswordDigest is checked with, by folded login: a directory
	// does not give passwords out. No login but these can use it.
	Secrets map[string]config.Secret
	// Certificates and Tokens are nil where those ways are not open.
	Certificates Certificates
	Tokens       Tokens
	// Signatures verifies signed messages, or is nil. Certificates says whose theirs are.
	Signatures *wss.Verifier
	// Security is what an endpoint, with its operation, wants signed and signs.
	Security map[string]Security
	// Endpoints limits ways to some, by endpoint with its operation. An endpoint
	// that is not listed takes every way that is open.
	Endpoints map[string][]WayIn
	// Operators are the ways of people who work on messages; none means basic alone.
	Operators []WayIn
}

// Certificates knows whose client certificates are.
type Certificates interface {
	// Holder returns the entry that a certificate belongs to; that the caller has
	// its key is proved already. A certificate of nobody's, or of an account that
	// may not be used, is fault.Unauthenticated; a directory that cannot answer is
	// fault.Unavailable.
	Holder(ctx context.Context, cert *x509.Certificate) (*Identity, error)
}

// Tokens proves bearer tokens.
type Tokens interface {
	// Login returns the user name that a token vouches for. A token that does not
	// hold is fault.Unauthenticated; an issuer whose keys cannot be read is
	// fault.Unavailable. cert is the certificate that the token came with, or nil:
	// a token may be bound to it (RFC 8705 §3).
	Login(ctx context.Context, token string, cert *x509.Certificate) (string, error)
}

// At returns the ways in at an endpoint with its operation, in the order of AllWaysIn.
func (w *WaysIn) At(endpoint string) []WayIn {
	allowed, limited := w.Endpoints[endpoint]
	return slices.DeleteFunc(slices.Clone(AllWaysIn), func(way WayIn) bool {
		return !w.open(way) || limited && !slices.Contains(allowed, way)
	})
}

// open reports whether a way is configured at all.
func (w *WaysIn) open(way WayIn) bool {
	switch way {
	case WayDigest:
		return len(w.Secrets) > 0
	case WayCertificate:
		return w.Certificates != nil
	case WayBearer:
		return w.Tokens != nil
	case WaySignature:
		return w.Signatures != nil && w.Certificates != nil
	}
	return true
}

// DefaultTokenWindow is how far from now what says when it was made may be.
const DefaultTokenWindow = 5 * time.Minute

func (w *WaysIn) window() time.Duration { return orDefault(w.Window, DefaultTokenWindow) }

// searches returns the ways in of searches: those that need no envelope.
func (w *WaysIn) searches() []WayIn {
	return slices.DeleteFunc([]WayIn{WayBasic, WayCertificate, WayBearer}, func(way WayIn) bool { return !w.open(way) })
}

// operators returns the ways in of operators.
func (w *WaysIn) operators() []WayIn {
	if len(w.Operators) == 0 {
		return []WayIn{WayBasic}
	}
	return slices.DeleteFunc(slices.Clone(w.Operators), func(way WayIn) bool { return !w.open(way) })
}

// secret returns what the digest of a login is checked with. For a login that has
// none it is another's: reading and hashing that takes as long.
func (w *WaysIn) secret(login string) (secret config.Secret, known bool) {
	if s, ok := w.Secrets[FoldLogin(login)]; ok {
		return s, true
	}
	for _, secret = range w.Secrets {
		break
	}
	return secret, false
}

// FoldLogin writes a login in the one form in which they are compared, as
// directories do: without case, outer and double spaces.
func FoldLogin(login string) string { return strings.ToLower(strings.Join(strings.Fields(login), " ")) }

// inWords joins the ways for a sentence.
func inWords(ways []WayIn) string {
	var words []string
	for _, w := range ways {
		words = append(words, w.String())
	}
	return strings.Join(words, " or ")
}
