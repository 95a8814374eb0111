package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/export"
)

// order is a small order of its own number and message.
func (p *attacked) order(t testing.TB, no string) attack {
	t.Helper()
	text, err := os.ReadFile("../../testdata/soap/order-minimal.xml")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReplacer("erp-0001", "load-"+no, "PO-1001", no).Replace(string(text))
	if !strings.Contains(body, no) {
		t.Fatal("the sample order has another number")
	}
	return attack{body: func() string { return body }}
}

// alice asks as somebody who may read orders. Each request has a connection of its own.
func (p *attacked) alice(ctx context.Context, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path, nil)
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth("erp.alice", "erp.alice-secret")
	r.Close = true
	return http.DefaultClient.Do(r)
}

// TestStreamSoon: an order is on the stream of a gateway that runs within 100 ms of
// the answer to whoever has sent it, which follows the commit.
func TestStreamSoon(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program; run without -short")
	}
	const orders = 500
	p := startAttacked(t)
	res, err := p.alice(t.Context(), "/api/orders/stream?$select=order_no")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	heard := make(chan string, 100)
	go func() {
		defer close(heard)
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: {\"order_no\":"); ok {
				heard <- data
			}
		}
	}()
	var took, whole []time.Duration
	for i := range orders {
		no := fmt.Sprint("SOON-", i)
		began := time.Now()
		if status, answer := p.send(p.order(t, no)); status != 200 {
			t.Fatalf("%d: %s", status, answer)
		}
		answered := time.Now()
		select {
		case data := <-heard:
			if !strings.HasPrefix(data, strconv.Quote(no)) {
				t.Fatalf("heard %s, want %s", data, no)
			}
			took, whole = append(took, time.Since(answered)), append(whole, time.Since(began))
		case <-time.After(patience):
			t.Fatalf("%s is not told", no)
		}
	}
	slices.Sort(took)
	slices.Sort(whole)
	load, _ := os.ReadFile("/proc/loadavg")
	t.Logf("after the answer: median %v, 99 %% %v, longest %v; after it was sent: median %v, longest %v; load %s",
		took[orders/2], took[orders*99/100], took[orders-1], whole[orders/2], whole[orders-1], load)
	if took[orders/2] > 100*time.Millisecond {
		t.Errorf("the median is %v", took[orders/2])
	}
}

// idleVariable is how long a process idles before its memory is measured, with its
// default settings; 1m is what docs/live.md quotes.
const idleVariable = "GATEHOUSE_TEST_IDLE"

// TestIdleStreamsMemory: a thousand streams that nothing is told, over connections of
// their own, take less than 64 MB of the process. A process that is not given the time
// to idle is measured without the room that it leaves for the garbage of messages.
func TestIdleStreamsMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a thousand streams; run without -short")
	}
	const streams, most = 1000, 64 << 20
	pause := time.Duration(0)
	if text := os.Getenv(idleVariable); text != "" {
		var err error
		if pause, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Setenv("GOGC", "100")
	}
	p := startAttacked(t, "streams: {max_per_user: 1000}")
	time.Sleep(pause) // the time is what is measured: memory is given back by and by
	before := p.memory(t, "VmRSS")
	ctx, end := context.WithCancel(t.Context())
	defer end()
	for range streams {
		res, err := p.alice(ctx, "/api/orders/stream")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 200 {
			t.Fatalf("%d", res.StatusCode)
		}
	}
	open := p.memory(t, "VmRSS") - before
	time.Sleep(pause)
	more := p.memory(t, "VmRSS") - before
	t.Logf("%d MB before, %d MB more when they were opened, %d MB more after %v", before>>20, open>>20, more>>20, pause)
	if more > most {
		t.Errorf("%d streams take %d MB", streams, more>>20)
	}
}

// TestSearchesBesideOrders: of 500 searches at once as many are answered as are let in,
// and the others are told when to come again; orders are taken meanwhile, all of them.
func TestSearchesBesideOrders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; run without -short")
	}
	const searchers, orders = 500, 200
	p := startAttacked(t, "search: {max_concurrent: 4, max_per_user: 4}")
	p.fill(t, 20_000)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for i := range searchers {
		all.Go(func() {
			for ctx.Err() == nil {
				res, err := p.alice(ctx, fmt.Sprintf("/api/orders?$top=200&$expand=lines&$filter=ordered_at%%20ge%%202023-11-%02dT00:00:00Z&$orderby=ordered_at", 14+i%3))
				if err != nil {
					if ctx.Err() == nil {
						t.Errorf("a search: %v", err)
					}
					return
				}
				body, _ := io.ReadAll(res.Body)
				res.Body.Close()
				busy := res.StatusCode == 503
				if ctx.Err() == nil && (!busy && res.StatusCode != 200 || busy && res.Header.Get("Retry-After") == "") {
					t.Errorf("a search: %d %v %.300s", res.StatusCode, res.Header, body)
				}
				mu.Lock()
				answers[res.StatusCode]++
				mu.Unlock()
				if busy { // who is told to come again waits, if less long than he is told
					select {
					case <-ctx.Done():
					case <-time.After(200 * time.Millisecond):
					}
				}
			}
		})
	}
	p.resetPeak(t)
	var took []time.Duration
	for i := range orders {
		began := time.Now()
		if status, answer := p.send(p.order(t, fmt.Sprint("BESIDE-", i))); status != 200 {
			t.Errorf("order %d: %d %.300s", i, status, answer)
		}
		took = append(took, time.Since(began))
	}
	end()
	all.Wait()
	slices.Sort(took)
	t.Logf("searches by status: %v; %d orders, median %v, longest %v; %d MB at most", answers, orders, took[orders/2], took[orders-1], p.memory(t, "VmHWM")>>20)
	if answers[200] == 0 || answers[503] == 0 {
		t.Errorf("searches by status: %v", answers)
	}
}

