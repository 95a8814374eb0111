package operations

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// credentials reads the Authorization header (RFC 7617). An empty password
// never reaches the directory, which might take it for an anonymous bind (RFC
// 4513 §5.1.2).
func (h *Handler) credentials(r *http.Request) (gateway.Credentials, error) {
	var none gateway.Credentials
	if !h.config.AllowPlaintextPasswords && !private(r) {
		return none, fault.New(fault.CodeClearTextPassword, "")
	}
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return none, fault.New(fault.CodeUnauthenticated, "")
	}
	scheme, encoded, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return none, fault.New(fault.CodeTokenUnsupported, "the authentication scheme is not offered here; send HTTP Basic")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || !utf8.Valid(raw) {
		return none, fault.New(fault.CodeUnauthenticated, "the Basic credentials are malformed")
	}
	username, password, _ := strings.Cut(string(raw), ":")
	if username == "" || password == "" || strings.ContainsFunc(string(raw), unicode.IsControl) {
		return none, fault.New(fault.CodeUnauthenticated, "")
	}
	return gateway.Credentials{Username: username, Password: password}, nil
}

// private reports whether nobody on the network could read the request: it came
// over TLS, or never left this machine.
func private(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}
