package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sse"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Listeners finds out who listens by what he shows: the ways in of searches.
type Listeners interface {
	Askers
	// Known finds somebody again by the DN of his entry: what the directory says of him
	// now counts, and the configuration that runs. The faults are unauthenticated and
	// unavailable.
	Known(ctx context.Context, dn string) (*gateway.Operator, error)
}

// StreamConfig bounds streams of changes. Every zero value means its default.
type StreamConfig struct {
	// MaxPerUser is how many streams one user may have open (429). Default: 10.
	MaxPerUser int `yaml:"max_per_user"`
	// MaxOpen is how many are open at once in this process (429). Default: 2000.
	MaxOpen int `yaml:"max_open"`
	// Heartbeat is how long a stream is silent at most. Default: 15s.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// Patience is how long a listener may take nothing of what is sent before his stream
	// is cut. Default: 30s.
	Patience time.Duration `yaml:"patience"`
	// Recheck is how often the directory is asked whether a listener still may.
	// Default: 1m.
	Recheck time.Duration `yaml:"recheck"`
	// Poll is how often the log is looked at for what other processes have stored, while
	// somebody listens. Default: 250ms.
	Poll time.Duration `yaml:"poll"`
	// RowVersion is how often tables that others write are looked at, by one process of
	// all: those of views with live: {rowversion: …}. Default: 1s.
	RowVersion time.Duration `yaml:"rowversion"`
}

// Validate reports every fault of the section at once.
func (c StreamConfig) Validate() error {
	var faults []error
	for name, n := range map[string]int64{"max_per_user": int64(c.MaxPerUser), "max_open": int64(c.MaxOpen), "heartbeat": int64(c.Heartbeat), "patience": int64(c.Patience), "recheck": int64(c.Recheck), "poll": int64(c.Poll), "rowversion": int64(c.RowVersion)} {
		if n < 0 {
			faults = append(faults, fmt.Errorf("%s: is negative", name))
		}
	}
	return errors.Join(faults...)
}

// Effective returns the settings with every default filled in.
func (c StreamConfig) Effective() StreamConfig {
	c.MaxPerUser, c.MaxOpen = cmp.Or(c.MaxPerUser, 10), cmp.Or(c.MaxOpen, 2000)
	c.Heartbeat, c.Patience = cmp.Or(c.Heartbeat, 15*time.Second), cmp.Or(c.Patience, 30*time.Second)
	c.Recheck, c.Poll = cmp.Or(c.Recheck, time.Minute), cmp.Or(c.Poll, live.DefaultPoll)
	c.RowVersion = cmp.Or(c.RowVersion, live.DefaultLook)
	return c
}

// Streams serves streams of changes: GET /api/<view>/stream. It is a Resource, to be
// added before Views, safe for concurrent use.
type Streams struct {
	door      *sse.Door
	listeners Listeners
	searches  Searches
	streams   *live.Streams
	messages  *Messages     // nil: the ledger has no stream
	ledger    *live.Streams // of messages
	metrics   *live.Metrics
	log       *slog.Logger
}

// NewStreams returns a resource without streams. c must be valid.
func NewStreams(c StreamConfig, listeners Listeners, searches Searches, streams *live.Streams, metrics *live.Metrics, log *slog.Logger) *Streams {
	c = c.Effective()
	door := sse.NewDoor(sse.Config{PerPrincipal: c.MaxPerUser, PerProcess: c.MaxOpen, Heartbeat: c.Heartbeat, Patience: c.Patience, Recheck: c.Recheck})
	return &Streams{door: door, listeners: listeners, searches: searches, streams: streams, metrics: metrics, log: log}
}

// streamName is the last part of a stream's address.
const streamName = "stream"

// Drain ends every stream with an event that says so, lets no other begin, and waits
// until ctx ends for them to be gone.
func (s *Streams) Drain(ctx context.Context) { s.door.Drain(ctx) }

// Reloaded has every stream looked at: another configuration runs.
func (s *Streams) Reloaded() { s.door.Reloaded() }

// AddMessages serves the stream of the ledger too, whose log is one of messages. It is
// called before anything is served.
func (s *Streams) AddMessages(m *Messages, ledger *live.Streams) { s.messages, s.ledger = m, ledger }

// MessagesSubject is what messages are noted under in the ledger's log.
func MessagesSubject() string { return live.Subject(messagesView()) }

