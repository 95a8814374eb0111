package gateway

import (
	"context"
	"crypto/sha1"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// credential is one thing that a sender shows, and how it is proved.
type credential struct {
	way   WayIn
	prove func(context.Context) (*Identity, error)
}

// authenticate finds out who the sender is. Whatever is shown is proved, and all
// of it must be of one entry: else a stolen password would come in under another
// sender's certificate.
func (g *Gateway) authenticate(ctx context.Context, p *passage) error {
	offered := p.generation.WaysIn.At(p.arrival.endpoint(p.receipt.Operation))
	p.receipt.Ways = offered
	if err := p.mustBeSigned(); err != nil {
		return err
	}
	shown, err := g.shown(p, offered)
	if err != nil {
		return err
	}
	var proved []string
	for _, c := range shown {
		identity, err := c.prove(ctx)
		if err != nil {
			return err
		}
		if err := sameEntry(p.identity, identity); err != nil {
			return err
		}
		p.identity = identity
		proved = append(proved, string(c.way))
	}
	p.ways = strings.Join(proved, "+")
	p.receipt.Signer = p.security().Reply
	return nil
}

// head is that of the envelope; of a message without one it is empty.
func (p *passage) head() *envelope.Head {
	if p.receipt.Head == nil {
		return new(envelope.Head)
	}
	return p.receipt.Head
}

// sameEntry refuses who is somebody else than what was shown before says; before
// is nil at first.
func sameEntry(before, now *Identity) error {
	if before == nil || before.DN == now.DN {
		return nil
	}
	return fault.New(fault.CodeCredentials, "the request carries the credentials of two users").
		Because(errors.New(before.DN + " and " + now.DN))
}

// shown lists what the sender shows, what costs the least to refuse first. What
// the endpoint does not take is refused unproved, but for a certificate: that is
// the connection's, and may be there for other endpoints.
func (g *Gateway) shown(p *passage, offered []WayIn) ([]credential, error) {
	a, head := p.arrival, p.head()
	token := head.Token
	var shown []credential
	add := func(way WayIn, prove func(context.Context) (*Identity, error)) {
		shown = append(shown, credential{way, prove})
	}
	if token != nil && token.Digest {
		add(WayDigest, func(ctx context.Context) (*Identity, error) { return g.proveDigest(ctx, p, token) })
	}
	if a.Bearer != "" {
		add(WayBearer, func(ctx context.Context) (*Identity, error) {
			return p.generation.proveBearer(ctx, a.Bearer, a.Certificate)
		})
	}
	if a.Certificate != nil && slices.Contains(offered, WayCertificate) {
		add(WayCertificate, func(ctx context.Context) (*Identity, error) {
			return p.generation.WaysIn.Certificates.Holder(ctx, a.Certificate)
		})
	}
	if head.Signed {
		add(WaySignature, func(ctx context.Context) (*Identity, error) { return g.proveSignature(ctx, p) })
	}
	if token != nil && !token.Digest {
		if a.Basic != nil && *a.Basic != (Credentials{token.Username, token.Password}) {
			return nil, fault.New(fault.CodeCredentials, "HTTP Basic and the UsernameToken name different credentials")
		}
		add(WayUsernameToken, func(ctx context.Context) (*Identity, error) { return g.proveToken(ctx, p, token) })
	}
	if a.Basic != nil {
		add(WayBasic, func(ctx context.Context) (*Identity, error) {
			if token != nil && !token.Digest {
				return p.identity, nil // the same pair has just been proved
			}
			return p.generation.Directory.Authenticate(ctx, a.Basic.Username, a.Basic.Password)
		})
	}
	for _, c := range shown {
		if !slices.Contains(offered, c.way) {
			return nil, notOffered(c.way, offered)
		}
	}
	switch {
	case len(shown) > 0:
		return shown, nil
	case len(offered) == 0:
		return nil, fault.New(fault.CodeTokenUnsupported, "no way in is open at this endpoint")
	default:
		return nil, fault.New(fault.CodeUnauthenticated, "the request carries no credentials; what is taken here is %s", inWords(offered))
	}
}

// notOffered tells a sender what it may send instead.
func notOffered(way WayIn, offered []WayIn) error {
	cause := &envelope.Cause{}
	if way == WayDigest || way == WayUsernameToken || way == WaySignature {
		cause.Subcodes = []document.Name{{Space: envelope.NamespaceSecurity, Local: "UnsupportedSecurityToken"}}
	}
	advice := inWords(offered)
	if len(offered) == 0 {
		return fault.New(fault.CodeTokenUnsupported, "%s is not taken here", way).Because(cause)
	}
	if way == WayDigest {
		return fault.New(fault.CodeTokenUnsupported, "a password of type PasswordDigest cannot be checked: the directory gives no password out to compute a digest of; what is taken here is %s, over TLS", advice).Because(cause)
	}
	return fault.New(fault.CodeTokenUnsupported, "%s is not taken at this endpoint; what is taken is %s", way, advice).Because(cause)
}

// proveToken asks the directory about a UsernameToken with its password in
// clear. Nonce and Created count where they are given.
func (g *Gateway) proveToken(ctx context.Context, p *passage, token *envelope.UsernameToken) (*Identity, error) {
	if err := g.timely(p, token); err != nil {
		return nil, err
	}
	identity, err := p.generation.Directory.Authenticate(ctx, token.Username, token.Password)
	if err != nil {
		return nil, err
	}
	return identity, g.once(p, token)
}

var errDigest = errors.New("wrong digest, or a user without a secret for digests")

// proveDigest computes the digest that the secret kept for the user gives (WSS
// UsernameToken Profile 1.0 §3.1), then has the directory tell what the user is.
// It does the same work for a user who has none.
func (g *Gateway) proveDigest(ctx context.Context, p *passage, token *envelope.UsernameToken) (*Identity, error) {
	if err := g.timely(p, token); err != nil {
		return nil, err
	}
	secret, known := p.generation.WaysIn.secret(token.Username)
	fresh, err := secret.Fresh()
	if err != nil {
		g.log.ErrorContext(ctx, "the secret for digests cannot be read; the one read before serves", "error", err)
	}
	want := sha1.Sum([]byte(token.Nonce + token.Created + fresh.Reveal()))
	if subtle.ConstantTimeCompare(want[:], []byte(token.Password)) != 1 || !known {
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errDigest)
	}
	if err := g.once(p, token); err != nil {
		return nil, err
	}
	return p.generation.Directory.Lookup(ctx, token.Username)
}

