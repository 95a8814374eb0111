package sqlstore

import (
	"cmp"
	"slices"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Use is what mappings do with one business table, for the rights and indexes
// that it takes.
type Use struct {
	Table                  mapping.TableName
	Insert, Update, Delete bool // every table is read
	// Sequence says that it is no table: numbers are drawn from it, and nothing
	// else is done with it.
	Sequence bool
	// Keys are the columns that rows are found by: natural keys and those of
	// look-ups, each once.
	Keys [][]string
	// Reach names the columns by which rows to be deleted are found: references
	// to the row they belong to.
	Reach []string
}

// usesOf gathers what the mappings do, by table. A mapping that did not compile
// is nil.
func usesOf(mappings []*mapping.Mapping) []Use {
	u := uses{}
	for _, m := range mappings {
		for i := 0; m != nil && i < len(m.Tables); i++ {
			u.step(m, &m.Tables[i])
		}
	}
	out := make([]Use, 0, len(u))
	for _, use := range u {
		out = append(out, *use)
	}
	slices.SortFunc(out, func(a, b Use) int { return cmp.Compare(a.Table.String(), b.Table.String()) })
	return out
}

type uses map[mapping.TableName]*Use

func (u uses) of(name mapping.TableName) *Use {
	if u[name] == nil {
		u[name] = &Use{Table: name}
	}
	return u[name]
}

func (u uses) step(m *mapping.Mapping, t *mapping.Table) {
	use := u.of(t.Name)
	use.Insert = use.Insert || t.OnMissing == mapping.Insert
	use.Update = use.Update || t.OnMatch == mapping.Update && len(t.Match) > 0 && len(t.Match) < len(t.Columns)
	use.Delete = use.Delete || pruned(m, t)
	key := make([]string, len(t.Match))
	for i, c := range t.Match {
		key[i] = t.Columns[c].Name
	}
	use.foundBy(key)
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Lookup != nil {
			u.of(c.Lookup.Table).foundBy(c.Lookup.Where)
		}
		if c.Sequence != nil {
			u.of(*c.Sequence).Sequence = true
		}
		if pruned(m, t) && c.Ref >= 0 && c.Ref == t.Parent && !slices.Contains(use.Reach, c.Name) {
			use.Reach = append(use.Reach, c.Name)
		}
	}
}

// pruned reports whether rows of the table are deleted: because the message no
// longer has them, or with the row that they belong to.
func pruned(m *mapping.Mapping, t *mapping.Table) bool {
	for ; t.Parent >= 0 && !t.Stub; t = &m.Tables[t.Parent] {
		if t.Absent.Deletes() {
			return true
		}
	}
	return false
}

func (u *Use) foundBy(columns []string) {
	same := func(known []string) bool { return slices.Equal(known, columns) }
	if len(columns) > 0 && !slices.ContainsFunc(u.Keys, same) {
		u.Keys = append(u.Keys, columns)
	}
}
