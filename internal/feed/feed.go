package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Config is one feed.
type Config struct {
	Name    string
	View    string
	Every   time.Duration // how often it is gone on with
	Classes []string      // of fields that are in it; any other classed field is not
	Expand  []string      // children that are in it
	// Apart says that the place is not the feed's own: it has a lease of its own.
	Apart bool
}

// Store is the log, the record of acts, and the leases.
type Store interface {
	gateway.ChangeLog
	Acquire(ctx context.Context, channel string, shard int, owner string, ttl time.Duration) (gateway.Lease, bool, error)
	Audit(ctx context.Context, what, target string, act gateway.Act) error
}

// Feed is one feed of one process. One round is made at a time.
type Feed struct {
	config  Config
	place   Place
	store   Store
	open    func(ctx context.Context) (view.Searcher, error)
	by      string
	owner   string
	now     func() time.Time
	metrics *Metrics
	log     *slog.Logger
	outage  outage

	tidied int64 // the fence under which what was left was removed
	untidy bool  // it could not be, and the log has why

	mu      sync.Mutex // guards what follows
	fence   int64      // of the lease, for a round; 0: none is under way
	renewed time.Time  // zero: the lease is not held
}

// Parts is what a feed takes.
type Parts struct {
	Place Place
	Store Store
	// Open returns what answers queries.
	Open    func(context.Context) (view.Searcher, error)
	By      string // whose acts the feed's are on record
	Owner   string // who holds the lease
	Now     func() time.Time
	Metrics *Metrics // nil: nothing is counted
	Log     *slog.Logger
}

// New returns a feed.
func New(c Config, p Parts) *Feed {
	return &Feed{config: c, place: p.Place, store: p.Store, open: p.Open, by: p.By, owner: p.Owner, now: p.Now, metrics: p.Metrics, log: p.Log}
}

// Name returns the feed's name.
func (f *Feed) Name() string { return f.config.Name }

// DeletedColumn says of a row that it is gone: then it has its key alone.
const DeletedColumn = "_deleted"

// errUnnoted says that something may have been written that nobody has noted.
var errUnnoted = errors.New("behind this place a gateway has stored messages that did not have the view as live")

// ErrElsewhere says that another process goes on with the feed.
var ErrElsewhere = errors.New("another process writes this feed at the moment")

const (
	// leaseTTL is how long the lease outlives a process, besides twice Every.
	leaseTTL = 20 * time.Second
	// maxKeys is how many changed rows a file has at most; the next one goes on.
	maxKeys = 100_000
	// entriesAtOnce is how much of the log is read at once.
	entriesAtOnce = 64
)

// Run goes on with the feed until ctx ends. What fails is tried again.
func (f *Feed) Run(ctx context.Context) {
	defer f.release(ctx)
	for {
		_, err := f.Round(ctx)
		timer := time.NewTimer(f.judge(ctx, err))
		if ofPlace(err) {
			f.release(ctx) // another process may reach what this one cannot
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Round brings the feed to where the log is now, and returns how many files that took.
func (f *Feed) Round(ctx context.Context) (files int, err error) {
	f.begin() // what another process has written meanwhile is read below
	if err := f.hold(ctx); err != nil {
		return 0, err
	}
	ctx, done := f.whileHeld(ctx)
	defer done()
	if err := f.place.Prepare(ctx); err != nil {
		return 0, err
	}
	r, err := f.round(ctx)
	if err != nil {
		return 0, err
	}
	for {
		more, wrote, err := r.step(ctx)
		if err != nil {
			return files, err
		}
		if wrote {
			files++
		}
		if !more {
			return files, nil
		}
	}
}

// begin has the next hold take the lease, whoever had it in between.
func (f *Feed) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fence, f.renewed = 0, time.Time{}
}

// hold takes the lease, or renews it when it is time. One that somebody else had since the
// round began is no use any more: what the round goes by may be old.
func (f *Feed) hold(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if !f.renewed.IsZero() && now.Sub(f.renewed) < leaseTTL/4 {
		return nil
	}
	f.renewed = time.Time{}
	lease, ok, err := f.store.Acquire(ctx, f.leaseName(), 0, f.owner, leaseTTL+2*f.config.Every)
	if err != nil {
		return err
	}
	if !ok || f.fence != 0 && lease.Fence != f.fence {
		return ErrElsewhere
	}
	f.fence, f.renewed = lease.Fence, now
	return nil
}

// held is the fence of the lease.
func (f *Feed) held() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fence
}

// stillHeld asks the store whether the lease is held, however short ago it was renewed.
func (f *Feed) stillHeld(ctx context.Context) error {
	f.mu.Lock()
	f.renewed = time.Time{}
	f.mu.Unlock()
	return f.hold(ctx)
}

// whileHeld returns a context that ends when the lease is lost, which is renewed as long
// as that context is in use. done is called before anything else is done with the feed.
func (f *Feed) whileHeld(ctx context.Context) (held context.Context, done func()) {
	held, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer end()
		ticker := time.NewTicker(leaseTTL / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-held.Done():
				return
			}
			if err := f.hold(held); errors.Is(err, ErrElsewhere) {
				return
			}
		}
	}()
	return held, func() {
		end()
		<-ended
	}
}

