package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

// crashMessages is how many orders each crash run sends, side by side: the even
// ones by SOAP, the odd ones by the queue.
const crashMessages = 8

// rare are the places that the one message which waits in a run comes by once.
var rare = []string{"commit-held", "retry-read", "retry-settled"}

// TestCrash kills the gateway, as a power failure would, between any two steps
// of the consumer, of Commit, of the relay and of another attempt, restarts it,
// and counts: nothing that was accepted is lost, nothing is stored twice,
// everything stored is announced under one unchanging id, to the exchange and to
// a partner over HTTP and SOAP, and a repeat gets the reply that was stored.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	points := failpoints(t)
	if len(points) < 8 {
		t.Fatalf("only %d failpoints found in the source: %v", len(points), points)
	}
	for _, point := range points {
		if operated(point) {
			continue // TestJobCrash, TestAdoptCrash and TestActCrash come by it
		}
		for _, count := range []int{1, 2} {
			if count == 2 && slices.Contains(rare, point) {
				continue
			}
			t.Run(fmt.Sprintf("%s_%d", point, count), func(t *testing.T) {
				t.Parallel()
				run := newCrashRun(t, binary)
				run.announceToPartner()
				run.play(fmt.Sprintf("%s:%d", point, count))
				run.verify()
			})
		}
	}
}

// operated reports whether nothing but an operator's act, a delivery that is refused, a
// message with attachments or a feed comes by a failpoint.
func operated(point string) bool {
	return strings.HasPrefix(point, "blob-") || strings.HasPrefix(point, "attachment") || strings.HasPrefix(point, "sweep-") || // TestAttachmentCrash comes by these
		strings.HasPrefix(point, "feed-") || // and TestFeedCrash by these
		strings.HasPrefix(point, "park-") || // and TestParkCrash by these
		strings.HasPrefix(point, "job-") || strings.HasPrefix(point, "adopt-") || strings.HasPrefix(point, "act-")
}

func buildCrashBinary(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gatehouse-crash")
	out, err := exec.Command("go", "build", "-tags", "crash", "-o", binary, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("building with the tag crash: %v\n%s", err, out)
	}
	return binary
}

var failpointCall = regexp.MustCompile(`failpoint\.Hit\("([a-z-]+)"\)`)

