package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/view"
)

// maxAnswer is how many bytes a page has at most: it is held whole, because its
// entity tag comes first.
const maxAnswer = query.MaxAnswer

// sheet is the JSON of a search in the making.
type sheet struct {
	out  []byte
	wide bool
}

func (s *search) sheet() *sheet {
	return &sheet{out: make([]byte, 0, 4<<10), wide: s.wide}
}

func (a *sheet) raw(text string) { a.out = append(a.out, text...) }

func (a *sheet) comma(needed bool) {
	if needed {
		a.raw(",")
	}
}

func (a *sheet) name(name string) { a.out = append(strconv.AppendQuote(a.out, name), ':') }

// row writes one row: what may not be seen of it is left out.
func (a *sheet) row(fields []view.Field, row *view.Row, expand []view.Expand, of *view.View) {
	if len(a.out) > maxAnswer {
		return // send refuses it
	}
	a.raw("{")
	written := false
	for i := range row.Values {
		if row.Seen != nil && !row.Seen[i] {
			continue
		}
		a.comma(written)
		written = true
		a.name(fields[i].Name)
		a.out = odata.AppendJSON(a.out, row.Values[i], &fields[i].Type, a.wide)
	}
	for i, e := range expand {
		if i >= len(row.Children) {
			break
		}
		a.comma(written)
		written = true
		child := of.Children[e.Child]
		a.name(child.Name)
		a.children(row.Children[i], e, child.View)
		if row.Cut != nil && row.Cut[i] {
			a.raw(",")
			a.name(child.Name + "@gatehouse.hasMore")
			a.raw("true")
		}
	}
	a.raw("}")
}

// children writes the rows of a child.
func (a *sheet) children(rows []view.Row, e view.Expand, of *view.View) {
	fields := make([]view.Field, len(e.Select))
	for i, place := range e.Select {
		fields[i] = of.Fields[place]
	}
	a.raw("[")
	for i := range rows {
		a.comma(i > 0)
		a.row(fields, &rows[i], e.Expand, of)
	}
	a.raw("]")
}

// count writes how many rows there are; that there are more, nobody having counted
// them, is an annotation of our own.
func (a *sheet) count(page *view.Page) {
	a.raw(`"@odata.count":` + strconv.FormatInt(page.Count, 10) + `,`)
	if page.AtLeast {
		a.raw(`"@gatehouse.countIsAtLeast":true,`)
	}
}

// next writes where the next page is, relative to this one's address, which is what
// the caller used, whatever stands before the gateway.
func (a *sheet) next(path, query string) {
	name := path[strings.LastIndexByte(path, '/')+1:]
	a.raw(`,"@odata.nextLink":`)
	a.out = odata.AppendString(a.out, name+"?"+query)
}

// send answers, or says that the caller has the answer already.
func (s *search) send(a *sheet) error {
	if len(a.out) > maxAnswer {
		return fault.New(fault.CodeQuery, "the page has more than %d bytes: ask for fewer rows or fields", maxAnswer)
	}
	mediaType := "application/json;odata.metadata=none"
	if s.wide {
		mediaType += ";IEEE754Compatible=true"
	}
	h := s.W.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization, Accept")
	h.Set("OData-Version", "4.0")
	if !s.Held(a.out) {
		s.Write(http.StatusOK, a.out)
	}
	return nil
}

// negotiate finds the form of the answer: JSON without metadata, in which numbers
// that a double does not hold are strings when the request wants them so (OData JSON
// Format §3.2).
func (s *search) negotiate(format string) (wide bool, err error) {
	if format == "" {
		if err := s.Accepts(mediaJSON); err != nil {
			return false, err
		}
	}
	for one := range strings.SplitSeq(strings.Join(s.R.Header.Values("Accept"), ","), ",") {
		for parameter := range strings.SplitSeq(one, ";") {
			name, value, _ := strings.Cut(parameter, "=")
			if strings.EqualFold(httpdoor.TrimBlanks(name), "IEEE754Compatible") {
				wide = wide || strings.EqualFold(httpdoor.TrimBlanks(value), "true")
			}
		}
	}
	return wide, nil
}
