package envelope

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
)

// maxNonce bounds a nonce, in bytes; sixteen are usual.
const maxNonce = 128

// base64Binary is the only encoding of a nonce (WSS UsernameToken Profile 1.0 §3.1).
const base64Binary = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

var (
	nameNonce   = document.Name{Space: NamespaceSecurity, Local: "Nonce"}
	nameCreated = document.Name{Space: NamespaceUtility, Local: "Created"}
)

// freshness reads what keeps a token from being used twice: Nonce and Created,
// each at most once.
func (t *UsernameToken) freshness(n document.Node) error {
	if n.Child(nameCreated).Exists() {
		created, err := oneChild(n, nameCreated)
		if err != nil {
			return err
		}
		t.Created = strings.Clone(created.Text())
		if t.At, err = ParseInstant(t.Created); err != nil {
			return credentialsFault(created, "Created is no date and time", subcodeToken)
		}
	}
	if !n.Child(nameNonce).Exists() {
		return nil
	}
	nonce, err := oneChild(n, nameNonce)
	if err != nil {
		return err
	}
	if kind, ok := nonce.Attr(document.Name{Local: "EncodingType"}); ok && strings.Trim(kind, " ") != base64Binary {
		return unsupported(nonce, "a nonce in the encoding "+clip(kind, 200))
	}
	text, ok := decodeBase64(nonce.Text())
	if !ok || text == "" || len(text) > maxNonce {
		return credentialsFault(nonce, "Nonce is not 1 to 128 bytes in base64", subcodeToken)
	}
	t.Nonce = text
	return nil
}

// readDigest reads a password of type PasswordDigest. It proves nothing without
// the two values that make it another one each time.
func (t *UsernameToken) readDigest(n, password document.Node) error {
	if t.Nonce == "" || t.Created == "" {
		return credentialsFault(n, "a PasswordDigest needs a Nonce and a Created", subcodeToken)
	}
	digest, ok := decodeBase64(t.Password)
	const size = 20 // SHA-1
	if !ok || len(digest) != size {
		return credentialsFault(password, "Password is not the base64 of a SHA-1 digest", subcodeToken)
	}
	t.Password = digest
	return nil
}

// decodeBase64 reads what may be broken into lines.
func decodeBase64(text string) (string, bool) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	return string(raw), err == nil
}

// ParseInstant reads an xsd:dateTime, white space around it passed over. One
// without a zone is in UTC, which WSS 1.0 §10 asks of senders.
func ParseInstant(text string) (time.Time, error) {
	text = strings.Trim(text, " \t\r\n")
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05.999999999", text)
	}
	return at.UTC(), err
}
