package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t testing.TB, dir string, c *clock) *Directory {
	t.Helper()
	d, err := Open(Config{Directory: config.Path(dir), Grace: time.Hour}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// keep puts octets into a directory as the door and the core do.
func keep(d *Directory, octets string) (gateway.Digest, error) {
	s, err := d.Spool()
	if err != nil {
		return gateway.Digest{}, err
	}
	_, err = s.Write([]byte(octets))
	if err == nil {
		err = s.Keep(context.Background())
	}
	h, _ := s.Sum()
	return h, errors.Join(err, s.Discard())
}

func mustKeep(t testing.TB, d *Directory, octets string) gateway.Digest {
	t.Helper()
	h, err := keep(d, octets)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func has(t testing.TB, d *Directory, octets string) bool {
	t.Helper()
	got, err := d.Content(sha256.Sum256([]byte(octets))).Octets()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil && string(got) == octets
}

// files counts what is in a folder.
func files(t testing.TB, d *Directory, folder string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(d.root, folder), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// refers makes an answer to Sweep's question.
func refers(octets ...string) func(context.Context, []gateway.Digest) (map[gateway.Digest]bool, error) {
	held := map[gateway.Digest]bool{}
	for _, o := range octets {
		held[sha256.Sum256([]byte(o))] = true
	}
	return func(context.Context, []gateway.Digest) (map[gateway.Digest]bool, error) { return held, nil }
}

func TestKeep(t *testing.T) {
	c := &clock{now: time.Now()}
	d := open(t, filepath.Join(t.TempDir(), "a", "b"), c)
	s, err := d.Spool()
	if err != nil {
		t.Fatal(err)
	}
	if octets, err := s.Octets(); err != nil || len(octets) != 0 {
		t.Errorf("of nothing: %q, %v", octets, err)
	}
	for _, part := range []string{"one", " ", "two"} {
		if _, err := s.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if octets, err := s.Octets(); err != nil || string(octets) != "one two" {
		t.Errorf("%q, %v", octets, err)
	}
	if h, n := s.Sum(); h != sha256.Sum256([]byte("one two")) || n != 7 {
		t.Errorf("%x of %d bytes", h, n)
	}
	if has(t, d, "one two") {
		t.Error("it is there before it is kept")
	}
	for range 2 {
		if err := s.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Discard(); err != nil || !has(t, d, "one two") || files(t, d, spoolFolder) != 0 {
		t.Errorf("kept and discarded: %v, %d left", err, files(t, d, spoolFolder))
	}
	mustKeep(t, d, "one two")
	if n := files(t, d, blobFolder); n != 1 {
		t.Errorf("the same octets are kept %d times", n)
	}
	other, err := d.Spool()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Discard(); err != nil || files(t, d, spoolFolder) != 0 {
		t.Errorf("not kept: %v", err)
	}
	h := sha256.Sum256([]byte("one two"))
	if err := os.WriteFile(d.path(h), []byte("one too"), 0o600); err != nil {
		t.Fatal(err)
	}
	if octets, err := d.Content(h).Octets(); err == nil {
		t.Errorf("other octets are taken for it: %q", octets)
	}
	if err := d.Content(sha256.Sum256(nil)).Keep(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there is kept: %v", err)
	}
}

func TestSweep(t *testing.T) {
	c := &clock{now: time.Now()}
	d := open(t, t.TempDir(), c)
	for _, octets := range []string{"referred", "orphan", "kept again", "touched"} {
		mustKeep(t, d, octets)
	}
	left, err := d.Spool() // by a process that ended
	if err != nil {
		t.Fatal(err)
	}
	if err := left.file.Close(); err != nil {
		t.Fatal(err)
	}
	sweep := func(want int) {
		t.Helper()
		if n, err := d.Sweep(t.Context(), refers("referred")); err != nil || n != want {
			t.Errorf("%d removed, want %d: %v", n, want, err)
		}
	}
	sweep(0)
	c.pass(2 * time.Hour)
	mustKeep(t, d, "kept again")
	if err := d.Content(sha256.Sum256([]byte("touched"))).Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	sweep(1)
	if !has(t, d, "referred") || has(t, d, "orphan") || !has(t, d, "kept again") || !has(t, d, "touched") || files(t, d, spoolFolder) != 0 {
		t.Error("the wrong ones are gone")
	}
	c.pass(2 * time.Hour)
	if _, err := d.Sweep(t.Context(), func(context.Context, []gateway.Digest) (map[gateway.Digest]bool, error) {
		return nil, errors.New("the database is away")
	}); err == nil || !has(t, d, "touched") {
		t.Errorf("without an answer: %v", err)
	}
	sweep(2)
}

// A sweep that ended between two steps has lost nothing that is referred to, or
// new, or being written, when the next begins.
func TestSweepIsCutShort(t *testing.T) {
	c := &clock{now: time.Now()}
	dir := t.TempDir()
	d := open(t, dir, c)
	h := mustKeep(t, d, "octets")
	if err := os.Rename(d.path(h), d.judging(h)); err != nil {
		t.Fatal(err)
	}
	if !has(t, d, "octets") {
		t.Error("what is being judged cannot be read")
	}
	again := open(t, dir, c)
	if n, err := again.Sweep(t.Context(), refers("octets")); err != nil || n != 0 || files(t, d, sweptFolder) != 0 {
		t.Errorf("%d removed, %v", n, err)
	}
	if !has(t, again, "octets") {
		t.Error("it is not put back")
	}
	if err := os.Link(d.path(h), d.judging(h)); err != nil { // cut short while it was put back
		t.Fatal(err)
	}
	if _, err := again.Sweep(t.Context(), refers("octets")); err != nil || !has(t, again, "octets") || files(t, d, sweptFolder) != 0 {
		t.Errorf("%v", err)
	}
}

// Messages come and go while others sweep: what is referred to is always there.
func TestSweepBesideKeepers(t *testing.T) {
	c := &clock{now: time.Now().Add(-1000 * time.Hour)} // files begin with the system's time
	d := open(t, t.TempDir(), c)
	var mu sync.Mutex
	committed := map[gateway.Digest]bool{}
	ask := func(_ context.Context, hashes []gateway.Digest) (map[gateway.Digest]bool, error) {
		mu.Lock()
		defer mu.Unlock()
		out := map[gateway.Digest]bool{}
		for _, h := range hashes {
			out[h] = committed[h]
		}
		return out, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	var sweeping, keepers sync.WaitGroup
	removed := 0
	sweeping.Go(func() {
		for ctx.Err() == nil {
			n, err := d.Sweep(context.Background(), ask)
			if err != nil {
				t.Errorf("sweeping: %v", err)
				return
			}
			removed += n
		}
	})
	for k := range 4 {
		keepers.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(k)))
			for range 150 {
				octets := fmt.Sprint("octets ", r.IntN(64))
				c.pass(time.Hour / 40)
				began := c.Now()
				h, err := keep(d, octets)
				if err != nil && c.Now().Sub(began) >= time.Hour {
					continue // it took longer than the grace
				}
				if err != nil {
					t.Errorf("keeping: %v", err)
					return
				}
				mu.Lock()
				if r.IntN(4) == 0 {
					delete(committed, h)
				} else if c.Now().Sub(began) < time.Hour { // else its grace is over: it is not committed
					committed[h] = true
					if _, err := os.Stat(d.path(h)); err != nil {
						if _, err := os.Stat(d.judging(h)); err != nil && !has(t, d, octets) {
							t.Errorf("%s is referred to and gone", octets)
						}
					}
				}
				mu.Unlock()
			}
		})
	}
	keepers.Wait()
	stop()
	sweeping.Wait()
	for i := range 64 {
		octets := fmt.Sprint("octets ", i)
		if committed[sha256.Sum256([]byte(octets))] && !has(t, d, octets) {
			t.Errorf("%s is referred to and gone", octets)
		}
	}
	t.Logf("%d removed meanwhile", removed)
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{Grace: -1}, {Grace: time.Second}} {
		if c.Validate() == nil {
			t.Errorf("%v is valid", c)
		}
	}
	if e := (Config{}).Effective(); e.Grace != 24*time.Hour || e.Validate() != nil {
		t.Errorf("%v", e)
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Directory: config.Path(file)}, time.Now); err == nil {
		t.Error("a file is a directory")
	}
}
