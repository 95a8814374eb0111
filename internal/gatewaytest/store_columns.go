package gatewaytest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/mappingtest"
)

// Columns makes and reads a dialect's business tables. Where the database takes
// more than SQL Server does, the tables have CHECK constraints.
type Columns interface {
	Adapt(c *mappingtest.Case)        // changes what the dialect does not have
	Takes(payload []byte) bool        // false for what the database is known to get wrong
	Create(c *mappingtest.Case) error // with the rows that are there before
	// Read returns the rows of a table in the forms of mappingtest.Holds, NULL as
	// "NULL".
	Read(t mappingtest.Table) ([]map[string]string, error)
	Empty(c *mappingtest.Case) error // all but those
	Drop(c *mappingtest.Case) error
}

// TestColumns writes what checked mappings make of valid messages: no error
// comes from the database, and what it gives back is what was mapped.
func TestColumns(t *testing.T, store gateway.Store, columns Columns) {
	suite := &columnSuite{store: store, columns: columns, ctx: t.Context()}
	for round := 0; round < 5 && suite.stored == 0; round++ { // a few cases may have no message that is stored
		rapid.Check(t, suite.try)
	}
	t.Logf("%d mappings, %d fit their tables; %d valid messages: %d stored, %d refused before, %d for what they look up; %d met others' rows; %d cells read back", suite.cases, suite.accepted, suite.messages, suite.stored, suite.refused, suite.missed, suite.met, suite.cells)
	if suite.accepted*8 < suite.cases || suite.stored == 0 {
		t.Errorf("only %d of %d mappings were accepted, and %d messages stored", suite.accepted, suite.cases, suite.stored)
	}
}

type columnSuite struct {
	store   gateway.Store
	columns Columns
	ctx     context.Context

	cases, accepted, messages, stored, missed, met, refused, cells int
}

func (s *columnSuite) try(t *rapid.T) {
	pick := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).IntN // rapid itself prefers small numbers
	c := mappingtest.Invent(pick)
	for i := range c.Tables {
		c.Tables[i].Unique = nil // equal values would be no fault of the check
	}
	s.columns.Adapt(c)
	trial, err := c.Try()
	if err != nil {
		return // the property without a database looks at these
	}
	s.cases++
	defer func() {
		if err := s.columns.Drop(c); err != nil {
			t.Fatal(err)
		}
	}()
	if err := s.columns.Create(c); err != nil {
		t.Fatalf("%v\n%+v", err, c.Tables)
	}
	w, err := s.store.Writer(s.ctx, trial.Mapping)
	if err != nil {
		return
	}
	s.accepted++
	empty := true
	for range 5 {
		payload, err := trial.Message(pick)
		if err != nil {
			t.Fatal(err)
		}
		if payload == nil || !s.columns.Takes(payload) {
			continue
		}
		s.messages++
		if err := s.message(trial, w, payload, empty); err != nil {
			t.Fatalf("%v\n%s\n%+v\n%s\n%s", err, c.YAML, c.Tables, payload, c.WSDL)
		}
		if empty = pick(3) > 0; !empty {
			continue // the next one meets the rows of this one
		}
		if err := s.columns.Empty(c); err != nil {
			t.Fatal(err)
		}
	}
}

// message commits one message and, if the tables were empty, compares what was
// stored. Rows that meet others are only held to the columns' constraints: what
// becomes of them is for the store's own suite.
func (s *columnSuite) message(trial *mappingtest.Trial, w gateway.Writer, payload []byte, empty bool) error {
	in, release, err := mappingtest.Input(payload)
	if err != nil {
		return err
	}
	defer release()
	raw, rawErr := trial.Mapping.Apply(in)
	if rawErr != nil {
		raw = nil // what has its place only, in a message that waits
	}
	changes, err := w.Mapping().Apply(in)
	switch {
	case rawErr != nil && err == nil:
		return fmt.Errorf("checked, the mapping evaluates what it could not before: %w", rawErr)
	case err != nil:
		s.refused++
		return trial.Refused(err, w.Mapping(), raw)
	}
	want, err := trial.Accepted(raw)
	if err != nil {
		return err
	}
	out, err := w.Commit(s.ctx, 0, []*gateway.Entry{entryOf(changes, payload)})
	if err != nil {
		return err
	}
	refused := out[0].Status == gateway.Refused
	switch code := codeOf(out[0].Err); {
	case refused && slices.Contains(slices.Concat(want.Must, want.May), code):
		s.missed++
		return nil
	case !empty || twice(trial, raw, want):
		s.met++
		if refused && !slices.Contains(meeting, code) {
			return fmt.Errorf("rows that meet others are refused with %v, because of %w", out[0].Err, unwrapped(out[0].Err))
		}
		return nil
	case out[0].Status != gateway.Stored:
		return fmt.Errorf("a message that the mapping took is %s: %v, because of %w", out[0].Status, out[0].Err, unwrapped(out[0].Err))
	case len(want.Must) > 0:
		return fmt.Errorf("a message is stored that looks up what is not there: %v", want.Must)
	}
	s.stored++
	return s.read(trial, want)
}

