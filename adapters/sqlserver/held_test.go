package sqlserver

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// keepable is an item of an asynchronous door.
func keepable(id byte) *sqlstore.Item {
	return &sqlstore.Item{Entry: &gateway.Entry{
		Message: &gateway.Message{ID: gateway.ID{id}, Origin: gateway.Digest{id}, Redelivered: true, Properties: map[string]string{"x": `"\`}},
		Keep: func(refusal error) *gateway.Hold {
			if refusal == nil {
				return &gateway.Hold{State: gateway.Waiting, Next: time.Unix(1, 0), Until: time.Unix(2, 0)}
			}
			return &gateway.Hold{State: gateway.Parked, Code: string(fault.Of(refusal).Code), Reason: "no"}
		},
	}}
}

// TestLotStates: each state that the lot decides about becomes its outcome.
func TestLotStates(t *testing.T) {
	states := []int{waits, lies, behind, gone}
	a := newAnswer(&sqlstore.Plan{}, make([]*sqlstore.Item, len(states)))
	for i, st := range states {
		a.items[i], a.states[i], a.firsts[i] = keepable(byte(i+1)), st, gateway.ID{9}
	}
	if clash, err := a.settle(); clash || err != nil {
		t.Fatal(clash, err)
	}
	for i, want := range []gateway.Outcome{
		{Status: gateway.Waiting, MessageID: gateway.ID{9}},
		{Status: gateway.Parked, MessageID: gateway.ID{9}},
		{Status: gateway.Waiting, MessageID: gateway.ID{3}},
		{Status: gateway.Refused, MessageID: gateway.ID{4}},
	} {
		o := a.items[i].Outcome
		if o.Status != want.Status || o.MessageID != want.MessageID || (o.Err != nil) != (want.Status == gateway.Refused) {
			t.Errorf("state %d: %+v, want %+v", states[i], o, want)
		}
		if held := a.items[i].Keeping() != nil; held != (states[i] == behind) {
			t.Errorf("state %d: is it written? %v", states[i], held)
		}
	}
}

// TestLotDocuments: what is sent of held messages has as many places as the
// statements read.
func TestLotDocuments(t *testing.T) {
	it := keepable(1)
	it.Refuse(fault.New(fault.CodeLookup, ""))
	retry := keepable(2)
	retry.Entry.Release = &gateway.Release{ID: retry.Message().ID}
	retry.Behind()
	items := []*sqlstore.Item{it, retry}
	var b blob
	d := &document{fresh: true}
	d.open('{')
	d.questions(items)
	d.lot(items, &b)
	d.close('}')
	var got map[string][][]any
	if err := json.Unmarshal(d.buf, &got); err != nil {
		t.Fatalf("%s: %v", d.buf, err)
	}
	for name, want := range map[string]struct {
		text  string
		count int
	}{"w": {lotLocking, 2}, "h": {heldReading, 2}, "x": {heldReading, 1}, "l": {heldReading, 2}} {
		_, text, _ := strings.Cut(want.text, "'$."+name+"'")
		text, _, _ = strings.Cut(text, ";")
		if len(got[name]) != want.count {
			t.Errorf("%s has %d rows, want %d", name, len(got[name]), want.count)
		}
		for _, row := range got[name] {
			if places := strings.Count(text, "'$["); len(row) != places {
				t.Errorf("a row of %s has %d places, the statement reads %d", name, len(row), places)
			}
		}
	}
	if properties, ok := got["h"][0][18].(map[string]any); !ok || properties["x"] != `"\` {
		t.Errorf("properties travel as %v", got["h"][0][18])
	}
}

// TestRepeated: the statement knows a repeat by the first byte of its record.
func TestRepeated(t *testing.T) {
	r := gateway.AuditRecord{Taken: gateway.TakenRepeat}
	if got := hex.EncodeToString(r.Append(nil))[:2]; got != repeated {
		t.Errorf("the record of a repeat begins with %s, and the statement looks for %s", got, repeated)
	}
}
