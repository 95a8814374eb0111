package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/spool"
	"github.com/gatehouse/gatehouse/internal/view"
)

// clerks are people whose exports are on record.
type clerks struct {
	people
	mu   sync.Mutex
	acts []string
	deny error
}

func (c *clerks) Known(ctx context.Context, dn string) (*gateway.Operator, error) {
	return c.Asker(ctx, gateway.Proof{Basic: &gateway.Credentials{Username: strings.TrimPrefix(dn, "cn=")}})
}

func (c *clerks) Audited(_ context.Context, what, target string, act gateway.Act) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acts = append(c.acts, what+" "+target+" by "+act.By+": "+act.Reason)
	return c.deny
}

func (c *clerks) record() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.acts, "\n")
}

// long is a shelf that is scanned, and breaks off where it is told to.
type long struct {
	*shelf
	breaks int           // before this row; 0: never
	gate   chan struct{} // taken from before the first row; nil: nothing is
}

func (l *long) Open(context.Context) (view.Searcher, []*view.View, error) {
	return l, []*view.View{l.view}, nil
}

func (l *long) Scan(ctx context.Context, _ view.Viewer, _ string, q *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) {
		at(view.Position{0: 17})
		if l.gate != nil {
			select {
			case <-l.gate:
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
		for n := range l.rows {
			if l.breaks > 0 && n == l.breaks {
				yield(nil, fault.New(fault.CodeStoreUnavailable, "").Because(errors.New("gone")))
				return
			}
			if r := l.row(n, q); !yield(&r, nil) {
				return
			}
		}
	}
}

// office is a server with exports.
type office struct {
	*httptest.Server
	*clerks
	*long
	exports *Exports
	t       *testing.T
}

func newOffice(t *testing.T, c ExportConfig) *office {
	t.Helper()
	s := newStand(t, SearchConfig{})
	o := &office{clerks: &clerks{people: staff()}, long: &long{shelf: s.shelf}, t: t}
	var err error
	o.exports, err = NewExports(c, o.clerks, o.long, NewExportMetrics(prometheus.NewRegistry()), time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.Handler.resources = nil
	s.Add(o.exports)
	o.Server = httptest.NewServer(s.Handler)
	t.Cleanup(o.Close)
	return o
}

// run makes files of jobs until the test ends, or stop is called.
func (o *office) run() (stop func()) {
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan error, 1)
	go func() { done <- o.exports.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				o.t.Error(err)
			}
		})
	}
	o.t.Cleanup(stop)
	return stop
}

// call sends a request and returns the answer with as much of its body as came.
func (o *office) call(user, method, path string, header ...string) (res *http.Response, body string, broken error) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, o.URL+strings.ReplaceAll(path, " ", "%20"), nil)
	if err != nil {
		o.t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, "secret")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err = o.Client().Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	text, broken := io.ReadAll(res.Body)
	return res, string(text), broken
}

func (o *office) refused(user, method, path string, status int, code fault.Code, header ...string) {
	o.t.Helper()
	res, body, _ := o.call(user, method, path, header...)
	var p Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil || res.StatusCode != status || p.Code != code || res.Header.Get("Content-Disposition") != "" {
		o.t.Errorf("%s %s: %d %s", method, path, res.StatusCode, body)
	}
}