// failpoints reads the places from the source, so that none can be forgotten.
func failpoints(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, root := range []string{"../../internal", "../../adapters"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "sqlserver") {
				return err
			}
			src, err := os.ReadFile(path)
			for _, m := range failpointCall.FindAllSubmatch(src, -1) {
				found = append(found, string(m[1]))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// crashRun is one gateway, killed once, with its senders and its listener.
type crashRun struct {
	t       *testing.T
	binary  string
	dir     string
	lab     *lab
	base    string
	crashed bool

	mu      sync.Mutex
	replies map[int][]string    // by order: every positive reply
	wires   map[string][]string // by what is announced: the ids its events came under
}

func newCrashRun(t *testing.T, binary string) *crashRun {
	r := &crashRun{t: t, binary: binary, dir: t.TempDir(), replies: map[int][]string{}, wires: map[string][]string{}}
	r.lab = &lab{exchange: "orders", addresses: map[string]string{}}
	t.Cleanup(r.lab.close)
	for _, name := range []string{"directory", "broker", "gateway", "operations", "partner"} {
		address, err := freeAddress()
		if err != nil {
			t.Fatal(err)
		}
		r.lab.addresses[name] = address
	}
	r.base = "http://" + r.lab.addresses["gateway"]
	err := errors.Join(
		r.lab.start("directory"), r.lab.start("broker"),
		copyMissing(filepath.Join(r.dir, "wsdl"), wsdl.FS),
		copyMissing(filepath.Join(r.dir, "mappings"), mappings.FS),
		os.MkdirAll(filepath.Join(r.dir, "data"), 0o755),
		r.configure(),
	)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary, "migrate", "up", "-c", r.file()).CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	return r
}

func (r *crashRun) file() string { return filepath.Join(r.dir, "gatehouse.yaml") }

func (r *crashRun) configure() error {
	template, err := demoFiles.ReadFile("demo/gatehouse.yaml")
	if err != nil {
		return err
	}
	text := strings.NewReplacer("DIRECTORY", r.lab.addresses["directory"], "BROKER", r.lab.addresses["broker"],
		"LISTEN", r.lab.addresses["gateway"], "OPERATIONS", r.lab.addresses["operations"],
		"on_error: {not_yet: retry}", "retry: {first: 50ms, longest: 200ms}").Replace(string(template))
	text += "\nrelay: {lease_ttl: 500ms, poll: 100ms}\nsoap: {farewell: 20ms}\n" // a killed process holds its shards no longer
	return os.WriteFile(r.file(), []byte(text), 0o644)
}

// announceToPartner has orders announced to a partner, too.
func (r *crashRun) announceToPartner() {
	if err := errors.Join(r.lab.start("partner"), addPartner(r.dir, "http://"+r.lab.addresses["partner"])); err != nil {
		r.t.Fatal(err)
	}
}

// play sends the messages, each until it is answered, to a gateway that dies at
// the failpoint and is started again without it.
func (r *crashRun) play(crashAt string) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	r.fillQueues(ctx)
	supervised, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.supervise(supervised, crashAt)
	}()
	var senders sync.WaitGroup
	for i := 0; i < crashMessages; i += 2 {
		senders.Go(func() { r.sendUntilAnswered(ctx, i) })
	}
	senders.Go(func() { r.supply(ctx) })
	senders.Wait()
	r.collect(ctx)
	// Everyone asks once more: the stored reply, from a process that may have
	// begun after it was stored.
	for i := range crashMessages {
		r.sendUntilAnswered(ctx, i)
	}
	// The gateway that ends now gives back nothing that it had in hand.
	stop()
	<-ended
}

// supervise keeps the gateway running until ctx ends.
func (r *crashRun) supervise(ctx context.Context, crashAt string) {
	for ctx.Err() == nil {
		cmd := exec.Command(r.binary, "serve", "-c", r.file(), "--log-level", "warn")
		cmd.Env = append(os.Environ(), "GATEHOUSE_CRASH_AT="+crashAt)
		cmd.Stderr = r.t.Output()
		if err := cmd.Start(); err != nil {
			r.t.Error(err)
			return
		}
		died := make(chan error, 1)
		go func() { died <- cmd.Wait() }()
		select {
		case err := <-died:
			if err == nil || !strings.Contains(err.Error(), "killed") {
				r.t.Errorf("the gateway ended by itself: %v", err)
				return
			}
			r.mu.Lock()
			r.crashed = true
			r.mu.Unlock()
			crashAt = "nowhere"
		case <-ctx.Done():
			if err := errors.Join(cmd.Process.Signal(os.Interrupt), <-died); err != nil {
				r.t.Errorf("stopping: %v", err)
			}
		}
	}
}

func (r *crashRun) order(i int) []byte {
	src, err := os.ReadFile("../../testdata/soap/order-minimal.xml")
	if err != nil {
		r.t.Error(err)
	}
	text := orderNumber.ReplaceAllString(string(src), fmt.Sprintf("<o:OrderNumber>%s</o:OrderNumber>", crashOrder(i)))
	text = messageID.ReplaceAllString(text, fmt.Sprintf("<o:MessageId>crash-%d</o:MessageId>", i))
	return []byte(text)
}

var (
	orderNumber = regexp.MustCompile(`<o:OrderNumber>[^<]*</o:OrderNumber>`)
	messageID   = regexp.MustCompile(`<o:MessageId>[^<]*</o:MessageId>`)
)

func crashOrder(i int) string { return fmt.Sprintf("CR-%d", i) }