// proveBearer has the token verified and the user looked up whom it names.
func (g *Generation) proveBearer(ctx context.Context, token string, cert *x509.Certificate) (*Identity, error) {
	login, err := g.WaysIn.Tokens.Login(ctx, token, cert)
	if err != nil {
		return nil, err
	}
	identity, err := g.Directory.Lookup(ctx, login)
	if err != nil && fault.KindOf(err) == fault.Unauthenticated {
		return nil, fault.New(fault.CodeBearer, "").Because(err)
	}
	return identity, err
}

// timely refuses a token that says it was created long ago, or in the future.
func (g *Gateway) timely(p *passage, token *envelope.UsernameToken) error {
	window := p.generation.WaysIn.window()
	if token.Created == "" || p.now.Sub(token.At).Abs() <= window {
		return nil
	}
	return fault.New(fault.CodeStaleToken, "the UsernameToken was created at %s, which is more than %v from %s, the time here",
		token.At.Format("2006-01-02T15:04:05Z"), window, p.now.Format("2006-01-02T15:04:05Z"))
}

// once refuses a token whose nonce was used before. Only proved ones are
// remembered: nobody else can fill the memory.
func (g *Gateway) once(p *passage, token *envelope.UsernameToken) error {
	if token.Nonce == "" {
		return nil
	}
	until := p.now.Add(p.generation.WaysIn.window())
	if token.Created != "" {
		until = token.At.Add(p.generation.WaysIn.window())
	}
	switch g.nonces.use(FoldLogin(token.Username), token.Nonce+token.Created, p.now, until) {
	case nonceUsed:
		return fault.New(fault.CodeStaleToken, "the UsernameToken's Nonce was used before: a message that is sent again needs a new one")
	case noncesFull:
		return fault.New(fault.CodeBusy, "").Because(errors.New("too many nonces of UsernameTokens within the window"))
	}
	return nil
}
