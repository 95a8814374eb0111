package main

import (
	"context"
	"sync"
)

// budget is how many messages may be sent by now. It is handed out in shares, so
// that all of a campaign's violence meets messages.
type budget struct {
	mu     sync.Mutex
	left   int // not granted yet
	tokens chan struct{}
}

func newBudget(messages int) *budget {
	return &budget{left: messages, tokens: make(chan struct{}, messages)}
}

// grant allows n more; those past the last are forgotten. After the last one
// senders know that there will be no more.
func (b *budget) grant(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == 0 {
		return
	}
	for range min(n, b.left) {
		b.tokens <- struct{}{}
		b.left--
	}
	if b.left == 0 {
		close(b.tokens)
	}
}

// take waits for leave to send one message; false: there will be none.
func (b *budget) take(ctx context.Context) bool {
	select {
	case _, ok := <-b.tokens:
		return ok
	case <-ctx.Done():
		return false
	}
}
