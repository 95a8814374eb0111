// Package sealing makes tokens that leave the gateway and come back to it: where a
// search goes on, where a stream of changes is resumed. What is in a token cannot be
// read or changed by whoever has it, and any gateway on the same store takes it.
//
// It knows neither what is in a token nor where the keys are kept.
package sealing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"

	"github.com/gatehouse/gatehouse/internal/fault"
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

// A token, before it is written in base64url, has its version, the id of the key, a
// nonce, and what AES-256-GCM makes of the text. The nonce is a keyed digest of all
// that is sealed, so that one text has one token; two different ones share a nonce
// no sooner than at random.
const (
	version     = 1
	headLength  = 5
	nonceLength = 12
)

// MaxToken is how long a token is at most.
const MaxToken = 8 << 10

// Sealer seals tokens for one purpose: those of another are none of its own. It is
// safe for concurrent use.
type Sealer struct {
	keys    Keys
	purpose string
	made    sync.Map // uint32: *pair
}

// pair is what a key is made into: one part seals, one makes nonces.
type pair struct {
	aead   cipher.AEAD
	nonces []byte
}

// NewSealer returns a sealer.
func NewSealer(keys Keys, purpose string) *Sealer { return &Sealer{keys: keys, purpose: purpose} }

// Seal returns the token of a text, which is good only together with the binding.
func (s *Sealer) Seal(plain, binding []byte) (string, error) {
	key := s.keys.Current()
	if len(key.Secret) == 0 {
		return "", fault.New(fault.CodeStoreUnavailable, "there is no key to seal with while the database is away")
	}
	p, err := s.pair(key)
	if err != nil {
		return "", err
	}
	head := binary.BigEndian.AppendUint32([]byte{version}, key.ID)
	mac := hmac.New(sha256.New, p.nonces)
	mac.Write(bound(head, binding))
	mac.Write(plain)
	nonce := mac.Sum(nil)[:nonceLength]
	return base64.RawURLEncoding.EncodeToString(p.aead.Seal(append(head, nonce...), nonce, plain, bound(head, binding))), nil
}

// Open returns the text of a token; false when it is none that was sealed with the
// binding by a key that is still there.
func (s *Sealer) Open(token string, binding []byte) ([]byte, bool) {
	if len(token) > MaxToken {
		return nil, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(sealed) < headLength+nonceLength || sealed[0] != version {
		return nil, false
	}
	head, rest := sealed[:headLength], sealed[headLength:]
	key, known := s.keys.Key(binary.BigEndian.Uint32(head[1:]))
	if !known {
		return nil, false
	}
	p, err := s.pair(key)
	if err != nil {
		return nil, false
	}
	plain, err := p.aead.Open(nil, rest[:nonceLength], rest[nonceLength:], bound(head, binding))
	return plain, err == nil
}

// bound is what a token is authenticated with; the length keeps a binding from
// running over into the text that follows it in the digest.
func bound(head, binding []byte) []byte {
	out := append([]byte(nil), head...)
	out = binary.BigEndian.AppendUint64(out, uint64(len(binding)))
	return append(out, binding...)
}

func (s *Sealer) pair(key Key) (*pair, error) {
	if p, ok := s.made.Load(key.ID); ok {
		return p.(*pair), nil
	}
	sealing, err := hkdf.Expand(sha256.New, key.Secret, "gatehouse "+s.purpose+" seal", 32)
	if err != nil {
		return nil, err
	}
	p := &pair{}
	if p.nonces, err = hkdf.Expand(sha256.New, key.Secret, "gatehouse "+s.purpose+" nonce", 32); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, err
	}
	if p.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	s.made.Store(key.ID, p)
	return p, nil
}
