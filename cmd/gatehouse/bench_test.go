package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/bench"
)

// smallBench is a load test on the demo, with everything in it.
func smallBench(t *testing.T, args ...string) *benchFlags {
	t.Helper()
	cmd, f := newBench(), &benchFlags{}
	cmd.ResetFlags()
	f.add(cmd)
	args = append([]string{"--demo", "--messages", "200", "--warmup", "0", "--mixed", "60/40", "--invalid", "5%", "--seed", "7", "--size", "1KB"}, args...)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	return f
}

// seededFaults are what a faulty gateway could leave, each done behind its back.
var seededFaults = map[string]struct {
	sql  []string
	want string
}{
	"a message lost":          {[]string{`DELETE FROM "gateway.message" WHERE id = (SELECT min(id) FROM "gateway.message")`}, bench.Lost},
	"a claim lost":            {[]string{`DELETE FROM "gateway.inbox" WHERE message_id = (SELECT max(id) FROM "gateway.message")`}, bench.Lost},
	"a payload lost":          {[]string{`DELETE FROM "gateway.payload" WHERE message_id = (SELECT min(id) FROM "gateway.message")`}, bench.Lost},
	"a reply lost":            {[]string{`DELETE FROM "gateway.reply" WHERE message_id = (SELECT min(id) FROM "gateway.message")`}, bench.Lost},
	"a delivery lost":         {[]string{`DELETE FROM "gateway.delivery" WHERE message_id = (SELECT min(id) FROM "gateway.message")`}, bench.Lost},
	"an order lost":           {[]string{`PRAGMA foreign_keys = OFF`, `DELETE FROM "sales.sales_order" WHERE id = 3`}, bench.Lost},
	"a line lost":             {[]string{`PRAGMA foreign_keys = OFF`, `DELETE FROM "sales.order_line" WHERE id = 5`}, bench.Lost},
	"a confirmation lost":     {[]string{`DELETE FROM "gateway.relayed" WHERE first_seq = 1`}, bench.Unpublished},
	"a message stored twice":  {[]string{copyRow("gateway.message", "id", "x'00'")}, bench.Twice},
	"a line stored twice":     {[]string{copyRow("sales.order_line", "line_no", "line_no + 100", "id", "NULL")}, bench.Twice},
	"a delivery twice":        {[]string{copyRow("gateway.delivery", "ordinal", "ordinal + 1")}, bench.Twice},
	"a refused message there": {[]string{`UPDATE "gateway.message" SET "identity" = 'REFUSED' WHERE id = (SELECT min(id) FROM "gateway.message")`}, bench.Unexpected},
	"a page damaged":          {[]string{`PRAGMA foreign_keys = OFF`, `UPDATE "sales.order_line" SET product_id = 4711 WHERE id = 2`}, bench.Damage},
}

// copyRow copies the first row of a table, with some of its columns changed.
func copyRow(table string, changed ...string) string {
	return table + "\x00" + strings.Join(changed, "\x00")
}

// TestBenchCatches puts load on the demo, in which nothing is wrong, and then
// seeds one fault after the other into copies of the database: each is found, as
// what it is.
func TestBenchCatches(t *testing.T) {
	f := smallBench(t, "--duplicates", "10%")
	target, err := f.target(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := target.close(); err != nil {
			t.Error(err)
		}
	}()
	run := &benchRun{flags: f, target: target, progress: t.Output()}
	before, err := target.look.shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run.tamper = func(ctx context.Context) error {
		s := run.account.Statement()
		for name, fault := range seededFaults {
			t.Run(name, func(t *testing.T) {
				look := &benchLook{db: spoiled(t, target.look.db, fault.sql, refusedIdentity(t, target, s))}
				found, err := look.evidence(ctx, target, len(s.Sent), before)
				if err != nil {
					t.Fatal(err)
				}
				if judged := bench.Judge(s, found.Evidence); judged.Count(fault.want) == 0 {
					t.Errorf("nothing is %s: %+v", fault.want, judged)
				}
			})
		}
		return nil
	}
	report, err := run.play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Verdict != bench.Holds || report.Throughput.Stored < 150 || report.Load.Invalid == 0 || report.Load.Repeats == 0 {
		t.Errorf("%+v", report)
	}
}

