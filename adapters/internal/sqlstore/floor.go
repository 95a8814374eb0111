package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// floors remember up to where each shard has nothing for the relay but what a parked
// delivery holds back. Behind a parked one of a busy key a great deal may wait, and who
// looks for what can go, after every commit, would read all of it each time. Numbers
// are given in the order of commits, so below a floor nothing comes to wait that was
// not there, until something is put back in line or its head leaves the parking lot:
// that is counted (released), whoever does it.
type floors struct {
	mu sync.Mutex
	of map[stand]floor
}

// floor says that a shard was seen with so many releases, and that everything up to
// below was held back then, or gone.
type floor struct {
	releases, below int64
	since           time.Time // when everything was read
}

// floorTime is after which time everything is read again: somebody may have mended
// the tables by hand, and counted nothing.
const floorTime = time.Minute

// at returns from where on to read a shard that has so many releases, and gives the
// number next.
func (f *floors) at(place stand, next, releases int64, now time.Time) floor {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, found := f.of[place]
	age := now.Sub(known.since)
	if !found || known.releases != releases || known.below >= next || age < 0 || age >= floorTime {
		return floor{releases: releases, since: now}
	}
	return known
}

func (f *floors) learn(place stand, known floor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = map[stand]floor{}
	}
	f.of[place] = known
}

// Reread has the next look at each shard read all of it. It is for those who have
// changed the tables by hand and do not want to wait until that happens by itself, in a
// minute.
func (s *Store) Reread() {
	s.floors.mu.Lock()
	defer s.floors.mu.Unlock()
	clear(s.floors.of)
}

// fromBeginning reads the first page of a shard. How the shard stands is asked before:
// what changes between the two statements has the next look read everything.
func (s *Store) fromBeginning(ctx context.Context, place stand, limit int) (gateway.Page, error) {
	next, releases := int64(1), int64(0)
	row := s.dialect.Reader().QueryRowContext(ctx, s.text.standing, place.channel, place.shard)
	if err := row.Scan(&next, &releases); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return gateway.Page{}, s.fail("reading the outbox", err)
	}
	known := s.floors.at(place, next, releases, s.now())
	page, err := s.pending(ctx, place, known.below, limit)
	if err != nil {
		return gateway.Page{}, err
	}
	known.below = next - 1
	if len(page.Deliveries) > 0 {
		known.below = page.Deliveries[0].Seq - 1
	}
	s.floors.learn(place, known)
	return page, nil
}
