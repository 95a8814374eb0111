package ldap

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestDigest: what is kept of a login says nothing of it to who has not the key of
// this very process, and the buffer that the password went through is empty.
func TestDigest(t *testing.T) {
	const name, password = "erp.alice", "erp.alice-secret"
	one, other := newMemory(Config{}.withDefaults(), time.Now), newMemory(Config{}.withDefaults(), time.Now)
	first := one.digest(ofLogin, name, password)
	if second := one.digest(ofLogin, name, password); first != second {
		t.Error("one login has two keys")
	}
	if first == other.digest(ofLogin, name, password) {
		t.Error("two processes have one key")
	}
	if sum := sha256.Sum256([]byte(name + password)); first == sum {
		t.Error("the key is a plain hash")
	}
	seen := map[digest]string{}
	for _, parts := range [][3]string{{ofLogin, "a", "bc"}, {ofLogin, "ab", "c"}, {ofLogin, "", "abc"}, {ofProof, "a", "bc"}, {ofLogin, "a", "bc\x00"},
		{ofLogin, "a\x00\x00\x00\x02bc", ""}, {ofLookup, "a", "bc"}} {
		key := one.digest(parts[0], parts[1], parts[2])
		if before := seen[key]; before != "" {
			t.Errorf("%q and %s have one key", parts, before)
		}
		seen[key] = fmt.Sprintf("%q", parts)
	}
	one.accept(one.digest(ofLogin, name, password), accepted{})
	h := one.macs.Get().(*mac)
	rest := h.buffer[:cap(h.buffer)]
	if strings.Contains(string(rest), password) || strings.Contains(fmt.Sprintf("%+v %+v", one.accepted, one.refused), password) {
		t.Error("the password lies about")
	}
}
