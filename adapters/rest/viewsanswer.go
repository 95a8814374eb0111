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

// row writes one row. What is past maxAnswer send refuses.
func (a *sheet) row(shape *odata.Shape, row *view.Row) {
	a.out = odata.AppendRow(a.out, shape, row, a.wide, maxAnswer)
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
