package gatewaytest

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Alterations are statements that change the table crm.customer, in one dialect.
type Alterations struct {
	Same    string // nothing that a mapping can notice
	Narrow  string // the column name, to three characters
	Widen   string // and back
	Drop    string // the column email, under this name
	Restore string // and back
	Forbid  string // a constraint that takes no name but Ann
}

// TestDrift changes a table under a Writer: whatever the database itself would do
// about it, nothing is stored by the statements for another table, and no sender is
// to blame.
func TestDrift(t *testing.T, store gateway.Store, probe Probe, a Alterations) {
	m := OrderMapping()
	m.Tables, m.Returns = m.Tables[:1], nil
	writer := func() gateway.Writer {
		t.Helper()
		w, err := store.Writer(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	number := 0
	commit := func(w gateway.Writer, name string) (gateway.Outcome, error) {
		t.Helper()
		number++
		e := OrderEntry("C-"+string(rune('A'+number)), 1)
		e.Changes.Rows = e.Changes.Rows[:1]
		for i, c := range m.Tables[0].Columns {
			if c.Name == "name" {
				e.Changes.Rows[0][0].Cells[i] = mapping.Cell{Kind: mapping.ValueCell, Value: mapping.Value{Class: mapping.String, Text: name}}
			}
		}
		outcomes, err := w.Commit(t.Context(), 0, []*gateway.Entry{e})
		if err != nil {
			return gateway.Outcome{}, err
		}
		return outcomes[0], nil
	}
	rows := func(want string) {
		t.Helper()
		if n := probe.Query(t, "SELECT COUNT(*) FROM {crm.customer}")[0][0]; n != want {
			t.Errorf("%s rows, want %s", n, want)
		}
	}
	stored := func(w gateway.Writer, name string) {
		t.Helper()
		if out, err := commit(w, name); err != nil || out.Status != gateway.Stored {
			t.Errorf("got %v, %v, %v", out.Status, out.Err, err)
		}
	}
	drifted := func(w gateway.Writer, name string) {
		t.Helper()
		if out, err := commit(w, name); err == nil || fault.Of(err).Code != fault.CodeDrift {
			t.Errorf("got %v, %v, %v", out.Status, out.Err, err)
		}
	}

	w := writer()
	stored(w, "Ann")
	probe.Exec(t, a.Same)
	stored(w, "Bob")
	rows("2")

	probe.Exec(t, a.Narrow)
	drifted(w, "Caroline")
	rows("2")
	probe.Exec(t, a.Widen)

	w = writer()
	stored(w, "Caroline")
	probe.Exec(t, a.Drop)
	drifted(w, "Dan")
	if _, err := store.Writer(t.Context(), m); fault.Of(err).Code != fault.CodeSchema {
		t.Errorf("without a column: %v", err)
	}
	probe.Exec(t, a.Restore)
	rows("3")

	w = writer()
	stored(w, "Dan")
	probe.Exec(t, "DELETE FROM {crm.customer}")
	probe.Exec(t, a.Forbid)
	drifted(w, "Eve")
	w = writer()
	stored(w, "Ann")
	if out, err := commit(w, "Eve"); err != nil || fault.Of(out.Err).Code != fault.CodeConstraint {
		t.Errorf("by the new constraint: %v, %v, %v", out.Status, out.Err, err)
	}
	rows("1")
}