// TestExportStream holds what a file is sent with, that it is on record, and that it ends
// with its hash.
func TestExportStream(t *testing.T) {
	o := newOffice(t, ExportConfig{})
	o.hide = 2
	res, body, err := o.call("alice", "GET", "/api/orders/export?format=csv&separator=semicolon&$select=no,customer,amount&$filter=paid eq true")
	want := "no;customer;amount\r\n0;\"O'Brien \"\"0\"\" <ä>\";12345678901234567890.50\r\n1;\"O'Brien \"\"1\"\" <ä>\";\r\n"
	if err != nil || res.StatusCode != 200 || !strings.HasPrefix(body, want) || strings.Count(body, "\n") != 26 {
		t.Errorf("%v %d %s", err, res.StatusCode, body)
	}
	sum := sha256.Sum256([]byte(body))
	for name, want := range map[string]string{
		"Content-Type": "text/csv; charset=utf-8; header=present", "Content-Disposition": `attachment; filename="orders.csv"`, "Cache-Control": "no-store", "Gatehouse-Position": "0=17",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	if res.Trailer.Get("Repr-Digest") != digestText(sum[:]) || res.Trailer.Get("Gatehouse-Rows") != "25" {
		t.Errorf("%v", res.Trailer)
	}
	if want := "export view/orders by cn=alice: csv at 0=17 of $select=no,customer,amount&$filter=paid%20eq%20true\n" +
		"exported view/orders by cn=alice: csv 25 rows at 0=17 of $select=no,customer,amount&$filter=paid%20eq%20true"; o.record() != want {
		t.Error(o.record())
	}
	if _, body, _ = o.call("bob", "GET", "/api/orders/export?format=jsonl"); !strings.HasPrefix(body, `{"no":0,"amount":12345678901234567890.50,"at":"2026-03-02T09:30:00.005Z"}`+"\n") {
		t.Errorf("bob has %.200s", body)
	}
	if _, body, _ = o.call("alice", "GET", "/api/orders/export?format=csv&rows=lines&$select=no&$expand=lines"); !strings.HasPrefix(body, "no,lines.line_no\r\n0,1\r\n0,2\r\n1,1\r\n") {
		t.Errorf("lines: %.200s", body)
	}
	o.rows = 0
	if res, body, _ = o.call("alice", "GET", "/api/orders/export?format=jsonl"); res.StatusCode != 200 || body != "" || res.Trailer.Get("Gatehouse-Rows") != "0" {
		t.Errorf("no rows: %d %q %v", res.StatusCode, body, res.Trailer)
	}
}

// TestExportBreaks holds that a file that breaks off is told from a whole one: before its
// first bytes by a problem document, later by the connection.
func TestExportBreaks(t *testing.T) {
	o := newOffice(t, ExportConfig{})
	o.breaks = 3
	o.refused("alice", "GET", "/api/orders/export?format=csv", 503, fault.CodeStoreUnavailable)
	o.rows, o.breaks = 50_000, 40_000
	for _, format := range []string{"csv", "jsonl", "xlsx"} {
		res, body, err := o.call("alice", "GET", "/api/orders/export?format="+format)
		if err == nil || res.StatusCode != 200 || body == "" || res.Trailer.Get("Repr-Digest") != "" {
			t.Errorf("%s: %v %d, %d bytes, %v", format, err, res.StatusCode, len(body), res.Trailer)
		}
	}
	if !strings.HasSuffix(o.record(), "exported view/orders by cn=alice: xlsx broken off after 40000 rows at 0=17") {
		t.Error(o.record())
	}
	o.breaks, o.deny = 0, fault.New(fault.CodeAudit, "")
	o.refused("alice", "GET", "/api/orders/export?format=csv", 500, fault.CodeAudit)
}

// TestExportRefusals holds statuses and codes.
func TestExportRefusals(t *testing.T) {
	o := newOffice(t, ExportConfig{})
	for _, c := range []struct {
		user, path string
		status     int
		code       fault.Code
	}{
		{"", "export?format=csv", 401, fault.CodeUnauthenticated},
		{"eve", "export?format=csv", 403, fault.CodeForbidden},
		{"alice", "export", 400, fault.CodeExport},
		{"alice", "export?format=pdf", 400, fault.CodeExport},
		{"alice", "export?format=jsonl&bom=true", 400, fault.CodeExport},
		{"alice", "export?format=csv&bom=perhaps", 400, fault.CodeQuery},
		{"alice", "export?format=csv&format=csv", 400, fault.CodeQuery},
		{"alice", "export?format=csv&separator=x", 400, fault.CodeQuery},
		{"alice", "export?format=csv&$top=5", 400, fault.CodeQuery},
		{"alice", "export?format=csv&$orderby=no", 400, fault.CodeQuery},
		{"alice", "export?format=csv&$filter=nope eq 1", 400, fault.CodeQuery},
		{"bob", "export?format=csv&$select=customer", 400, fault.CodeQuery},
		{"alice", "export?format=csv&$expand=lines", 400, fault.CodeExport},
		{"alice", "export?format=csv&$expand=lines&rows=others", 400, fault.CodeQuery},
		{"alice", "export?format=csv&rows=lines", 400, fault.CodeExport},
		{"alice", "export/0198c3b0-0000-7000-8000-000000000000", 404, fault.CodeNoEndpoint},
	} {
		o.refused(c.user, "GET", "/api/orders/"+c.path, c.status, c.code)
	}
	o.refused("alice", "POST", "/api/orders/export?format=csv", 405, fault.CodeMethod)
	if o.record() != "" {
		t.Errorf("what is refused is on record: %s", o.record())
	}
}

// TestExportsAtOnce holds that nobody has more exports under way than he may.
func TestExportsAtOnce(t *testing.T) {
	o := newOffice(t, ExportConfig{MaxConcurrent: 2, MaxPerUser: 1})
	o.gate = make(chan struct{})
	done := make(chan int, 1)
	go func() {
		res, _, _ := o.call("alice", "GET", "/api/orders/export?format=csv")
		done <- res.StatusCode
	}()
	await(t, func() bool { return strings.Contains(o.record(), "export view/orders") })
	o.refused("alice", "GET", "/api/orders/export?format=csv", 429, fault.CodeExports)
	close(o.gate)
	if status := <-done; status != 200 {
		t.Errorf("the first one: %d", status)
	}
	if res, _, _ := o.call("alice", "GET", "/api/orders/export?format=csv"); res.StatusCode != 200 {
		t.Errorf("after the first one: %d", res.StatusCode)
	}
}

// await waits for a condition.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come to that")
		}
	}
}

