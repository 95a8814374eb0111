package sqlview

import (
	"cmp"
	"context"
	"iter"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// defaultTop is how many rows a page has when the query does not say, and maxTop how
// many it can have.
const (
	defaultTop = 100
	maxTop     = 10_000
)

// Searcher implements view.Searcher for the views of one generation. It is immutable
// and safe for concurrent use.
type Searcher struct {
	tables *Tables
	views  map[string]*view.View
}

var (
	_ view.Searcher = (*Searcher)(nil)
	_ view.Reporter = (*Searcher)(nil)
)

// Searcher answers queries of views that were checked against these tables.
func (t *Tables) Searcher(views ...*view.View) *Searcher {
	s := &Searcher{t, map[string]*view.View{}}
	for _, v := range views {
		s.views[v.Name] = v
	}
	return s
}

// View implements view.Searcher.
func (s *Searcher) View(name string) (*view.View, error) {
	v, ok := s.views[name]
	if !ok {
		return nil, fault.New(fault.CodeNoView, "there is no view %q", name)
	}
	return v, nil
}

// Search implements view.Searcher. Where the query does not say how many rows a page
// has, it has 100.
func (s *Searcher) Search(ctx context.Context, who view.Viewer, name string, q *view.Query) (*view.Page, error) {
	v, windows, err := s.sight(who, name)
	if err != nil {
		return nil, err
	}
	asked := *q
	if asked.Top = cmp.Or(q.Top, defaultTop); asked.Top < 0 || asked.Top > maxTop {
		return nil, fault.New(fault.CodeQuery, "a page has 1 to %d rows", maxTop)
	}
	plan, err := v.Plan(ctx, &asked, windows, s.tables)
	if err != nil {
		return nil, err
	}
	page, err := s.tables.Page(ctx, plan)
	if err != nil || !plan.Count {
		return page, err
	}
	if q.After != nil { // rows are counted from the first one
		asked.After = nil
		if plan, err = v.Plan(ctx, &asked, windows, s.tables); err != nil {
			return nil, err
		}
	}
	page.Count, page.AtLeast, err = s.tables.Count(ctx, plan)
	if err != nil {
		return nil, err
	}
	return page, nil
}

// sight finds a view, and what somebody sees of it.
func (s *Searcher) sight(who view.Viewer, name string) (*view.View, []view.Window, error) {
	v, err := s.View(name)
	if err != nil {
		return nil, nil, err
	}
	windows, err := who.Sight(name)
	return v, windows, err
}

// Scan implements view.Searcher: see Tables.Scan.
func (s *Searcher) Scan(ctx context.Context, who view.Viewer, name string, q *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error] {
	v, windows, err := s.sight(who, name)
	if err == nil && len(q.Order) > 0 {
		err = fault.New(fault.CodeQuery, "all rows are given in the order in which they are read")
	}
	if err != nil {
		return func(yield func(*view.Row, error) bool) { yield(nil, err) }
	}
	next := func(ctx context.Context, after *view.Mark, frozen bool) (*view.Plan, error) {
		piece := *q
		piece.After, piece.Top, piece.Count, piece.ByKey = after, chunk, false, !frozen
		plan, err := v.Plan(ctx, &piece, windows, s.tables)
		if f := fault.Of(err); err != nil && !frozen && f.Code == fault.CodeUnserved {
			return nil, fault.New(f.Code, "%s; all rows are read in the order of the key, since the database does not allow SNAPSHOT isolation", f.Message)
		}
		return plan, err
	}
	return s.tables.Scan(ctx, next, at)
}
