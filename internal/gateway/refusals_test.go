package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
)

// countingLedger has the refusals, as a store does.
type countingLedger struct {
	Ledger
	rows   map[ID]Refusal
	writes int // of rows
	down   bool
}

func (l *countingLedger) Refuse(_ context.Context, refusals []Refusal) error {
	if l.down {
		return errors.New("away")
	}
	for _, r := range refusals {
		if r.Count > l.rows[r.ID].Count {
			l.rows[r.ID] = r
		}
	}
	l.writes += len(refusals)
	return nil
}

func (l *countingLedger) total() (n int) {
	for _, r := range l.rows {
		n += r.Count
	}
	return n
}

// knocking are refusals under a clock that the test moves.
type knocking struct {
	*refusals
	ledger *countingLedger
	now    time.Time
}

func newKnocking(t *testing.T) *knocking {
	k := &knocking{ledger: &countingLedger{rows: map[ID]Refusal{}}, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	k.refusals = newRefusals(k.ledger, func() time.Time { return k.now }, slog.New(slog.NewTextHandler(t.Output(), nil)))
	return k
}

func (k *knocking) refuse(one Refusal) {
	one.ID, one.At, one.Count = ID(uuid.Must(uuid.NewV7())), k.now, 1
	k.add(one)
}

func (k *knocking) held() int { return len(k.rows) + len(k.unwritten) + len(k.callers) }

// TestStrangersCannotFloodTheLedger: 100,000 refusals of callers who are not
// known, each from an address of its own at any of many endpoints for a reason of
// its own, within ten minutes, leave a bounded number of rows, take bounded memory
// meanwhile, and all are counted.
func TestStrangersCannotFloodTheLedger(t *testing.T) {
	const calls, windows = 100_000, 10
	codes := []string{"GH-1101", "GH-1106", "GH-2001"}
	k := newKnocking(t)
	for i := range calls {
		k.refuse(Refusal{
			Endpoint: fmt.Sprintf("/soap/a/b%d", i%97), Code: codes[i%len(codes)], Reason: fmt.Sprintf("number %d", i),
			Remote: fmt.Sprintf("2001:db8:%x:%x::%x", i/60000, i%60000, i),
		})
		if i%250 == 0 { // as the timer does
			k.flush(t.Context(), false)
		}
		if held := k.held(); held > 4*rowsOfStrangers {
			t.Fatalf("after %d refusals %d things are in memory", i, held)
		}
		k.now = k.now.Add(windows * refusalWindow / calls)
	}
	k.flush(t.Context(), true)
	if got, most := len(k.ledger.rows), (windows+1)*(rowsOfStrangers+len(codes)); got > most {
		t.Errorf("%d rows, want at most %d", got, most)
	}
	if most := 2 * (windows + 1) * (rowsOfStrangers + len(codes)); k.ledger.writes > most {
		t.Errorf("%d writes of rows, want at most %d", k.ledger.writes, most)
	}
	if got := k.ledger.total(); got != calls {
		t.Errorf("the rows stand for %d refusals, want %d", got, calls)
	}
}

// TestOneStrangerIsOneRow: an address in a loop is one row in a window, which is
// there at once, whatever it says; a network of IPv6 is one caller.
func TestOneStrangerIsOneRow(t *testing.T) {
	k := newKnocking(t)
	for i := range 5000 {
		k.refuse(Refusal{Endpoint: "/soap/a/b", Code: "GH-2001", Reason: fmt.Sprint(i), Remote: fmt.Sprintf("2001:db8::%x", i)})
		k.flush(t.Context(), false)
	}
	if len(k.ledger.rows) != 1 || k.ledger.total() != 1 {
		t.Errorf("%d rows for %d refusals before the window is over, want 1 for the first", len(k.ledger.rows), k.ledger.total())
	}
	k.now = k.now.Add(refusalWindow)
	k.flush(t.Context(), false)
	if k.ledger.writes != 2 || k.ledger.total() != 5000 {
		t.Errorf("%d writes that stand for %d refusals, want 2 for 5000", k.ledger.writes, k.ledger.total())
	}
}

// TestKnownCallersAreToldApart: those who are known have their reasons kept; one
// who is refused for ever new ones has a row for each code then, and takes nobody
// else's place; and neither does a crowd of strangers.
func TestKnownCallersAreToldApart(t *testing.T) {
	k := newKnocking(t)
	for i := range 10 * rowsOfStrangers {
		k.refuse(Refusal{Endpoint: "/soap/a/b", Code: "GH-2001", Remote: fmt.Sprintf("10.1.%d.%d", i/200, i%200)})
	}
	for i := range 1000 {
		k.refuse(Refusal{Endpoint: "/soap/a/b", Principal: "uid=loop", Code: "GH-3001", Reason: fmt.Sprint(i), Remote: "192.0.2.7"})
	}
	k.refuse(Refusal{Endpoint: "/soap/a/b", Principal: "uid=loop", Code: "GH-5004", Reason: "other", Remote: "192.0.2.7"})
	k.refuse(Refusal{Endpoint: "/soap/a/b", Principal: "uid=honest", Code: "GH-3001", Reason: "mine", Remote: "192.0.2.8"})
	k.flush(t.Context(), true)
	rows := map[string]int{}
	for _, r := range k.ledger.rows {
		rows[r.Principal+" "+r.Code]++
		if r.Principal == "uid=honest" && (r.Reason != "mine" || r.Endpoint == "" || r.Remote == "") {
			t.Errorf("%+v", r)
		}
	}
	want := map[string]int{" GH-2001": rowsOfStrangers + 1, "uid=loop GH-3001": rowsOfOneCaller + 1, "uid=loop GH-5004": 1, "uid=honest GH-3001": 1}
	for name, n := range want {
		if rows[name] != n {
			t.Errorf("%s: %d rows, want %d", name, rows[name], n)
		}
	}
	if got := k.ledger.total(); got != 10*rowsOfStrangers+1002 {
		t.Errorf("the rows stand for %d refusals", got)
	}
}

// TestRefusalsOutliveAnOutage: what came while the store was away is written when
// it is back, as far as it fits; the rest is told.
func TestRefusalsOutliveAnOutage(t *testing.T) {
	k := newKnocking(t)
	k.ledger.down = true
	for i := range 200 * rowsOfStrangers {
		k.refuse(Refusal{Endpoint: "/soap/a/b", Code: "GH-2001", Remote: fmt.Sprintf("10.%d.%d.%d", i/40000, i/200%200, i%200)})
		if i%rowsOfStrangers == 0 {
			k.now = k.now.Add(refusalWindow)
			k.flush(t.Context(), false)
		}
		if held := k.held(); held > 3*rowsOfAllCallers {
			t.Fatalf("%d things are in memory", held)
		}
	}
	k.ledger.down = false
	k.flush(t.Context(), true)
	if got := len(k.ledger.rows); got < rowsOfAllCallers || got > rowsOfAllCallers+2*rowsOfStrangers {
		t.Errorf("%d rows, want %d and those of the last window", got, rowsOfAllCallers)
	}
	if k.refusals.lost != 0 || len(k.unwritten) != 0 {
		t.Errorf("%d lost and not told, %d not written", k.refusals.lost, len(k.unwritten))
	}
}
