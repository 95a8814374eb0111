// Package sse sends streams of events to whoever listens (WHATWG HTML §9.2,
// server-sent events), over HTTP/1.1 and HTTP/2.
//
// A stream has no buffer of its own: what is next is read when the connection has
// taken what was before. So one that is not read costs what an idle one does, and is
// cut when it has taken nothing for too long; its listener comes back with the id of
// the last event.
//
// The package refuses to know what is told and who may hear it.
package sse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// MediaType is what a stream is.
const MediaType = "text/event-stream"

// Config is how streams are kept; the zero value works.
type Config struct {
	// Heartbeat is how long a stream is silent at most; 0 means 15 s.
	Heartbeat time.Duration
	// Retry is when a listener comes back whose stream has ended; 0 means 2 s.
	Retry time.Duration
	// Patience is how long a connection may take nothing of what is sent; 0 means 30 s.
	Patience time.Duration
	// Recheck is how often it is asked whether a listener still may; 0 means 1 min.
	Recheck time.Duration
	// PerPrincipal and PerProcess bound the streams that are open; 0 means 10 and
	// 2,000.
	PerPrincipal, PerProcess int
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		of   *time.Duration
		want time.Duration
	}{{&c.Heartbeat, 15 * time.Second}, {&c.Retry, 2 * time.Second}, {&c.Patience, 30 * time.Second}, {&c.Recheck, time.Minute}} {
		if *d.of == 0 {
			*d.of = d.want
		}
	}
	if c.PerPrincipal == 0 {
		c.PerPrincipal = 10
	}
	if c.PerProcess == 0 {
		c.PerProcess = 2000
	}
	return c
}

// Event is one event. Data is one line.
type Event struct {
	Name, ID string
	Data     []byte
}

// Source is what a stream tells.
type Source interface {
	// Changed returns what is closed when Next may have something; it is asked for
	// before Next.
	Changed() <-chan struct{}
	// Next returns what is to be sent now, without waiting; more says that it is to be
	// asked again at once. An unavailable fault is no end: it is asked again later.
	Next(ctx context.Context) (events []Event, more bool, err error)
	// ID is the place that the stream has come to.
	ID() (string, error)
	// Check returns the fault for which the listener may hear nothing more. With ask,
	// the directory is asked who he is now; else it is only the configuration that may
	// have changed.
	Check(ctx context.Context, ask bool) error
	Close()
}

// Watch is told what becomes of streams. Any of it can be nil.
type Watch struct {
	Opened func()
	Sent   func(event string)
	Closed func(reason string)
}

// The reasons for which streams end.
const (
	Left    = "left"    // the listener has gone
	Cut     = "cut"     // he took nothing for too long
	Closing = "closing" // the gateway drains
	Ended   = "ended"   // there is nothing more that may be told
)

// Door keeps streams. It is safe for concurrent use.
type Door struct {
	config Config

	mu       sync.Mutex
	open     int
	of       map[string]int // by principal
	draining bool
	closing  chan struct{}
	reloaded chan struct{} // closed at the next reload
	streams  sync.WaitGroup
}

// NewDoor returns a door.
func NewDoor(c Config) *Door {
	return &Door{config: c.withDefaults(), of: map[string]int{}, closing: make(chan struct{}), reloaded: make(chan struct{})}
}

// Drain ends every stream with an event that says so, lets no other begin, and waits
// until ctx ends for them to be gone.
func (d *Door) Drain(ctx context.Context) {
	d.mu.Lock()
	if !d.draining {
		d.draining = true
		close(d.closing)
	}
	d.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		d.streams.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
	}
}

// Reloaded has every stream asked whether it still may be: the configuration is
// another one.
func (d *Door) Reloaded() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.reloaded)
	d.reloaded = make(chan struct{})
}

// enter counts a stream in.
func (d *Door) enter(principal string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.draining:
		return fault.New(fault.CodeDraining, "")
	case d.open >= d.config.PerProcess:
		return fault.New(fault.CodeStreams, "")
	case d.of[principal] >= d.config.PerPrincipal:
		return fault.New(fault.CodeStreams, "this user has %d streams open, which is as many as may be", d.of[principal])
	}
	d.open++
	d.of[principal]++
	d.streams.Add(1)
	return nil
}

func (d *Door) leave(principal string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.of[principal]--; d.of[principal] == 0 {
		delete(d.of, principal)
	}
	d.streams.Done()
}

func (d *Door) reload() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reloaded
}

// LastID is the id of the last event that a listener says to have received: of the
// header, or of lastEventId in the address, for those who cannot set headers.
func LastID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("lastEventId")
}

// Serve sends a stream until it ends. An error is about a stream that has not begun:
// nothing is answered yet.
func (d *Door) Serve(w http.ResponseWriter, r *http.Request, principal string, open func(ctx context.Context) (Source, error), watch Watch) error {
	if err := d.enter(principal); err != nil {
		return err
	}
	defer d.leave(principal)
	source, err := open(r.Context())
	if err != nil {
		return err
	}
	defer source.Close()
	s := &stream{door: d, source: source, w: w, control: http.NewResponseController(w), watch: watch}
	if watch.Opened != nil {
		watch.Opened()
	}
	reason := s.run(r.Context())
	if watch.Closed != nil {
		watch.Closed(reason)
	}
	return nil
}

