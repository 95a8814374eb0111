package sealing

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// cabinet keeps keys; it is safe for concurrent use.
type cabinet struct {
	mu    sync.Mutex
	keys  []gateway.SealingKey
	now   time.Time
	fail  error
	reads int
}

func (c *cabinet) SealingKeys(context.Context) ([]gateway.SealingKey, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return slices.Clone(c.keys), c.fail
}

func (c *cabinet) AddSealingKey(_ context.Context, secret [32]byte, unless time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) == 0 || !c.keys[0].At.After(unless) {
		c.keys = append([]gateway.SealingKey{{ID: int64(len(c.keys) + 1), Secret: secret, At: c.now}}, c.keys...)
	}
	return c.fail
}

func (c *cabinet) RemoveSealingKeys(_ context.Context, before time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = slices.DeleteFunc(c.keys, func(k gateway.SealingKey) bool { return k.At.Before(before) && k.ID != c.keys[0].ID })
	return c.fail
}

func (c *cabinet) ring(t *testing.T) *Ring {
	return NewRing(c, func() time.Time { return c.now }, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

// TestSeal: a token opens with what it was sealed for, by any gateway on the store, and
// with nothing else.
func TestSeal(t *testing.T) {
	c := &cabinet{now: time.Now()}
	here, there := NewSealer(c.ring(t), "stream"), NewSealer(c.ring(t), "stream")
	token, err := here.Seal([]byte("somewhere"), []byte("mine"))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := here.Seal([]byte("somewhere"), []byte("mine")); again != token {
		t.Error("one text has two tokens")
	}
	if plain, ok := there.Open(token, []byte("mine")); !ok || string(plain) != "somewhere" {
		t.Errorf("another gateway reads %q, %v", plain, ok)
	}
	if len(c.keys) != 1 {
		t.Errorf("two gateways have made %d keys", len(c.keys))
	}
	for name, open := range map[string]func() ([]byte, bool){
		"another binding": func() ([]byte, bool) { return here.Open(token, []byte("yours")) },
		"another purpose": func() ([]byte, bool) { return NewSealer(c.ring(t), "page").Open(token, []byte("mine")) },
		"cut":             func() ([]byte, bool) { return here.Open(token[:len(token)-2], []byte("mine")) },
		"longer":          func() ([]byte, bool) { return here.Open(token+"AA", []byte("mine")) },
		"nothing":         func() ([]byte, bool) { return here.Open("", []byte("mine")) },
		"no base64":       func() ([]byte, bool) { return here.Open("ä!", []byte("mine")) },
		"huge":            func() ([]byte, bool) { return here.Open(strings.Repeat("A", 1<<20), []byte("mine")) },
		"changed": func() ([]byte, bool) {
			b := []byte(token)
			b[len(b)/2] ^= 1
			return here.Open(string(b), []byte("mine"))
		},
	} {
		if plain, ok := open(); ok {
			t.Errorf("%s: %q", name, plain)
		}
	}
}

// TestRing: keys are replaced when they are old and open tokens for as long again; ids
// that are made up do not have the store asked each time; and without a key nothing is
// sealed.
func TestRing(t *testing.T) {
	c := &cabinet{now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	r := c.ring(t)
	s := NewSealer(r, "stream")
	first, err := s.Seal([]byte("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(RotateAfter + time.Hour)
	if err := r.Load(t.Context()); err != nil || r.Current().ID != 2 {
		t.Fatalf("key %d, %v", r.Current().ID, err)
	}
	if _, ok := s.Open(first, nil); !ok {
		t.Error("the key before opens nothing")
	}
	c.now = c.now.Add(RotateAfter + time.Hour)
	if err := r.Load(t.Context()); err != nil || len(c.keys) != 2 {
		t.Fatalf("%d keys are kept, %v", len(c.keys), err)
	}
	reads := c.reads
	c.now = c.now.Add(time.Minute)
	for range 100 {
		if _, ok := r.Key(99); ok {
			t.Fatal("a key that nobody made")
		}
	}
	if c.reads != reads+1 {
		t.Errorf("the store was asked %d times", c.reads-reads)
	}

	away := &cabinet{now: c.now, fail: errors.New("away")}
	if _, err := NewSealer(away.ring(t), "stream").Seal(nil, nil); err == nil || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without a key: %v", err)
	}
}
