package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// parkedMessages is how many messages the benchmark's parking lot has, besides as
// many that are closed.
const parkedMessages = 100_000

// BenchmarkLot asks a full parking lot what it holds, and begins a job on half of it.
func BenchmarkLot(b *testing.B) {
	path := filepath.Join(b.TempDir(), "g.db")
	s, err := Open(b.Context(), Config{Path: config.Path(path)}, time.Now, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Up(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	fillLot(b, path)
	groups := func(sel gateway.Selection) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				if found, err := s.Groups(b.Context(), sel); err != nil || len(found) == 0 {
					b.Fatal(found, err)
				}
			}
		}
	}
	b.Run("groups", groups(gateway.Selection{}))
	b.Run("groups of a code", groups(gateway.Selection{Route: "route-1", Codes: []string{"GH-2001"}}))
	b.Run("groups of an hour", groups(gateway.Selection{Since: time.Now().Add(-time.Hour)}))
	b.Run("page of a code", func(b *testing.B) {
		for b.Loop() {
			if found, err := s.Messages(b.Context(), gateway.Query{Outcome: "parked", Codes: []string{"GH-2001"}}); err != nil || len(found) != 50 {
				b.Fatal(len(found), err)
			}
		}
	})
	b.Run("job on half", func(b *testing.B) {
		for b.Loop() {
			j := &gateway.Job{ID: uuid.Must(uuid.NewV7()), Act: gateway.Replay, Selection: gateway.Selection{Codes: []string{"GH-2000", "GH-2002"}}, State: gateway.JobPaused, Rate: 20, CreatedAt: time.Now()}
			if err := s.StartJob(b.Context(), j); err != nil || j.Total < parkedMessages/4 {
				b.Fatal(j.Total, err)
			}
		}
	})
}

func fillLot(b *testing.B, path string) {
	b.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().UnixMilli()
	const insert = `INSERT INTO "gateway.held" (id, received_at, route, endpoint, mapping, contract, principal, login, sender, "identity", body, content_type, ordering_key,
		traceparent, correlation, origin, properties, state, code, reason, attempts, cause) VALUES (?1, ?2, ?3, 'amqp:q', 'm', zeroblob(32), '', '', '', ?4, zeroblob(32), 'application/xml', ?4,
		'', '', NULL, '{}', ?5, ?6, ?7, 1, ?8)`
	for i := range 2 * parkedMessages {
		id := uuid.Must(uuid.NewV7())
		state := []string{"parked", "replayed"}[i%2]
		cause := fmt.Sprintf("the message breaks its contract: /o:Order/o:Line%d is missing", i/2%9)
		_, err := tx.ExecContext(b.Context(), insert, id[:], now, fmt.Sprint("route-", i/2%5), fmt.Sprint("m-", i), state, fmt.Sprintf("GH-200%d", i/2%4), cause+fmt.Sprintf(" found %d", i), cause)
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}
