package sqlserver

import (
	"slices"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/view"
)

// searchable gathers the columns of B-trees, the clustered one first, which has the
// lowest number. One that is no use is kept with a column that has no name, for its
// columns come one by one: finish takes it out. No use is one that is filtered,
// disabled or hypothetical, and one that is partitioned, for its rows are in order
// within each partition only.
func (p *piece) searchable(t *sqlstore.Table) {
	if p.i != clustered && p.i != nonclustered {
		return
	}
	if n := len(t.Indexes); n == 0 || t.Indexes[n-1].Name != p.x {
		t.Indexes = append(t.Indexes, view.Index{Name: p.x, Unique: !p.is(4)})
	}
	last := &t.Indexes[len(t.Indexes)-1]
	column := view.IndexColumn{Name: p.name, Desc: p.is(8)}
	if p.is(1|2|16) || p.b == 0 || p.j > 0 {
		column.Name = ""
	}
	last.Columns = append(last.Columns, column)
	if p.i == clustered {
		t.Clustered = p.x
	}
}

// finish takes out what is no use, and adds to the indexes that are not unique the
// columns of the clustered one, which the server puts behind theirs.
func finish(t *sqlstore.Table) {
	t.Indexes = slices.DeleteFunc(t.Indexes, func(index view.Index) bool {
		return slices.ContainsFunc(index.Columns, func(c view.IndexColumn) bool { return c.Name == "" })
	})
	at := slices.IndexFunc(t.Indexes, func(index view.Index) bool { return index.Name == t.Clustered })
	if at < 0 {
		return
	}
	behind := t.Indexes[at].Columns
	for i := range t.Indexes {
		index := &t.Indexes[i]
		if index.Unique || i == at {
			continue
		}
		for _, c := range behind {
			if !slices.ContainsFunc(index.Columns, func(have view.IndexColumn) bool { return have.Name == c.Name }) {
				index.Columns = append(index.Columns, c)
			}
		}
	}
}