// fillQueues publishes the odd orders and a price whose product is not known yet.
// The first two orders were in the hands of somebody who died over them.
func (r *crashRun) fillQueues(ctx context.Context) {
	price, err := os.ReadFile("../../mappings/cases/price-before-product.json")
	if err == nil {
		err = r.publish(ctx, "mdm.dana", "in.prices", amqp091.Publishing{ContentType: "application/json", MessageId: "price", Body: price})
	}
	for i := 1; i < crashMessages && err == nil; i += 2 {
		err = r.publish(ctx, "erp.alice", "in.orders", amqp091.Publishing{ContentType: "application/xml", MessageId: fmt.Sprintf("crash-%d", i), Body: r.payload(i)})
	}
	if err == nil {
		err = r.touch("in.orders", 2)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// payload is an order without its envelope.
func (r *crashRun) payload(i int) []byte {
	payload := soapBody.FindSubmatch(r.order(i))[1]
	return bytes.Replace(payload, []byte("<o:SubmitOrder"), []byte(`<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1"`), 1)
}

var soapBody = regexp.MustCompile(`(?s)<soap:Body>\s*(.*?)\s*</soap:Body>`)

func (r *crashRun) publish(ctx context.Context, user, queue string, m amqp091.Publishing) error {
	p, err := newProducer(r.lab.amqp, user, user+"-secret")
	if err != nil {
		return err
	}
	return errors.Join(p.publish(ctx, queue, m), p.close())
}

// touch takes n messages off a queue and dies, as far as the broker can tell.
func (r *crashRun) touch(queue string, n int) error {
	conn, err := amqp091.Dial(r.lab.amqp)
	if err != nil {
		return err
	}
	defer conn.Close()
	channel, err := conn.Channel()
	if err != nil {
		return err
	}
	if err := channel.Qos(n, 0, false); err != nil {
		return err
	}
	in, err := channel.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for range n {
		<-in
	}
	return nil
}

// supply makes the price's product known once the price waits for it.
func (r *crashRun) supply(ctx context.Context) {
	r.await(ctx, `SELECT count(*) FROM "gateway.held"`, "1")
	body, err := os.ReadFile("../../mappings/cases/product-shim.xml")
	if err != nil {
		r.t.Error(err)
	}
	r.insist(ctx, "product", soapRequest{url: r.base + "/soap/customers/ProductService", user: "mdm.dana", password: "mdm.dana-secret", header: http.Header{}, body: body})
}

// sendUntilAnswered repeats one order, as an ERP does, until it has a reply.
func (r *crashRun) sendUntilAnswered(ctx context.Context, i int) {
	reply := r.insist(ctx, crashOrder(i), soapRequest{url: r.base + "/soap/orders/OrderService", user: "erp.alice", password: "erp.alice-secret", header: http.Header{}, body: r.order(i)})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replies[i] = append(r.replies[i], reply)
}

// insist repeats a request until it is answered for good.
func (r *crashRun) insist(ctx context.Context, what string, q soapRequest) string {
	for ctx.Err() == nil {
		a := q.once()
		switch {
		case a.err == nil && a.status == http.StatusOK:
			return a.body
		case a.err == nil && a.status != http.StatusServiceUnavailable:
			r.t.Errorf("%s: HTTP %d\n%s", what, a.status, a.body)
			return ""
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Errorf("%s was never answered", what)
	return ""
}

// await waits until a query has an answer.
func (r *crashRun) await(ctx context.Context, query, want string) {
	for ctx.Err() == nil {
		if got, err := r.query(query); err == nil && got == want {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Errorf("%s never became %s", query, want)
}

func (r *crashRun) query(query string) (string, error) {
	text, err := queryText(filepath.Join(r.dir, "data", "gatehouse.db"), query)
	return strings.TrimSpace(text), err
}

// announced is how many things are: the orders, the product and its price.
const announced = crashMessages + 2

// collect takes events until everything has been announced and the outbox is empty.
func (r *crashRun) collect(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case d := <-r.lab.events.in:
			r.note(d)
			continue
		case <-time.After(20 * time.Millisecond):
		}
		left, err := r.query(`SELECT count(*) FROM "gateway.outbox"`)
		if err == nil && left == "0" && len(r.wires) == announced {
			return
		}
	}
	r.t.Errorf("only %d of %d things were announced", len(r.wires), announced)
}

var orderNo = regexp.MustCompile(`"orderNo":"([^"]*)"`)

// note notes an event: of an order by its number, of others by their type.
func (r *crashRun) note(d amqp091.Delivery) {
	what := d.Type
	if m := orderNo.FindSubmatch(d.Body); m != nil {
		what = string(m[1])
	}
	if !slices.Contains(r.wires[what], d.MessageId) {
		r.wires[what] = append(r.wires[what], d.MessageId)
	}
}

// verify reads the database and the events for itself.
func (r *crashRun) verify() {
	if !r.crashed {
		r.t.Error("the gateway never crashed: the failpoint was not reached")
	}
	for _, c := range []struct{ what, query, want string }{
		{"orders", `SELECT count(*), count(DISTINCT order_no) FROM "sales.sales_order"`, "8|8"},
		{"lines per order", `SELECT min(n), max(n) FROM (SELECT count(*) AS n FROM "sales.order_line" GROUP BY order_id)`, "1|1"},
		{"prices", `SELECT count(*) FROM "catalog.product_price"`, "1"},
		{"messages", `SELECT count(*), count(DISTINCT identity) FROM "gateway.message" WHERE outcome = 'stored'`, "10|10"},
		{"inbox", `SELECT count(*) FROM "gateway.inbox"`, "10"},
		{"deliveries", `SELECT count(*), count(DISTINCT wire_id) FROM "gateway.delivery"`, "26|26"},
		{"answers", `SELECT count(*), min(status), max(code) FROM "gateway.response"`, "16|200|"},
		{"parked", `SELECT count(*) FROM "gateway.parked"`, "0"},
		{"replies", `SELECT count(*) FROM "gateway.reply"`, "9"}, // nobody waits for a price's
		{"held", `SELECT count(*) FROM "gateway.held"`, "0"},
		{"suspects", `SELECT count(*) FROM "gateway.suspect"`, "0"},
		{"integrity", `PRAGMA integrity_check`, "ok"},
		{"foreign keys", `SELECT count(*) FROM pragma_foreign_key_check`, "0"},
	} {
		got, err := r.query(c.query)
		if err != nil || got != c.want {
			r.t.Errorf("%s: %s (%v), want %s", c.what, got, err, c.want)
		}
	}
	r.audited(11) // the price was held before
	for i := range crashMessages {
		if replies := slices.Compact(slices.Sorted(slices.Values(r.replies[i]))); len(replies) != 1 {
			r.t.Errorf("order %d got %d different replies: %v", i, len(replies), replies)
		}
	}
	for what, ids := range r.wires {
		if len(ids) != 1 {
			r.t.Errorf("%s was announced under the ids %v", what, ids)
		}
	}
	for _, path := range []string{"/hook", "/desk"} {
		r.verifyPartner(path)
	}
}

// verifyPartner looks at what the partner has taken: each order, under one id and
// with one body, however often.
func (r *crashRun) verifyPartner(path string) {
	taken := map[string]partnerRequest{}
	for _, one := range r.lab.partner.all(path) {
		first, again := taken[one.key]
		if again && first != one {
			r.t.Errorf("%s: order %s came as %+v and as %+v", path, one.key, first, one)
		}
		taken[one.key] = one
	}
	for i := range crashMessages {
		if _, ok := taken[crashOrder(i)]; !ok {
			r.t.Errorf("%s: order %d never came", path, i)
		}
	}
}
