package odata

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Key seals tokens. Secret has 32 bytes that nobody can guess.
type Key struct {
	ID     uint32
	Secret []byte
}

// Keys has the keys that tokens are sealed with, which all gateways of one store have
// in common. It is safe for concurrent use.
type Keys interface {
	// Current returns the key for new tokens.
	Current() Key
	// Key returns the key of an id, while tokens that it sealed are to be read.
	Key(id uint32) (Key, bool)
}

// Tokens seals and opens where pages go on. A token has values of rows in it, so it is
// encrypted; and it is good only for the search that it was made for, whose view,
// query and principal go into its authentication: only the size of the page may
// change. It is safe for concurrent use.
type Tokens struct{ Keys Keys }

// Bound is what a token is good for.
type Bound struct {
	View      *view.View
	Query     *view.Query
	Principal string // the DN of the entry who asks
}

// A token, before it is written in base64url, has its version, the id of the key, a
// nonce, and what AES-256-GCM makes of the values. The nonce is a keyed digest of all
// that is sealed, so that one page has one token, and its address one entity tag; two
// different ones share a nonce no sooner than at random.
const (
	tokenVersion = 1
	headLength   = 5
	nonceLength  = 12
	// maxToken is how long a token is at most. The values of an order and a key are
	// those of indexes, which have 1,700 bytes for them, and these in UTF-8 at most
	// three for each two.
	maxToken = 8 << 10
)

// Seal returns the token of a place.
func (t Tokens) Seal(m *view.Mark, of Bound) (string, error) {
	key := t.Keys.Current()
	head := binary.BigEndian.AppendUint32([]byte{tokenVersion}, key.ID)
	plain := appendMark(nil, m)
	additional := of.digest(head)
	aead, nonces, err := key.parts()
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, nonces)
	mac.Write(additional)
	mac.Write(plain)
	nonce := mac.Sum(nil)[:nonceLength]
	sealed := aead.Seal(append(head, nonce...), nonce, plain, additional)
	token := base64.RawURLEncoding.EncodeToString(sealed)
	if len(token) > maxToken {
		return "", fault.New(fault.CodePage, "the values of the order are too long for a page to go on behind them: order by shorter fields")
	}
	return token, nil
}

// Open returns the place of a token. All that can be wrong with one has the same
// answer.
func (t Tokens) Open(token string, of Bound) (*view.Mark, error) {
	refused := fault.New(fault.CodePage, "")
	if len(token) > maxToken {
		return nil, refused
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(sealed) < headLength+nonceLength || sealed[0] != tokenVersion {
		return nil, refused
	}
	head, rest := sealed[:headLength], sealed[headLength:]
	key, known := t.Keys.Key(binary.BigEndian.Uint32(head[1:]))
	if !known {
		return nil, refused
	}
	aead, _, err := key.parts()
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, rest[:nonceLength], rest[nonceLength:], of.digest(head))
	if err != nil {
		return nil, refused
	}
	m, ok := readMark(plain)
	if !ok {
		return nil, refused
	}
	return m, nil
}

// parts are the two keys that a key is made into: one seals, one makes nonces.
func (k Key) parts() (aead cipher.AEAD, nonces []byte, err error) {
	sealing, err := hkdf.Expand(sha256.New, k.Secret, "gatehouse skiptoken seal", 32)
	if err != nil {
		return nil, nil, err
	}
	if nonces, err = hkdf.Expand(sha256.New, k.Secret, "gatehouse skiptoken nonce", 32); err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, nil, err
	}
	aead, err = cipher.NewGCM(block)
	return aead, nonces, err
}
