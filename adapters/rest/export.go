package rest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/spool"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Exporters finds out who exports, and records that he does.
type Exporters interface {
	Askers
	// Known finds somebody again whose job is made.
	Known(ctx context.Context, dn string) (*gateway.Operator, error)
	// Audited records an act; an error denies it.
	Audited(ctx context.Context, what, target string, act gateway.Act) error
}

// Exports serves views as files: GET /api/<view>/export. With a spool, POST has a file made
// that can be fetched in parts. It is a Resource, to be added before Views, safe for
// concurrent use.
type Exports struct {
	config    ExportConfig
	exporters Exporters
	searches  Searches
	metrics   *ExportMetrics
	places    *query.Places
	spool     *spool.Spool // nil: there are no jobs
	now       func() time.Time
	log       *slog.Logger
}

// NewExports returns a resource with no exports under way. c must be valid. The error is of
// the directory of jobs, where there is one.
func NewExports(c ExportConfig, exporters Exporters, searches Searches, metrics *ExportMetrics, now func() time.Time, log *slog.Logger) (*Exports, error) {
	c = c.Effective()
	e := &Exports{
		config: c, exporters: exporters, searches: searches, metrics: metrics,
		places: query.NewPlaces(c.MaxConcurrent, c.MaxPerUser), now: now, log: log,
	}
	if c.Directory == "" {
		return e, nil
	}
	var err error
	e.spool, err = spool.Open(spool.Config{Directory: string(c.Directory), Keep: c.Keep, AtMost: int64(c.MaxBytes), PerOwner: c.MaxPerUser, AtOnce: c.MaxConcurrent}, e.make, now, log)
	return e, err
}

// Run makes the files of jobs until ctx ends.
func (e *Exports) Run(ctx context.Context) error {
	if e.spool == nil {
		return nil
	}
	return e.spool.Run(ctx)
}

// exportName is the part of an export's address below its view.
const exportName = "export"

// Methods is GET for the files of views. With jobs there is POST too, and what is below; a
// row whose key is the word export is found by a search that asks for it.
func (e *Exports) Methods(path string) []string {
	name, below, _ := strings.Cut(path, "/")
	what, job, isJob := strings.Cut(below, "/")
	switch {
	case what != exportName || !slices.Contains(e.searches.Names(), name):
		return nil
	case !isJob && e.spool == nil:
		return []string{http.MethodGet}
	case !isJob:
		return []string{http.MethodGet, http.MethodPost}
	case e.spool == nil:
		return nil
	case strings.HasSuffix(job, "/"+fileName):
		return reading
	}
	return []string{http.MethodGet, http.MethodDelete}
}

// Describe adds nothing to the public document, as Views does.
func (e *Exports) Describe(*Document) {}

// Serve answers with a file, or about a job.
func (e *Exports) Serve(x *Exchange, path string) error {
	name, below, _ := strings.Cut(path, "/")
	x.Endpoint, x.Ways = "export:"+name, e.exporters.SearchWays()
	who, err := e.asker(x)
	if err == nil {
		err = who.May(gateway.Read, gateway.OnView(name))
	}
	if err != nil {
		return err
	}
	_, job, isJob := strings.Cut(below, "/")
	switch {
	case isJob:
		err = e.job(x, who, name, job)
	case x.R.Method == http.MethodPost:
		err = e.begin(x, who, name)
	default:
		err = e.stream(x, who, name)
	}
	if err != nil && !x.noted {
		e.note(x, who, name, err)
	}
	return x.complain(err)
}

// Admit implements Guarded.
func (e *Exports) Admit(x *Exchange, path string) error {
	x.Ways = e.exporters.SearchWays()
	who, err := e.asker(x)
	if err != nil {
		return err
	}
	return who.May(gateway.Read, gateway.OnView(viewOf(path)))
}

// viewOf is the view of a path.
func viewOf(path string) string {
	name, _, _ := strings.Cut(path, "/")
	return name
}

