package main

import (
	"context"
	"fmt"
	"time"
)

// stage is where cases are played: a running gateway on an embedded store, and
// what listens to its events.
type stage struct {
	database  string  // the SQLite file
	events    *events // nil: nothing is published
	addresses addresses
}

// play sends every case in order, then waits until everything is out, and holds
// answers, tables and events against the files. told hears of each case as it is
// done, with what differs. The error is not about a case.
func (s *stage) play(ctx context.Context, book *caseBook, c *comparison, told func(one messageCase, answer string, differs error)) error {
	for _, one := range book.Cases {
		answer, err := book.send(ctx, s.addresses, one)
		if err != nil {
			return fmt.Errorf("case %s: %w", one.Case, err)
		}
		told(one, answer, c.check(one.Case+".answer", answer))
	}
	if err := s.settled(ctx); err != nil {
		return err
	}
	tables, err := dumpTables(ctx, s.database)
	if err != nil {
		return err
	}
	c.check("tables.txt", tables)
	if s.events == nil {
		return nil
	}
	events, err := s.events.all(ctx)
	if err != nil {
		return err
	}
	c.check("events.txt", events)
	return nil
}

// settled waits until the outbox is empty and each delivery's event has come.
func (s *stage) settled(ctx context.Context) error {
	deadline := time.Now().Add(demoTimeout)
	for time.Now().Before(deadline) {
		waiting, delivered, err := s.outboxState(ctx)
		if err != nil {
			return err
		}
		for s.events != nil && len(s.events.kept) < delivered {
			e, err := s.events.next(ctx, demoTimeout)
			if err != nil {
				return err
			}
			s.events.kept = append(s.events.kept, e)
		}
		if waiting == 0 && (s.events == nil || len(s.events.kept) == delivered) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("the outbox is not empty after %v", demoTimeout)
}

func (s *stage) outboxState(ctx context.Context) (waiting, delivered int, err error) {
	db, err := openReadOnly(s.database)
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM "gateway.outbox") + (SELECT count(*) FROM "gateway.held" WHERE state = 'waiting'), (SELECT count(*) FROM "gateway.delivery")`).Scan(&waiting, &delivered)
	return waiting, delivered, err
}
