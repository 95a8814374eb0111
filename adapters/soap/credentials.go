package soap

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// basicCredentials reads the Authorization header (RFC 7617). Absent
// credentials are nil without an error: a UsernameToken may follow in the
// envelope. Everything else that is not one well-formed pair is refused here,
// so that an empty password never reaches a directory, which might take it for
// an anonymous bind (RFC 4513 §5.1.2).
func basicCredentials(h http.Header) (*gateway.Credentials, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return nil, nil
	}
	if len(values) > 1 {
		return nil, fault.New(fault.CodeUnauthenticated, "the request carries more than one Authorization header")
	}
	scheme, encoded, _ := strings.Cut(trimBlanks(values[0]), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return nil, fault.New(fault.CodeTokenUnsupported, "the authentication scheme is not offered here; send HTTP Basic or a wsse:UsernameToken")
	}
	username, password, ok := decodeBasic(trimBlanks(encoded))
	if !ok {
		return nil, fault.New(fault.CodeUnauthenticated, "the Basic credentials are malformed")
	}
	if username == "" || password == "" {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	return &gateway.Credentials{Username: username, Password: password}, nil
}

// decodeBasic splits at the first colon: a password may hold more of them.
// Control characters are forbidden by RFC 7617 §2.
func decodeBasic(encoded string) (username, password string, ok bool) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", "", false
	}
	username, password, ok = strings.Cut(toUTF8(raw), ":")
	if !ok || hasControl(username+password) || strings.Contains(username+password, "\t") {
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