// asker finds out who asks.
func (e *Exports) asker(x *Exchange) (*gateway.Operator, error) {
	shown, err := x.Shown()
	if err != nil {
		return nil, err
	}
	return e.exporters.Asker(x.R.Context(), gateway.Proof{Basic: shown.Basic, Bearer: shown.Bearer, Certificate: shown.Certificate})
}

// note logs an export that is refused, without what was asked for.
func (e *Exports) note(x *Exchange, who *gateway.Operator, name string, err error) {
	x.noted = true
	f := fault.Of(err)
	attrs := []any{"view", name, "user", who.DN, "outcome", f.Kind().String(), "code", string(f.Code), "reference", x.reference(), "reason", f.Message, "source", x.Peer.Remote}
	if f.Cause != nil {
		attrs = append(attrs, "cause", f.Cause)
	}
	level := slog.LevelInfo
	if f.Kind() == fault.Internal {
		level = slog.LevelError
	}
	e.log.Log(x.R.Context(), level, "export refused", attrs...)
}

// exporting is one file in the making.
type exporting struct {
	*Exports
	who      *gateway.Operator
	viewer   view.Viewer
	searcher view.Searcher
	plan     *export.Plan
}

// prepare finds out what somebody may have of what he asks for.
func (e *Exports) prepare(ctx context.Context, who *gateway.Operator, name, rawQuery string) (*exporting, error) {
	searcher, views, err := e.searches.Open(ctx)
	if err != nil {
		return nil, err
	}
	v, err := searcher.View(name)
	if err != nil {
		return nil, err
	}
	viewer := who.Viewer(query.Finder(views))
	windows, err := viewer.Sight(name)
	if err != nil {
		return nil, err
	}
	plan, err := ExportPlan(rawQuery, v.Seen(windows))
	if err != nil {
		return nil, err
	}
	return &exporting{e, who, viewer, searcher, plan}, nil
}

// fileName is what a file is to be called by whoever gets it.
func (x *exporting) fileName() string { return x.plan.View + "." + x.plan.Format.Extension }

func (x *exporting) act(more string) gateway.Act {
	return gateway.Act{By: x.who.DN, Reason: x.plan.Act(more)}
}

// write writes the file to w. begun is told of what it is before the first byte. That the
// export begins is on record before, and what became of it afterwards.
func (x *exporting) write(ctx context.Context, w writer, begun func(h *export.Head), progress func(int64)) (rows int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.config.Timeout)
	defer cancel()
	on, position := gateway.OnView(x.plan.View), ""
	began := x.now()
	rows, err = x.plan.Write(w, func(q *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error] {
		return counting(x.searcher.Scan(ctx, x.viewer, x.plan.View, q, at), progress)
	}, func(p view.Position) (*export.Head, error) {
		position = export.PositionText(p)
		if err := x.exporters.Audited(ctx, export.AuditBegun, on, x.act("at "+position)); err != nil {
			return nil, err
		}
		h := &export.Head{View: x.plan.View, Query: x.plan.Text, Position: p, At: x.now()}
		begun(h)
		return h, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fault.New(fault.CodeBusy, "the export took longer than %v", x.config.Timeout).Because(err)
	}
	x.metrics.exported(x.plan.View, x.plan.Format.Name, rows, err)
	attrs := []any{"view", x.plan.View, "format", x.plan.Format.Name, "user", x.who.DN, "rows", rows, "position", position, "seconds", x.now().Sub(began).Seconds()}
	became := strconv.FormatInt(rows, 10) + " rows at " + position
	if err != nil {
		became = "broken off after " + became
		x.log.InfoContext(ctx, "export broken off", append(attrs, "error", err)...)
	} else {
		x.log.InfoContext(ctx, "export made", attrs...)
	}
	if position != "" { // it had begun
		recorded := x.exporters.Audited(context.WithoutCancel(ctx), export.AuditEnded, on, x.act(became))
		err = errors.Join(err, recorded)
	}
	return rows, err
}