func (o *office) begin(user, query string) ExportJob {
	o.t.Helper()
	res, body, _ := o.call(user, "POST", "/api/orders/export?"+query, "Content-Type", "application/json")
	var j ExportJob
	if err := json.Unmarshal([]byte(body), &j); err != nil || res.StatusCode != 202 || res.Header.Get("Location") != "/api/orders/export/"+j.ID.String() {
		o.t.Fatalf("%d %s", res.StatusCode, body)
	}
	return j
}

func (o *office) state(user string, j ExportJob) ExportJob {
	o.t.Helper()
	res, body, _ := o.call(user, "GET", "/api/orders/export/"+j.ID.String())
	var now ExportJob
	if err := json.Unmarshal([]byte(body), &now); err != nil || res.StatusCode != 200 {
		o.t.Fatalf("%d %s", res.StatusCode, body)
	}
	return now
}

// TestExportJob holds that a file can be fetched in parts which are of one whole, by its
// owner alone.
func TestExportJob(t *testing.T) {
	o := newOffice(t, ExportConfig{Directory: config.Path(t.TempDir())})
	o.rows = 3000
	o.refused("alice", "POST", "/api/orders/export?format=csv", 415, fault.CodeMediaType)
	o.refused("alice", "POST", "/api/orders/export?format=csv&$expand=lines", 400, fault.CodeExport, "Content-Type", "application/json")
	j := o.begin("alice", "format=parquet&$select=no,amount")
	if j.State != spool.Waiting {
		t.Errorf("%+v", j)
	}
	path := "/api/orders/export/" + j.ID.String()
	o.refused("alice", "GET", path+"/file", 409, fault.CodeExportState)
	o.refused("carol", "GET", path, 404, fault.CodeExportNotFound)
	o.run()
	await(t, func() bool { j = o.state("alice", j); return j.State == spool.Done })
	if j.Rows != 3000 || j.Position != "0=17" || j.Bytes == 0 || j.File != path+"/file" || j.Expires.Before(time.Now().Add(23*time.Hour)) {
		t.Errorf("%+v", j)
	}
	res, body, err := o.call("alice", "GET", j.File)
	sum := sha256.Sum256([]byte(body))
	tag := `"` + j.SHA256 + `"`
	if err != nil || res.StatusCode != 200 || hex.EncodeToString(sum[:]) != j.SHA256 || res.Header.Get("ETag") != tag || int64(len(body)) != j.Bytes ||
		res.Header.Get("Repr-Digest") != digestText(sum[:]) || res.Header.Get("Content-Disposition") != `attachment; filename="orders.parquet"` {
		t.Errorf("%v %d %v", err, res.StatusCode, res.Header)
	}
	res, part, _ := o.call("alice", "GET", j.File, "Range", "bytes=1000-", "If-Range", tag)
	if res.StatusCode != 206 || part != body[1000:] {
		t.Errorf("a part: %d, %d bytes", res.StatusCode, len(part))
	}
	if res, all, _ := o.call("alice", "GET", j.File, "Range", "bytes=1000-", "If-Range", `"other"`); res.StatusCode != 200 || all != body {
		t.Errorf("a part of another file: %d, %d bytes", res.StatusCode, len(all))
	}
	o.refused("carol", "GET", j.File, 404, fault.CodeExportNotFound)
	o.refused("carol", "DELETE", path, 404, fault.CodeExportNotFound)
	o.clerks.people["alice"] = nil // she may not read the view any more
	o.refused("alice", "GET", j.File, 403, fault.CodeForbidden)
	o.clerks.people = staff()
	if res, _, _ := o.call("alice", "DELETE", path); res.StatusCode != 204 {
		t.Errorf("removing: %d", res.StatusCode)
	}
	o.refused("alice", "GET", path, 404, fault.CodeExportNotFound)
	if left, err := os.ReadDir(string(o.exports.config.Directory)); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}

