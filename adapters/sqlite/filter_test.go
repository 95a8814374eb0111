package sqlite

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestFilter: it has all that was added, and of the rest lets few pass.
func TestFilter(t *testing.T) {
	t.Parallel()
	f, random := newFilter(), rand.NewPCG(1, 2)
	prefix := make([]byte, prefixSize)
	if f.may(prefix) {
		t.Error("an empty filter lets something pass")
	}
	n := 0
	for _, c := range []struct{ claims, oneOf int }{{1 << 20, 1000}, {filterFull, 20}} {
		for ; n < c.claims; n++ {
			binary.BigEndian.PutUint64(prefix, random.Uint64())
			if f.add(prefix); !f.may(prefix) {
				t.Fatal("what was added does not pass")
			}
		}
		const asked = 1 << 18
		passed := 0
		for range asked {
			binary.BigEndian.PutUint64(prefix, random.Uint64())
			if f.may(prefix) {
				passed++
			}
		}
		t.Logf("with %d claims, %d of %d others pass", n, passed, asked)
		if passed > asked/c.oneOf {
			t.Errorf("with %d claims, %d of %d others pass", n, passed, asked)
		}
	}
}
