package export

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Flat is a table with a row for each child: the columns of what it belongs to, then its
// own, after the child's name and a dot. A row without children has none in it.
func Flat(t *Table) (*Table, error) {
	if len(t.Children) != 1 || len(t.Children[0].Children) > 0 {
		return nil, fault.New(fault.CodeExport, "rows of a child are of one child, which has none expanded itself")
	}
	c := t.Children[0]
	out := &Table{Name: t.Name + "." + c.Name, Columns: slices.Clone(t.Columns)}
	for _, column := range c.Columns {
		column.Name = c.Name + "." + column.Name
		out.Columns = append(out.Columns, column)
	}
	return out, nil
}

// flattener writes rows of t as rows of Flat(t).
type flattener struct {
	t *Table
	Writer
	row view.Row
}

// Flatten returns a writer of rows of t which writes them as those of Flat(t) to w.
func Flatten(t *Table, w Writer) Writer { return &flattener{t: t, Writer: w} }

// Write implements Writer.
func (f *flattener) Write(row *view.Row) error {
	if err := Limited(f.t, row); err != nil {
		return err
	}
	if len(row.Children) == 0 {
		return nil
	}
	children := row.Children[0]
	for i := range children {
		f.row.Values = append(append(f.row.Values[:0], row.Values...), children[i].Values...)
		f.row.Seen = f.row.Seen[:0]
		for k := range row.Values {
			f.row.Seen = append(f.row.Seen, row.Seen == nil || row.Seen[k])
		}
		for k := range children[i].Values {
			f.row.Seen = append(f.row.Seen, children[i].Seen == nil || children[i].Seen[k])
		}
		if err := f.Writer.Write(&f.row); err != nil {
			return err
		}
	}
	return nil
}
