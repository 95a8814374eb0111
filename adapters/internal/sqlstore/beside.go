package sqlstore

import "slices"

// Beside are the errands that a batch does on the way, in its own transaction: where
// there is one writer, each of them would else have the disk wait on for itself, and
// the next batch with it. A nil Beside has none.
type Beside struct {
	store *Store
	asked bool
	did   []*errand // in the transaction that is open
	left  []*errand // to be done alone
}

// BesideOf returns what a batch may do on the way. A program that does it not, leaves
// the errands to those who wait with them.
func BesideOf(items []*Item) *Beside { return items[0].beside }

// Do does what waits, in the open transaction, just before it commits; a second call
// does nothing. False means that something failed: the transaction has to be rolled
// back, and the batch is written again without errands.
func (b *Beside) Do(q Querier) bool {
	if b == nil || b.asked {
		return true
	}
	b.asked = true
	all := b.store.errands.take()
	for _, e := range all {
		if e.ctx.Err() != nil {
			b.left = append(b.left, e)
			continue
		}
		b.did = append(b.did, e)
		if e.fn(q) != nil {
			b.did, b.left = nil, all
			return false
		}
	}
	return true
}

// Undone is for a commit that certainly came to nothing: what was done is done alone.
func (b *Beside) Undone() {
	if b != nil {
		b.did, b.left = nil, slices.Concat(b.did, b.left)
	}
}

// Committed tells what any other commit came to.
func (b *Beside) Committed(err error) {
	if b == nil {
		return
	}
	for _, e := range b.did {
		e.end(true, err)
	}
	b.did = nil
}

// settle does alone what the batch has not done. The writer's turn must be free.
func (b *Beside) settle() {
	b.Undone() // the transaction was given up before its commit
	for _, e := range b.left {
		e.end(b.store.writeOnce(e.ctx, e.fn))
	}
}
