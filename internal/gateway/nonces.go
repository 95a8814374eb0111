package gateway

import (
	"crypto/sha256"
	"sync"
	"time"
)

// nonces remembers which UsernameTokens were used, each until it is too old to be
// taken anyway. It is this process's alone: a token that another node took is not
// known here. When it is full, tokens that bring a nonce are turned away rather
// than others forgotten.
type nonces struct {
	mu       sync.Mutex
	slots    map[int64]*nonceSlot // by expiry, in nonceSpan
	total    int
	perUser  map[string]int
	max      int // of all users, about 40 bytes each
	maxOfOne int
}

type nonceSlot struct {
	used    map[nonceKey]bool
	perUser map[string]int
}

// nonceKey is the beginning of a digest over user, nonce and time.
type nonceKey [16]byte

const (
	nonceSpan     = 30 * time.Second
	maxNonces     = 1 << 19
	maxUserNonces = 1 << 17
)

// What using a nonce came to.
type nonceUse uint8

const (
	nonceFresh nonceUse = iota
	nonceUsed
	noncesFull
)

func newNonces() *nonces {
	return &nonces{slots: map[int64]*nonceSlot{}, perUser: map[string]int{}, max: maxNonces, maxOfOne: maxUserNonces}
}

// use notes that user has used a nonce, which counts until the time given, and
// tells whether it may.
func (n *nonces) use(user, nonce string, now, until time.Time) nonceUse {
	sum := sha256.Sum256([]byte(user + "\x00" + nonce)) // a user name holds no control character
	key := nonceKey(sum[:16])
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expire(now)
	for _, s := range n.slots {
		if s.used[key] {
			return nonceUsed
		}
	}
	if n.total >= n.max || n.perUser[user] >= n.maxOfOne {
		return noncesFull
	}
	s := n.slot(until)
	s.used[key] = true
	s.perUser[user]++
	n.perUser[user]++
	n.total++
	return nonceFresh
}

// slot is where what ends at a time is kept: up to nonceSpan longer.
func (n *nonces) slot(until time.Time) *nonceSlot {
	at := until.UnixNano()/int64(nonceSpan) + 1
	if n.slots[at] == nil {
		n.slots[at] = &nonceSlot{used: map[nonceKey]bool{}, perUser: map[string]int{}}
	}
	return n.slots[at]
}

func (n *nonces) expire(now time.Time) {
	for at, s := range n.slots {
		if at > now.UnixNano()/int64(nonceSpan) {
			continue
		}
		for user, count := range s.perUser {
			if n.perUser[user] -= count; n.perUser[user] == 0 {
				delete(n.perUser, user)
			}
		}
		n.total -= len(s.used)
		delete(n.slots, at)
	}
}
