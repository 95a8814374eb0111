package sqlite

import (
	"database/sql/driver"
	"encoding/binary"
	"math/bits"
)

const prefixesText = `SELECT prefix FROM "gateway.claimed" WHERE prefix > ?1 ORDER BY prefix LIMIT +?2`

const (
	// filterWords are 4 MiB. With a million claims one in a thousand passes for
	// nothing, with four million one in thirty.
	filterWords = 1 << 19
	// filterFull is how many claims a filter should take.
	filterFull = 1 << 22
)

// filter is a Bloom filter of the claims that the inbox's index has: what it does not
// have is not there. That spares nearly every message the question, which costs the
// more the larger the index is, since each claim is in a page of its own. What it has
// need not be there.
//
// It is read from the index, some of it with each batch; until it is whole, it says
// that everything may be there. From then on whoever enters a claim adds it first.
type filter struct {
	words []uint64 // a prefix has four bits of one of them; nil as long as there is none
	after []byte   // the prefix up to which the index is read
	whole bool
	added int // with those that have been removed since
	most  int // when more than these are added, it is read anew
	full  int // filterFull
	// useless says that the index has too much for it: twice what it should take.
	useless bool
}

// newFilter is that of an empty index.
func newFilter() filter {
	return filter{after: []byte{}, whole: true, most: filterFull, full: filterFull}
}

// pattern is the word of a prefix, which is a part of a hash, and its bits there.
func pattern(prefix []byte) (word int, set uint64) {
	h := binary.BigEndian.Uint64(prefix)
	for i := range 4 {
		set |= 1 << (h >> (6 * i) & 63)
	}
	return int(h >> (64 - bits.TrailingZeros(filterWords))), set
}

// may reports whether the index may have a claim of the prefix.
func (f *filter) may(prefix []byte) bool {
	if !f.whole || f.words == nil {
		return !f.whole
	}
	word, set := pattern(prefix)
	return f.words[word]&set == set
}

// add notes a claim that the index has, or is about to have.
func (f *filter) add(prefix []byte) {
	if f.useless {
		return
	}
	if f.words == nil {
		f.words = make([]uint64, filterWords)
	}
	word, set := pattern(prefix)
	f.words[word] |= set
	f.added++
}

// again has the index be read from its beginning. What was added stays: it may be
// entered only when reading is past its place.
func (f *filter) again() { f.whole, f.after = false, []byte{} }

// renew empties a filter that has taken too much, most of which may be gone by now.
// Nothing may be about to be entered.
func (f *filter) renew() {
	if f.whole && f.added > f.most {
		clear(f.words)
		f.added = 0
		f.again()
	}
}

// read reads n entries of the index more, unless it has read all.
func (f *filter) read(c *connection, n int) error {
	if f.whole || f.useless {
		return nil
	}
	var last [prefixSize]byte
	seen := 0
	err := c.rows(prefixesText, func(row []driver.Value) bool {
		copy(last[:], row[0].([]byte))
		f.add(last[:])
		seen++
		return true
	}, f.after, n)
	switch {
	case err != nil:
		return err
	case f.added > 2*f.full:
		f.useless, f.words = true, nil
	case seen < n:
		f.whole, f.most = true, max(f.full, 2*f.added)
	default:
		f.after = last[:]
	}
	return nil
}