// TestExportJobAnew holds that a job whose process ended is made by the next, under its
// id, and that files that are half made are not kept.
func TestExportJobAnew(t *testing.T) {
	directory := t.TempDir()
	o := newOffice(t, ExportConfig{Directory: config.Path(directory)})
	o.gate = make(chan struct{})
	stop := o.run()
	j := o.begin("alice", "format=csv")
	await(t, func() bool { return o.state("alice", j).State == spool.Running })
	second := o.begin("alice", "format=jsonl")
	o.refused("alice", "POST", "/api/orders/export?format=csv", 429, fault.CodeExports, "Content-Type", "application/json")
	stop()
	if got := o.state("alice", j); got.State != spool.Waiting {
		t.Errorf("%+v", got)
	}
	next := newOffice(t, ExportConfig{Directory: config.Path(directory)})
	if got := next.state("alice", j); got.State != spool.Waiting || got.Bytes != 0 {
		t.Errorf("%+v", got)
	}
	next.run()
	await(t, func() bool {
		return next.state("alice", j).State == spool.Done && next.state("alice", second).State == spool.Done
	})
	last := newOffice(t, ExportConfig{Directory: config.Path(directory)})
	done := last.state("alice", j)
	if _, body, _ := last.call("alice", "GET", done.File); !strings.HasPrefix(body, "no,customer") || int64(len(body)) != done.Bytes {
		t.Errorf("%.100s", body)
	}
}

// TestExportJobFails holds why a job failed, and that no more is kept than may be.
func TestExportJobFails(t *testing.T) {
	o := newOffice(t, ExportConfig{Directory: config.Path(t.TempDir()), MaxBytes: 5000})
	o.rows = 5000
	o.run()
	full := o.begin("alice", "format=jsonl")
	await(t, func() bool { full = o.state("alice", full); return full.State == spool.Failed })
	if full.Code != fault.CodeExportSpace || full.File != "" {
		t.Errorf("%+v", full)
	}
	o.rows, o.breaks = 10, 5
	broken := o.begin("alice", "format=jsonl")
	await(t, func() bool { broken = o.state("alice", broken); return broken.State == spool.Failed })
	if broken.Code != fault.CodeStoreUnavailable {
		t.Errorf("%+v", broken)
	}
	left, err := os.ReadDir(string(o.exports.config.Directory))
	if err != nil || len(left) != 2 {
		t.Errorf("%v %v", left, err)
	}
	if !bytes.Contains([]byte(o.record()), []byte("broken off after 5 rows")) {
		t.Error(o.record())
	}
}
