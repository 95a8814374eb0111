package operations

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// proof reads what the request shows of who sends it: the Authorization header (RFC
// 7617, RFC 6750) and the certificate of the connection.
func (h *Handler) proof(r *http.Request) (gateway.Proof, error) {
	p := gateway.Proof{Certificate: certificate(r)}
	if !h.config.AllowPlaintextPasswords && !private(r) {
		return p, fault.New(fault.CodeClearTextPassword, "")
	}
	values := r.Header.Values("Authorization")
	if len(values) == 0 && p.Certificate != nil {
		return p, nil
	}
	if len(values) != 1 {
		return p, fault.New(fault.CodeUnauthenticated, "")
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch {
	case strings.EqualFold(scheme, "Basic"):
		p.Basic, err = basic(rest)
	case strings.EqualFold(scheme, "Bearer") && rest != "":
		p.Bearer = rest
	default:
		err = fault.New(fault.CodeTokenUnsupported, "the authentication scheme is not offered here; send HTTP Basic or a bearer token")
	}
	return p, err
}

// basic refuses everything that is not one well-formed pair. An empty password
// never reaches the directory, which might take it for an anonymous bind (RFC 4513
// §5.1.2).
func basic(encoded string) (*gateway.Credentials, error) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !utf8.Valid(raw) {
		return nil, fault.New(fault.CodeUnauthenticated, "the Basic credentials are malformed")
	}
	username, password, _ := strings.Cut(string(raw), ":")
	if username == "" || password == "" || strings.ContainsFunc(string(raw), unicode.IsControl) {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	return &gateway.Credentials{Username: username, Password: password}, nil
}

// certificate is the client certificate that the handshake has verified, or nil. Of
// a request that was passed on it is the proxy's.
func certificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || passedOn(r) {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// passedOn reports whether a proxy says that the request is not its own.
func passedOn(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return true
		}
	}
	return false
}

// private reports whether nobody on the network could read the request: it came
// over TLS, or never left this machine.
func private(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if passedOn(r) {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}