// stream is one stream that has begun.
type stream struct {
	door    *Door
	source  Source
	w       http.ResponseWriter
	control *http.ResponseController
	watch   Watch
	told    string
}

// errCut says that a connection did not take what was sent.
var errCut = errors.New("the connection took nothing")

// run sends until there is a reason to end.
func (s *stream) run(ctx context.Context) (reason string) {
	if err := s.begin(); err != nil {
		return s.failed(ctx, err)
	}
	heartbeat := time.NewTicker(s.door.config.Heartbeat)
	defer heartbeat.Stop()
	// Not all streams of a moment ask at one moment.
	recheck := time.NewTimer(s.door.config.Recheck/2 + rand.N(s.door.config.Recheck/2+1))
	defer recheck.Stop()
	reloaded := s.door.reload()
	for {
		changed := s.source.Changed()
		if err := s.send(ctx); err != nil {
			return s.failed(ctx, err)
		}
		var err error
		select {
		case <-changed:
		case <-heartbeat.C:
			err = s.beat()
		case <-recheck.C:
			recheck.Reset(s.door.config.Recheck)
			err = s.source.Check(ctx, true)
		case <-reloaded:
			reloaded = s.door.reload()
			err = s.source.Check(ctx, false)
		case <-s.door.closing:
			s.end("closing", fault.New(fault.CodeDraining, ""))
			return Closing
		case <-ctx.Done():
			return Left
		}
		if err != nil {
			return s.failed(ctx, err)
		}
	}
}

// failed ends a stream as an error asks for.
func (s *stream) failed(ctx context.Context, err error) string {
	switch {
	case errors.Is(err, errCut):
		return Cut
	case ctx.Err() != nil:
		return Left
	}
	s.end("end", fault.Of(err))
	return Ended
}

// begin sends the head, and the place where the stream begins.
func (s *stream) begin() error {
	// The server's own limits are for requests that are answered.
	s.control.SetReadDeadline(time.Time{})
	h := s.w.Header()
	h.Set("Content-Type", MediaType)
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx passes on what it gets
	h.Set("X-Content-Type-Options", "nosniff")
	s.w.WriteHeader(http.StatusOK)
	id, err := s.source.ID()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("retry: " + strconv.FormatInt(s.door.config.Retry.Milliseconds(), 10) + "\n")
	s.place(&b, id)
	return s.write(b.Bytes())
}

// later is when what could not be read is read again.
const later = time.Second

// send sends all that there is now.
func (s *stream) send(ctx context.Context) error {
	for {
		events, more, err := s.source.Next(ctx)
		if err != nil {
			if ctx.Err() == nil && fault.Of(err).Kind() == fault.Unavailable {
				return s.wait(ctx)
			}
			return err
		}
		if err := s.events(events); err != nil || !more {
			return err
		}
		select { // whoever has much to catch up on is no reason to stay
		case <-s.door.closing:
			return nil
		default:
		}
	}
}

// wait lets a moment pass in which nothing can be read.
func (s *stream) wait(ctx context.Context) error {
	timer := time.NewTimer(later)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.door.closing:
	case <-ctx.Done():
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largest is how large a buffer may be that is kept, and about how much is sent at once.
const largest = 64 << 10

func (s *stream) events(events []Event) error {
	if len(events) == 0 {
		return nil
	}
	b := buffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= 2*largest {
			b.Reset()
			buffers.Put(b)
		}
	}()
	for i, e := range events {
		s.event(b, e)
		if b.Len() >= largest || i == len(events)-1 {
			if err := s.write(b.Bytes()); err != nil {
				return err
			}
			b.Reset()
		}
	}
	return nil
}

func (s *stream) event(b *bytes.Buffer, e Event) {
	if e.ID != "" {
		b.WriteString("id: " + e.ID + "\n")
		s.told = e.ID
	}
	b.WriteString("event: " + e.Name + "\ndata: ")
	b.Write(e.Data)
	b.WriteString("\n\n")
	if s.watch.Sent != nil {
		s.watch.Sent(e.Name)
	}
}

// place tells where the stream is: an id without data is no event, but it is what a
// listener comes back with.
func (s *stream) place(b *bytes.Buffer, id string) {
	b.WriteString("id: " + id + "\n\n")
	s.told = id
}

// beat shows that the stream lives, and moves the place on while nothing is told: else
// it would grow too old to be come back to.
func (s *stream) beat() error {
	id, err := s.source.ID()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(":\n")
	if id != s.told {
		s.place(&b, id)
	} else {
		b.WriteString("\n")
	}
	return s.write(b.Bytes())
}

// end says why the stream ends, as far as the connection takes it. Whoever may come
// back does so by himself.
func (s *stream) end(name string, f *fault.Error) {
	data, err := json.Marshal(map[string]string{"code": string(f.Code), "kind": f.Kind().String(), "detail": f.Message})
	if err != nil {
		panic(err) // texts are always JSON
	}
	var b bytes.Buffer
	s.event(&b, Event{Name: name, Data: data})
	s.write(b.Bytes()) //nolint:errcheck // it is over either way
}

func (s *stream) write(b []byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.door.config.Patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errCut
	}
	if _, err := s.w.Write(b); err != nil {
		return errCut
	}
	if err := s.control.Flush(); err != nil {
		return errCut
	}
	return nil
}

// Wanted reports whether a request takes a stream.
func Wanted(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, MediaType) || strings.Contains(accept, "text/*") || strings.Contains(accept, "*/*")
}
