package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// crashParts is how many parts each of the two batches of a run has: several
// commits, between and within which the gateway dies.
const crashParts = 400

const crashSplitMapping = `mapping: items
contract: wsdl/batch/batch.wsdl#SubmitBatch
namespaces: {b: urn:gatehouse:test:batch}
split: b:Order
identity: b:Number
ordering_key: b:Sku
rows:
  - {table: sales.item, columns: {number: string(b:Number), sku: b:Sku}}
publish:
  - {channel: order-events, routing_key: item, body: {number: b:Number}}
reply: {BatchId: b:BatchId, Count: $parts/count, Stored: {$value: 0}, Repeated: {$value: 0}}
`

// The table refuses nothing: what is stored twice is there twice.
const crashSplitTable = `-- +goose Up
CREATE TABLE "sales.item" (id INTEGER PRIMARY KEY AUTOINCREMENT, number NVARCHAR(20) NOT NULL, sku NVARCHAR(10) NOT NULL);
-- +goose Down
DROP TABLE "sales.item";
`

// TestCrashSplit kills the gateway in the middle of the parts of two messages, one
// by SOAP and one by a queue, restarts it, and counts: each part is stored once,
// and announced under one id.
func TestCrashSplit(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, at := range []string{"commit-done:3", "commit-written:2", "commit-sealed:4", "consume-committed:1"} {
		t.Run(strings.ReplaceAll(at, ":", "_"), func(t *testing.T) {
			t.Parallel()
			r := newCrashRun(t, binary)
			if err := r.addItems(); err != nil {
				t.Fatal(err)
			}
			r.splitUntilAnswered(at)
			r.verifyItems()
		})
	}
}

// addItems adds the route that splits to the project.
func (r *crashRun) addItems() error {
	text, err := os.ReadFile(r.file())
	if err != nil {
		return err
	}
	changed := strings.NewReplacer("\n  - wsdl/orders/orders.wsdl", "\n  - wsdl/orders/orders.wsdl\n  - wsdl/batch/batch.wsdl",
		"\nroutes:", "\nroutes:\n  - {route: items, mapping: mappings/items.yaml, from: [{soap: batch/Batch.SubmitBatch}, {amqp: {queue: in.items, sender: user_id}}]}",
		"\ngrants:", "\ngrants:\n  - {role: erp-sender, may: send, on: route/items}").Replace(string(text))
	wsdl, err := os.ReadFile("../../testdata/soap/batch/batch.wsdl")
	if err != nil {
		return err
	}
	for name, content := range map[string]string{"gatehouse.yaml": changed, "wsdl/batch/batch.wsdl": string(wsdl),
		"mappings/items.yaml": crashSplitMapping, "mappings/migrations/sqlite/00090_items.sql": crashSplitTable} {
		path := filepath.Join(r.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	if out, err := exec.Command(r.binary, "migrate", "up", "-c", r.file()).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	conn, err := amqp091.Dial(r.lab.amqp)
	if err != nil {
		return err
	}
	defer conn.Close()
	channel, err := conn.Channel()
	if err != nil {
		return err
	}
	_, err = channel.QueueDeclare("in.items", true, false, false, false, sampleQueueArguments)
	return err
}

// items is a batch whose parts are numbered from first on.
func items(first int) string {
	var b strings.Builder
	b.WriteString(`<b:SubmitBatch xmlns:b="urn:gatehouse:test:batch"><b:BatchId>1</b:BatchId><b:Site>HEL</b:Site>`)
	for i := range crashParts {
		fmt.Fprintf(&b, "<b:Order><b:Number>%d</b:Number><b:Sku>S-%d</b:Sku><b:Quantity>1</b:Quantity></b:Order>\n", first+i, i%5)
	}
	return b.String() + "</b:SubmitBatch>"
}

// splitUntilAnswered sends both batches to a gateway that dies at the failpoint.
func (r *crashRun) splitUntilAnswered(at string) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	if err := r.publish(ctx, "erp.alice", "in.items", amqp091.Publishing{ContentType: "application/xml", MessageId: "crash", Body: []byte(items(0))}); err != nil {
		r.t.Fatal(err)
	}
	supervised, stop := context.WithCancel(ctx)
	var gateway sync.WaitGroup
	gateway.Go(func() { r.supervise(supervised, at) })
	body := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + items(crashParts) + `</s:Body></s:Envelope>`
	for range 2 {
		r.insist(ctx, "the batch", soapRequest{url: r.base + "/soap/batch/Batch", user: "erp.alice", password: "erp.alice-secret", header: http.Header{}, body: []byte(body)})
	}
	r.await(ctx, `SELECT count(DISTINCT number) FROM "sales.item"`, fmt.Sprint(2*crashParts))
	r.collectItems(ctx)
	stop()
	gateway.Wait()
}

// collectItems takes events until every part is announced.
func (r *crashRun) collectItems(ctx context.Context) {
	for ctx.Err() == nil && len(r.wires) < 2*crashParts {
		select {
		case d := <-r.lab.events.in:
			var event struct{ Number string }
			if err := json.Unmarshal(d.Body, &event); err != nil {
				r.t.Error(err)
			}
			if ids := r.wires[event.Number]; !slices.Contains(ids, d.MessageId) {
				r.wires[event.Number] = append(ids, d.MessageId)
			}
		case <-ctx.Done():
			r.t.Errorf("only %d of %d parts were announced", len(r.wires), 2*crashParts)
		}
	}
}

func (r *crashRun) verifyItems() {
	if !r.crashed {
		r.t.Error("the gateway never crashed: the failpoint was not reached")
	}
	all := fmt.Sprint(2*crashParts, "|", 2*crashParts)
	for _, c := range []struct{ what, query, want string }{
		{"rows", `SELECT count(*), count(DISTINCT number) FROM "sales.item"`, all},
		{"messages", `SELECT count(*), count(DISTINCT identity) FROM "gateway.message" WHERE outcome = 'stored'`, all},
		{"deliveries", `SELECT count(*), count(DISTINCT wire_id) FROM "gateway.delivery"`, all},
		{"arrivals", `SELECT count(*), count(DISTINCT message_id) FROM "gateway.message_key" WHERE name = 'arrival'`, all},
		{"order within keys", `SELECT count(*) FROM (SELECT id, CAST(number AS INTEGER) AS n, lag(CAST(number AS INTEGER)) OVER (PARTITION BY sku, CAST(number AS INTEGER) < 400 ORDER BY id) AS before FROM "sales.item") WHERE before > n`, "0"},
		{"held", `SELECT count(*) FROM "gateway.held"`, "0"},
		{"integrity", `PRAGMA integrity_check`, "ok"},
	} {
		if got, err := r.query(c.query); err != nil || got != c.want {
			r.t.Errorf("%s: %s (%v), want %s", c.what, got, err, c.want)
		}
	}
	for what, ids := range r.wires {
		if len(ids) != 1 {
			r.t.Errorf("part %s was announced under the ids %v", what, ids)
		}
	}
}