type writer interface{ Write([]byte) (int, error) }

// counting tells of rows as they pass.
func counting(rows iter.Seq2[*view.Row, error], progress func(int64)) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) {
		n := int64(0)
		for row, err := range rows {
			if !yield(row, err) {
				return
			}
			if n++; n%1000 == 0 {
				progress(n)
			}
		}
		progress(n)
	}
}

// place takes a place among the exports under way, and among those of somebody.
func (e *Exports) place(who string) (leave func(), err error) {
	leave, all := e.places.Enter(who)
	switch {
	case leave != nil:
		return leave, nil
	case all:
		return nil, fault.New(fault.CodeExports, "")
	}
	return nil, fault.New(fault.CodeExports, "this user has %d exports under way already; wait for them", e.config.MaxPerUser)
}

// Headers and trailers of an answer that is a file.
const (
	headerPosition = "Gatehouse-Position"
	headerAt       = "Gatehouse-At"
	trailerRows    = "Gatehouse-Rows"
	trailerDigest  = "Repr-Digest" // RFC 9530
)

// firstBytes are held back: as long as there are no more, what goes wrong is answered with
// a problem document.
const firstBytes = 64 << 10

// stream answers with a file. One that breaks off after its first bytes does not look
// whole: the connection is cut, without the chunk that ends an answer.
func (e *Exports) stream(x *Exchange, who *gateway.Operator, name string) error {
	if len(x.R.URL.EscapedPath())+len(x.R.URL.RawQuery) > maxAddress {
		return fault.New(fault.CodeAddress, "the address has more than %d bytes", maxAddress)
	}
	made, err := e.prepare(x.R.Context(), who, name, x.R.URL.RawQuery)
	if err != nil {
		return err
	}
	leave, err := e.place(who.DN)
	if err != nil {
		return err
	}
	defer leave()
	out := &digested{to: x.Stream(), hash: sha256.New()}
	held := bufio.NewWriterSize(out, firstBytes)
	rows, err := made.write(x.R.Context(), held, func(h *export.Head) { made.headers(x, h) }, func(int64) {})
	if err == nil {
		err = held.Flush()
	}
	if err != nil {
		if x.Answered() {
			panic(http.ErrAbortHandler)
		}
		made.unheaders(x)
		x.noted = true // by write
		return err
	}
	if !x.Answered() { // a file without a byte: JSON Lines of no row
		out.to.WriteHeader(http.StatusOK)
	}
	h := x.W.Header()
	h.Set(trailerRows, strconv.FormatInt(rows, 10))
	h.Set(trailerDigest, digestText(out.hash.Sum(nil)))
	return nil
}

func digestText(sum []byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":"
}

// headers are those of a file that is about to be sent.
func (x *exporting) headers(to *Exchange, head *export.Head) {
	h := to.W.Header()
	h.Set("Content-Type", x.plan.Format.MediaType)
	h.Set("Content-Disposition", `attachment; filename="`+x.fileName()+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Authorization")
	h.Set(headerPosition, export.PositionText(head.Position))
	h.Set(headerAt, head.At.UTC().Format(time.RFC3339Nano))
	h.Set("Trailer", trailerRows+", "+trailerDigest)
}

// unheaders takes away what a problem document does not have.
func (x *exporting) unheaders(to *Exchange) {
	for _, name := range []string{"Content-Disposition", headerPosition, headerAt, "Trailer"} {
		to.W.Header().Del(name)
	}
}

// digested hashes what passes.
type digested struct {
	to   http.ResponseWriter
	hash hash.Hash
}

// Write implements io.Writer.
func (d *digested) Write(b []byte) (int, error) {
	n, err := d.to.Write(b)
	d.hash.Write(b[:n])
	return n, err
}
