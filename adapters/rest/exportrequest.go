package rest

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// exportQuery is what the query of an export's address asks for.
type exportQuery struct {
	*odata.Request
	format *export.Format
	rows   string // the child of which there is to be a row each
	text   string // as it came, without what is of files
}

// separatorNames are what separators are called, since few of them can stand in an
// address.
var separatorNames = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t', "bar": '|'}

// exportRequest reads the query of an export's address: that of a search without pages,
// and what is of files: format, separator, bom, guard and rows.
func exportRequest(query string) (*exportQuery, error) {
	out := &exportQuery{}
	var (
		rest, given []string
		name        string
		options     export.Options
	)
	for pair := range strings.SplitSeq(query, "&") {
		key, raw, _ := strings.Cut(pair, "=")
		switch key {
		case "format", "separator", "bom", "guard", "rows":
		default:
			rest = append(rest, pair)
			continue
		}
		value, err := url.QueryUnescape(raw)
		if err != nil || slices.Contains(given, key) {
			return nil, odata.Refuse(key, "is given twice, or cannot be read")
		}
		given = append(given, key)
		switch key {
		case "format":
			name = value
		case "rows":
			out.rows = value
		case "separator":
			r, known := separatorNames[value]
			if !known {
				return nil, odata.Refuse(key, "the separator is comma, semicolon, tab or bar")
			}
			options.Separator = r
		case "bom":
			if options.Mark = value == "true"; value != "true" && value != "false" {
				return nil, odata.Refuse(key, "is true or false")
			}
		case "guard":
			if options.Raw = value == "off"; value != "on" && value != "off" {
				return nil, odata.Refuse(key, "is on or off")
			}
		}
	}
	var err error
	if out.format, err = export.Find(name, options); err != nil {
		return nil, err
	}
	out.text = strings.Join(rest, "&")
	out.Request, err = odata.Parse(out.text)
	return out, err
}

// ExportPlan reads the query of an export's address, as GET does, and holds it against the
// view as somebody knows it.
func ExportPlan(query string, seen *view.View) (*export.Plan, error) {
	request, err := exportRequest(query)
	if err != nil {
		return nil, err
	}
	return request.plan(seen)
}

// plan holds the request against the view as somebody knows it.
func (r *exportQuery) plan(seen *view.View) (*export.Plan, error) {
	for _, wrong := range []struct {
		option string
		asked  bool
	}{{"$orderby", r.OrderBy != nil}, {"$count", r.Count}, {"$skiptoken", r.SkipToken != ""}, {"$top", r.Top != odata.DefaultTop}} {
		if wrong.asked {
			return nil, odata.Refuse(wrong.option, "an export has all rows in the order in which they are read; it takes $filter, $select and $expand")
		}
	}
	q, err := r.Bind(seen)
	if err != nil {
		return nil, err
	}
	return export.NewPlan(r.format, seen, &view.Query{Select: q.Select, Where: q.Where, Expand: q.Expand}, r.text, r.rows)
}
