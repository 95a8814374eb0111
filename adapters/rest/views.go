package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Askers finds out who somebody is by what he shows: the ways in of senders. The
// faults are unauthenticated and unavailable.
type Askers interface {
	Asker(ctx context.Context, shown gateway.Proof) (*gateway.Operator, error)
	// SearchWays are the ways in of searches.
	SearchWays() []gateway.WayIn
}

// Searches answers searches by the configuration that runs.
type Searches interface {
	// Names lists its views. It asks no database.
	Names() []string
	// Open returns what answers searches, and its views. The error is unavailable
	// while the tables cannot be looked at.
	Open(ctx context.Context) (view.Searcher, []*view.View, error)
}

// Views serves searches: GET /api/<view> and GET /api/<view>/<key>. It is a Resource,
// safe for concurrent use.
type Views struct {
	askers   Askers
	searches Searches
	messages *Messages // nil: the ledger is not a view here
	desk     *query.Desk
	log      *slog.Logger
}

// NewViews returns a resource whose searches are bounded at a desk.
func NewViews(askers Askers, searches Searches, desk *query.Desk, log *slog.Logger) *Views {
	return &Views{askers: askers, searches: searches, desk: desk, log: log}
}

// AddMessages serves the ledger too, as the view MessagesName. It is called before
// anything is served.
func (v *Views) AddMessages(m *Messages) { v.messages = m }

var reading = []string{http.MethodGet, http.MethodHead}

// Methods is what is answered at a view and at the rows below it.
func (v *Views) Methods(path string) []string {
	name, _, _ := strings.Cut(path, "/")
	if !slices.Contains(v.searches.Names(), name) && !v.ofLedger(name) {
		return nil
	}
	return reading
}

func (v *Views) ofLedger(name string) bool { return v.messages != nil && name == MessagesName }

// maxAddress is how many bytes an address with its query has.
const maxAddress = odata.MaxQuery + 8<<10

// search is one search under way.
type search struct {
	*Exchange
	*Views
	asker    *gateway.Operator // nil until it is known who asks
	viewer   view.Viewer
	searcher view.Searcher
	view     *view.View // whole
	seen     *view.View // as the asker knows it
	wide     bool       // numbers that a double does not hold are strings
}

// Serve answers a search.
func (v *Views) Serve(x *Exchange, path string) error {
	began := time.Now()
	name, _, row := strings.Cut(path, "/")
	x.Endpoint, x.Ways = "view:"+name, v.askers.SearchWays()
	s := &search{Exchange: x, Views: v}
	rows, err := s.serve(name, row)
	return s.told("search", name, rows, began, err)
}

// told counts and logs what became of a search or a report.
func (s *search) told(what, name string, rows int, began time.Time, err error) error {
	took := time.Since(began)
	s.desk.Metrics.Searched(name, err, rows, took)
	if err == nil {
		s.Views.log.InfoContext(s.R.Context(), what+" answered", "view", name, "user", s.asker.DN, "rows", rows, "seconds", took.Seconds(), "source", s.Peer.Remote)
		return nil
	}
	s.note(what, name, err)
	return err
}

// note logs a search that is refused, and keeps what is wrong with its query for the
// problem document.
func (s *search) note(what, name string, err error) {
	if refusal, ok := errors.AsType[*odata.Refusal](err); ok {
		s.places = placesOf(refusal)
	}
	if s.asker == nil {
		return // the door logs who is not let in
	}
	s.noted = true
	f := fault.Of(err)
	attrs := []any{"view", name, "user", s.asker.DN, "outcome", f.Kind().String(), "code", string(f.Code), "reference", s.reference(), "reason", f.Message, "source", s.Peer.Remote}
	if f.Cause != nil {
		attrs = append(attrs, "cause", f.Cause)
	}
	level := slog.LevelInfo
	if f.Kind() == fault.Internal {
		level = slog.LevelError
	}
	s.Views.log.Log(s.R.Context(), level, what+" refused", attrs...)
}

func placesOf(refusal *odata.Refusal) []Place {
	places := []Place{}
	for _, c := range refusal.Complaints {
		places = append(places, Place{Detail: c.Message, Option: c.Option, Position: c.Position, Query: c.URL, Found: c.Found, Expected: c.Expected})
	}
	return places
}

