package sqlserver

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// What rows are found by is text in every type's own form: no language setting of
// the server reads it differently.
func TestStoredText(t *testing.T) {
	all := tables(t, false)
	line := all[slices.IndexFunc(all, func(t *sqlstore.Table) bool { return t.Name.Name == "order_line" })]
	golden(t, "write-rehearsal.sql", saveText+"\n"+storedText(line, []string{"order_id", "line_no"})+"\n"+undoText+"\n")
}

func TestParameter(t *testing.T) {
	for _, tt := range []struct {
		d    sqlstore.Datum
		want string
	}{
		{sqlstore.Datum{Kind: mapping.IntegerColumn, Present: true, Int: -5}, "-5"},
		{sqlstore.Datum{Kind: mapping.DecimalColumn, Present: true, Number: apd.New(-125, -2)}, "-1.25"},
		{sqlstore.Datum{Kind: mapping.DateTimeColumn, Present: true, Instant: time.Date(2026, 3, 1, 4, 5, 6, 123000000, time.UTC)}, "2026-03-01T04:05:06.123"},
		{sqlstore.Datum{Kind: mapping.DateColumn, Present: true, Instant: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, "2026-03-01"},
		{sqlstore.Datum{Kind: mapping.BytesColumn, Present: true, Bytes: []byte{0, 255}}, "00ff"},
		{sqlstore.Datum{Kind: mapping.StringColumn, Present: true, Text: "it's; --"}, "it's; --"},
	} {
		if got := parameter(tt.d); fmt.Sprint(got) != tt.want {
			t.Errorf("%v is %v, want %s", tt.d, got, tt.want)
		}
	}
	if parameter(sqlstore.Datum{}) != nil {
		t.Error("NULL is a value")
	}
}
