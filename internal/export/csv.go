package export

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// csvWriter writes RFC 4180: a header, lines that end with CR LF, and quotes where they
// are needed.
//
// Null is nothing between two separators, an empty text is two quotes. A text that a
// spreadsheet would take for a formula begins with an apostrophe, and so does one that
// begins with an apostrophe itself: whoever takes one away from each text that begins
// with it has what was stored.
type csvWriter struct {
	w       *bufio.Writer
	t       *Table
	options Options
	rows    int64
}

// NewCSV begins a file with its header.
func NewCSV(w io.Writer, t *Table, o Options) (Writer, error) {
	if len(t.Children) > 0 {
		return nil, flatOnly(t, FormatCSV)
	}
	if len(t.Columns) == 1 && t.Columns[0].Type.Nullable {
		return nil, fault.New(fault.CodeExport, "a CSV file of one column cannot tell null from no line; select another field too, such as the key")
	}
	if o.Separator == 0 {
		o.Separator = ','
	}
	c := &csvWriter{w: bufio.NewWriterSize(w, 32<<10), t: t, options: o}
	if o.Mark {
		c.raw("\uFEFF")
	}
	for i := range t.Columns {
		c.separate(i)
		c.quoted(t.Columns[i].Name)
	}
	return c, c.end()
}

// flatOnly says how children come into a format without lists.
func flatOnly(t *Table, format string) error {
	return fault.New(fault.CodeExport, "%s has no lists; rows=%s gives a row for each of the %s, with the selected fields of what they belong to", format, t.Children[0].Name, t.Children[0].Name)
}

// raw leaves the error to end, as the writer does.
func (c *csvWriter) raw(s string) { _, _ = c.w.WriteString(s) }

func (c *csvWriter) separate(i int) {
	if i > 0 {
		_, _ = c.w.WriteRune(c.options.Separator)
	}
}

func (c *csvWriter) end() error {
	_, err := c.w.WriteString("\r\n")
	return err
}

// Write implements Writer.
func (c *csvWriter) Write(row *view.Row) error {
	c.rows++
	for i := range c.t.Columns {
		c.separate(i)
		v := Present(row, i)
		if !v.Present {
			if len(c.t.Columns) == 1 {
				return refused(c.t, c.rows, i, "a CSV file of one column cannot hold null; select another field too")
			}
			continue
		}
		text := Text(v, &c.t.Columns[i].Type)
		if v.Kind == mapping.StringColumn || v.Kind == mapping.BytesColumn {
			c.quoted(c.guarded(text))
			continue
		}
		c.raw(text)
	}
	return c.end()
}

// guarded keeps a spreadsheet from taking a text for a formula.
func (c *csvWriter) guarded(s string) string {
	if c.options.Raw {
		return s
	}
	switch r, _ := utf8.DecodeRuneInString(s); r {
	case '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\'':
		return "'" + s
	}
	return s
}

// quoted writes a text, in quotes where it is empty or has what any of the separators
// or a line end is.
func (c *csvWriter) quoted(s string) {
	if s != "" && !strings.ContainsAny(s, separators+"\"\r\n\x00") && s[0] != ' ' && s[len(s)-1] != ' ' {
		c.raw(s)
		return
	}
	c.raw(`"`)
	c.raw(strings.ReplaceAll(s, `"`, `""`))
	c.raw(`"`)
}

// Close implements Writer.
func (c *csvWriter) Close() error { return c.w.Flush() }
