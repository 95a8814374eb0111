package live

import (
	"context"
	"errors"
	"hash/maphash"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Streams opens streams of views. It is safe for concurrent use.
type Streams struct {
	hub  *Hub
	seal *sealing.Sealer
	rows shared
}

// NewStreams returns what opens streams.
func NewStreams(hub *Hub, keys sealing.Keys) *Streams {
	return &Streams{hub: hub, seal: sealing.NewSealer(keys, "stream")}
}

// Request is what somebody wants to hear of.
type Request struct {
	View      string
	Principal string        // the DN of the entry who asks
	Who       view.Viewer   // what he may see
	Search    view.Searcher // of the configuration that Who is of
	// Query says what a row has to satisfy, and which fields and children are shown;
	// it has nothing else.
	Query *view.Query
	// Last is the id of the last event that was received; the stream goes on behind
	// it. Empty begins now.
	Last string
	// Own says that Search itself decides of each row whether it is shown, and Who tells
	// nothing of that: no row is shared with other streams, and of one that is not shown
	// nothing is told. The view need not be live.
	Own bool
	// Beginning begins with all that the log still has, when Last is empty.
	Beginning bool
}

// Names of events.
const (
	EventRow  = "row"
	EventGone = "gone"
)

// Event is a row that has changed, as it is now, or one that is not there any more.
type Event struct {
	Name   string
	Key    []view.Value // in the order of View.Key
	Fields []view.Field // of Row
	Row    *view.Row    // nil: it is gone
	ID     string       // where a stream goes on behind the event; empty where that is where the next one does
}

// Stream is somebody's place in the log. One goroutine uses it.
type Stream struct {
	streams *Streams
	view    *view.View
	search  view.Searcher
	who     view.Viewer
	query   *view.Query
	subject string
	binding []byte
	leave   func()

	at    Cursor
	asks  string // see alike
	whole bool   // every row's key may be seen
	own   bool
	shown remembered
}

// Open begins a stream. What cannot be had is an invalid, forbidden or not_found
// fault; a place that is not kept any more is fault.CodeStreamGone.
func (s *Streams) Open(ctx context.Context, r Request) (*Stream, error) {
	windows, err := r.Who.Sight(r.View) // first: of what is not granted nothing is told
	if err != nil {
		return nil, err
	}
	v, err := r.Search.View(r.View)
	if err != nil {
		return nil, err
	}
	if !v.Live && !r.Own {
		return nil, fault.New(fault.CodeNotLive, "")
	}
	if err := filtered(v, r.Query); err != nil {
		return nil, err
	}
	st := &Stream{streams: s, view: v, query: r.Query, own: r.Own, subject: Subject(v), binding: binding(r.View, r.Principal)}
	if err := st.permit(ctx, v, r.Who, r.Search, windows); err != nil {
		return nil, err
	}
	// From here on the hub remembers; what was before is read.
	st.leave = s.hub.listen(st.subject)
	if st.at, err = s.begin(ctx, st, r); err != nil {
		st.leave()
		return nil, err
	}
	return st, nil
}

// begin finds out where a stream begins.
func (s *Streams) begin(ctx context.Context, st *Stream, r Request) (Cursor, error) {
	if r.Last != "" {
		plain, ok := s.seal.Open(r.Last, st.binding)
		if ok {
			var c Cursor
			if c, ok = readCursor(plain); ok {
				return c, s.kept(ctx, c, st.subject)
			}
		}
		return Cursor{}, fault.New(fault.CodeStreamID, "")
	}
	if r.Beginning {
		at, err := s.first(ctx, st.subject)
		return Cursor{Position: at}, err
	}
	at, err := s.hub.log.ChangeHeads(ctx)
	return Cursor{Position: at}, err
}

// first is the place behind which the log has everything that was written of a
// subject: nothing of it was removed, and all of it was noted.
func (s *Streams) first(ctx context.Context, subject string) (view.Position, error) {
	begin, err := s.hub.log.ChangeBegin(ctx)
	if err != nil {
		return nil, err
	}
	noted, err := s.hub.log.ChangeNoted(ctx, subject)
	for chain, seq := range noted {
		begin[chain] = max(begin[chain], seq)
	}
	return begin, err
}

// kept finds out whether everything behind a place is there still.
func (s *Streams) kept(ctx context.Context, c Cursor, subject string) error {
	begin, err := s.hub.log.ChangeBegin(ctx)
	if err != nil {
		return err
	}
	for chain, first := range begin {
		if c.Position[chain] < first {
			return fault.New(fault.CodeStreamGone, "")
		}
	}
	noted, err := s.hub.log.ChangeNoted(ctx, subject)
	if err != nil {
		return err
	}
	for chain, first := range noted {
		if c.Position[chain] < first {
			return unnoted()
		}
	}
	heads, err := s.hub.log.ChangeHeads(ctx)
	if err != nil {
		return err
	}
	for chain, seq := range c.Position {
		if seq > heads[chain] { // the database was restored to an earlier point
			return fault.New(fault.CodeStreamGone, "the log does not go as far as this id: the database was set back since; read the rows anew")
		}
	}
	return nil
}

// unnoted says that something may have been written that nobody has noted.
func unnoted() error {
	return fault.New(fault.CodeStreamGone, "behind this place a gateway has stored messages that did not have the view as live; read the rows anew")
}

// Close ends the stream.
func (st *Stream) Close() { st.leave() }

// Changed returns what is closed when Next may have something; it is asked for before
// Next.
func (st *Stream) Changed() <-chan struct{} { return st.streams.hub.changed(st.subject) }

// Permit has the stream go on with what somebody may see now, in a configuration that
// declares the view as it was. It returns a forbidden fault when he may not have the
// stream any more.
func (st *Stream) Permit(ctx context.Context, who view.Viewer, search view.Searcher) error {
	windows, err := who.Sight(st.view.Name)
	if err != nil {
		return err
	}
	v, err := search.View(st.view.Name)
	if err != nil {
		return err
	}
	if !v.Live && !st.own {
		return fault.New(fault.CodeNotLive, "")
	}
	return st.permit(ctx, v, who, search, windows)
}

// permit tries the question as whoever it is, so that what may not be asked is told
// before the first change.
func (st *Stream) permit(ctx context.Context, v *view.View, who view.Viewer, search view.Searcher, windows []view.Window) error {
	asks := alike(v, windows, st.query)
	if asks != st.asks {
		if err := st.try(ctx, v, who, search); err != nil {
			return err
		}
	}
	st.view, st.who, st.search, st.asks, st.whole = v, who, search, asks, !st.own && sees(v, windows)
	return nil
}

// try asks for a row that need not be there.
func (st *Stream) try(ctx context.Context, v *view.View, who view.Viewer, search view.Searcher) error {
	key := make([]view.Value, len(v.Key))
	for i, f := range v.Key {
		key[i] = anything(v.Fields[f].Type)
	}
	_, err := search.Search(ctx, who, v.Name, question(v, st.query, key))
	if err != nil && !st.nothing(err) {
		return err
	}
	return nil
}

// nothing reports whether an error says that there is no such row for the listener.
func (st *Stream) nothing(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.NotFound || st.own && kind == fault.Forbidden
}

// ID is where a stream goes on that is at this one's place.
func (st *Stream) ID() (string, error) { return st.id(st.at) }

func (st *Stream) id(at Cursor) (string, error) {
	return st.streams.seal.Seal(at.append(nil), st.binding)
}

// Next returns the next events, without waiting for any. moved says that there was
// something to be read: then there may be more at once. A place that is not kept any
// more is fault.CodeStreamGone.
func (st *Stream) Next(ctx context.Context) (events []Event, moved bool, err error) {
	at := st.at.Clone()
	var (
		entries []gateway.ChangeEntry
		round   uint64
	)
	if at.Part > 0 { // the rest of an entry comes before anything of another chain
		entries, err = st.streams.hub.log.ChangeEntries(ctx, at.Chain, at.Position[at.Chain], 1)
	} else {
		entries, round, err = st.streams.hub.behind(ctx, st.subject, at.Position)
	}
	switch {
	case errors.Is(err, gateway.ErrChangesGone):
		return nil, false, fault.New(fault.CodeStreamGone, "")
	case err != nil:
		return nil, false, err
	case len(entries) == 0:
		st.at = at
		return nil, false, nil
	}
	events, err = st.tell(ctx, &at, entries, round)
	if err != nil {
		return nil, false, err
	}
	st.at = at
	return events, true, nil
}

// step is a change of the stream's subject, with the place behind it.
type step struct {
	key    string
	behind Cursor
}

// tell makes events of entries, and moves the place behind them. What is written
// several times among them is told once, the last time.
func (st *Stream) tell(ctx context.Context, at *Cursor, entries []gateway.ChangeEntry, round uint64) ([]Event, error) {
	for i := range entries {
		if entries[i].Noting.Lacks(st.subject) {
			return nil, unnoted()
		}
	}
	steps := st.steps(at, entries)
	last := map[string]int{}
	for i, s := range steps {
		last[s.key] = i
	}
	var events []Event
	for i, s := range steps {
		if last[s.key] != i {
			continue
		}
		e, err := st.event(ctx, s.key, round)
		if err != nil {
			return nil, err
		}
		if e == nil {
			continue
		}
		if e.ID, err = st.id(s.behind); err != nil {
			return nil, err
		}
		events = append(events, *e)
	}
	return events, nil
}

// steps lists the changes of the stream's subject, and moves the place.
func (st *Stream) steps(at *Cursor, entries []gateway.ChangeEntry) []step {
	var out []step
	for _, e := range entries {
		skip := 0
		if at.Part > 0 && at.Chain == e.Chain {
			skip = at.Part
		}
		first := len(out)
		n := 0
		for _, c := range e.Changes {
			if c.Subject != st.subject {
				continue
			}
			if n++; n > skip {
				behind := at.Clone()
				behind.Chain, behind.Part = e.Chain, n
				out = append(out, step{c.Key, behind})
			}
		}
		at.Position[e.Chain] = e.Seq
		if skip > 0 {
			at.Chain, at.Part = 0, 0
		}
		if len(out) > first { // behind the last one is behind the entry
			out[len(out)-1].behind = at.Clone()
		}
	}
	return out
}

// event reads the row of a key as it is now; nil when there is nothing that may be
// told. A row that is not shown is called gone to somebody who may see the key of
// every row; to others only when this stream has shown it: else the event would tell
// that there is such a row.
func (st *Stream) event(ctx context.Context, text string, round uint64) (*Event, error) {
	key, err := keyOf(st.view, text)
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	page, err := st.read(ctx, text, key, round)
	if err != nil {
		return nil, err
	}
	if page != nil && len(page.Rows) > 0 {
		if !st.whole && !st.own {
			st.shown.add(text)
		}
		return &Event{Name: EventRow, Key: key, Fields: page.Fields, Row: &page.Rows[0]}, nil
	}
	if st.whole || !st.own && st.shown.remove(text) {
		return &Event{Name: EventGone, Key: key}, nil
	}
	return nil, nil
}

// read reads a row, together with the other streams that show it alike while it is
// told as it is written. Who catches up reads for himself.
func (st *Stream) read(ctx context.Context, text string, key []view.Value, round uint64) (*view.Page, error) {
	search := func(ctx context.Context) (*view.Page, error) {
		page, err := st.search.Search(ctx, st.who, st.view.Name, question(st.view, st.query, key))
		if err != nil && st.nothing(err) {
			return nil, nil
		}
		return page, err
	}
	metrics := st.streams.hub.metrics
	if round == 0 || st.own {
		metrics.read("reading")
		return search(ctx)
	}
	return st.streams.rows.read(ctx, sharedKey{st.asks, text}, round, metrics, search)
}

// View is what the stream is of.
func (st *Stream) View() *view.View { return st.view }

// remembered are rows that a stream has shown, the last ones of them.
type remembered struct {
	seed  maphash.Seed
	order []uint64
	next  int
	has   map[uint64]bool
}

// maxRemembered is of how many rows a stream knows that it has shown them.
const maxRemembered = 1024

func (r *remembered) add(key string) {
	if r.has == nil {
		r.seed, r.has = maphash.MakeSeed(), map[uint64]bool{}
	}
	h := maphash.String(r.seed, key)
	if r.has[h] {
		return
	}
	r.has[h] = true
	if len(r.order) < maxRemembered {
		r.order = append(r.order, h)
		return
	}
	delete(r.has, r.order[r.next])
	r.order[r.next] = h
	r.next = (r.next + 1) % maxRemembered
}

func (r *remembered) remove(key string) bool {
	if r.has == nil {
		return false
	}
	h := maphash.String(r.seed, key)
	was := r.has[h]
	delete(r.has, h)
	return was
}
