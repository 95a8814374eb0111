package query

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// MaxAnswer is how many bytes a page has at most, and the reply that is made of it.
const MaxAnswer = 32 << 20

// errLarge refuses an answer that has more.
func errLarge() error {
	return fault.New(fault.CodeQuery, "the answer has more than %d bytes: ask for fewer rows", MaxAnswer)
}

// writer writes the document that a reply reads as $page: see mapping.PageElement.
type writer struct{ out []byte }

func (w *writer) open(name string)  { w.out = append(append(append(w.out, '<'), name...), '>') }
func (w *writer) close(name string) { w.out = append(append(append(w.out, '<', '/'), name...), '>') }

func (w *writer) leaf(name, text string) {
	w.open(name)
	w.out = document.AppendText(w.out, text)
	w.close(name)
}

// page writes a page with the token of the next one, if there is one.
func (w *writer) page(page *view.Page, q *view.Query, of *view.View, next string) error {
	w.open(mapping.PageElement)
	for i := range page.Rows {
		w.row(page.Fields, &page.Rows[i], q.Expand, of)
		if len(w.out) > MaxAnswer {
			return errLarge()
		}
	}
	if next != "" {
		w.leaf(mapping.NextElement, next)
	}
	if q.Count {
		w.leaf(mapping.CountElement, strconv.FormatInt(page.Count, 10))
		w.leaf(mapping.BeyondElement, strconv.FormatBool(page.AtLeast))
	}
	w.close(mapping.PageElement)
	return nil
}

// row writes a row without what is null and what may not be seen of it.
func (w *writer) row(fields []view.Field, row *view.Row, expand []view.Expand, of *view.View) {
	w.open(mapping.RowElement)
	for i, v := range row.Values {
		if v.Present && (row.Seen == nil || row.Seen[i]) {
			w.leaf(fields[i].Name, lexical(v))
		}
	}
	for i, e := range expand {
		if i >= len(row.Children) {
			break
		}
		c := of.Children[e.Child]
		w.open(c.Name)
		w.children(row.Children[i], e, c.View)
		w.leaf(mapping.CutElement, strconv.FormatBool(row.Cut != nil && row.Cut[i]))
		w.close(c.Name)
	}
	w.close(mapping.RowElement)
}

func (w *writer) children(rows []view.Row, e view.Expand, of *view.View) {
	fields := make([]view.Field, len(e.Select))
	for i, place := range e.Select {
		fields[i] = of.Fields[place]
	}
	for i := range rows {
		w.row(fields, &rows[i], e.Expand, of)
	}
}

// lexical is a value that is not null as XSD writes it.
func lexical(v view.Value) string {
	switch v.Kind {
	case mapping.BytesColumn:
		return base64.StdEncoding.EncodeToString(v.Bytes)
	case mapping.FloatColumn:
		switch {
		case math.IsInf(v.Float, 1):
			return "INF"
		case math.IsInf(v.Float, -1):
			return "-INF"
		}
	}
	return odata.Format(v)
}
