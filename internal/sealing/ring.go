package sealing

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

const (
	// RotateAfter is how long a key seals tokens; KeepFor how long it opens them.
	RotateAfter = 30 * 24 * time.Hour
	KeepFor     = 2 * RotateAfter

	refresh     = time.Hour
	refreshSoon = time.Minute // after a failure
	// askAgain is how long an id that nobody knows is taken for made up.
	askAgain   = time.Second
	askTimeout = 5 * time.Second
)

// Ring holds the keys of a store. It makes the first one, and a new one when the
// newest has become old; old ones are removed when what they sealed is of no use any
// more. It is safe for concurrent use.
type Ring struct {
	store gateway.SealingKeys
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	keys    []gateway.SealingKey // the newest first
	checked time.Time
}

// NewRing returns a ring without keys: Load gets them.
func NewRing(store gateway.SealingKeys, now func() time.Time, log *slog.Logger) *Ring {
	return &Ring{store: store, now: now, log: log}
}

// Load reads the keys, and makes one when there is none that is young.
func (r *Ring) Load(ctx context.Context) error {
	keys, err := r.store.SealingKeys(ctx)
	if err != nil {
		return err
	}
	young := r.now().Add(-RotateAfter)
	if len(keys) == 0 || keys[0].At.Before(young) {
		var secret [32]byte
		rand.Read(secret[:])
		if err := r.store.AddSealingKey(ctx, secret, young); err != nil {
			return err
		}
		if keys, err = r.store.SealingKeys(ctx); err != nil {
			return err
		}
		if err := r.store.RemoveSealingKeys(ctx, r.now().Add(-KeepFor)); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		return errors.New("the store has no sealing key though one was added")
	}
	r.mu.Lock()
	r.keys, r.checked = keys, r.now()
	r.mu.Unlock()
	return nil
}

// Run looks for new keys, and makes them in time, until ctx ends.
func (r *Ring) Run(ctx context.Context) {
	every := refresh
	for {
		timer := time.NewTimer(every)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		every = refresh
		if err := r.Load(ctx); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "sealing keys not looked at; the ones at hand serve on", "error", err)
			every = refreshSoon
		}
	}
}

// Current returns the newest key. When there was none yet the store is asked; while it
// is away the key has no secret, and nothing can be sealed.
func (r *Ring) Current() Key {
	if k, ok := r.newest(); ok {
		return k
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	if err := r.Load(ctx); err != nil {
		r.log.WarnContext(ctx, "sealing key not looked for", "error", err)
	}
	k, _ := r.newest()
	return k
}

func (r *Ring) newest() (Key, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.keys) == 0 {
		return Key{}, false
	}
	return keyOf(&r.keys[0]), true
}

// Key returns the key of an id. One that is not at hand may have been made by another
// gateway a moment ago: then the store is asked.
func (r *Ring) Key(id uint32) (Key, bool) {
	if k, ok := r.find(id); ok {
		return k, true
	}
	r.mu.Lock()
	asked := r.now().Sub(r.checked) < askAgain
	r.checked = r.now()
	r.mu.Unlock()
	if asked {
		return Key{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	if err := r.Load(ctx); err != nil {
		r.log.WarnContext(ctx, "sealing key not looked for", "error", err)
	}
	return r.find(id)
}

func (r *Ring) find(id uint32) (Key, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.keys {
		if r.keys[i].ID == int64(id) {
			return keyOf(&r.keys[i]), true
		}
	}
	return Key{}, false
}

func keyOf(k *gateway.SealingKey) Key { return Key{uint32(k.ID), k.Secret[:]} }
