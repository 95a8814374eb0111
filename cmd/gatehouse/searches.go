package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/view"
)

// viewDatabase is what views are read from, in either dialect.
type viewDatabase = sqlite.Views

// viewTables is a picture of its tables.
type viewTables = sqlite.ViewTables

// openViews makes the connections for views. It connects when it is first used.
func (s *storeSection) openViews(log *slog.Logger) (*viewDatabase, error) {
	if s.sqlserver != nil {
		return sqlserver.OpenViews(*s.sqlserver, time.Now, sqlserver.ViewOptions{Log: log})
	}
	return sqlite.OpenViews(*s.sqlite, sqlite.ViewOptions{Log: log})
}

// bindViewsTimeout bounds how long the tables of views are looked at.
const bindViewsTimeout = 30 * time.Second

// searches are the views of one configuration, held against the tables as they are
// when they are first needed, and again now and then: somebody may change the tables
// under a gateway that runs. It is safe for concurrent use.
type searches struct {
	project  *project
	database *viewDatabase
	log      *slog.Logger
	doubted  atomic.Bool // a search found the tables to be other ones

	mu       sync.Mutex // held while the tables are looked at for the first time, which others wait for
	bound    *boundViews
	tables   view.Tables // that bound was held against
	searcher respondent
	looked   time.Time
	unfit    map[string]time.Time // views and reports that do not fit, and since when that is known
}

// respondent answers searches and reports.
type respondent interface {
	view.Searcher
	view.Reporter
}

// unfitPoll is how often the tables are looked at, at least, while a view does not fit
// them: somebody is mending them.
const unfitPoll = 5 * time.Second

// doubtedEvery is how often the tables are looked at, at most, when searches fail
// because of them.
const doubtedEvery = time.Second

// open returns what answers queries, and what it knows. The error is an unavailable
// fault: the database cannot be asked. A view that does not fit its tables is one
// when it is asked for.
func (s *searches) open(ctx context.Context) (respondent, *boundViews, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.bound == nil:
		if err := s.load(ctx); s.bound == nil {
			return nil, nil, err
		}
	case s.due():
		s.looked = time.Now() // nobody else looks meanwhile, and nobody waits for it
		s.mu.Unlock()
		tables, err := s.look(context.WithoutCancel(ctx))
		s.mu.Lock()
		if err != nil {
			s.log.WarnContext(ctx, "tables of views not looked at; what was known of them goes on", "error", err)
			break
		}
		_ = s.hold(ctx, tables) // it has told the log
	}
	return s.searcher, s.bound, nil
}

// due reports whether the tables are to be looked at again.
func (s *searches) due() bool {
	since := time.Since(s.looked)
	poll := gateway.DriftConfig{Poll: s.project.Drift.Poll}.Effective().Poll
	if len(s.unfit) > 0 {
		poll = min(poll, unfitPoll)
	}
	return since >= poll || since >= doubtedEvery && s.doubted.Swap(false)
}

// load looks at the tables; the error says what does not fit them.
func (s *searches) load(ctx context.Context) error {
	tables, err := s.look(ctx)
	if err != nil {
		return err
	}
	return s.hold(ctx, tables)
}

func (s *searches) look(ctx context.Context) (*viewTables, error) {
	ctx, cancel := context.WithTimeout(ctx, bindViewsTimeout)
	defer cancel()
	return s.database.Tables(ctx, s.project.viewTables()...)
}

// hold holds the views against tables. Those that fit are served.
func (s *searches) hold(ctx context.Context, tables *viewTables) error {
	s.looked = time.Now()
	if s.tables != nil && reflect.DeepEqual(s.tables, tables) {
		return nil
	}
	bound, err := s.project.bindViews(tables)
	switch {
	case err != nil:
		s.log.ErrorContext(ctx, "views do not fit the database's tables", "error", err)
	case s.tables != nil:
		s.log.InfoContext(ctx, "the tables of views were changed; all views fit them")
	}
	s.bound, s.tables = bound, tables
	s.note()
	s.searcher = &heldSearcher{tables.Searcher(bound.views...), s}
	return err
}

// note remembers since when views and reports do not fit. A report whose view does not
// fit does not either.
func (s *searches) note() {
	before := s.unfit
	s.unfit = map[string]time.Time{}
	for _, d := range s.project.views {
		if s.bound.has(d) {
			continue
		}
		since, known := before[d.Name]
		if !known {
			since = s.looked
		}
		s.unfit[d.Name] = since
	}
}

// unfitViews are the views and reports that do not fit their tables, and since when
// that is known.
func (s *searches) unfitViews() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unfit
}

// lookAtViews has the tables of views looked at when it is time, also when nobody
// searches, until ctx ends.
func (s *service) lookAtViews(ctx context.Context) {
	tick := time.NewTicker(doubtedEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if a := s.assemblyNow(); len(a.project.views) > 0 {
			_, _, _ = a.searches.open(ctx) // it has told the log
		}
	}
}

// heldSearcher answers as long as the tables are what they were.
type heldSearcher struct {
	respondent
	of *searches
}

// View implements view.Searcher. A view that is declared and does not fit its tables
// is unavailable.
func (h *heldSearcher) View(name string) (*view.View, error) {
	v, err := h.respondent.View(name)
	if err != nil && slices.Contains(h.of.project.viewNames(), name) {
		return nil, fault.New(fault.CodeSchema, "the view %s does not fit the database's tables", name)
	}
	return v, err
}

// Search implements view.Searcher.
func (h *heldSearcher) Search(ctx context.Context, who view.Viewer, name string, q *view.Query) (*view.Page, error) {
	page, err := h.respondent.Search(ctx, who, name, q)
	return page, h.judged(err)
}

// Scan implements view.Searcher.
func (h *heldSearcher) Scan(ctx context.Context, who view.Viewer, name string, q *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error] {
	rows := h.respondent.Scan(ctx, who, name, q, at)
	return func(yield func(*view.Row, error) bool) {
		for row, err := range rows {
			if !yield(row, h.judged(err)) {
				return
			}
		}
	}
}

// Report implements view.Reporter.
func (h *heldSearcher) Report(ctx context.Context, who view.Viewer, r *view.Report, q *view.ReportQuery) (*view.Page, error) {
	page, err := h.respondent.Report(ctx, who, r, q)
	return page, h.judged(err)
}

// judged has the tables looked at when they are not what they were.
func (h *heldSearcher) judged(err error) error {
	if err != nil && fault.Of(err).Code == fault.CodeSchema {
		h.of.doubted.Store(true)
	}
	return err
}

// known is a view as it was held against the tables last, or nil.
func (s *searches) known(name string) *view.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound == nil {
		return nil
	}
	return s.bound.find(name)
}

// bind looks at the tables of every view, if there is one.
func (s *searches) bind(ctx context.Context) error {
	if len(s.project.views) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load(ctx)
}

// checkViews tells what the tables say to the views.
func (r *running) checkViews(ctx context.Context, report *checkReport) error {
	if len(r.project.views) == 0 {
		return nil
	}
	tables, err := r.views.Tables(ctx, r.project.viewTables()...)
	if err != nil {
		return err
	}
	bound, err := r.project.bindViews(tables)
	for _, w := range bound.warnings {
		report.warn("%s", w)
	}
	for _, v := range bound.views {
		report.line("tables    %s: agree with the view", v.Name)
	}
	return errors.Join(err, r.checkQueries(ctx, report, bound))
}
