package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	maxAnswer = 1 << 20 // bytes of an issuer's answer
	maxKeys   = 100
	minRSA    = 2048 // bits
	// retryAfter is how long the issuer is left alone after it was asked: a key id
	// that does not exist costs nothing to make up.
	retryAfter = 30 * time.Second
)

// keys are an issuer's, read when they are needed. They are safe for concurrent use.
type keys struct {
	config Config
	client *http.Client
	now    func() time.Time
	log    *slog.Logger
	flight singleflight.Group

	mu      sync.Mutex
	set     []jose.JSONWebKey
	read    time.Time // when the set was read
	asked   time.Time // when the issuer was asked last
	failure error     // how that went
}

var errNoKey = errors.New("the issuer has no such key")

// find returns the key that a token says it is signed with. errNoKey says that
// there is none; any other error that the issuer cannot be asked.
func (k *keys) find(ctx context.Context, id, algorithm string) (*jose.JSONWebKey, error) {
	key, fresh := k.look(id, algorithm)
	if key != nil && fresh {
		return key, nil
	}
	failure := k.refresh(ctx)
	if key, _ = k.look(id, algorithm); key != nil {
		return key, nil
	}
	if failure != nil {
		return nil, failure
	}
	return nil, errNoKey
}

// look returns the key as the set has it, and whether the set is new enough.
// Without an id the one key that suits the algorithm is meant, if it is one.
func (k *keys) look(id, algorithm string) (*jose.JSONWebKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := k.now().Sub(k.read)
	if age >= k.config.KeepFor {
		return nil, false
	}
	var found *jose.JSONWebKey
	for i := range k.set {
		key := &k.set[i]
		if id != "" && key.KeyID != id || key.Algorithm != "" && key.Algorithm != algorithm {
			continue
		}
		if found != nil {
			return nil, age < k.config.Refresh
		}
		found = key
	}
	return found, age < k.config.Refresh
}

// refresh asks the issuer, unless it was asked a moment ago, for all who wait at
// once. It returns why the keys are not as the issuer has them now.
func (k *keys) refresh(ctx context.Context) error {
	done := k.flight.DoChan("", func() (any, error) {
		k.mu.Lock()
		recent, failure := k.now().Sub(k.asked) < retryAfter, k.failure
		k.mu.Unlock()
		if recent {
			return nil, failure
		}
		asking := context.WithoutCancel(ctx) // for all who wait
		set, err := k.fetch(asking)
		k.settle(asking, set, err)
		return nil, err
	})
	select {
	case r := <-done:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *keys) settle(ctx context.Context, set []jose.JSONWebKey, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch before := k.failure; {
	case err != nil && before == nil:
		k.log.WarnContext(ctx, "the keys of a token issuer cannot be read", "issuer", k.config.Issuer, "error", err)
	case err == nil && before != nil:
		k.log.InfoContext(ctx, "the keys of a token issuer can be read again", "issuer", k.config.Issuer)
	}
	k.asked, k.failure = k.now(), err
	if err == nil {
		k.set, k.read = set, k.asked
	}
}

// fetch reads the keys as they are now.
func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(ctx, k.config.Timeout)
	defer cancel()
	where := k.config.JWKSURL
	if where == "" {
		var err error
		if where, err = k.discover(ctx); err != nil {
			return nil, err
		}
	}
	var answer struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := k.get(ctx, where, &answer); err != nil {
		return nil, err
	}
	if len(answer.Keys) > maxKeys {
		return nil, fmt.Errorf("%s has %d keys, more than %d", where, len(answer.Keys), maxKeys)
	}
	var set []jose.JSONWebKey
	for _, raw := range answer.Keys {
		var key jose.JSONWebKey
		if err := json.Unmarshal(raw, &key); err == nil && usable(&key) { // RFC 7517 §5: others are passed over
			set = append(set, key)
		}
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("%s has no key for signatures among %d", where, len(answer.Keys))
	}
	return set, nil
}

// usable takes public keys for signatures, of a strength that means something.
func usable(key *jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	if r, ok := key.Key.(*rsa.PublicKey); ok {
		return r.N.BitLen() >= minRSA
	}
	return true
}

// discover reads where the keys are (OpenID Connect Discovery 1.0 §4).
func (k *keys) discover(ctx context.Context) (string, error) {
	var answer struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	where := strings.TrimSuffix(k.config.Issuer, "/") + "/.well-known/openid-configuration"
	if err := k.get(ctx, where, &answer); err != nil {
		return "", err
	}
	if answer.Issuer != k.config.Issuer { // §4.3
		return "", fmt.Errorf("%s is the configuration of %q, not of %q", where, answer.Issuer, k.config.Issuer)
	}
	return answer.JWKSURI, https("jwks_uri", answer.JWKSURI)
}

// get reads JSON of bounded size, and follows no redirection.
func (k *keys) get(ctx context.Context, where string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	res, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", where, res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", where, err)
	}
	if len(body) > maxAnswer {
		return fmt.Errorf("%s is larger than %d bytes", where, maxAnswer)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading %s: %w", where, err)
	}
	return nil
}