// refusedIdentity is that of a message that was refused at the SOAP door.
func refusedIdentity(t *testing.T, target *benchTarget, s bench.Statement) string {
	for n, sent := range s.Sent {
		if sent.Refused && sent.Door == bench.SOAP {
			return target.messages.identity(n)
		}
	}
	t.Fatal("no message was refused")
	return ""
}

// spoiled is a copy of a database with a fault in it.
func spoiled(t *testing.T, db *sql.DB, statements []string, refused string) *sql.DB {
	t.Helper()
	file := filepath.Join(t.TempDir(), "copy.db")
	if _, err := db.Exec(`VACUUM INTO ?1`, file); err != nil {
		t.Fatal(err)
	}
	out, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	out.SetMaxOpenConns(1)
	t.Cleanup(func() { out.Close() })
	for _, text := range statements {
		if table, changed, ok := strings.Cut(text, "\x00"); ok {
			text = copying(t, out, table, strings.Split(changed, "\x00"))
		}
		res, err := out.Exec(strings.ReplaceAll(text, "REFUSED", refused))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 && (strings.HasPrefix(text, "DELETE") || strings.HasPrefix(text, "UPDATE")) {
			t.Fatalf("%s changes nothing: %v", text, err)
		}
	}
	return out
}

func copying(t *testing.T, db *sql.DB, table string, changed []string) string {
	columns, err := column(t.Context(), db, `SELECT name FROM pragma_table_info('`+table+`')`)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, c := range columns {
		value := `"` + c + `"`
		for i := 0; i < len(changed); i += 2 {
			if changed[i] == c {
				value = changed[i+1]
			}
		}
		values = append(values, value)
	}
	return `INSERT INTO "` + table + `" SELECT ` + strings.Join(values, ", ") + ` FROM "` + table + `" LIMIT 1`
}

// TestBenchFlags refuses what makes no load test.
func TestBenchFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		ok   bool
	}{
		{"--demo", true},
		{"--demo --mixed 70/30 --rate 100 --size 20KB --duplicates 5% --invalid 0.01", true},
		{"-c x.yaml --server http://h --metrics http://h/metrics", true},
		{"", false},
		{"--demo -c x.yaml", false},
		{"--demo --server http://h", false},
		{"--demo --yes-write-to x", false},
		{"-c x.yaml --baseline", false},
		{"-c x.yaml --metrics http://h/metrics", false},
		{"-c x.yaml --server http://h --profile p", false},
		{"--demo --door rest", false},
		{"--demo --mixed 70", false},
		{"--demo --size -1", false},
		{"--demo --duplicates 200%", false},
		{"--demo --invalid some", false},
		{"--demo --replies x", false},
		{"--demo --concurrency 0", false},
		{"--demo --messages 100000000", false},
		{"--demo --duration 0s", false},
		{"--demo --rate -1", false},
		{"--demo --sample random", false},
	} {
		cmd, f := newBench(), &benchFlags{}
		cmd.ResetFlags()
		f.add(cmd)
		err := cmd.ParseFlags(strings.Fields(c.args))
		if err == nil {
			f.configured = cmd.Flags().Changed("config")
			err = f.check()
		}
		if (err == nil) != c.ok {
			t.Errorf("%q: %v", c.args, err)
		}
	}
}

// TestOrderSizes makes orders of about the size that is asked for.
func TestOrderSizes(t *testing.T) {
	for _, size := range []int{1500, 2000, 20000, 200000} {
		m, sum := newOrders("B123456", size), 0
		for n := range 300 {
			sum += len(m.payload(nil, n, false))
		}
		if got := float64(sum) / 300; got < 0.8*float64(size) || got > 1.2*float64(size) {
			t.Errorf("messages of %d bytes have %.0f", size, got)
		}
	}
	if a, b := newRun(time.Unix(1_800_000_000, 0)), newRun(time.Unix(1_800_000_001, 0)); len(a) != 7 || a == b {
		t.Errorf("runs are called %s and %s", a, b)
	}
}

