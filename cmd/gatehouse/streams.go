package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

// streaming is what streams of changes take: the log, which is followed for all of
// them, and the door.
type streaming struct {
	rows, messages *live.Hub
	door           *rest.Streams
}

// committed has what was stored looked for.
func (s *streaming) committed() {
	s.rows.Wake()
	s.messages.Wake()
}

// openStreams makes what streams take. Nothing is read before somebody listens.
func (s *service) openStreams() *streaming {
	config := s.project.Streams.Effective()
	ledger := &live.Ledger{ChangeLog: s.store, Trail: s.store, Subject: rest.MessagesSubject()}
	return &streaming{
		rows:     live.NewHub(s.store, config.Poll, s.watch.streams, s.log),
		messages: live.NewHub(ledger, config.Poll, s.watch.streams, s.log),
	}
}

// serveStreams makes the door of streams; the ids of events are sealed with keys.
func (s *service) serveStreams(keys sealing.Keys, messages *rest.Messages) *rest.Streams {
	t := s.streaming
	t.door = rest.NewStreams(s.project.Streams, s.core, currentSearches{s}, live.NewStreams(t.rows, keys), s.watch.streams, s.log)
	if s.project.Search.Messages {
		t.door.AddMessages(messages, live.NewStreams(t.messages, keys))
	}
	return t.door
}

// drain ends every stream.
func (s *streaming) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainStreams)
	defer cancel()
	s.door.Drain(ctx)
}

// run follows the log until ctx ends.
func (s *streaming) run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { s.rows.Run(ctx) })
	both.Go(func() { s.messages.Run(ctx) })
	both.Wait()
}

// follow runs what streams, searches and exports take beside the doors.
func (s *service) follow(ctx context.Context) error {
	var both sync.WaitGroup
	both.Go(func() { s.streaming.run(ctx) })
	both.Go(func() { s.keys.Run(ctx) })
	both.Go(func() { s.lookAtViews(ctx) })
	both.Go(func() { s.others().Run(ctx) })
	for _, f := range s.feeds {
		both.Go(func() { f.Run(ctx) })
	}
	err := s.exports.Run(ctx)
	both.Wait()
	return err
}

// others looks for what others have written in the tables of the configuration that runs.
func (s *service) others() *live.Others {
	every := s.project.Streams.Effective().RowVersion
	return live.NewOthers(s.store, s.watchedTables, every, uuid.NewString(), s.streaming.committed, time.Now, s.log)
}

// watchedTables are those of the views that say by which column it is found what others
// have written; a view that does not fit its table is told of elsewhere.
func (s *service) watchedTables(ctx context.Context) (tables []gateway.Watched, noting []string, err error) {
	a := s.assemblyNow()
	declared := a.project.liveTables()
	if !slices.ContainsFunc(declared, func(t mapping.LiveTable) bool { return t.Version != "" }) {
		return nil, nil, nil
	}
	_, bound, err := a.searches.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range bound.views {
		if v.Watch != nil {
			tables = append(tables, watchedOf(v))
		}
	}
	return tables, mapping.Subjects(declared), nil
}

// watchedOf is the table of a view that has a rowversion.
func watchedOf(v *view.View) gateway.Watched {
	w := gateway.Watched{Table: live.TableOf(v), Index: v.Watch.Index}
	w.Table.Version = v.Watch.Column
	for _, name := range w.Table.Key {
		for _, f := range v.Key {
			if v.Fields[f].Column == name {
				w.Key = append(w.Key, mapping.ColumnModel{Name: name, ColumnType: v.Fields[f].Type})
				break
			}
		}
	}
	return w
}

// currentSearches are those of the configuration that runs.
type currentSearches struct{ service *service }

// Names implements rest.Searches.
func (c currentSearches) Names() []string { return c.service.assemblyNow().project.viewNames() }

// Open implements rest.Searches.
func (c currentSearches) Open(ctx context.Context) (view.Searcher, []*view.View, error) {
	searcher, bound, err := c.service.assemblyNow().searches.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return sparing{searcher, c.service.heap}, bound.views, nil
}

// ReportViews implements rest.Reporting.
func (c currentSearches) ReportViews() map[string]string {
	return c.service.assemblyNow().project.reportViews()
}

// OpenReports implements rest.Reporting.
func (c currentSearches) OpenReports(ctx context.Context) (view.Reporter, []*view.Report, []*view.View, error) {
	searcher, bound, err := c.service.assemblyNow().searches.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	return searcher, bound.reports, bound.views, nil
}

// assemblyNow is the configuration that runs.
func (s *service) assemblyNow() *assembly {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.assembly
}

// drainStreams bounds how long streams have to end.
const drainStreams = 5 * time.Second
