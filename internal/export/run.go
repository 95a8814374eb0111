package export

import (
	"io"
	"iter"

	"github.com/gatehouse/gatehouse/internal/view"
)

// Plan is one file: what is asked, and how it is written.
type Plan struct {
	Format *Format
	Table  *Table // of the rows as they are scanned
	Flat   bool   // a row for each child
	Query  *view.Query
	Text   string // the query as it was asked
	View   string
}

// What the audit trail calls exports: that one begins, and what became of it.
const (
	AuditBegun = "export"
	AuditEnded = "exported"
)

// Act is what the audit trail says of the export, besides who and which view.
func (p *Plan) Act(more string) string {
	text := p.Format.Name + " " + more
	if p.Text != "" {
		text += " of " + p.Text
	}
	return text
}

// NewPlan holds what is asked of the view, as somebody knows it, against the format; rows
// names the child of which there is to be a row each, or is empty.
func NewPlan(f *Format, v *view.View, q *view.Query, text, rows string) (*Plan, error) {
	p := &Plan{Format: f, Query: Whole(q), Text: text, View: v.Name, Flat: rows != ""}
	p.Table = TableOf(v, p.Query)
	if p.Flat {
		if _, err := v.Child(rows); err != nil {
			return nil, err
		}
		if len(p.Table.Children) == 1 && p.Table.Children[0].Name != rows {
			p.Table.Children = nil // Flat says what is wrong
		}
	}
	_, err := p.open(io.Discard, &Head{})
	return p, err
}

// open begins a file.
func (p *Plan) open(w io.Writer, h *Head) (Writer, error) {
	if !p.Flat {
		return p.Format.Make(w, p.Table, h)
	}
	flat, err := Flat(p.Table)
	if err != nil {
		return nil, err
	}
	out, err := p.Format.Make(w, flat, h)
	if err != nil {
		return nil, err
	}
	return Flatten(p.Table, out), nil
}

// Scan returns the rows of a query, and calls at before the first, as view.Searcher.Scan
// does.
type Scan func(q *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error]

// Write writes the file to w: begin is told the head when the position is known, before
// anything is written. It returns how many rows have been scanned. Without an error the
// file is whole.
func (p *Plan) Write(w io.Writer, scan Scan, begin func(view.Position) (*Head, error)) (rows int64, err error) {
	var (
		out    Writer
		failed error
	)
	at := func(position view.Position) {
		var h *Head
		if h, failed = begin(position); failed == nil {
			out, failed = p.open(w, h)
		}
	}
	for row, err := range scan(p.Query, at) {
		if failed != nil {
			return rows, failed
		}
		if err != nil {
			return rows, err
		}
		if err := out.Write(row); err != nil {
			return rows, err
		}
		rows++
	}
	if failed != nil {
		return rows, failed
	}
	return rows, out.Close()
}
