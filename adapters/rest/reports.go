package rest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/report"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Reporting answers reports by the configuration that runs.
type Reporting interface {
	// ReportViews names its reports, and the view that each is of. It asks no database.
	ReportViews() map[string]string
	// OpenReports returns what answers reports, and them, and all views. The error is
	// unavailable while the tables cannot be looked at.
	OpenReports(ctx context.Context) (view.Reporter, []*view.Report, []*view.View, error)
}

// Reports serves reports: GET /api/<report>. It is a Resource, safe for concurrent use.
type Reports struct {
	views     *Views // whose places, askers and metrics it has
	reporting Reporting
}

// NewReports returns a resource that has its places among those of searches.
func NewReports(views *Views, reporting Reporting) *Reports { return &Reports{views, reporting} }

// reportTime is how long a report may take.
const reportTime = 30 * time.Second

// Methods is what is answered at a report.
func (r *Reports) Methods(path string) []string {
	if _, known := r.reporting.ReportViews()[path]; !known {
		return nil
	}
	return reading
}

// Admit implements Guarded. Who may not read the view does not learn that there is a
// report of it.
func (r *Reports) Admit(x *Exchange, path string) error {
	x.Ways = r.views.askers.SearchWays()
	asker, err := r.views.asker(x)
	if err != nil {
		return err
	}
	return r.admit(asker, path)
}

func (r *Reports) admit(asker *gateway.Operator, name string) error {
	of, known := r.reporting.ReportViews()[name]
	if known && asker.May(gateway.Read, gateway.OnView(of)) == nil {
		return nil
	}
	if err := asker.May(gateway.Read, gateway.OnView(name)); err != nil || !known {
		return err
	}
	return fault.New(fault.CodeNoEndpoint, "")
}

// Serve answers with the lines of a report.
func (r *Reports) Serve(x *Exchange, name string) error {
	began := time.Now()
	x.Endpoint, x.Ways = "report:"+name, r.views.askers.SearchWays()
	s := &search{Exchange: x, Views: r.views}
	lines, err := r.serve(s, name)
	return s.told("report", name, lines, began, err)
}

// serve returns how many lines it has answered with.
func (r *Reports) serve(s *search, name string) (lines int, err error) {
	if len(s.R.URL.EscapedPath())+len(s.R.URL.RawQuery) > maxAddress {
		return 0, fault.New(fault.CodeAddress, "the address has more than %d bytes", maxAddress)
	}
	if s.asker, err = r.views.asker(s.Exchange); err != nil {
		return 0, err
	}
	if err := r.admit(s.asker, name); err != nil {
		return 0, err
	}
	reporter, reports, views, err := r.reporting.OpenReports(s.R.Context())
	if err != nil {
		return 0, err
	}
	of := reportNamed(reports, name)
	if of == nil {
		return 0, r.missing(name)
	}
	s.viewer = s.asker.Viewer(query.Finder(views))
	windows, err := s.viewer.Sight(of.View.Name)
	if err == nil {
		err = of.Shown(windows)
	}
	if err != nil {
		return 0, err
	}
	request, err := odata.Parse(s.R.URL.RawQuery)
	if err != nil {
		return 0, err
	}
	q, err := request.BindReport(of, of.View.Seen(windows))
	if err != nil {
		return 0, err
	}
	form, err := s.reportForm(request.Format)
	if err != nil {
		return 0, err
	}
	leave, err := s.desk.Enter(s.asker.DN)
	if err != nil {
		return 0, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(s.R.Context(), reportTime)
	defer cancel()
	page, err := reporter.Report(ctx, s.viewer, of, q)
	if err != nil {
		return 0, s.late(err, reportTime)
	}
	return len(page.Rows), s.sendReport(form, of, page)
}

// missing is the fault of a report that there is not, though it has been declared: it
// does not fit the tables, unless the configuration has just changed.
func (r *Reports) missing(name string) error {
	if _, declared := r.reporting.ReportViews()[name]; !declared {
		return fault.New(fault.CodeNoView, "")
	}
	return fault.New(fault.CodeSchema, "the report %s does not fit the database's tables", name)
}

func reportNamed(reports []*view.Report, name string) *view.Report {
	i := slices.IndexFunc(reports, func(r *view.Report) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return reports[i]
}

// reportForms are the media types of reports, by the words for their formats, the one
// first that who accepts anything gets.
var reportForms = []struct{ format, accepts, is string }{
	{"json", mediaJSON, "application/json;odata.metadata=none"},
	{"text", "text/plain", "text/plain; charset=utf-8"},
	{"csv", "text/csv", "text/csv; charset=utf-8; header=present"},
	{"svg", "image/svg+xml", "image/svg+xml; charset=utf-8"},
}

// reportForm is the place in reportForms that a request wants: by $format, else by its
// Accept (RFC 9110 §12.5.1).
func (s *search) reportForm(format string) (int, error) {
	if format != "" {
		return slices.IndexFunc(reportForms, func(f struct{ format, accepts, is string }) bool { return f.format == format }), nil
	}
	ranges := strings.Join(s.R.Header.Values("Accept"), ",")
	if strings.Trim(ranges, " \t,") == "" {
		return 0, nil
	}
	best, most := -1, 0.0
	var types []string
	for i, f := range reportForms {
		types = append(types, f.accepts)
		if w := weight(ranges, f.accepts); w > most {
			best, most = i, w
		}
	}
	if best < 0 {
		return 0, fault.New(fault.CodeNotAcceptable, "the answer is %s, and the request accepts %q", strings.Join(types, ", "), httpdoor.Clip(ranges))
	}
	return best, nil
}

// weight is how much a media type is wanted by the range that says most of it; one
// that is not well-formed counts as 1.
func weight(ranges, mediaType string) float64 {
	kind, _, _ := strings.Cut(mediaType, "/")
	specific, out := -1, 0.0
	for one := range strings.SplitSeq(ranges, ",") {
		name, parameters, _ := strings.Cut(one, ";")
		level := slices.Index([]string{"*/*", kind + "/*", mediaType}, strings.ToLower(httpdoor.TrimBlanks(name)))
		if level <= specific {
			continue
		}
		specific, out = level, 1
		for p := range strings.SplitSeq(parameters, ";") {
			name, value, _ := strings.Cut(p, "=")
			if q, err := strconv.ParseFloat(httpdoor.TrimBlanks(value), 64); err == nil && q >= 0 && q <= 1 && strings.EqualFold(httpdoor.TrimBlanks(name), "q") {
				out = q
			}
		}
	}
	return out
}

// sendReport writes the lines.
func (s *search) sendReport(form int, of *view.Report, page *view.Page) error {
	mediaType := reportForms[form].is
	var body []byte
	switch reportForms[form].format {
	case "text":
		body = report.Text(of, page)
	case "csv":
		body = report.CSV(page)
	case "svg":
		body = report.SVG(of, page)
		// A browser that opens the picture by itself runs nothing and fetches nothing.
		s.W.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	default:
		wide, err := s.negotiate("json")
		if err != nil {
			return err
		}
		if wide {
			mediaType += ";IEEE754Compatible=true"
		}
		s.W.Header().Set("OData-Version", "4.0")
		body = report.JSON(page, wide)
	}
	if len(body) > maxAnswer {
		return fault.New(fault.CodeQuery, "the answer has more than %d bytes: ask for fewer lines", maxAnswer)
	}
	h := s.W.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization, Accept")
	if !s.Held(body) {
		s.Write(http.StatusOK, body)
	}
	return nil
}
