package ldap

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// memory is what a Directory remembers of logins. Nothing in it is a password
// or leads to one without the key, which never leaves the process.
type memory struct {
	config Cache
	guard  LockoutGuard
	now    func() time.Time
	macs   sync.Pool // of *mac, all under one key that exists nowhere else

	mu       sync.Mutex
	accepted *lru[digest, accepted]
	refused  *lru[digest, refusedAt]
	failures *lru[string, failures]
}

// accepted is a login that was right.
type accepted struct {
	identity *gateway.Identity
	entryDN  string // as the directory writes it
	at       time.Time
	groupsAt time.Time
}

type refusedAt struct {
	refusal *Refusal
	at      time.Time
}

// failures are the wrong passwords of one entry.
type failures struct {
	count  int
	since  time.Time
	proven digest // of the password that worked last
}

func newMemory(c Config, now func() time.Time) *memory {
	m := &memory{config: c.Cache, guard: c.LockoutGuard, now: now}
	var key [32]byte
	rand.Read(key[:])
	m.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, key[:])} }
	m.flush()
	return m
}

// flush forgets everything.
func (m *memory) flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accepted = newLRU[digest, accepted](m.config.MaxEntries)
	m.refused = newLRU[digest, refusedAt](m.config.MaxEntries)
	m.failures = newLRU[string, failures](m.config.MaxEntries)
}

// What a digest is of.
const (
	ofLogin       = "login"
	ofLookup      = "lookup"
	ofCertificate = "certificate"
	ofProof       = "proof"
)

// mac computes digests. It is kept for the next one: a new one would have to work
// its key in again.
type mac struct {
	hash   hash.Hash
	buffer []byte
	sum    digest
}

// digest binds name and password together under the process's key. Lengths are
// part of it, so that no two pairs run into one.
func (m *memory) digest(of, name, password string) digest {
	h := m.macs.Get().(*mac)
	defer m.macs.Put(h)
	b := h.buffer[:0]
	for _, part := range [...]string{of, name, password} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	h.hash.Reset()
	h.hash.Write(b)
	h.hash.Sum(h.sum[:0])
	clear(b) // the password is not to lie about
	h.buffer = b
	return h.sum
}

// accept remembers a right login.
func (m *memory) accept(key digest, a accepted) {
	if m.config.Disabled {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accepted.put(key, a)
	m.refused.remove(key)
}

// recall returns a right login and whether it and its groups are fresh.
func (m *memory) recall(key digest) (a accepted, fresh, groupsFresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.accepted.get(key)
	if !ok {
		return a, false, false
	}
	now := m.now()
	return a, now.Sub(a.at) < m.config.TTL, now.Sub(a.groupsAt) < m.config.GroupTTL
}

// stale returns a right login that may still serve while the directory is down.
func (m *memory) stale(key digest) (*gateway.Identity, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.accepted.get(key)
	if !ok || m.now().Sub(a.at) >= m.config.TTL+m.config.ServeStaleFor {
		return nil, false
	}
	return a.identity, m.config.ServeStaleFor > 0
}

// refuse remembers a refused login; what was accepted with it is void.
func (m *memory) refuse(key digest, r *Refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accepted.remove(key)
	if !m.config.Disabled && r.Reason != ReasonGuard {
		m.refused.put(key, refusedAt{r, m.now()})
	}
}

// refusal returns why the same login was refused a moment ago.
func (m *memory) refusal(key digest) *Refusal {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.refused.get(key)
	if !ok || m.now().Sub(r.at) >= m.config.NegativeTTL {
		return nil
	}
	return r.refusal
}

// mayTry reports whether one more password may be tried on an entry.
func (m *memory) mayTry(entry string, proof digest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.failures.get(entry)
	return m.guard.Disabled || !ok || f.count < m.guard.MaxFailures || f.proven == proof ||
		m.now().Sub(f.since) >= m.guard.Window
}

// tried records how it went.
func (m *memory) tried(entry string, proof digest, right bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, _ := m.failures.get(entry)
	switch now := m.now(); {
	case right:
		f = failures{proven: proof}
	case f.count == 0 || now.Sub(f.since) >= m.guard.Window:
		f.count, f.since = 1, now
	default:
		f.count++
	}
	if !right && f.proven == proof {
		f.proven = digest{}
	}
	m.failures.put(entry, f)
}
