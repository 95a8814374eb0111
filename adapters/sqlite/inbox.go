package sqlite

import (
	"bytes"
	"cmp"
	"database/sql/driver"
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The statements of the inbox.
const (
	recentText  = `SELECT id, claim FROM "gateway.inbox" WHERE id > +?1 ORDER BY id`
	isClaimText = `SELECT 1 FROM "gateway.inbox" WHERE id = ?1 AND claim = ?2`
	knownText   = `SELECT i.message_id, i.body, coalesce(m.outcome, ''), r.body FROM "gateway.inbox" AS i
		LEFT JOIN "gateway.message" AS m ON m.id = i.message_id
		LEFT JOIN "gateway.reply" AS r ON r.message_id = i.message_id
		WHERE i.id = ?1`
	unclaimText = `DELETE FROM "gateway.inbox" WHERE message_id = ?1`
	// What others have entered, and what was removed since.
	uptoText    = `SELECT upto FROM "gateway.entered" WHERE rowid = 1`
	removedText = `SELECT id FROM "gateway.unentered"`
	enteredText = `UPDATE "gateway.entered" SET upto = ?1 WHERE rowid = 1 AND upto < ?1`
	forgetText  = `DELETE FROM "gateway.unentered" WHERE id <= (SELECT upto FROM "gateway.entered" WHERE rowid = 1)`
)

var (
	claims = newBulk(`INSERT OR FAIL INTO "gateway.inbox" (claim, body, message_id)`, values(3), "")
	// Which of these does the index lead to?
	claimed = newBulk(`WITH k (prefix) AS (`, values(1), `) SELECT i.id, i.claim FROM k CROSS JOIN "gateway.claimed" AS c ON c.prefix = k.prefix
		CROSS JOIN "gateway.inbox" AS i ON i.id = c.id`)
	entries = newBulk(`INSERT OR IGNORE INTO "gateway.claimed" (prefix, id)`, values(2), "")
)

const (
	// enterAfter is how many claims are remembered before they are entered into the
	// index: many, so that a page of it takes several of them even when there are
	// millions. Twice as many may be remembered, in some megabytes.
	enterAfter = 1 << 15
	// enterTimes is how many claims are entered for each that is made, so that nobody
	// waits for all of them.
	enterTimes = 4
	// prefixSize is how much of a claim the index has.
	prefixSize = 8
)

// inbox is what the writer remembers of the inbox. A claim is a hash; an index of
// all of them is written in another place for each message, a page for a few bytes,
// and the larger it is the worse. So the index, gateway.claimed, is written many
// claims at once, and those that it does not have yet are remembered here.
//
// That no claim is stored twice does not depend on it: SQLite has one writer, and
// what is asked within a transaction that will write is answered by all that was
// committed, by whatever process. Every row of the inbox is in the index or has a
// number above gateway.entered; every one of these that was committed, by others
// too, is read before anything is claimed (recall); and its numbers are never used
// again. What is found here is looked at in the table.
//
// It is the writer's, which one session has at a time.
type inbox struct {
	last     int64                    // the highest number remembered, or left to the index
	recent   map[gateway.Digest]int64 // committed, to be entered later
	entering map[gateway.Digest]int64 // committed, being entered
	keys     []place                  // of entering, in the index's order
	first    int64                    // the lowest number of entering
	upto     int64                    // the highest
	done     int                      // how many of keys are entered
	after    int                      // how many recent ones are enough to enter them
	filter   filter                   // of the index

	// Of the transaction that is open; its end keeps it or forgets it.
	recalled bool
	mine     map[gateway.Digest]int64 // claimed in it
	alone    bool                     // some of mine may have been undone by a savepoint
	entered  int                      // done, with what it has entered
}

func newInbox() *inbox {
	return &inbox{recent: map[gateway.Digest]int64{}, mine: map[gateway.Digest]int64{}, after: enterAfter, filter: newFilter()}
}

// begin forgets the transaction before.
func (b *inbox) begin() {
	clear(b.mine)
	b.recalled, b.alone, b.entered = false, false, b.done
}

// committed keeps what the transaction has done. What it claimed under savepoints is
// read with what others did, by the next one.
func (b *inbox) committed() {
	if !b.alone {
		for _, id := range b.mine {
			b.last = max(b.last, id)
		}
		maps.Copy(b.recent, b.mine)
	}
	if b.done = b.entered; b.done == len(b.keys) {
		b.entering, b.keys, b.done = nil, nil, 0
	}
	b.begin()
}

// recall reads what was claimed since the last time, once in a transaction and
// before it claims or removes anything itself. What others have claimed and entered
// since is in the index only.
func (b *inbox) recall(c *connection) error {
	if b.recalled {
		return nil
	}
	upto, err := mark(c)
	if err != nil {
		return err
	}
	if upto > b.last {
		b.last = upto
		b.filter.again()
	}
	err = c.rows(recentText, func(row []driver.Value) bool {
		b.last = row[0].(int64)
		b.recent[gateway.Digest(row[1].([]byte))] = b.last
		return true
	}, b.last)
	b.recalled = err == nil
	return err
}

// mark reads up to which number all is entered.
func mark(c *connection) (int64, error) {
	row, found, err := c.row(uptoText)
	if err != nil || !found {
		return 0, cmp.Or(err, errNoMark)
	}
	return row[0].(int64), nil
}

// find returns the number of a claim that the inbox has.
func (b *inbox) find(c *connection, claim gateway.Digest) (id int64, found bool, err error) {
	if err := b.recall(c); err != nil {
		return 0, false, err
	}
	for _, some := range []map[gateway.Digest]int64{b.mine, b.recent, b.entering} {
		if id, remembered := some[claim]; remembered {
			if _, found, err = c.row(isClaimText, id, claim[:]); err != nil || found {
				return id, found, err
			}
		}
	}
	if !b.filter.may(claim[:]) {
		return 0, false, nil
	}
	err = c.rows(claimed.single(), func(row []driver.Value) bool {
		if bytes.Equal(row[1].([]byte), claim[:]) {
			id, found = row[0].(int64), true
		}
		return !found
	}, claim[:prefixSize])
	return id, found, err
}

// known returns those of the claims that the inbox has.
func (b *inbox) known(c *connection, items []*sqlstore.Item) (map[gateway.Digest]bool, error) {
	if err := b.recall(c); err != nil {
		return nil, err
	}
	known := map[gateway.Digest]bool{}
	prefixes := make([]any, 0, len(items))
	for _, it := range items {
		if _, remembered := b.recent[it.Claim]; remembered || len(b.mine) > 0 || b.entering[it.Claim] > 0 {
			_, found, err := b.find(c, it.Claim)
			if err != nil {
				return nil, err
			}
			if found {
				known[it.Claim] = true
			}
			continue
		}
		if b.filter.may(it.Claim[:]) {
			prefixes = append(prefixes, it.Claim[:prefixSize])
		}
	}
	// In the index's order: a page that is asked for twice is asked for in a row.
	slices.SortFunc(prefixes, func(x, y any) int { return bytes.Compare(x.([]byte), y.([]byte)) })
	err := claimed.rows(c, prefixes, func(row []driver.Value) bool {
		known[gateway.Digest(row[1].([]byte))] = true
		return true
	})
	if err != nil {
		return nil, err
	}
	return known, b.filter.read(c, enterTimes*len(items))
}

// enter writes claims that the inbox does not have.
func (b *inbox) enter(c *connection, items []*sqlstore.Item) error {
	if len(items) == 0 {
		return nil
	}
	args := make([]any, 0, claims.params*len(items))
	for _, it := range items {
		m := it.Message()
		args = append(args, it.Claim[:], m.Body[:], m.ID[:])
	}
	// Nobody else writes meanwhile, so they have consecutive numbers.
	n, last, err := claims.run(c, args)
	if err != nil {
		return err
	}
	if n != int64(len(items)) {
		return errUnclaimed
	}
	before := len(b.mine)
	for i, it := range items {
		b.mine[it.Claim] = last - n + 1 + int64(i)
	}
	if len(b.mine) != before+len(items) && !b.alone {
		return errTwice
	}
	return nil
}

var (
	errUnclaimed = errors.New("the inbox neither took a claim nor has it")
	errTwice     = errors.New("a batch has a claim twice")
	errNoMark    = errors.New("the inbox has lost the mark of what is entered")
)

// settle enters some of what is remembered into the index, when there is enough of
// it: so much for each claim of the transaction, which is about to be committed, that
// no other has to enter all. Where somebody has filled the table, all is entered.
func (b *inbox) settle(c *connection) error {
	if len(b.mine) == 0 {
		return nil
	}
	if b.keys == nil && len(b.recent) >= b.after {
		b.gather()
	}
	end := min(len(b.keys), b.entered+enterTimes*len(b.mine))
	if len(b.keys) > 4*b.after {
		end = len(b.keys)
	}
	if end == b.entered {
		return nil
	}
	some, err := b.toEnter(c, b.keys[b.entered:end])
	if err != nil {
		return err
	}
	err = c.table(entries, func(args []any) []any {
		for i := range some {
			args = append(args, some[i].prefix[:], some[i].id)
		}
		return args
	})
	if err != nil {
		return err
	}
	if b.entered = end; end < len(b.keys) {
		return nil
	}
	if err := c.do(enteredText, b.upto); err != nil {
		return err
	}
	return c.do(forgetText)
}

// place is what the index has of a claim.
type place struct {
	prefix [prefixSize]byte
	id     int64
}

// toEnter returns those that the index should have and may lack. What is below the
// mark others have entered by now. What was removed above it is noted by the table
// itself: an entry of it would stay for ever.
func (b *inbox) toEnter(c *connection, some []place) ([]place, error) {
	upto, err := mark(c)
	if err != nil {
		return nil, err
	}
	removed := map[int64]bool{}
	err = c.rows(removedText, func(row []driver.Value) bool {
		removed[row[0].(int64)] = true
		return true
	})
	if err != nil || len(removed) == 0 && upto < b.first {
		return some, err
	}
	return slices.DeleteFunc(slices.Clone(some), func(p place) bool { return p.id <= upto || removed[p.id] }), nil
}

// gather makes what is remembered what is being entered.
func (b *inbox) gather() {
	b.filter.renew()
	b.keys = make([]place, 0, len(b.recent))
	b.first, b.upto = math.MaxInt64, 0
	for claim, id := range b.recent {
		b.keys = append(b.keys, place{[prefixSize]byte(claim[:prefixSize]), id})
		b.first, b.upto = min(b.first, id), max(b.upto, id)
		b.filter.add(claim[:])
	}
	slices.SortFunc(b.keys, func(x, y place) int {
		return cmp.Or(bytes.Compare(x.prefix[:], y.prefix[:]), cmp.Compare(x.id, y.id))
	})
	b.entering, b.recent = b.recent, map[gateway.Digest]int64{}
}

// claim enters an item in the inbox, or settles one that the inbox knows.
func claim(s *session, it *sqlstore.Item) (known bool, err error) {
	s.inbox.alone = true
	_, known, err = s.inbox.find(s.connection, it.Claim)
	if err != nil {
		return false, err
	}
	if known {
		return true, repeat(s, it)
	}
	return false, s.inbox.enter(s.connection, []*sqlstore.Item{it})
}

// repeat settles an item that the inbox knows.
func repeat(s *session, it *sqlstore.Item) error {
	id, found, err := s.inbox.find(s.connection, it.Claim)
	if err != nil {
		return err
	}
	row, has, err := s.row(knownText, id)
	if err != nil {
		return err
	}
	if !found || !has {
		return errUnclaimed
	}
	reply, _ := row[3].([]byte)
	it.Known(gateway.ID(row[0].([]byte)), gateway.Digest(row[1].([]byte)), row[2] == gateway.Superseded.String(), reply)
	return nil
}