// database opens the file of the gateway that runs.
func (p *attacked) database(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.dir, "data", "gatehouse.db")+"?_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// fill stores n orders of one line, past the gateway.
func (p *attacked) fill(t testing.TB, n int) {
	t.Helper()
	db := p.database(t)
	for _, text := range []string{
		`INSERT INTO "crm.customer" (id, customer_no, name, country) VALUES (1000, 'C-BULK', 'Bulk', 'SE')`,
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO "sales.sales_order" (id, order_no, customer_id, status, currency, ordered_at, note)
			SELECT i, printf('BULK-%%08d', i), 1000, 'SUBMITTED', 'EUR', strftime('%%Y-%%m-%%d %%H:%%M:%%S', 1700000000 + i, 'unixepoch') || '.000', 'leave it at the gate' FROM n`, n),
		`INSERT INTO "sales.order_line" (order_id, line_no, product_id, quantity, unit, unit_price, amount)
			SELECT id, 1, (SELECT MIN(id) FROM "catalog.product"), 2000, 'EA', 15000, 30000 FROM "sales.sales_order"`,
	} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(patience); ; { // the log is emptied when nobody reads
		var busy, frames, done int
		if err := db.QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done); err != nil || time.Now().After(deadline) {
			t.Fatal("the log is not emptied", err)
		}
		if busy == 0 {
			return
		}
	}
}

// exportedVariable is how many orders are exported; 1000000 takes some minutes.
const exportedVariable = "GATEHOUSE_TEST_EXPORTED"

// TestExportMemory exports all orders over HTTP in every format: the process stays below
// 128 MB however many there are, also while orders are stored. It tells how the log
// grows meanwhile.
func TestExportMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; run without -short")
	}
	n := 20_000
	if text := os.Getenv(exportedVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	p := startAttacked(t)
	p.fill(t, n)
	t.Logf("%d MB resident before", p.memory(t, "VmRSS")>>20)
	for i, format := range export.Formats {
		p.exportAll(t, format, n, "")
		p.exportAll(t, format, n, fmt.Sprintf("BESIDE-%d-", i))
	}
}

// exportAll exports all orders, and stores others meanwhile when there is a beginning for
// their numbers.
func (p *attacked) exportAll(t *testing.T, format string, n int, beside string) {
	t.Helper()
	const most = 128 << 20
	p.resetPeak(t)
	worked, began := p.work(t), time.Now()
	whole, read := &tally{}, make(chan error, 1)
	go func() { read <- p.export(t.Context(), format, whole) }()
	var wal int64
	var longest time.Duration
	stored := 0
	for beside != "" && len(read) == 0 {
		sent := time.Now()
		if status, answer := p.send(p.order(t, beside+strconv.Itoa(stored))); status != 200 {
			t.Fatalf("an order: %d %s", status, answer)
		}
		stored++
		longest = max(longest, time.Since(sent))
		if about, err := os.Stat(filepath.Join(p.dir, "data", "gatehouse.db-wal")); err == nil {
			wal = max(wal, about.Size())
		}
	}
	if err := <-read; err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	peak := p.memory(t, "VmHWM")
	t.Logf("%s: %d orders, %d bytes in %v, %v of a processor, %d MB resident at most (%d MB anonymous, %d MB of files); %d orders stored meanwhile, in %v at most, and the log has %d bytes at most",
		format, n, whole.bytes, time.Since(began), p.work(t)-worked, peak>>20, p.memory(t, "RssAnon")>>20, p.memory(t, "RssFile")>>20, stored, longest, wal)
	if peak > most {
		t.Errorf("%s: %d MB were resident", format, peak>>20)
	}
	if (format == export.FormatCSV || format == export.FormatJSONL) && whole.lines < n || whole.bytes == 0 {
		t.Errorf("%s: %d lines, %d bytes", format, whole.lines, whole.bytes)
	}
}

// export reads an export to its end.
func (p *attacked) export(ctx context.Context, format string, to io.Writer) error {
	res, err := p.alice(ctx, "/api/orders/export?format="+format)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %s", res.Status)
	}
	_, err = io.Copy(to, bufio.NewReaderSize(res.Body, 64<<10))
	return err
}

// tally counts what it is given.
type tally struct {
	bytes int64
	lines int
}

func (c *tally) Write(b []byte) (int, error) {
	c.bytes += int64(len(b))
	c.lines += bytes.Count(b, []byte("\n"))
	return len(b), nil
}
