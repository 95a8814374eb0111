package export

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Column is a column of a file.
type Column struct {
	Name string
	Type mapping.ColumnType
}

// Table is what a file holds: columns, and for each row the rows of its children.
type Table struct {
	Name     string
	Columns  []Column
	Children []*Table
}

// MaxChildren is how many children of one kind a row has in a file. A row with more is
// refused, for a file without the rest would not say so.
const MaxChildren = 1000

// TableOf is the table of what a query selects. The query has been bound to the view as
// somebody knows it.
func TableOf(v *view.View, q *view.Query) *Table {
	return tableOf(v.Name, v, q.Select, q.Expand)
}

func tableOf(name string, v *view.View, fields []int, expand []view.Expand) *Table {
	t := &Table{Name: name}
	if fields == nil {
		for i := range v.Fields {
			fields = append(fields, i)
		}
	}
	for _, i := range fields {
		t.Columns = append(t.Columns, Column{v.Fields[i].Name, v.Fields[i].Type})
	}
	for _, e := range expand {
		c := v.Children[e.Child]
		t.Children = append(t.Children, tableOf(c.Name, c.View, e.Select, e.Expand))
	}
	return t
}

// Whole returns the query with all children asked for that a file can have, and the
// number at which Limited finds too many.
func Whole(q *view.Query) *view.Query {
	out := *q
	out.Expand = wholeExpand(q.Expand)
	return &out
}

func wholeExpand(expand []view.Expand) []view.Expand {
	out := slices.Clone(expand)
	for i := range out {
		if out[i].Top == 0 || out[i].Top > MaxChildren {
			out[i].Top = MaxChildren + 1
		}
		out[i].Expand = wholeExpand(out[i].Expand)
	}
	return out
}

// Head tells what a file is of. It is written into files that have a place for it.
type Head struct {
	View     string
	Query    string // as it was asked
	Position view.Position
	At       time.Time // when the position was taken, by the gateway's clock
}

// PositionText writes a position: chain=entry, by chain, separated by commas.
func PositionText(p view.Position) string {
	chains := make([]int, 0, len(p))
	for c := range p {
		chains = append(chains, c)
	}
	slices.Sort(chains)
	parts := make([]string, len(chains))
	for i, c := range chains {
		parts[i] = strconv.Itoa(c) + "=" + strconv.FormatInt(p[c], 10)
	}
	return strings.Join(parts, ",")
}

// ParsePosition reads what PositionText writes.
func ParsePosition(text string) (view.Position, error) {
	p := view.Position{}
	if text == "" {
		return p, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(part, "=")
		chain, err := strconv.Atoi(name)
		seq, err2 := strconv.ParseInt(number, 10, 64)
		if _, twice := p[chain]; err != nil || err2 != nil || chain < 0 || seq < 0 || twice {
			return nil, fmt.Errorf("%q is no position such as 0=17,1=4", text)
		}
		p[chain] = seq
	}
	return p, nil
}

// Properties are the head as pairs of names and values, in order: gatehouse.view, .query,
// .position and .at.
func (h *Head) Properties() [][2]string {
	return [][2]string{
		{"gatehouse.view", h.View}, {"gatehouse.query", h.Query},
		{"gatehouse.position", PositionText(h.Position)}, {"gatehouse.at", h.At.UTC().Format(time.RFC3339Nano)},
	}
}

// Writer writes a file. It belongs to one goroutine.
type Writer interface {
	// Write adds a row, whose values are in the order of the table's columns and which
	// has rows for each of its children. It keeps nothing of it. A value that the format
	// cannot hold is an invalid fault.
	Write(row *view.Row) error
	// Close ends the file; before it, the file is none. It does not close what the file
	// is written to.
	Close() error
}

// Present is the value of a row's column as somebody sees it: what may not be seen is
// null.
func Present(row *view.Row, i int) view.Value {
	if row.Seen != nil && !row.Seen[i] {
		return view.Null
	}
	return row.Values[i]
}

// Limited refuses rows that have more children than a file takes.
func Limited(t *Table, row *view.Row) error {
	for i, c := range t.Children {
		if i >= len(row.Children) {
			break
		}
		if len(row.Children[i]) > MaxChildren {
			return fault.New(fault.CodeExportValue, "a row has more than %d %s; export a view of their own", MaxChildren, c.Name)
		}
		for k := range row.Children[i] {
			if err := Limited(c, &row.Children[i][k]); err != nil {
				return err
			}
		}
	}
	return nil
}
