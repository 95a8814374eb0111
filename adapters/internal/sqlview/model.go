package sqlview

import (
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// model is the tables that plans are compiled against: a snapshot.
type model map[mapping.TableName]*sqlstore.Table

// Table implements view.Tables.
func (m model) Table(name mapping.TableName) (*view.Table, bool) {
	t, ok := m[name]
	if !ok {
		return nil, false
	}
	out := &view.Table{TableModel: &t.TableModel, Indexes: t.Indexes}
	if i := slices.IndexFunc(t.Native, isVersion); i >= 0 {
		out.Version = t.Columns[i].Name
	}
	return out, true
}

// isVersion reports whether a column has the type that is called timestamp in the
// catalogue; a table has one at most.
func isVersion(n sqlstore.Native) bool { return n.Type == "timestamp" || n.Type == "rowversion" }

// column finds a column of a table.
func (m model) column(table mapping.TableName, name string) (*Column, error) {
	t, ok := m[table]
	if !ok {
		return nil, fmt.Errorf("there is no table %s", table)
	}
	c, n, ok := t.Find(name)
	if !ok {
		return nil, fmt.Errorf("the table %s has no column %q", table, name)
	}
	return &Column{*c, n}, nil
}

// field finds the column of a field.
func (m model) field(v *view.View, f int) (*Column, error) {
	if f < 0 || f >= len(v.Fields) {
		return nil, fmt.Errorf("the view %s has no field %d", v.Name, f)
	}
	field := &v.Fields[f]
	return m.column(tableOf(v, field.Join), field.Column)
}

// tableOf is the table of a join, or the view's.
func tableOf(v *view.View, join int) mapping.TableName {
	if join < 0 {
		return v.Table
	}
	return v.Joins[join].Table
}

// childIndex finds the index that has the children of a row in the order of their
// key.
func (m model) childIndex(c *view.Child) (string, error) {
	t, ok := m[c.View.Table]
	if !ok {
		return "", fmt.Errorf("there is no table %s", c.View.Table)
	}
	order := make([]string, len(c.View.Key))
	for i, f := range c.View.Key {
		order[i] = c.View.Fields[f].Column
	}
	for _, index := range t.Indexes {
		if serves(&index, c.By, order) {
			return index.Name, nil
		}
	}
	return "", fmt.Errorf("the table %s has no index of %v, then %v", c.View.Table, c.By, order)
}

// serves reports whether an index begins with the columns by, in any order, and goes
// on in the order of those that are not among them.
func serves(index *view.Index, by, order []string) bool {
	if len(index.Columns) < len(by) {
		return false
	}
	first := make([]string, len(by))
	for i := range first {
		first[i] = index.Columns[i].Name
	}
	if !slices.Equal(slices.Sorted(slices.Values(first)), slices.Sorted(slices.Values(by))) {
		return false
	}
	rest := index.Columns[len(by):]
	order = slices.DeleteFunc(slices.Clone(order), func(name string) bool { return slices.Contains(by, name) })
	for i, name := range order {
		if i >= len(rest) || rest[i].Name != name || rest[i].Desc != rest[0].Desc {
			return false
		}
	}
	return true
}
