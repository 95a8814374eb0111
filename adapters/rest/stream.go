package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sse"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Listener is an Asker for as long as a stream lasts.
type Listener interface {
	Asker
	// Again returns the listener as he is now: by the configuration that runs, and with
	// ask by what the directory says of him. The faults are unauthenticated and
	// unavailable.
	Again(ctx context.Context, ask bool) (Listener, error)
}

// Listeners finds out who listens by what he shows: the ways in of searches.
type Listeners interface {
	Listener(ctx context.Context, shown gateway.Proof) (Listener, error)
	SearchWays() []gateway.WayIn
}

// LiveViews opens streams of the views of the configuration that runs.
type LiveViews interface {
	View(name string) (*view.View, error)
	Open(ctx context.Context, r live.Request) (*live.Stream, error)
}

// Streams serves streams of changes: GET /api/<view>/stream. It is a Resource, to be
// added before Views, safe for concurrent use.
type Streams struct {
	door      *sse.Door
	listeners Listeners
	views     LiveViews
	metrics   *live.Metrics
	log       *slog.Logger
}

// NewStreams returns a resource on a door, which its owner drains.
func NewStreams(door *sse.Door, listeners Listeners, views LiveViews, metrics *live.Metrics, log *slog.Logger) *Streams {
	return &Streams{door, listeners, views, metrics, log}
}

// streamName is the last part of a stream's address.
const streamName = "stream"

// of is the view whose stream a path is; nil where it is none.
func (s *Streams) of(path string) *view.View {
	name, isStream := strings.CutSuffix(path, "/"+streamName)
	if !isStream {
		return nil
	}
	if v, err := s.views.View(name); err == nil && v.Live {
		return v
	}
	return nil
}

// Methods is GET for the streams of live views.
func (s *Streams) Methods(path string) []string {
	if s.of(path) == nil {
		return nil
	}
	return []string{http.MethodGet}
}

// Describe adds nothing to the public document, as Views does.
func (s *Streams) Describe(*Document) {}

// Serve sends a stream until it ends.
func (s *Streams) Serve(x *Exchange, path string) error {
	v := s.of(path)
	if v == nil { // another configuration since Methods
		return fault.New(fault.CodeNoView, "")
	}
	x.Endpoint, x.Ways = "stream:"+v.Name, s.listeners.SearchWays()
	if !sse.Wanted(x.R) {
		return fault.New(fault.CodeNotAcceptable, "a stream is %s", sse.MediaType)
	}
	shown, err := x.Shown()
	if err != nil {
		return err
	}
	who, err := s.listeners.Listener(x.R.Context(), gateway.Proof{Basic: shown.Basic, Bearer: shown.Bearer, Certificate: shown.Certificate})
	if err != nil {
		return err
	}
	windows, err := who.Sight(v.Name)
	if err != nil {
		return err
	}
	asked, err := streamRequest(x.R.URL.RawQuery)
	if err != nil {
		return x.complain(err)
	}
	seen := v.Seen(windows)
	q, err := asked.bind(seen)
	if err != nil {
		return x.complain(err)
	}
	open := func(ctx context.Context) (sse.Source, error) {
		stream, err := s.views.Open(ctx, live.Request{View: v.Name, Principal: who.Principal(), Who: who, Query: q, Last: sse.LastID(x.R), Beginning: asked.beginning})
		if err != nil {
			return nil, err
		}
		return &liveSource{Stream: stream, who: who, query: q, seen: seen}, nil
	}
	return s.door.Serve(x.W, x.R, who.Principal(), open, sse.Watch{
		Opened: func() {
			s.metrics.Opened(v.Name)
			s.log.InfoContext(x.R.Context(), "stream begun", "view", v.Name, "user", who.Principal(), "source", x.Peer.Remote, "resumed", sse.LastID(x.R) != "")
		},
		Sent: func(event string) { s.metrics.Sent(v.Name, event) },
		Closed: func(reason string) {
			s.metrics.Closed(v.Name, reason)
			s.log.InfoContext(x.R.Context(), "stream ended", "view", v.Name, "user", who.Principal(), "source", x.Peer.Remote, "reason", reason)
		},
	})
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
	who   Listener
	query *view.Query
	seen  *view.View
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
		a := &answer{}
		if e.Row != nil {
			a.row(e.Fields, e.Row, s.query.Expand, s.seen)
		} else {
			a.key(s.View(), e.Key)
		}
		out[i] = sse.Event{Name: e.Name, ID: e.ID, Data: a.out}
	}
	return out, more, nil
}

// key writes the key of a row as an object.
func (a *answer) key(v *view.View, key []view.Value) {
	a.raw("{")
	for i, f := range v.Key {
		a.comma(i > 0)
		a.name(v.Fields[f].Name)
		a.out = odata.AppendJSON(a.out, key[i], &v.Fields[f].Type, a.wide)
	}
	a.raw("}")
}

// Check has the stream go on with what the listener may see now. What the fields were
// called that he asked for stays; what he may not see any more is left out.
func (s *liveSource) Check(ctx context.Context, ask bool) error {
	who, err := s.who.Again(ctx, ask)
	if err != nil {
		return err
	}
	s.who = who
	return s.Permit(ctx, who)
}
