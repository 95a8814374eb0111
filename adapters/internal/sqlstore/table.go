package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Table is a business table as it is in the database: the picture that mappings
// are checked against, and what statements need besides.
type Table struct {
	mapping.TableModel
	Native []Native // one for each of Columns
	// Indexed are the columns of indexes that are not unique.
	Indexed []string
	// Indexes are those that can serve any row, with the columns that the database
	// itself puts behind theirs.
	Indexes []view.Index
	// Clustered is the index that the rows stand in, if one has a name.
	Clustered string
	// Stamp is another one after every change of the table, and may be without
	// one; programs hold it against the database in each transaction. Empty where
	// the database has nothing of the kind.
	Stamp string
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

// Tidy orders what a table has in no order, so that two pictures of one table are
// equal, and says how each column is declared.
func (t *Table) Tidy() {
	for i := range t.Columns {
		t.Columns[i].Declared = declared(&t.Columns[i].ColumnType, t.Native[i])
	}
	slices.SortFunc(t.Unusable, func(a, b mapping.Index) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(t.Checks, func(a, b mapping.Constraint) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Text, b.Text))
	})
	slices.Sort(t.Triggers)
	slices.SortFunc(t.Indexes, func(a, b view.Index) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(t.Unique, func(a, b []string) int { return slices.Compare(a, b) })
	slices.SortFunc(t.ForeignKeys, func(a, b mapping.ForeignKey) int {
		return cmp.Or(slices.Compare(a.Columns, b.Columns), strings.Compare(a.Table.String(), b.Table.String()))
	})
}

// declared is a column as a declaration has it.
func declared(t *mapping.ColumnType, n Native) string {
	text := n.Type
	if n.Collation != "" {
		text += " COLLATE " + n.Collation
	}
	switch {
	case t.Identity:
		text += " IDENTITY"
	case t.Computed:
		text += ", made by the database"
	case t.Nullable:
		text += " NULL"
	default:
		text += " NOT NULL"
	}
	if n.Default != "" {
		text += " DEFAULT " + n.Default
	}
	return text
}

// IndexName names an index for an alteration.
func IndexName(a mapping.Alteration) string {
	return clip("ux_"+a.Table.Name+"_"+strings.Join(a.Unique, "_"), 128)
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

// Examine compares a mapping with the tables as they are, and says what would mend
// what is wrong. It changes nothing. The error says that the database could not be
// asked, or that no statements can be written for tables without a complaint.
func (s *Store) Examine(ctx context.Context, m *mapping.Mapping) (*mapping.Examination, error) {
	shot, err := s.snapshot(ctx, m)
	if err != nil {
		return nil, err
	}
	found := m.Examine(schema{shot, s.dialect})
	if len(found.Complaints) > 0 {
		return found, nil
	}
	plan, err := newPlan(m, shot)
	if err == nil {
		_, err = s.dialect.Compile(plan)
	}
	return found, err
}

// Schema takes a picture of the tables that the mappings write, look up and refer
// to, each once. Tables that do not exist are left out. A mapping that did not
// compile is nil.
func (s *Store) Schema(ctx context.Context, mappings ...*mapping.Mapping) (mapping.Schema, error) {
	shot, err := s.snapshot(ctx, mappings...)
	if err != nil {
		return nil, err
	}
	return schema{shot, s.dialect}, nil
}

// schema is a snapshot with the dialect it was taken in.
type schema struct {
	snapshot
	dialect Dialect
}

// Build implements mapping.Builder.
func (s schema) Build(a mapping.Alteration) (text string, exact bool) {
	t := s.snapshot[a.Table]
	if t == nil && !a.Sequence {
		return "", false
	}
	return s.dialect.Build(t, a)
}

// snapshot follows foreign keys to their end: the order of writing goes by
// their depth, and has to be the same for every mapping.
func (s *Store) snapshot(ctx context.Context, mappings ...*mapping.Mapping) (snapshot, error) {
	shot := snapshot{}
	var names, drawn []mapping.TableName
	for _, m := range mappings {
		if m != nil {
			names, drawn = add(names, m.TableNames()...), add(drawn, m.SequenceNames()...)
		}
	}
	for known := 0; known < len(names); {
		tables, err := s.dialect.Introspect(ctx, s.dialect.Reader(), names[known:])
		if err != nil {
			return nil, s.fail("reading the tables", err)
		}
		known = len(names)
		for _, t := range tables {
			t.Tidy()
			shot[t.Name] = t
			for _, fk := range t.ForeignKeys {
				names = add(names, fk.Table)
			}
		}
	}
	if len(drawn) == 0 {
		return shot, nil
	}
	sequences, err := s.dialect.Sequences(ctx, s.dialect.Reader(), drawn)
	if err != nil {
		return nil, s.fail("reading the sequences", err)
	}
	for _, n := range sequences {
		shot[n] = &Table{TableModel: mapping.TableModel{Name: n, Sequence: true}}
	}
	return shot, nil
}

// add appends the names that are not there yet.
func add(names []mapping.TableName, more ...mapping.TableName) []mapping.TableName {
	for _, n := range more {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
