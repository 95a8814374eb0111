package export

import (
	"bufio"
	"io"

	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// jsonWriter writes JSON Lines: each row as a search answers it, with its children.
type jsonWriter struct {
	w   *bufio.Writer
	t   *Table
	out []byte
}

// NewJSONLines begins a file. What may not be seen is left out of its object.
func NewJSONLines(w io.Writer, t *Table) Writer {
	return &jsonWriter{w: bufio.NewWriterSize(w, 32<<10), t: t}
}

// Write implements Writer.
func (j *jsonWriter) Write(row *view.Row) error {
	if err := Limited(j.t, row); err != nil {
		return err
	}
	j.out = append(appendObject(j.out[:0], j.t, row), '\n')
	_, err := j.w.Write(j.out)
	return err
}

func appendObject(out []byte, t *Table, row *view.Row) []byte {
	out = append(out, '{')
	began := len(out)
	name := func(name string) {
		if len(out) > began {
			out = append(out, ',')
		}
		out = append(odata.AppendString(out, name), ':')
	}
	for i := range t.Columns {
		if row.Seen != nil && !row.Seen[i] {
			continue
		}
		name(t.Columns[i].Name)
		out = odata.AppendJSON(out, row.Values[i], &t.Columns[i].Type, false)
	}
	for i, c := range t.Children {
		if i >= len(row.Children) {
			break
		}
		name(c.Name)
		out = append(out, '[')
		for k := range row.Children[i] {
			if k > 0 {
				out = append(out, ',')
			}
			out = appendObject(out, c, &row.Children[i][k])
		}
		out = append(out, ']')
	}
	return append(out, '}')
}

// Close implements Writer.
func (j *jsonWriter) Close() error { return j.w.Flush() }