// meeting are the codes with which rows may be refused that meet others: what a
// mapping says of them, never what a database does.
var meeting = []fault.Code{fault.CodeExists, fault.CodeEmptying, fault.CodeSuperseded, fault.CodeLookup, fault.CodeNotYet, fault.CodeMapping}

// read compares all tables that the message writes with what was expected.
func (s *columnSuite) read(trial *mappingtest.Trial, want *mappingtest.Expected) error {
	for _, table := range trial.Tables {
		if table.Seeds != nil {
			continue // what look-ups insert there is only held to the columns' constraints
		}
		var rows []map[string]string
		for step, held := range want.Rows {
			if trial.Mapping.Tables[step].Name.Name == table.Name {
				rows = append(rows, held...)
			}
		}
		got, err := s.columns.Read(table)
		if err != nil {
			return err
		}
		if err := s.compare(table.Name, got, rows); err != nil {
			return err
		}
	}
	return nil
}

// unwrapped is the database's own error.
func unwrapped(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok && u.Unwrap() != nil {
		return u.Unwrap()
	}
	return err
}

// compare finds for each row that is wanted one that was stored: the order of
// those of several steps, and of rows that refer to each other, is the store's.
func (s *columnSuite) compare(table string, got, want []map[string]string) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d rows, want %d", table, len(got), len(want))
	}
	left := slices.Clone(got)
	for _, row := range want {
		i := slices.IndexFunc(left, func(have map[string]string) bool { return s.differs(have, row) == "" })
		if i < 0 {
			return fmt.Errorf("%s has no row as is meant; the first left is another in %s\nmeant  %v\nstored %v", table, s.differs(left[0], row), row, left)
		}
		s.cells += len(row)
		left = slices.Delete(left, i, i+1)
	}
	return nil
}

// differs names a column that holds another text than is meant.
func (s *columnSuite) differs(have, meant map[string]string) string {
	for name, text := range meant {
		if text != "#" && text != "DEFAULT" && have[name] != text {
			return name
		}
	}
	return ""
}

// twice reports a message that has a natural key twice, as the loosest collation
// compares.
func twice(t *mappingtest.Trial, raw *mapping.Changeset, want *mappingtest.Expected) bool {
	seen := map[string]bool{}
	for step, rows := range want.Rows {
		table := t.Case.Table(t.Mapping.Tables[step].Name.Name)
		for r, row := range rows {
			if table.Key == nil || table.Seeds != nil {
				continue
			}
			key := fmt.Sprint(table.Name, "\x00", raw.Rows[step][r].Parent)
			for _, name := range table.Key {
				key += "\x00" + strings.TrimRight(strings.ToLower(row[name]), " ")
			}
			if seen[key] {
				return true
			}
			seen[key] = true
		}
	}
	return false
}

func entryOf(changes *mapping.Changeset, payload []byte) *gateway.Entry {
	id := newID()
	return &gateway.Entry{
		Message: &gateway.Message{ID: id, ReceivedAt: time.Now().UTC(), Route: "p", Endpoint: "soap:t/S.Post", Mapping: "p@0123456789ab", Contract: digest("contract"),
			Principal: "cn=erp", Sender: "partner", Identity: id.String(), Body: digest(id.String()), Payload: slices.Clone(payload), ContentType: "application/xml"},
		Changes: changes, Done: func() {}, Size: len(payload),
		Render: func([]mapping.Value) (*mapping.Rendered, error) { return &mapping.Rendered{}, nil },
	}
}
