package query

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Searches answers searches by one configuration.
type Searches interface {
	// Open returns what answers searches, and its views. The error is unavailable
	// while the tables cannot be looked at.
	Open(ctx context.Context) (view.Searcher, []*view.View, error)
}

// Desk is where queries are answered. Its fields are set once; it is safe for
// concurrent use.
type Desk struct {
	Places  *Places
	Metrics *Metrics
	Tokens  odata.Tokens
	Timeout time.Duration // of one search
}

// Served is a query at a desk, on the views of one configuration: what a gateway asks.
type Served struct {
	*Query
	Desk     *Desk // nil: nothing is answered here
	Searches Searches
}

// ViewName implements gateway.Answerer.
func (s Served) ViewName() string { return s.View }

// Declares implements gateway.Answerer.
func (s Served) Declares() bool { return len(s.Faults) > 0 }

// Searched implements gateway.Answerer.
func (s Served) Searched(err error, rows int, took time.Duration) {
	if s.Desk != nil {
		s.Desk.Metrics.Searched(s.View, err, rows, took)
	}
}

// Answer implements gateway.Answerer. Errors are *fault.Error, as far as the database's
// are.
func (s Served) Answer(ctx context.Context, who gateway.Asker, in *mapping.Input) (reply []byte, rows int, err error) {
	d := s.Desk
	if d == nil {
		return nil, 0, fault.New(fault.CodeInternal, "").Because(errors.New("nothing answers queries here"))
	}
	searcher, views, err := s.Searches.Open(ctx)
	if err != nil {
		return nil, 0, err
	}
	b, err := s.current(searcher)
	if err != nil {
		return nil, 0, err
	}
	question, err := b.Ask(in)
	if err != nil {
		return nil, 0, err
	}
	leave, err := d.Enter(who.DN)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	asking, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	one := &search{desk: d, Bound: b, searcher: searcher, viewer: who.Viewer(Finder(views)), who: who.DN}
	reply, rows, err = one.answer(asking, question, in)
	return reply, rows, Late(ctx, err, d.Timeout)
}

// Enter takes a place for a search of a user; leave gives it back. The fault is
// unavailable when all places are taken, and rate_limited when his are.
func (d *Desk) Enter(user string) (leave func(), err error) {
	leave, all := d.Places.Enter(user)
	switch {
	case leave != nil:
		return leave, nil
	case all:
		return nil, fault.New(fault.CodeBusy, "")
	}
	return nil, fault.New(fault.CodeTooFast, "this user has %d searches under way already; wait for their answers", d.Places.each)
}

// current is the query on the view as it is now.
func (q *Query) current(s view.Searcher) (*Bound, error) {
	v, err := s.View(q.View)
	if err != nil {
		return nil, err
	}
	b, err := q.On(v)
	if err != nil {
		return nil, fault.New(fault.CodeSchema, "the query %s does not fit the database's tables", q.Name).Because(err)
	}
	return b, nil
}

// Finder returns what finds a view by its name.
func Finder(views []*view.View) func(string) *view.View {
	return func(name string) *view.View {
		i := slices.IndexFunc(views, func(v *view.View) bool { return v.Name == name })
		if i < 0 {
			return nil
		}
		return views[i]
	}
}

// Late makes a fault of what a search failed with that took longer than it may, or whose
// asker, whose context ctx is, has gone.
func Late(ctx context.Context, err error, most time.Duration) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // the asker is gone; nobody reads what follows
		return fault.New(fault.CodeHTTP, "the caller has hung up").Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.CodeBusy, "the search took longer than %v; try again later, or ask for less", most).Because(err)
	}
	return err
}

// search is one question on its way.
type search struct {
	*Bound
	desk     *Desk
	searcher view.Searcher
	viewer   view.Viewer
	who      string
}

func (s *search) answer(ctx context.Context, question *mapping.Question, in *mapping.Input) ([]byte, int, error) {
	windows, err := s.viewer.Sight(s.View.Name)
	if err != nil {
		return nil, 0, err
	}
	seen := s.View.Seen(windows)
	q, err := s.asked(question, seen)
	if err != nil {
		return nil, 0, err
	}
	good := odata.Bound{View: s.View, Query: q, Principal: s.who, Asked: s.Name}
	if question.After != "" {
		if q.After, err = s.desk.Tokens.Open(question.After, good); err != nil {
			return nil, 0, anew(err)
		}
	}
	page, err := s.searcher.Search(ctx, s.viewer, s.View.Name, q)
	if err != nil {
		return nil, 0, s.refused(err, question)
	}
	if s.Key != nil && len(page.Rows) == 0 {
		return nil, 0, fault.New(fault.CodeNoRow, "")
	}
	next := ""
	if page.More != nil {
		if next, err = s.desk.Tokens.Seal(page.More, good); err != nil {
			return nil, 0, err
		}
	}
	reply, err := s.write(page, q, seen, next, in)
	return reply, len(page.Rows), err
}

// write makes the reply of a page.
func (s *search) write(page *view.Page, q *view.Query, seen *view.View, next string, in *mapping.Input) ([]byte, error) {
	w := &writer{}
	if err := w.page(page, q, seen, next); err != nil {
		return nil, err
	}
	tree, err := document.Read(w.out)
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err) // we have written it
	}
	defer tree.Release()
	reply, err := s.Reply(in, tree.Root())
	if err == nil && len(reply) > MaxAnswer {
		return nil, errLarge()
	}
	return reply, err
}

// anew words what is wrong with a token for those who have no links to follow.
func anew(err error) error {
	f := fault.Of(err)
	if f.Code != fault.CodePage {
		return err
	}
	return fault.New(fault.CodePage, "where the page was to go on is not of this query with these conditions and of this user, or not good any more: begin anew, without it").Because(f.Cause)
}

// refused adds to a refusal what the request asked for.
func (s *search) refused(err error, question *mapping.Question) error {
	f := fault.Of(err)
	switch {
	case f.Code == fault.CodePage:
		return anew(err)
	case f.Code != fault.CodeUnserved:
		return err
	}
	var words []string
	for _, a := range question.Conditions {
		words = append(words, s.Conditions[a.Condition].String())
	}
	text := "the request has no condition"
	if words != nil {
		text = "the request asks for " + strings.Join(words, " and ")
	}
	return f.With(fault.Detail{Message: text, Source: s.File})
}
