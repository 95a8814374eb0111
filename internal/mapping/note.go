package mapping

import (
	"fmt"
	"slices"
	"strings"
)

func (c *checker) note(table TableName, format string, args ...any) {
	c.found.Notes = append(c.found.Notes, Note{table.String(), fmt.Sprintf(format, args...)})
}

// notes tells what the database does to rows that no mapping can know of, table by
// table.
func (c *checker) notes() {
	var told []TableName
	for i, model := range c.models {
		if model == nil || slices.Contains(told, model.Name) {
			continue
		}
		told = append(told, model.Name)
		c.constraints(model)
		for k := range model.ForeignKeys {
			c.foreignKey(i, &model.ForeignKeys[k])
		}
	}
	c.circles(told)
}

func (c *checker) constraints(model *TableModel) {
	var names []string
	for _, check := range model.Checks {
		switch {
		case check.Disabled:
			c.note(model.Name, "has the CHECK constraint %s, which is disabled", check.Name)
		case check.Name == "":
			names = append(names, "("+check.Text+")")
		default:
			names = append(names, check.Name)
		}
	}
	if len(names) > 0 {
		c.note(model.Name, "has CHECK constraints, which cannot be seen through: what they refuse is refused as GH-5005: %s", strings.Join(names, ", "))
	}
	if len(model.Triggers) > 0 {
		c.note(model.Name, "has triggers, which run in the transaction of every message and may change or refuse its rows: %s", strings.Join(model.Triggers, ", "))
	}
}

func (c *checker) foreignKey(i int, fk *ForeignKey) {
	name := "the foreign key " + fk.Name
	if fk.Name == "" {
		name = "a foreign key"
	}
	name += " (" + strings.Join(fk.Columns, ", ") + ") to " + fk.Table.String()
	t := c.mapping.Tables[i].Name
	switch {
	case fk.Disabled:
		c.note(t, "has %s, which is disabled: rows may refer to nothing", name)
	case fk.Untrusted:
		c.note(t, "has %s, which is not trusted: rows from before may refer to nothing; ALTER TABLE %s WITH CHECK CHECK CONSTRAINT %s", name, t, fk.Name)
	}
	if fk.Cascade != "" && !fk.Disabled {
		c.note(t, "has %s with %s: the database changes rows that no message names", name, fk.Cascade)
	}
}

// circles finds foreign keys that lead from a table back to itself by way of
// others: no order of writing meets them all.
func (c *checker) circles(tables []TableName) {
	var told []TableName
	for _, name := range tables {
		path := c.circle(name)
		if path == nil || slices.ContainsFunc(path, func(n TableName) bool { return slices.Contains(told, n) }) {
			continue
		}
		told = append(told, path...)
		words := make([]string, len(path))
		for i, n := range path {
			words[i] = n.String()
		}
		c.note(name, "stands in a circle of foreign keys, of which one has to be NULL when its row is written, or refer to a row that is stored already: %s", strings.Join(words, " -> ")+" -> "+name.String())
	}
}

// circle returns the shortest way along foreign keys from a table back to itself.
func (c *checker) circle(start TableName) []TableName {
	from := map[TableName]TableName{}
	for next := []TableName{start}; len(next) > 0; next = next[1:] {
		model, ok := c.schema.Table(next[0])
		if !ok {
			continue
		}
		for _, fk := range model.ForeignKeys {
			if fk.Disabled || fk.Table == model.Name {
				continue
			}
			if fk.Table == start {
				path := []TableName{next[0]}
				for at := next[0]; at != start; path = append(path, at) {
					at = from[at]
				}
				slices.Reverse(path)
				return path
			}
			if _, seen := from[fk.Table]; !seen {
				from[fk.Table] = next[0]
				next = append(next, fk.Table)
			}
		}
	}
	return nil
}