// leaseName stands in the place of a channel's name.
func (f *Feed) leaseName() string {
	name := "gateway.feed." + f.config.Name
	if f.config.Apart {
		sum := sha256.Sum256([]byte(f.place.String()))
		name += "@" + hex.EncodeToString(sum[:4])
	}
	return name
}

// release gives the lease back.
func (f *Feed) release(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.renewed.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if _, _, err := f.store.Acquire(ctx, f.leaseName(), 0, f.owner, 0); err != nil {
		f.log.WarnContext(ctx, "lease not given back", "feed", f.config.Name, "error", err)
	}
	f.renewed = time.Time{}
}

// Once makes one round and gives the lease back.
func (f *Feed) Once(ctx context.Context) (files int, err error) {
	defer f.release(ctx)
	return f.Round(ctx)
}

// round is one look at the view, its tables and the manifest.
type round struct {
	*Feed
	searcher view.Searcher
	view     *view.View // whole
	seen     *view.View
	sight    sight
	query    *view.Query // of every row
	table    *export.Table
	key      []string
	manifest *Manifest // nil: there is none, or it is to begin anew
	old      *Manifest // what the new one goes on from
	version  string    // of the manifest that is there; empty: there is none
	fence    int64     // of the lease
}

// sight is what a feed sees of a view: what has no class, and what its configuration
// names the class of.
type sight struct{ window view.Window }

// Sight implements view.Viewer.
func (s sight) Sight(string) ([]view.Window, error) { return []view.Window{s.window}, nil }

func (f *Feed) round(ctx context.Context) (*round, error) {
	searcher, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	r := &round{Feed: f, searcher: searcher, fence: f.held()}
	if r.view, err = searcher.View(f.config.View); err != nil {
		return nil, err
	}
	if !r.view.Live {
		return nil, fmt.Errorf("the view %s does not say live: true; nobody notes which of its rows change", r.view.Name)
	}
	r.sight = sight{gateway.Window{Classes: f.config.Classes}.On(r.view)}
	r.seen = r.view.Seen([]view.Window{r.sight.window})
	if err := r.choose(); err != nil {
		return nil, err
	}
	if r.manifest, r.version, err = readManifest(ctx, f.place); err != nil {
		return nil, err
	}
	if m := r.manifest; m != nil {
		return r, r.goesOn(ctx, m)
	}
	return r, nil
}

// goesOn looks whether the feed may be gone on with where the manifest ends.
func (r *round) goesOn(ctx context.Context, m *Manifest) error {
	if m.Feed != r.config.Name || m.View != r.config.View {
		return fault.New(fault.CodeFeedContent, "%s is of the feed %q of the view %q", r.place, m.Feed, m.View)
	}
	if m.Writer > r.fence {
		if err := r.stillHeld(ctx); err != nil {
			return err
		}
		return fault.New(fault.CodeFeedContent, "%s was written by holder %d of the feed's lease, and this is holder %d: another database writes it, or this one was restored. Begin anew in an empty place, or, if it is to be gone on with, take \"writer\" out of %s while no gateway runs",
			r.place, m.Writer, r.fence, ManifestName)
	}
	if !m.of(r.table, r.key) {
		r.log.InfoContext(ctx, "the view has other fields now; the feed begins anew with all rows", "feed", r.config.Name)
		r.manifest, r.old = nil, m
	}
	return nil
}

// choose finds the fields and children of the feed.
func (r *round) choose() error {
	q := &view.Query{Select: []int{}}
	for i := range r.seen.Fields {
		if r.seen.Fields[i].Name == DeletedColumn {
			return fmt.Errorf("the view %s has a field %s, which feeds have one of their own of", r.view.Name, DeletedColumn)
		}
		if r.seen.Fields[i].Name != "" {
			q.Select = append(q.Select, i)
		}
	}
	for _, i := range r.view.Key {
		if r.seen.Fields[i].Name == "" {
			return fmt.Errorf("the key of %s has the field %s, whose class the feed %s does not name", r.view.Name, r.view.Fields[i].Name, r.config.Name)
		}
		r.key = append(r.key, r.view.Fields[i].Name)
	}
	for _, name := range r.config.Expand {
		i, err := r.seen.Child(name)
		if err != nil {
			return err
		}
		child := r.seen.Children[i].View
		e := view.Expand{Child: i, Select: []int{}}
		for k := range child.Fields {
			if child.Fields[k].Name != "" {
				e.Select = append(e.Select, k)
			}
		}
		q.Expand = append(q.Expand, e)
	}
	r.query = export.Whole(q)
	r.table = export.TableOf(r.seen, r.query)
	r.table.Columns = append(r.table.Columns, export.Column{Name: DeletedColumn, Type: mapping.ColumnType{Kind: mapping.BoolColumn}})
	return nil
}

