package sqlstore

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/mappingtest"
)

// schemaOf is what a store sees of a case's tables.
func schemaOf(t *rapid.T, c *mappingtest.Case) snapshot {
	shot := snapshot{}
	for _, name := range c.Sequences {
		name := mapping.TableName{Schema: "dbo", Name: name}
		shot[name] = &Table{TableModel: mapping.TableModel{Name: name, Sequence: true}}
	}
	for _, table := range c.Tables {
		name := mapping.TableName{Schema: table.Schema, Name: table.Name}
		model := &Table{TableModel: mapping.TableModel{Name: name, KeyBytes: KeyBytes, Unique: [][]string{{"id"}}}}
		for _, index := range [][]string{table.Key, table.Unique, {table.Drawn}} {
			if len(index) > 0 && index[0] != "" {
				model.Unique = append(model.Unique, index)
			}
		}
		if table.Clustered {
			model.Narrow = append(model.Narrow, mapping.IndexModel{Columns: table.Key, Bytes: ClusteredKeyBytes})
		}
		if table.Index != nil {
			model.Narrow = append(model.Narrow, mapping.IndexModel{Columns: table.Index, Bytes: KeyBytes})
		}
		add := func(col mappingtest.Column, identity bool) {
			typ, err := ParseType(col.Native, col.Charset)
			if err != nil {
				t.Fatal(err)
			}
			typ.Nullable, typ.HasDefault, typ.Identity = col.Null, col.Default, identity
			model.Columns = append(model.Columns, mapping.ColumnModel{Name: col.Name, ColumnType: typ})
			model.Native = append(model.Native, Native{Type: col.Native})
		}
		add(mappingtest.Column{Name: "id", Native: "bigint"}, true)
		for _, col := range table.Columns {
			add(col, false)
		}
		for _, r := range table.Refers {
			model.ForeignKeys = append(model.ForeignKeys, mapping.ForeignKey{Columns: []string{r.Column}, Table: mapping.TableName{Schema: "dbo", Name: r.Table}, RefColumns: []string{"id"}})
		}
		shot[name] = model
	}
	return shot
}

// TestNothingIsRefusedLate is the promise of the static check: what a checked
// mapping lets through is what every column holds, and what it refuses is what
// one does not hold. No database is asked; the oracle is SQL Server's
// documentation.
func TestNothingIsRefusedLate(t *testing.T) {
	mappingtest.Checks(t, 500)
	had := mappingtest.Features{}
	var cases, compiled, accepted, messages, stored, refused, cells int
	rapid.Check(t, func(t *rapid.T) {
		pick := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).IntN // rapid itself prefers small numbers
		c := mappingtest.Invent(pick)
		cases++
		trial, err := c.Try()
		if err != nil {
			if strings.Contains(err.Error(), "the contract: ") {
				t.Fatalf("%v\n%s", err, c.WSDL)
			}
			return
		}
		compiled++
		tables := schemaOf(t, c)
		checked, err := trial.Mapping.Check(tables)
		if err != nil {
			return
		}
		accepted++
		had.Count(c)
		plan, err := newPlan(checked.Mapping, tables)
		if err != nil {
			t.Fatalf("a checked mapping has no plan: %v\n%s", err, c.YAML)
		}
		for range 6 {
			payload, err := trial.Message(pick)
			if err != nil {
				t.Fatal(err)
			}
			if payload == nil {
				continue
			}
			messages++
			n, err := attempt(trial, checked, plan, payload)
			if err != nil {
				t.Fatalf("%v\n%s\n%+v\n%s\n%s", err, c.YAML, c.Tables, payload, c.WSDL)
			}
			if cells += n; n > 0 {
				stored++
			} else {
				refused++
			}
		}
	})
	t.Logf("%d cases: %d compile, %d fit their tables; %d valid messages: %d stored, %d refused before; %d cells compared", cases, compiled, accepted, messages, stored, refused, cells)
	t.Logf("of the mappings that fit: %v", map[string]int(had))
	if missing := had.Missing(); cases >= 3000 && len(missing) > 0 {
		t.Errorf("no mapping had %q: the property does not hold of it", missing)
	}
	if accepted*8 < cases {
		t.Errorf("only %d of %d mappings were accepted: the property holds of little", accepted, cases)
	}
}

// attempt maps one message and compares what the columns get with what they
// hold; it returns how many cells there were, 0 for a message that is refused.
func attempt(trial *mappingtest.Trial, checked *mapping.Checked, plan *Plan, payload []byte) (int, error) {
	in, release, err := mappingtest.Input(payload)
	if err != nil {
		return 0, err
	}
	defer release()
	raw, rawErr := trial.Mapping.Apply(in)
	if rawErr != nil {
		raw = nil // what has its place only, in a message that waits
	}
	changes, err := checked.Apply(in)
	switch {
	case rawErr != nil && err == nil:
		return 0, fmt.Errorf("checked, the mapping evaluates what it could not before: %w", rawErr)
	case err != nil:
		return 0, trial.Refused(err, checked, raw)
	}
	want, err := trial.Accepted(raw)
	if err != nil {
		return 0, err
	}
	n := 0
	for i, step := range plan.Steps {
		rows, details := rowsOf(step, changes.Rows[i], new(slab), nil)
		if details != nil {
			return 0, fmt.Errorf("the store refuses what the mapping took: %s", details[0])
		}
		for r, row := range rows {
			for k := range row.Cells {
				name := step.Columns[k].Name
				if row.Cells[k].Kind != mapping.ValueCell {
					continue
				}
				n++
				if got := told(row.Cells[k].Data, step.Columns[k].Native.Type); got != want.Rows[i][r][name] {
					return 0, fmt.Errorf("%s.%s gets %q, and %q is meant", step.Name, name, got, want.Rows[i][r][name])
				}
			}
		}
	}
	return max(n, 1), nil
}

// told writes a datum as the oracle does.
func told(d Datum, native string) string {
	switch d.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		return strconv.FormatInt(d.Int, 10)
	case mapping.DecimalColumn:
		if d.Number.IsZero() {
			return strings.TrimPrefix(d.Number.Text('f'), "-")
		}
		return d.Number.Text('f')
	case mapping.FloatColumn:
		bits := 64
		if native == "real" {
			bits = 32
		}
		if d.Float == 0 {
			return "0"
		}
		return strconv.FormatFloat(d.Float, 'g', -1, bits)
	case mapping.DateTimeColumn:
		return d.Instant.Format("2006-01-02T15:04:05.0000000")
	case mapping.DateColumn:
		return d.Instant.Format(time.DateOnly)
	case mapping.BytesColumn:
		return hex.EncodeToString(d.Bytes)
	case mapping.TimeColumn:
		whole, fraction, _ := strings.Cut(d.Text, ".")
		return whole + "." + (fraction + "0000000")[:max(7, len(fraction))]
	}
	switch {
	case native == "uniqueidentifier":
		return strings.ToUpper(d.Text)
	case strings.HasPrefix(native, "char"), strings.HasPrefix(native, "nchar"):
		return strings.TrimRight(d.Text, " ")
	}
	return d.Text
}
