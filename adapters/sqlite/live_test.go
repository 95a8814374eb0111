package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
	"github.com/gatehouse/gatehouse/mappings"
)

// declaredOrders is the sample's view of orders, which is live.
func declaredOrders(t testing.TB) *view.Declaration {
	t.Helper()
	src, err := fs.ReadFile(mappings.FS, "views/orders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := view.Parse("orders.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func liveMapping(t testing.TB) *mapping.Mapping {
	t.Helper()
	table, is := declaredOrders(t).LiveTable()
	if !is {
		t.Fatal("the sample's view of orders is not live")
	}
	return gatewaytest.OrderMapping().Living([]mapping.LiveTable{table})
}

// everybody sees everything.
type everybody struct{}

func (everybody) Sight(string) ([]view.Window, error) { return []view.Window{{}}, nil }

// gatewayOn is as much of a gateway as streams need, on a file.
type gatewayOn struct {
	*sqlite.Store
	hub     *live.Hub
	streams *live.Streams
	search  view.Searcher
}

func newGatewayOn(t testing.TB, path string) *gatewayOn {
	t.Helper()
	g := &gatewayOn{Store: openFile(t, path)}
	database, err := sqlite.OpenViews(sqlite.Config{Path: config.Path(path)}, sqlite.ViewOptions{Log: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	d := declaredOrders(t)
	tables, err := database.Tables(t.Context(), d.Tables()...)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := view.Check(d, tables, tables)
	if err != nil {
		t.Fatal(err)
	}
	ring := sealing.NewRing(g.Store, time.Now, logger(t))
	if err := ring.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.hub = live.NewHub(g.Store, 0, nil, logger(t))
	g.search, g.streams = tables.Searcher(v), live.NewStreams(g.hub, ring)
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.hub.Run(t.Context())
	}()
	t.Cleanup(func() {
		<-done
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *gatewayOn) open(t testing.TB, last string) *live.Stream {
	t.Helper()
	s, err := g.streams.Open(t.Context(), live.Request{View: "orders", Principal: "cn=me", Who: everybody{}, Search: g.search, Query: &view.Query{}, Last: last})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// next returns the events that there are, waiting for one; none when ctx ends.
func next(ctx context.Context, t testing.TB, s *live.Stream) []live.Event {
	t.Helper()
	for {
		changed := s.Changed()
		events, moved, err := s.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			t.Fatal(err)
		case len(events) > 0:
			return events
		case moved:
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// TestLiveSoon: an order is on the stream within 100 ms of its commit when this
// process has stored it, and what another one stores comes with the next look.
func TestLiveSoon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	if _, err := openFile(t, path).Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	here, there := newGatewayOn(t, path), newGatewayOn(t, path)
	w, err := here.Writer(t.Context(), liveMapping(t))
	if err != nil {
		t.Fatal(err)
	}
	near, far := here.open(t, ""), there.open(t, "")
	defer near.Close()
	defer far.Close()
	var took []time.Duration
	for i := range 40 {
		no := fmt.Sprintf("PO-%d", i)
		if out, err := w.Commit(t.Context(), 0, []*gateway.Entry{gatewaytest.OrderEntry(no, 2)}); err != nil || out[0].Status != gateway.Stored {
			t.Fatal(out, err)
		}
		began := time.Now()
		here.hub.Wake()
		events := next(t.Context(), t, near)
		took = append(took, time.Since(began))
		if len(events) != 1 || events[0].Name != live.EventRow || events[0].Key[0].Text != no || events[0].Row.Values[0].Text != no {
			t.Fatalf("%s: %+v", no, events)
		}
	}
	slices.Sort(took)
	t.Logf("median %v, longest %v", took[len(took)/2], took[len(took)-1])
	if median := took[len(took)/2]; median > 100*time.Millisecond {
		t.Errorf("the median is %v", median)
	}
	for heard := 0; heard < 40; {
		events := next(t.Context(), t, far)
		for _, e := range events {
			if want := fmt.Sprintf("PO-%d", heard); e.Key[0].Text != want {
				t.Fatalf("the other process hears of %s, not %s", e.Key[0].Text, want)
			}
			heard++
		}
	}
	if n := countRows(t, path, `SELECT COUNT(*) FROM "gateway.sealing_key"`); n != 1 {
		t.Errorf("two processes have made %d keys", n)
	}
}

func countRows(t testing.TB, path, query string) (n int) {
	t.Helper()
	if err := newProbe(t, path).DB.QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// storingProcess names the file that a process of TestLiveKilled stores orders in,
// and the beginning of their numbers.
const storingProcess = "GATEHOUSE_TEST_STORES"

// TestLiveKilled: whatever processes store and whenever they are killed, each order
// that is stored is told once to a listener who comes back again and again, to one
// gateway and another.
func TestLiveKilled(t *testing.T) {
	if file, prefix, is := strings.Cut(os.Getenv(storingProcess), "|"); is {
		storeForever(t, file, prefix)
	}
	if testing.Short() {
		t.Skip("kills processes; run without -short")
	}
	path := filepath.Join(t.TempDir(), "live.db")
	if _, err := openFile(t, path).Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	gateways := []*gatewayOn{newGatewayOn(t, path), newGatewayOn(t, path)}
	first := gateways[0].open(t, "")
	last, err := first.ID()
	if err != nil {
		t.Fatal(err)
	}
	first.Close()

	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan map[string]int)
	go func() { heard <- comeBack(ctx, t, gateways, last) }()
	for round := range 4 {
		var killed []func()
		for i := range 2 {
			killed = append(killed, storeUntilKilled(t, path, fmt.Sprintf("PO-%d-%d-", round, i)))
		}
		for _, wait := range killed {
			wait()
		}
	}
	stored := countRows(t, path, `SELECT COUNT(*) FROM "sales.sales_order"`)
	// What was stored last is told as soon as a gateway looks; then nothing more comes.
	deadline := time.After(30 * time.Second)
	for countRows(t, path, `SELECT COUNT(*) FROM "gateway.change"`) != stored {
		select {
		case <-deadline:
			t.Fatalf("%d orders, and as many changes never", stored)
		default:
		}
	}
	time.AfterFunc(3*live.DefaultPoll+2*time.Second, cancel)
	counts := <-heard
	for no, n := range counts {
		if n != 1 {
			t.Errorf("%s was told %d times", no, n)
		}
	}
	if len(counts) != stored || stored < 20 {
		t.Errorf("%d orders are stored, %d were told", stored, len(counts))
	}
	t.Logf("%d orders", stored)
}

// comeBack listens until ctx ends, a few events at a time, and counts them by order.
func comeBack(ctx context.Context, t *testing.T, gateways []*gatewayOn, last string) map[string]int {
	counts := map[string]int{}
	for turn := 0; ctx.Err() == nil; turn++ {
		s := gateways[turn%2].open(t, last)
		for range 1 + rand.IntN(3) {
			events := next(ctx, t, s)
			for i, e := range events {
				if rand.IntN(4) == 0 && i > 0 { // left in the middle of what came together
					break
				}
				counts[e.Key[0].Text]++
				last = e.ID
			}
			if len(events) > 0 {
				break
			}
		}
		s.Close()
	}
	return counts
}

// storeUntilKilled has a process store orders, and kills it after some of them; wait
// returns when it is dead.
func storeUntilKilled(t *testing.T, path, prefix string) (wait func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLiveKilled$")
	cmd.Env = append(os.Environ(), storingProcess+"="+path+"|"+prefix)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(out)
		for left := 5 + rand.IntN(15); lines.Scan(); left-- {
			if left == 0 {
				break
			}
		}
		cmd.Process.Kill()
		cmd.Wait() //nolint:errcheck // it was killed
	}()
	return func() { <-done }
}

// storeForever stores orders, alone and several in a batch, and says so after each.
func storeForever(t *testing.T, file, prefix string) {
	w, err := openFile(t, file).Writer(t.Context(), liveMapping(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		var batch []*gateway.Entry
		for k := range 1 + i%4 {
			batch = append(batch, gatewaytest.OrderEntry(fmt.Sprintf("%s%d-%d", prefix, i, k), 1))
		}
		if _, err := w.Commit(t.Context(), 0, batch); err != nil {
			t.Fatal(err)
		}
		fmt.Println(i)
	}
}
