package sqlite

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// TestCheckpoint: what is committed is copied into the file beside the writer, long
// before the writer would do it; and a writer that is always busy has a log that ends.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "g.db")
	d, err := open(t.Context(), Config{Path: config.Path(path)}.withDefaults(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	run(t, d.admin, "CREATE TABLE filler (body BLOB NOT NULL)")
	ss, err := d.Session(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	const each = 200 // pages of a transaction
	written := 0
	fill := func(pages int) {
		for end := written + pages; written < end; written += each {
			if err := ss.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := ss.(*session)
			if err := s.do("INSERT INTO filler (body) VALUES (zeroblob(?1))", each*(pageSize-4)); err != nil {
				t.Fatal(err)
			}
			if err := s.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	size := func(suffix string) int64 {
		about, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		return about.Size()
	}

	fill(2 * checkpointPages)
	deadline := time.Now().Add(time.Minute)
	for size("") < checkpointPages*pageSize {
		if time.Now().After(deadline) {
			t.Fatalf("%d pages were written, and the file has %d", written, size("")/pageSize)
		}
		time.Sleep(time.Millisecond)
	}
	fill(2 * longLog)
	if pages := size("-wal") / pageSize; pages > longLog*3/2 {
		t.Errorf("the log has become %d pages long", pages)
	}
	ss.Release(nil)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got := size(""); got < int64(written)*pageSize {
		t.Errorf("%d pages were written, and the closed file has %d", written, got/pageSize)
	}
}
