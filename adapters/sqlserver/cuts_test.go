package sqlserver_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestSmallCommitsInDoubt: the link is cut at the commit of what is not a batch,
// after the server took it or before. Whoever asked is told that the store is away,
// and when he asks again it is as if he had been heard the first time, or never
// been. Such a transaction has short texts, so that many cuts fit into a time in
// which a new connection's first look at a batch's is had a few times.
func TestSmallCommitsInDoubt(t *testing.T) {
	r := newRig(t, nil)
	b := &small{rig: r, writer: r.writer(t, customers(true))}
	b.supply(t)
	before := runtime.NumGoroutine()
	start, done := time.Now(), 0
	for ; done < *cuts && (done < fewestCuts || time.Since(start) < *cutsTime); done++ {
		how := []fate{unheard, unheard, unsent}[done/3%3]
		switch done % 3 {
		case 0:
			b.note(t, done, how)
		case 1:
			b.clear(t, done, how)
		default:
			b.confirm(t, how)
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%d cuts in %s", done, time.Since(start))
	settled(t, before)
	r.count(t, 0, "gateway.suspect")
	r.count(t, b.stored-b.confirmed, "gateway.outbox")
}

// settled waits until the goroutines of connections that were cut are gone.
func settled(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() >= before+fewestCuts; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines after the cuts, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// small asks for small transactions.
type small struct {
	*rig
	writer            gateway.Writer
	lease             gateway.Lease
	waiting           []gateway.Delivery // of one shard
	stored, confirmed int
}

// cut does it with the link cut at its first commit, and returns its error.
func (b *small) cut(t *testing.T, what string, how fate, do func() error) error {
	t.Helper()
	var done atomic.Bool
	b.proxy.breakAt(func(m message) fate {
		if m.commits(false) && done.CompareAndSwap(false, true) {
			return how
		}
		return passes
	})
	err := do()
	b.proxy.breakAt(nil)
	switch {
	case !done.Load():
		t.Fatalf("%s: nothing was cut: %v", what, err)
	case err == nil || fault.KindOf(err) != fault.Unavailable:
		t.Errorf("%s: %v", what, err)
	}
	return err
}

// note notes a suspect, which counts once or not at all.
func (b *small) note(t *testing.T, n int, how fate) {
	origin := gateway.Digest(sha256.Sum256(fmt.Append(nil, "note ", n)))
	b.cut(t, "noting", how, func() error { _, err := b.store.Try(t.Context(), origin); return err })
	want := 1
	if how == unsent {
		want = 0
	}
	if tries, err := b.store.Try(t.Context(), origin); err != nil || tries != want {
		t.Errorf("noted again: %d before, want %d: %v", tries, want, err)
	}
	if err := b.store.Tried(t.Context(), origin); err != nil {
		t.Error(err)
	}
}

// clear removes the note of a suspect.
func (b *small) clear(t *testing.T, n int, how fate) {
	origin := gateway.Digest(sha256.Sum256(fmt.Append(nil, "clear ", n)))
	_, err := b.store.Try(t.Context(), origin)
	if err != nil {
		t.Error(err)
	}
	b.cut(t, "clearing", how, func() error { return b.store.Tried(t.Context(), origin) })
	if err := b.store.Tried(t.Context(), origin); err != nil {
		t.Error(err)
	}
}

// confirm records that the channel took a delivery.
func (b *small) confirm(t *testing.T, how fate) {
	if len(b.waiting) == 0 {
		b.supply(t)
	}
	seqs := []int64{b.waiting[0].Seq}
	b.waiting = b.waiting[1:]
	b.cut(t, "recording", how, func() error { return b.store.Confirm(t.Context(), b.lease, seqs) })
	if err := b.store.Confirm(t.Context(), b.lease, seqs); err != nil {
		t.Errorf("recorded again: %v", err)
	}
	b.confirmed++
}

// supply has deliveries waiting, and holds the shard of the next ones.
func (b *small) supply(t *testing.T) {
	t.Helper()
	const channel = "order-events"
	for {
		for shard := range b.store.Shards() {
			page, err := b.store.Pending(t.Context(), channel, shard, 0, 1000)
			lease, held, leasing := b.store.Acquire(t.Context(), channel, shard, "me", time.Hour)
			if err := errors.Join(err, leasing); err != nil || !held {
				t.Fatalf("held %v: %v", held, err)
			}
			if len(page.Deliveries) > 0 {
				b.waiting, b.lease = page.Deliveries, lease
				return
			}
		}
		var entries []*gateway.Entry
		for i := range 50 {
			entries = append(entries, customer(fmt.Sprintf("PO-%d", b.stored+i)))
		}
		out, err := b.writer.Commit(t.Context(), 0, entries)
		if err != nil || out[0].Status != gateway.Stored {
			t.Fatalf("%v, %v", out, err)
		}
		b.stored += len(entries)
	}
}
