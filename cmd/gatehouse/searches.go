package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/view"
)

// viewDatabase is what views are read from, in either dialect.
type viewDatabase = sqlite.Views

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
// when they are first needed. It is safe for concurrent use.
type searches struct {
	project  *project
	access   *gateway.Access
	database *viewDatabase

	mu       sync.Mutex // held while the tables are looked at, which others wait for
	bound    *boundViews
	searcher respondent
}

// respondent answers searches and reports.
type respondent interface {
	view.Searcher
	view.Reporter
}

// open returns what answers queries, and what it knows. The error is an unavailable
// fault: the database cannot be asked, or a view does not fit its tables.
func (s *searches) open(ctx context.Context) (respondent, *boundViews, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		if !gatewayWaits(err) {
			err = fault.New(fault.CodeSchema, "views do not fit the database's tables").Because(err)
		}
		return nil, nil, err
	}
	return s.searcher, s.bound, nil
}

func (s *searches) load(ctx context.Context) error {
	if s.bound != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, bindViewsTimeout)
	defer cancel()
	tables, err := s.database.Tables(ctx, s.project.viewTables()...)
	if err != nil {
		return err
	}
	bound, err := s.project.bindViews(tables)
	if err != nil {
		return err
	}
	s.bound, s.searcher = bound, tables.Searcher(bound.views...)
	return nil
}

// viewer is somebody who asks, under the grants of this configuration.
func (s *searches) viewer(id *gateway.Identity, bound *boundViews) view.Viewer {
	return s.access.Viewer(id, bound.find)
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
	return err
}