// Methods is GET for the streams of views; a row whose key is the word stream is found
// by a search that asks for it.
func (s *Streams) Methods(path string) []string {
	name, isStream := strings.CutSuffix(path, "/"+streamName)
	if !isStream || !slices.Contains(s.searches.Names(), name) && (s.messages == nil || name != MessagesName) {
		return nil
	}
	return []string{http.MethodGet}
}

// Describe adds nothing to the public document, as Views does.
func (s *Streams) Describe(*Document) {}

// listener is somebody who listens, in the words of one configuration.
type listener struct {
	*gateway.Operator
	view.Viewer
	searcher view.Searcher
	view     *view.View
	seen     *view.View // as he knows it
}

// listener finds out what somebody sees of a view in the configuration that runs.
func (s *Streams) listener(ctx context.Context, who *gateway.Operator, name string) (*listener, error) {
	if s.messages != nil && name == MessagesName {
		l := s.messages.of(who)
		_, err := l.Sight(name)
		return &listener{who, l, l, l.view, l.view}, err
	}
	if err := who.May(gateway.Read, gateway.OnView(name)); err != nil {
		return nil, err // before anything tells that there is such a view
	}
	searcher, views, err := s.searches.Open(ctx)
	if err != nil {
		return nil, err
	}
	l := &listener{Operator: who, Viewer: who.Viewer(query.Finder(views)), searcher: searcher}
	if l.view, err = searcher.View(name); err != nil {
		return nil, err
	}
	windows, err := l.Sight(name)
	if err != nil {
		return nil, err
	}
	l.seen = l.view.Seen(windows)
	return l, nil
}

// asker finds out who asks.
func (s *Streams) asker(x *Exchange) (*gateway.Operator, error) {
	shown, err := x.Shown()
	if err != nil {
		return nil, err
	}
	return s.listeners.Asker(x.R.Context(), gateway.Proof{Basic: shown.Basic, Bearer: shown.Bearer, Certificate: shown.Certificate})
}

// Admit implements Guarded. It asks no database.
func (s *Streams) Admit(x *Exchange, path string) error {
	x.Ways = s.listeners.SearchWays()
	who, err := s.asker(x)
	if err != nil {
		return err
	}
	name := viewOf(path)
	if s.messages != nil && name == MessagesName {
		_, err := s.messages.of(who).Sight(name)
		return err
	}
	return who.May(gateway.Read, gateway.OnView(name))
}

// Serve sends a stream until it ends.
func (s *Streams) Serve(x *Exchange, path string) error {
	name := strings.TrimSuffix(path, "/"+streamName)
	x.Endpoint, x.Ways = "stream:"+name, s.listeners.SearchWays()
	who, err := s.asker(x)
	if err != nil {
		return err
	}
	l, err := s.listener(x.R.Context(), who, name)
	if err != nil {
		return err
	}
	if !sse.Wanted(x.R) {
		return fault.New(fault.CodeNotAcceptable, "a stream is %s", sse.MediaType)
	}
	asked, err := streamRequest(x.R.URL.RawQuery)
	if err != nil {
		return x.complain(err)
	}
	q, err := asked.bind(l.seen)
	if err != nil {
		return x.complain(err)
	}
	open := func(ctx context.Context) (sse.Source, error) {
		streams, own := s.streams, s.messages != nil && name == MessagesName
		if own {
			streams = s.ledger
		}
		stream, err := streams.Open(ctx, live.Request{
			View: name, Own: own, Principal: who.DN, Who: l.Viewer, Search: l.searcher, Query: q, Last: sse.LastID(x.R), Beginning: asked.beginning,
		})
		if err != nil {
			return nil, err
		}
		return &liveSource{Stream: stream, streams: s, listener: l, query: q}, nil
	}
	return s.door.Serve(x.W, x.R, who.DN, open, s.watch(x, name, who.DN))
}

// watch counts and logs what becomes of a stream.
func (s *Streams) watch(x *Exchange, name, user string) sse.Watch {
	attrs := []any{"view", name, "user", user, "source", x.Peer.Remote}
	return sse.Watch{
		Opened: func() {
			s.metrics.Opened(name)
			s.log.InfoContext(x.R.Context(), "stream begun", append(attrs, "resumed", sse.LastID(x.R) != "")...)
		},
		Sent: func(event string) { s.metrics.Sent(name, event) },
		Closed: func(reason string) {
			s.metrics.Closed(name, reason)
			s.log.InfoContext(x.R.Context(), "stream ended", append(attrs, "reason", reason)...)
		},
	}
}

