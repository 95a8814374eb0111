package main

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// replace compiles the configuration as the files have it now, connects it, and
// puts it in the place of the running one, or changes nothing.
func (s *service) replace(ctx context.Context) error {
	p, err := readProject(s.project.file)
	if err != nil {
		return err
	}
	if err := s.project.sameUntilRestart(p); err != nil {
		return err
	}
	c, err := p.compile()
	if err := errors.Join(append(c.broken, err)...); err != nil {
		return err
	}
	next, err := p.connect(c, s.store, s.assembly, s.watch, s.log)
	if err != nil {
		return err
	}
	next.search(s.views)
	if err := next.bind(ctx); err != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		return errors.Join(err, next.closeUnless(closing, s.assembly))
	}
	s.adopt(next)
	return nil
}

// adopt has everything that comes from now on go by next.
func (s *service) adopt(next *assembly) {
	s.assembly.next.Store(next)
	s.consumers.end(next)
	s.core.Reload(next.generation)
	if next.directory != nil { // which may be the one before, with what it remembers
		next.directory.Flush()
	}
	s.mu.Lock()
	s.running.assembly, s.since = next, time.Now()
	s.mu.Unlock()
	s.consumers.begin(next)
	s.watch.configuration(next.generation.Version)
	s.streaming.door.Reloaded()
}

// sameUntilRestart refuses changes of what is opened once.
func (p *project) sameUntilRestart(next *project) error {
	var changed []string
	for _, s := range []struct {
		name          string
		before, after any
	}{
		{"store", p.Store.settings(), next.Store.settings()},
		{"soap", p.SOAP, next.SOAP},
		{"streams", p.Streams, next.Streams},
		{"exports", p.Exports, next.Exports},
		{"feeds", p.feedSettings(), next.feedSettings()},
		{"attachments", p.Attachments, next.Attachments},
		{"relay", p.Relay, next.Relay},
		{"drift", p.Drift, next.Drift},
		{"telemetry", p.Telemetry, next.Telemetry},
		{"listen", p.Listen, next.Listen},
	} {
		if !reflect.DeepEqual(s.before, s.after) {
			changed = append(changed, s.name)
		}
	}
	if changed == nil {
		return nil
	}
	return fault.New(fault.CodeNeedsRestart, "a change of %s takes a restart", strings.Join(changed, " and "))
}
