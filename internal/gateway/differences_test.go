package gateway

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// differences of an order whose row is stored with a note, made anew each time.
func differencesOf(note, effect string) *Differences {
	return &Differences{
		Outcome: "stored",
		Rows:    []RowChange{{Table: "sales.order", Effect: effect, stored: []StoredColumn{{"note", mapping.Value{Class: mapping.String, Text: note}}, {"hint", mapping.Value{}}}}},
		Deleted: []DeletedLine{{Table: "sales.line", Columns: []ColumnChange{{Name: "no", Before: new("1")}, {Name: "text"}}}},
	}
}

// What was seen is told by what is stored and what becomes of it.
func TestSeenIsADigest(t *testing.T) {
	one := differencesOf("a", "updated").digest("m@1")
	if len(one) != 32 || one != differencesOf("a", "updated").digest("m@1") {
		t.Errorf("the same differences have two digests, or %q is none", one)
	}
	for name, other := range map[string]string{
		"another value":   differencesOf("b", "updated").digest("m@1"),
		"NULL":            differencesOf("", "updated").digest("m@1"),
		"another effect":  differencesOf("a", "kept").digest("m@1"),
		"another mapping": differencesOf("a", "updated").digest("m@2"),
	} {
		if other == one {
			t.Errorf("%s is not told apart", name)
		}
	}
	gone := differencesOf("a", "updated")
	gone.Deleted[0].Columns[0].Before = new("2")
	if gone.digest("m@1") == one {
		t.Error("another deleted row is not told apart")
	}
}

func TestSeenForm(t *testing.T) {
	good := strings.Repeat("a", 16) + "-" + strings.Repeat("0", 32)
	if !seenForm.MatchString(good) {
		t.Errorf("%q is refused", good)
	}
	for _, bad := range []string{"", "-", "a-b", good + "0", strings.ToUpper(good), good + "\n", " " + good, strings.Repeat("a", 1<<20)} {
		if seenForm.MatchString(bad) {
			t.Errorf("%.60q is taken", bad)
		}
	}
}

func TestRowChanges(t *testing.T) {
	table := &mapping.Table{Name: mapping.TableName{Schema: "s", Name: "t"}, Match: []int{0}, Columns: []mapping.Column{{Name: "no"}, {Name: "note"}}}
	text := func(s string) mapping.Value { return mapping.Value{Class: mapping.String, Text: s} }
	before := []StoredColumn{{"id", text("7")}, {"no", text("1")}, {"note", text("old")}}
	after := []StoredColumn{{"id", text("7")}, {"no", text("1")}, {"note", mapping.Value{}}}
	c := rowChange(table, &mapping.Row{}, &RowFate{Fate: Updated, Before: before, After: after})
	if c.Effect != "updated" || len(c.Columns) != 2 || c.Columns[0].Name != "no" || *c.Columns[1].Before != "old" || c.Columns[1].After != nil {
		t.Errorf("an update: %+v", c)
	}
	c = rowChange(table, &mapping.Row{}, &RowFate{Fate: Unchanged, Before: before, After: before})
	if len(c.Columns) != 1 {
		t.Errorf("what stays: %+v", c)
	}
	c = rowChange(table, &mapping.Row{}, &RowFate{Fate: Inserted, After: after})
	if len(c.Columns) != 2 || c.Columns[0].Name != "id" {
		t.Errorf("an insertion: %+v", c)
	}
	row := &mapping.Row{Cells: []mapping.Cell{{Kind: mapping.ValueCell, Value: text("1")}, {Kind: mapping.AbsentCell}}}
	c = rowChange(table, row, &RowFate{Fate: Inserted})
	if len(c.Columns) != 1 || *c.Columns[0].After != "1" {
		t.Errorf("what cannot be found: %+v", c)
	}
}