// TestSOAPRequest writes requests that a server reads, of any length.
func TestSOAPRequest(t *testing.T) {
	door := &soapDoor{url: &url.URL{Scheme: "http", Host: "gateway.example:8080", Path: "/soap/orders/OrderService"}, user: "erp", password: "p:w", action: "urn:a"}
	for _, size := range []int{100, 5000, 3_000_000} {
		messages := newOrders("B123456", size)
		c := (&benchRun{target: &benchTarget{soap: door, messages: messages}}).newSOAPCaller()
		for number := range 3 {
			c.write(bench.Task{Number: number})
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(c.request)))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			user, password, _ := r.BasicAuth()
			if err != nil || !bytes.Equal(body, messages.envelope(nil, number, false)) || user != "erp" || password != "p:w" || r.URL.Path != door.url.Path || r.Header.Get("SOAPAction") != `"urn:a"` {
				t.Fatalf("%v %v, %d bytes", err, r, len(body))
			}
		}
	}
}

// TestSpot finds texts and attributes where the mapping has read them.
func TestSpot(t *testing.T) {
	src := []byte("<a>\n  <b no='x>1' other-no=\"2\"  no2 = \"3\">text</b>\n  <c/>\n</a>")
	for _, c := range []struct {
		at   spot
		want string
	}{
		{spot{2, 3, ""}, "text"}, {spot{2, 3, "no"}, "x>1"}, {spot{2, 3, "other-no"}, "2"}, {spot{2, 3, "no2"}, "3"},
		{spot{3, 3, ""}, ""}, {spot{2, 3, "missing"}, ""}, {spot{2, 4, ""}, ""}, {spot{9, 1, ""}, ""}, {spot{2, 900, ""}, ""},
	} {
		from, to, err := c.at.find(src)
		if (err == nil) != (c.want != "") || err == nil && string(src[from:to]) != c.want {
			t.Errorf("%+v: %q, %v", c.at, src[from:to], err)
		}
	}
}

func TestParseMetrics(t *testing.T) {
	got, err := parseMetrics(strings.NewReader("# HELP a b\na 1\nb{x=\"1 2\"} 2.5\nb{x=\"}\"} 1e3\nc +Inf\n\n"))
	if err != nil || got["a"] != 1 || got["b"] != 1002.5 || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseMetrics(strings.NewReader("<html>")); err == nil {
		t.Error("a page of another kind is read")
	}
}

// TestTimes reads what this process has used.
func TestTimes(t *testing.T) {
	if !onLinux {
		t.Skip("there is no /proc")
	}
	if got := timesOf(os.Getpid()); !got.known || got.rss < 1e6 || got.peak < got.rss {
		t.Errorf("%+v", got)
	}
	if got := timesOf(1 << 30); got.known {
		t.Errorf("of no process: %+v", got)
	}
	if d := fsyncTime(t.TempDir()); d <= 0 || d > 10*time.Second {
		t.Errorf("an fsync takes %v", d)
	}
}

// TestBenchKeys finds every key of the report, which are promised, in its
// documentation.
func TestBenchKeys(t *testing.T) {
	text, err := os.ReadFile("../../docs/bench.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var look func(reflect.Type)
	look = func(s reflect.Type) {
		for s.Kind() == reflect.Pointer || s.Kind() == reflect.Map {
			s = s.Elem()
		}
		if s.Kind() != reflect.Struct {
			return
		}
		for field := range s.Fields() {
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if n++; key == "" || !bytes.Contains(text, []byte("`"+key+"`")) {
				t.Errorf("docs/bench.md does not tell of %q (%s.%s)", key, s.Name(), field.Name)
			}
			look(field.Type)
		}
	}
	look(reflect.TypeFor[bench.Report]())
	for _, kind := range bench.Kinds {
		if !bytes.Contains(text, []byte("| `"+kind+"` |")) {
			t.Errorf("docs/bench.md does not say what %q is", kind)
		}
	}
	if n < 60 {
		t.Errorf("the report has %d keys only", n)
	}
}