// complain keeps what is wrong with a query for the problem document.
func (x *Exchange) complain(err error) error {
	if refusal, ok := errors.AsType[*odata.Refusal](err); ok {
		x.places = placesOf(refusal)
	}
	return err
}

// streamQuery is what the query of a stream's address asks for.
type streamQuery struct {
	*odata.Request
	beginning bool
}

// streamRequest reads the query of a stream's address: that of a search, and two
// options of streams.
func streamRequest(query string) (*streamQuery, error) {
	var rest []string
	out := &streamQuery{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "lastEventId":
		case "from":
			if out.beginning = value == "beginning"; !out.beginning {
				return nil, odata.Refuse("from", "a stream begins from=beginning, or now")
			}
		default:
			rest = append(rest, pair)
		}
	}
	var err error
	out.Request, err = odata.Parse(strings.Join(rest, "&"))
	return out, err
}

// bind holds the request against the view as the listener knows it.
func (r *streamQuery) bind(seen *view.View) (*view.Query, error) {
	for _, wrong := range []struct {
		option string
		asked  bool
	}{{"$orderby", r.OrderBy != nil}, {"$count", r.Count}, {"$skiptoken", r.SkipToken != ""}, {"$top", r.Top != odata.DefaultTop}} {
		if wrong.asked {
			return nil, odata.Refuse(wrong.option, "a stream has the order of the commits and no pages; it takes $filter, $select and $expand")
		}
	}
	q, err := r.Bind(seen)
	if err != nil {
		return nil, err
	}
	return &view.Query{Select: q.Select, Where: q.Where, Expand: q.Expand}, nil
}

// liveSource tells a stream of a view.
type liveSource struct {
	*live.Stream
	streams  *Streams
	listener *listener
	query    *view.Query
}

// Next writes the next events: a row as a search gives it, or the key of one that is
// gone.
func (s *liveSource) Next(ctx context.Context) ([]sse.Event, bool, error) {
	events, more, err := s.Stream.Next(ctx)
	if err != nil {
		return nil, false, err
	}
	out := make([]sse.Event, len(events))
	for i, e := range events {
		a := &sheet{}
		if e.Row != nil {
			a.row(odata.ShapeOf(e.Fields, s.query.Expand, s.listener.seen), e.Row)
		} else {
			a.row(keyShape(s.listener.view), &view.Row{Values: e.Key})
		}
		out[i] = sse.Event{Name: e.Name, ID: e.ID, Data: a.out}
	}
	return out, more, nil
}

// keyShape is that of the key of a row that is gone.
func keyShape(v *view.View) *odata.Shape {
	s := &odata.Shape{}
	for _, f := range v.Key {
		s.Members = append(s.Members, odata.Member{Name: v.Fields[f].Name, Type: &v.Fields[f].Type})
	}
	return s
}

// Check has the stream go on with what the listener may see now. One who asked for a
// field that he may not see any more hears nothing more; and what he asked is in the
// words of a view that may be another one now: then he comes back by himself.
func (s *liveSource) Check(ctx context.Context, _ bool) error {
	who, err := s.streams.listeners.Known(ctx, s.listener.DN)
	if err != nil {
		return err
	}
	l, err := s.streams.listener(ctx, who, s.listener.view.Name)
	if err != nil {
		return err
	}
	if !alike(l.view, s.listener.view) {
		return fault.New(fault.CodeDraining, "the view is another one now; come back with the id of the last event")
	}
	if err := s.Permit(ctx, l.Viewer, l.searcher); err != nil {
		return err
	}
	s.listener = l
	return nil
}

// alike reports whether two views have the same fields and children in the same places.
func alike(a, b *view.View) bool {
	if a == b {
		return true
	}
	if !reflect.DeepEqual(a.Fields, b.Fields) || !slices.Equal(a.Key, b.Key) || len(a.Children) != len(b.Children) {
		return false
	}
	for i := range a.Children {
		if a.Children[i].Name != b.Children[i].Name || !alike(a.Children[i].View, b.Children[i].View) {
			return false
		}
	}
	return a.Table == b.Table
}