// step writes the next file, if there is anything for one. more says that the log goes on
// behind what it has.
func (r *round) step(ctx context.Context) (more, wrote bool, err error) {
	if r.manifest == nil {
		return true, true, r.snapshot(ctx)
	}
	from, err := export.ParsePosition(r.manifest.Position)
	if err != nil {
		return false, false, err
	}
	at := r.now()
	to, keys, more, err := r.changed(ctx, from)
	if errors.Is(err, gateway.ErrChangesGone) || errors.Is(err, errUnnoted) {
		r.log.WarnContext(ctx, "the feed begins anew with all rows", "feed", r.config.Name, "position", r.manifest.Position, "error", err)
		r.manifest, r.old = nil, r.manifest
		return true, false, nil
	}
	if err != nil {
		return false, false, err
	}
	if len(keys) > 0 {
		return more, true, r.stretch(ctx, to, at, keys)
	}
	// Who has taken over says so, though nothing is new: only then may it clear up.
	if text := export.PositionText(to); text != r.manifest.Position || r.manifest.Writer != r.fence {
		next := *r.manifest
		next.Position, next.At = text, at.UTC()
		return more, false, r.publish(ctx, &next)
	}
	return false, false, nil
}

// changed reads the keys of the rows that have changed behind a position, and up to which
// one.
func (r *round) changed(ctx context.Context, from view.Position) (to view.Position, keys [][]view.Value, more bool, err error) {
	heads, err := r.store.ChangeHeads(ctx)
	if err != nil {
		return nil, nil, false, err
	}
	to = view.Position{}
	for chain, seq := range from {
		to[chain] = seq
	}
	subject, seen := live.Subject(r.view), map[string]bool{}
	for chain, head := range heads {
		for to[chain] < head {
			if len(seen) >= maxKeys {
				return to, keys, true, nil
			}
			entries, err := r.store.ChangeEntries(ctx, chain, to[chain], entriesAtOnce)
			if err != nil {
				return nil, nil, false, err
			}
			if len(entries) == 0 {
				return nil, nil, false, fmt.Errorf("the log has nothing behind %d of chain %d, though it goes to %d", to[chain], chain, head)
			}
			for _, e := range entries {
				if e.Noting.Lacks(subject) {
					return nil, nil, false, errUnnoted
				}
				for _, row := range e.Changes {
					if row.Subject != subject || seen[row.Key] {
						continue
					}
					key, err := live.Key(r.view, row.Key)
					if err != nil {
						return nil, nil, false, err
					}
					seen[row.Key] = true
					keys = append(keys, key)
				}
				to[chain] = e.Seq
			}
		}
	}
	return to, keys, false, nil
}

// rowsOf reads rows by their keys; deleted is called for each that is gone.
func (r *round) rowsOf(ctx context.Context, keys [][]view.Value, deleted func()) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) {
		for _, key := range keys {
			q := *r.query
			q.Key = key
			page, err := r.searcher.Search(ctx, r.sight, r.view.Name, &q)
			if err != nil {
				yield(nil, err)
				return
			}
			var row *view.Row
			if len(page.Rows) > 0 {
				row = r.marked(&page.Rows[0], 0)
			} else {
				deleted()
				row = r.marked(r.tombstone(key), 1)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// tombstone is a row that has its key alone.
func (r *round) tombstone(key []view.Value) *view.Row {
	row := &view.Row{Values: make([]view.Value, len(r.query.Select))}
	for i, field := range r.query.Select {
		for k, f := range r.view.Key {
			if f == field {
				row.Values[i] = key[k]
			}
		}
	}
	return row
}

// marked adds DeletedColumn to a row.
func (r *round) marked(row *view.Row, deleted int64) *view.Row {
	out := *row
	out.Values = append(append([]view.Value(nil), row.Values...), view.Value{Kind: mapping.BoolColumn, Present: true, Int: deleted})
	if row.Seen != nil {
		out.Seen = append(append([]bool(nil), row.Seen...), true)
	}
	return &out
}