// serve returns how many rows it has answered with.
func (s *search) serve(name string, row bool) (rows int, err error) {
	if len(s.R.URL.EscapedPath())+len(s.R.URL.RawQuery) > maxAddress {
		return 0, fault.New(fault.CodeAddress, "the address has more than %d bytes", maxAddress)
	}
	if err := s.enter(name); err != nil {
		return 0, err
	}
	request, err := odata.Parse(s.R.URL.RawQuery)
	if err != nil {
		return 0, err
	}
	if s.wide, err = s.negotiate(request.Format); err != nil {
		return 0, err
	}
	leave, err := s.desk.Enter(s.asker.DN)
	if err != nil {
		return 0, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(s.R.Context(), s.desk.Timeout)
	defer cancel()
	if row {
		err = s.below(ctx, request)
		return 1, s.late(err, s.desk.Timeout)
	}
	rows, err = s.page(ctx, request)
	return rows, s.late(err, s.desk.Timeout)
}

// Admit implements Guarded. It asks no database.
func (v *Views) Admit(x *Exchange, path string) error {
	x.Ways = v.askers.SearchWays()
	asker, err := v.asker(x)
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(path, "/")
	return v.admit(asker, name)
}

// admit returns the fault for somebody who may not read a view, whether there is one
// or not.
func (v *Views) admit(asker *gateway.Operator, name string) error {
	if v.ofLedger(name) {
		_, err := v.messages.of(asker).Sight(name)
		return err
	}
	return asker.May(gateway.Read, gateway.OnView(name))
}

// enter finds out who asks, and what he sees of the view.
func (s *search) enter(name string) error {
	asker, err := s.Views.asker(s.Exchange)
	if err != nil {
		return err
	}
	s.asker = asker
	if err := s.admit(asker, name); err != nil {
		return err
	}
	if err := s.open(name); err != nil {
		return err
	}
	if s.view, err = s.searcher.View(name); err != nil {
		return err
	}
	windows, err := s.viewer.Sight(name)
	if err != nil {
		return err
	}
	s.seen = s.view.Seen(windows)
	return nil
}

// open finds what answers.
func (s *search) open(name string) error {
	if s.ofLedger(name) {
		l := s.messages.of(s.asker)
		s.searcher, s.viewer = l, l
		return nil
	}
	searcher, views, err := s.searches.Open(s.R.Context())
	if err != nil {
		return err
	}
	s.searcher, s.viewer = searcher, s.asker.Viewer(query.Finder(views))
	return nil
}

// asker finds out who a request is from.
func (v *Views) asker(x *Exchange) (*gateway.Operator, error) {
	shown, err := x.Shown()
	if err != nil {
		return nil, err
	}
	return v.askers.Asker(x.R.Context(), gateway.Proof{Basic: shown.Basic, Bearer: shown.Bearer, Certificate: shown.Certificate})
}

// late makes a fault of a search that took longer than it may.
func (s *search) late(err error, most time.Duration) error {
	return query.Late(s.R.Context(), err, most)
}

// page answers with a page of rows.
func (s *search) page(ctx context.Context, request *odata.Request) (int, error) {
	q, err := request.Bind(s.seen)
	if err != nil {
		return 0, err
	}
	bound := odata.Bound{View: s.view, Query: q, Principal: s.asker.DN}
	if request.SkipToken != "" {
		if q.After, err = s.desk.Tokens.Open(request.SkipToken, bound); err != nil {
			return 0, err
		}
	}
	page, err := s.searcher.Search(ctx, s.viewer, s.view.Name, q)
	if err != nil {
		return 0, err
	}
	a := s.sheet()
	a.raw(`{`)
	if q.Count {
		a.count(page)
	}
	a.raw(`"value":[`)
	shape := odata.ShapeOf(page.Fields, q.Expand, s.seen)
	for i := range page.Rows {
		if i > 0 {
			a.raw(",")
		}
		a.row(shape, &page.Rows[i])
	}
	a.raw(`]`)
	if page.More != nil {
		token, err := s.desk.Tokens.Seal(page.More, bound)
		if err != nil {
			return 0, err
		}
		a.next(s.R.URL.EscapedPath(), request.Next(token))
	}
	a.raw("}\n")
	return len(page.Rows), s.send(a)
}

// below answers with what is at an address below the view's: a row, or what a message
// was.
func (s *search) below(ctx context.Context, request *odata.Request) error {
	_, raw, _ := strings.Cut(strings.TrimPrefix(s.R.URL.EscapedPath(), Root), "/")
	if id, is := strings.CutSuffix(raw, "/payload"); is && s.ofLedger(s.view.Name) {
		return s.payload(ctx, id)
	}
	return s.one(ctx, request, raw)
}

// one answers with one row.
func (s *search) one(ctx context.Context, request *odata.Request, raw string) error {
	q, err := request.BindRow(s.seen)
	if err != nil {
		return err
	}
	if q.Key, err = odata.ParseKey(s.view, raw); err != nil {
		return err
	}
	page, err := s.searcher.Search(ctx, s.viewer, s.view.Name, q)
	if err != nil {
		return err
	}
	if len(page.Rows) == 0 {
		return fault.New(fault.CodeNoRow, "")
	}
	a := s.sheet()
	a.row(odata.ShapeOf(page.Fields, q.Expand, s.seen), &page.Rows[0])
	a.raw("\n")
	return s.send(a)
}
