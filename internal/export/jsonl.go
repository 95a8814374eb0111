package export

import (
	"bufio"
	"io"

	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// jsonWriter writes JSON Lines: each row as a search answers it, with its children.
type jsonWriter struct {
	w     *bufio.Writer
	t     *Table
	shape *odata.Shape
	out   []byte
}

// NewJSONLines begins a file. What may not be seen is left out of its object.
func NewJSONLines(w io.Writer, t *Table) Writer {
	return &jsonWriter{w: bufio.NewWriterSize(w, 32<<10), t: t, shape: t.shape()}
}

// Write implements Writer.
func (j *jsonWriter) Write(row *view.Row) error {
	if err := Limited(j.t, row); err != nil {
		return err
	}
	j.out = append(odata.AppendRow(j.out[:0], j.shape, row, false, 0), '\n')
	_, err := j.w.Write(j.out)
	return err
}

// shape is that of the rows in JSON.
func (t *Table) shape() *odata.Shape {
	s := &odata.Shape{Name: t.Name}
	for i := range t.Columns {
		s.Members = append(s.Members, odata.Member{Name: t.Columns[i].Name, Type: &t.Columns[i].Type})
	}
	for _, c := range t.Children {
		s.Children = append(s.Children, c.shape())
	}
	return s
}

// Close implements Writer.
func (j *jsonWriter) Close() error { return j.w.Flush() }
