package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Table is a business table as it is in the database: the picture that mappings
// are checked against, and what statements need besides.
type Table struct {
	mapping.TableModel
	Native []Native // one for each of Columns
}

// Native is how the database itself describes a column.
type Native struct {
	Type      string // with its size, e.g. decimal(12,3)
	Collation string // of a string column; empty elsewhere
	Default   string // the default's expression; empty when there is none
}

// Find returns the column and its description.
func (t *Table) Find(name string) (*mapping.ColumnModel, Native, bool) {
	i := slices.IndexFunc(t.Columns, func(c mapping.ColumnModel) bool { return c.Name == name })
	if i < 0 {
		return nil, Native{}, false
	}
	return &t.Columns[i], t.Native[i], true
}

// Tidy orders indexes and foreign keys, so that two pictures of one table are equal.
func (t *Table) Tidy() {
	slices.SortFunc(t.Unique, func(a, b []string) int { return slices.Compare(a, b) })
	slices.SortFunc(t.ForeignKeys, func(a, b mapping.ForeignKey) int {
		return cmp.Or(slices.Compare(a.Columns, b.Columns), strings.Compare(a.Table.String(), b.Table.String()))
	})
}

// snapshot is a mapping.Schema: the tables that were there when it was taken.
type snapshot map[mapping.TableName]*Table

// Table finds a table by name, case and all.
func (s snapshot) Table(name mapping.TableName) (*mapping.TableModel, bool) {
	t, ok := s[name]
	if !ok {
		return nil, false
	}
	return &t.TableModel, true
}

// Schema takes a picture of the tables that a mapping writes, looks up and
// refers to. Tables that do not exist are left out.
func (s *Store) Schema(ctx context.Context, m *mapping.Mapping) (mapping.Schema, error) {
	return s.snapshot(ctx, m)
}

// snapshot follows foreign keys to their end: the order of writing goes by
// their depth, and has to be the same for every mapping.
func (s *Store) snapshot(ctx context.Context, m *mapping.Mapping) (snapshot, error) {
	shot := snapshot{}
	asked := map[mapping.TableName]bool{}
	for names := tablesOf(m); len(names) > 0; {
		tables, err := s.dialect.Introspect(ctx, s.dialect.Reader(), names)
		if err != nil {
			return nil, s.fail("reading the tables", err)
		}
		for _, n := range names {
			asked[n] = true
		}
		names = nil
		for _, t := range tables {
			t.Tidy()
			shot[t.Name] = t
			for _, fk := range t.ForeignKeys {
				if !asked[fk.Table] && !slices.Contains(names, fk.Table) {
					names = append(names, fk.Table)
				}
			}
		}
	}
	sequences, err := s.dialect.Sequences(ctx, s.dialect.Reader(), sequencesOf(m))
	if err != nil {
		return nil, s.fail("reading the sequences", err)
	}
	for _, n := range sequences {
		shot[n] = &Table{TableModel: mapping.TableModel{Name: n, Sequence: true}}
	}
	return shot, nil
}

// sequencesOf lists the sequences that a mapping draws from, each once.
func sequencesOf(m *mapping.Mapping) []mapping.TableName {
	var names []mapping.TableName
	for i := range m.Tables {
		for _, c := range m.Tables[i].Columns {
			if c.Sequence != nil && !slices.Contains(names, *c.Sequence) {
				names = append(names, *c.Sequence)
			}
		}
	}
	return names
}

// tablesOf lists the tables a mapping touches, each once.
func tablesOf(m *mapping.Mapping) []mapping.TableName {
	var names []mapping.TableName
	add := func(n mapping.TableName) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for i := range m.Tables {
		add(m.Tables[i].Name)
		for _, c := range m.Tables[i].Columns {
			if c.Lookup != nil {
				add(c.Lookup.Table)
			}
		}
	}
	return names
}
