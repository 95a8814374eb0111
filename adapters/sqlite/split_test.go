package sqlite_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

const itemTables = `-- +goose Up
CREATE TABLE "sales.item" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  number NVARCHAR(10) NOT NULL,
  site NVARCHAR(10) NOT NULL,
  sku_id BIGINT NOT NULL,
  quantity DECIMAL(12,3) NOT NULL,
  CONSTRAINT uq_item UNIQUE (number)
);
CREATE TABLE "sales.sku" (id INTEGER PRIMARY KEY AUTOINCREMENT, sku NVARCHAR(10) NOT NULL, CONSTRAINT uq_sku UNIQUE (sku));
INSERT INTO "sales.sku" (sku) VALUES ('NUT'), ('BOLT');
-- +goose Down
DROP TABLE "sales.item";
DROP TABLE "sales.sku";
`

const itemMapping = `mapping: items
contract: batch/batch.wsdl#SubmitBatch
namespaces: {b: urn:gatehouse:test:batch}
split: b:Order
identity: b:Number
business_keys: {order: b:Number}
rows:
  - table: sales.item
    as: item
    match: [number]
    columns:
      number: string(b:Number)
      site: ../b:Site
      sku_id: {lookup: sales.sku, where: {sku: b:Sku}, column: id, not_found: not_yet}
      quantity: b:Quantity
reply: {BatchId: b:BatchId, Count: $parts/count, Stored: $parts/stored, Repeated: $parts/repeated}
faults:
  - {fault: OrderFault, when: b:Sku = 'BANNED', reason: "order {b:Number} is banned", body: {Number: string(b:Number), Code: {$value: BANNED}}}
`

// wholeMapping takes the same messages without splitting them.
const wholeMapping = `mapping: items
contract: batch/batch.wsdl#SubmitBatch
namespaces: {b: urn:gatehouse:test:batch}
identity: b:BatchId
rows:
  - table: sales.item
    each: b:Order
    match: [number]
    columns:
      number: string(b:Number)
      site: ../b:Site
      sku_id: {lookup: sales.sku, where: {sku: b:Sku}, column: id, not_found: not_yet}
      quantity: b:Quantity
reply: {BatchId: b:BatchId, Count: count(b:Order), Stored: {$value: 0}, Repeated: {$value: 0}}
`

// splitBench is a gateway on a store of its own, with a mapping that splits.
type splitBench struct {
	*gateway.Gateway
	t       *testing.T
	store   *sqlite.Store
	service *contract.Service
	probe   *probe
	parts   gateway.Parts
	lines   *lines
}

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	t    *testing.T
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t.Output().Write(p)
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func newSplitBench(t *testing.T, changes ...string) *splitBench {
	t.Helper()
	b := &splitBench{t: t, lines: &lines{t: t}}
	path := filepath.Join(t.TempDir(), "split.db")
	b.store = openFile(t, path)
	if _, err := b.store.Up(t.Context(), fstest.MapFS{"00001_items.sql": {Data: []byte(itemTables)}}); err != nil {
		t.Fatal(err)
	}
	b.probe = newProbe(t, path)
	c, err := contract.Load(os.DirFS("../../testdata/soap"), "batch/batch.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	b.service = c.Services[0]
	access := gateway.NewAccess(
		[]gateway.Role{{Name: "sender", Members: []gateway.Member{{Group: "erp-users"}}, Partner: "erp"}},
		[]gateway.Grant{{Role: "sender", May: []gateway.Verb{gateway.Send}, On: "route/items"}},
	)
	b.parts = gateway.Parts{Version: "test", Contracts: []*contract.Contract{c}, Access: access, Directory: gatewaytest.NewDirectory(time.Now, gatewaytest.Corp()...)}
	b.Gateway = gateway.New(gateway.Config{Relay: gateway.RelayConfig{Poll: 20 * time.Millisecond}}, b.store, b.generation(changes...), time.Now, slog.New(slog.NewTextHandler(b.lines, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return b
}

// generation compiles the mapping with changes.
func (b *splitBench) generation(changes ...string) *gateway.Generation {
	b.t.Helper()
	f, err := mapping.Parse("items.yaml", []byte(strings.NewReplacer(changes...).Replace(itemMapping)))
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := mapping.Compile(f, b.parts.Contracts[0])
	if err != nil {
		b.t.Fatal(err)
	}
	r := gateway.NewRoute("items", []string{"soap:batch/Batch.SubmitBatch", "amqp:in.items"}, m, b.store)
	r.Retry = gateway.Retry{First: 10 * time.Millisecond, Longest: 20 * time.Millisecond}
	g, err := gateway.NewGeneration(b.parts, []*gateway.Route{r})
	if err != nil {
		b.t.Fatal(err)
	}
	return g
}

// item is one order of a batch.
func item(number, sku string, quantity any) string {
	return fmt.Sprintf("\n<b:Order><b:Number>%s</b:Number><b:Sku>%s</b:Sku><b:Quantity>%v</b:Quantity></b:Order>", number, sku, quantity)
}

func batchOf(id string, items ...string) string {
	return `<b:SubmitBatch xmlns:b="urn:gatehouse:test:batch"><b:BatchId>` + id + `</b:BatchId><b:Site>HEL</b:Site>` + strings.Join(items, "") + `</b:SubmitBatch>`
}

// call sends a batch by SOAP.
func (b *splitBench) call(body string) (*gateway.Receipt, *fault.Error) {
	envelope := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><x:Secret xmlns:x="urn:x">s3cret</x:Secret></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
	r, err := b.Accept(b.t.Context(), &gateway.Arrival{Endpoint: "soap:batch/Batch", Service: b.service, Body: []byte(envelope), Remote: "192.0.2.7",
		Basic: &gateway.Credentials{Username: "erp.alice", Password: "erp.alice-secret"}})
	return r, fault.Of(err)
}

// arrival is a batch as a queue hands it over.
func (b *splitBench) arrival(body, messageID, sender string) *gateway.Arrival {
	return &gateway.Arrival{Endpoint: "amqp:in.items", Format: gateway.XML, Body: []byte(body), ID: uuid.Must(uuid.NewV7()), Sender: sender, MessageID: messageID,
		Properties: map[string]string{"message-id": messageID}, Origin: sha256.Sum256([]byte(body + messageID)), ContentType: "text/xml"}
}

func (b *splitBench) take(a *gateway.Arrival) (*gateway.Receipt, error) {
	ticket := b.Prepare(b.t.Context(), a)
	ticket.Submit(b.t.Context(), new(gateway.Source))
	<-ticket.Settled()
	return ticket.Result()
}

func (b *splitBench) rows(query string) []string {
	b.t.Helper()
	out := []string{}
	for _, row := range b.probe.Query(b.t, query) {
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

// is compares what a query finds, row by row.
func (b *splitBench) is(query string, want ...string) {
	b.t.Helper()
	if got := b.rows(query); !slices.Equal(got, want) {
		b.t.Errorf("%s\n%q\nwant\n%q", query, got, want)
	}
}

const stored = `SELECT count(*), count(DISTINCT "identity") FROM "gateway.message"`

func TestSplitBySOAP(t *testing.T) {
	b := newSplitBench(t)
	r, f := b.call(batchOf("B-1", item("1", "NUT", 1), item("2", "BOLT", 2), item("1", "NUT", "1.0")))
	if f == nil || f.Code != fault.CodeParts || !strings.HasPrefix(f.Message, "2 of the 3 parts of the message are stored") {
		t.Fatalf("another body under the first identity: %+v, %v", r, f)
	}
	if d := f.Details[0]; len(f.Details) != 1 || d.Path != "/s:Envelope/s:Body/b:SubmitBatch/b:Order[3]" || d.Line != 4 || d.Column != 1 || !strings.HasPrefix(d.Message, "GH-5002: ") {
		t.Errorf("%+v", f.Details)
	}
	b.is(`SELECT number, site, quantity FROM "sales.item" ORDER BY id`, "1|HEL|1000", "2|HEL|2000")
	b.is(stored, "2|2")

	// Again, the wrong one mended, in another batch: the same order is the same.
	r, f = b.call(batchOf("B-2", item("2", "BOLT", 2), item("1", "NUT", 1), item("3", "NUT", 3), item("3", "NUT", 3)))
	if f != nil || r.Status != gateway.Stored || !strings.Contains(string(r.Reply), "Count>4<") || !strings.Contains(string(r.Reply), "Stored>1<") || !strings.Contains(string(r.Reply), "Repeated>3<") {
		t.Fatalf("%+v, %v: %s", r, f, r.Reply)
	}
	b.is(stored, "3|3")
	if r, f = b.call(batchOf("B-2", item("1", "NUT", 1))); f != nil || r.Status != gateway.Duplicate {
		t.Errorf("%+v, %v", r, f)
	}

	// Each is a message of its own, found by what it came with.
	found, err := b.store.Messages(t.Context(), gateway.Query{Key: r.ID.String()})
	if err != nil || len(found) != 0 {
		t.Errorf("a repeat is no message: %v, %v", found, err)
	}
	found, err = b.store.Messages(t.Context(), gateway.Query{Identity: "3"})
	if err != nil || len(found) != 1 || len(found[0].Keys) != 2 || found[0].Keys[0].Name != "arrival" {
		t.Fatalf("%+v, %v", found, err)
	}
	record, err := b.store.Message(t.Context(), found[0].ID)
	if err != nil || record.Endpoint != "soap:batch/Batch.SubmitBatch" || string(record.Payload) != batchOf("B-2", item("3", "NUT", 3)) {
		t.Errorf("%+v, %v\n%s", record, err, record.Payload)
	}
}

// TestSplitRefusals: each part that is refused has its reason, its line and its
// row in the ledger.
func TestSplitRefusals(t *testing.T) {
	b := newSplitBench(t)
	_, f := b.call(batchOf("B-1", item("1", "NUT", 1), item("much too long", "NUT", 2), item("3", "BANNED", 3), item("4", "NUT", 4)))
	if f == nil || f.Code != fault.CodeParts || f.Kind() != fault.Invalid || len(f.Details) != 2 {
		t.Fatalf("%+v", f)
	}
	for i, want := range []string{
		"line 3, column 1: /s:Envelope/s:Body/b:SubmitBatch/b:Order[2]: GH-4002: a value does not fit the column it is stored in: line 3, column 10: /s:Envelope/s:Body/b:SubmitBatch/b:Order[2]/b:Number: ",
		"line 4, column 1: /s:Envelope/s:Body/b:SubmitBatch/b:Order[3]: GH-4007: a rule of the mapping refuses the message: order 3 is banned",
	} {
		if got := f.Details[i].String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	if mapping.DeclaredOf(f) != nil {
		t.Error("the first refused part has no fault of the contract")
	}
	b.is(stored, "2|2")
	eventually(t, func() bool { return len(b.rows(`SELECT code FROM "gateway.refusal"`)) == 2 })
	b.is(`SELECT code, route FROM "gateway.refusal" ORDER BY id`, "GH-4002|items", "GH-4007|items")
	if n := b.lines.count("message refused"); n != 2 {
		t.Errorf("%d lines about refusals", n)
	}
	if n := b.lines.count("message accepted"); n != 2 {
		t.Errorf("%d lines about what is stored", n)
	}
	// Where the first one has, it is the call's.
	_, f = b.call(batchOf("B-1", item("3", "BANNED", 3), item("much too long", "NUT", 2)))
	if d := mapping.DeclaredOf(f); d == nil || d.Fault.Name != "OrderFault" || f.Code != fault.CodeParts {
		t.Errorf("%+v", f)
	}
	// What may pass by itself is the gateway's to answer.
	_, f = b.call(batchOf("B-1", item("3", "BANNED", 3), item("5", "NEW", 5)))
	if f == nil || f.Code != fault.CodePartsLater || !f.Kind().Retryable() || mapping.DeclaredOf(f) != nil {
		t.Errorf("%+v", f)
	}
	// The whole is refused as ever.
	if _, f = b.call(strings.Replace(batchOf("B-1", item("6", "NUT", 1)), "<b:Site>HEL</b:Site>", "", 1)); f == nil || f.Code != fault.CodeInvalid {
		t.Errorf("%+v", f)
	}
	r, f := b.call(batchOf("B-1"))
	if f != nil || !strings.Contains(string(r.Reply), "Count>0<") || b.lines.count("message without parts") != 1 {
		t.Errorf("no parts: %+v, %v", r, f)
	}
	b.is(stored, "2|2")
}

// TestSplitByQueue keeps each part that cannot be stored as a message of its own,
// which is tried again, or replayed, as one.
func TestSplitByQueue(t *testing.T) {
	b := newSplitBench(t)
	a := b.arrival(batchOf("B-1", item("1", "NUT", 1), item("much too long", "NUT", 2), item("3", "NEW", 3), item("4", "NUT", 4)), "m-1", "erp.alice")
	r, err := b.take(a)
	if err != nil || r.Status != gateway.Parked || r.Fault == nil || r.Fault.Code != fault.CodePartsLater || r.MessageID != a.ID {
		t.Fatalf("%+v, %v", r, err)
	}
	answer, err := r.Answer()
	if err != nil || !strings.Contains(string(answer.Body), "2 of the 4 parts") || !strings.Contains(string(answer.Body), "Order[2]") {
		t.Errorf("%s, %v", answer.Body, err)
	}
	b.is(stored, "2|2")
	b.is(`SELECT state, code, "identity" FROM "gateway.held" ORDER BY id`, "parked|GH-4002|m-1/2", "waiting|GH-5007|3")
	keyed := fmt.Sprintf(`SELECT count(*) FROM "gateway.message_key" WHERE value = '%s' AND name = 'arrival'`, a.ID)
	b.is(keyed, "4")

	// What waits is stored when what it refers to is, and still knows what it came with.
	b.probe.Exec(t, `INSERT INTO "sales.sku" (sku) VALUES ('NEW')`)
	eventually(t, func() bool { return slices.Equal(b.rows(stored), []string{"3|3"}) })
	b.is(`SELECT state FROM "gateway.held"`, "parked")
	b.is(keyed, "4")

	// Redelivered, each part is what it was.
	b.is(`SELECT count(*) FROM "gateway.held"`, "1")
	again := b.arrival(string(a.Body), "m-1", "erp.alice")
	again.Redelivered = true
	if r, err := b.take(again); err != nil || r.Status != gateway.Parked {
		t.Errorf("%+v, %v", r, err)
	}
	b.is(`SELECT count(*) FROM "gateway.held"`, "1")
	b.is(stored, "3|3")

	// The parked one is replayed by itself, with its place.
	held, err := b.store.Messages(t.Context(), gateway.Query{Outcome: "parked"})
	if err != nil || len(held) != 1 {
		t.Fatalf("%v, %v", held, err)
	}
	if _, err := b.Replay(t.Context(), held[0].ID, gateway.Act{By: "olga"}); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeNarrowing {
		t.Errorf("replayed as it was: %v", err)
	}
	// It can be corrected, to one part and no more.
	short := func(items ...string) []byte { return []byte(batchOf("B-1", items...)) }
	if _, err := b.Correct(t.Context(), held[0].ID, short(item("2", "NUT", 2), item("5", "NUT", 5)), gateway.Act{By: "olga"}); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeMapping {
		t.Errorf("corrected to two: %v", err)
	}
	b.is(stored, "3|3")
	b.Reload(b.generation("number: string(b:Number)", "number: substring(b:Number, 1, 10)"))
	e, err := b.Replay(t.Context(), held[0].ID, gateway.Act{By: "olga"})
	if err != nil || e.Outcome != "stored" {
		t.Fatalf("%+v, %v", e, err)
	}
	b.is(keyed, "5") // the parked one's, and the one that was stored of it
	b.is(stored, "4|4")
}

// TestSplitAgain: a part that was stored is processed once more as the part it is,
// and a parked one with another payload.
func TestSplitAgain(t *testing.T) {
	b := newSplitBench(t, "number: string(b:Number)", "number: concat(b:Number, '-', $part/number)")
	a := b.arrival(batchOf("B-1", item("1", "NUT", 1), item("much too long", "NUT", 2), item("3", "NUT", 3)), "m-1", "erp.alice")
	if r, err := b.take(a); err != nil || r.Status != gateway.Parked {
		t.Fatalf("%+v, %v", r, err)
	}
	b.is(stored, "2|2")
	held, err := b.store.Messages(t.Context(), gateway.Query{Outcome: "parked"})
	if err != nil || len(held) != 1 {
		t.Fatalf("%v, %v", held, err)
	}
	e, err := b.Correct(t.Context(), held[0].ID, []byte(batchOf("B-1", item("2", "NUT", 2))), gateway.Act{By: "olga", Reason: "shortened"})
	if err != nil || e.Outcome != "stored" {
		t.Fatalf("%+v, %v", e, err)
	}
	b.is(`SELECT group_concat(number, ' ') FROM (SELECT number FROM "sales.item" ORDER BY number)`, "1-1 2-2 3-3")

	found, err := b.store.Messages(t.Context(), gateway.Query{Identity: "3"})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	b.probe.Exec(t, `UPDATE "sales.item" SET quantity = 1 WHERE number = '3-3'`)
	d, err := b.Rehearse(t.Context(), found[0].ID, gateway.Act{By: "olga"})
	if err != nil || d.Changes() != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, want := range []string{"stored", "duplicate"} {
		e, err := b.Repeat(t.Context(), found[0].ID, d.Seen, gateway.Act{By: "olga", Reason: "lost"})
		if err != nil || e.Outcome != want {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	b.is(`SELECT group_concat(number, ' '), sum(quantity) FROM (SELECT number, quantity FROM "sales.item" ORDER BY number)`, "1-1 2-2 3-3|6000")
}

// TestSplitNameless: the parts of a whole that was held are told apart though
// nothing names them.
func TestSplitNameless(t *testing.T) {
	b := newSplitBench(t, "identity: b:Number", "identity: none")
	a := b.arrival(batchOf("B-1", item("1", "NUT", 1), item("2", "NUT", 2)), "m-1", "carol")
	if r, err := b.take(a); err != nil || r.Status != gateway.Parked {
		t.Fatalf("%+v, %v", r, err)
	}
	b.parts.Access = gateway.NewAccess([]gateway.Role{{Name: "sender", Members: []gateway.Member{{User: "carol"}}}}, []gateway.Grant{{Role: "sender", May: []gateway.Verb{gateway.Send}, On: "route/items"}})
	b.Reload(b.generation("identity: b:Number", "identity: none"))
	if e, err := b.Replay(t.Context(), a.ID, gateway.Act{By: "olga"}); err != nil || e.Outcome != "stored" {
		t.Fatalf("%+v, %v", e, err)
	}
	b.is(stored, "2|2")
}

// TestSplitHeldWhole: what is wrong with the whole has it held as a whole, and it
// is closed when all its parts are stored.
func TestSplitHeldWhole(t *testing.T) {
	b := newSplitBench(t)
	a := b.arrival(batchOf("B-1", item("1", "NUT", 1), item("2", "NEW", 2), item("3", "NUT", 3)), "m-1", "carol")
	if r, err := b.take(a); err != nil || r.Status != gateway.Parked || r.Fault.Code != fault.CodeForbidden {
		t.Fatalf("%+v, %v", r, err)
	}
	b.is(`SELECT count(*) FROM "gateway.held"`, "1")
	b.parts.Access = gateway.NewAccess([]gateway.Role{{Name: "sender", Members: []gateway.Member{{User: "carol"}}}}, []gateway.Grant{{Role: "sender", May: []gateway.Verb{gateway.Send}, On: "route/items"}})
	b.Reload(b.generation())
	for range 2 {
		if _, err := b.Replay(t.Context(), a.ID, gateway.Act{By: "olga"}); fault.Of(err) == nil || fault.Of(err).Code != fault.CodePartsLater {
			t.Fatalf("one has to wait: %v", err)
		}
		b.is(stored, "2|2")
		b.is(`SELECT state FROM "gateway.held"`, "parked")
	}
	b.probe.Exec(t, `INSERT INTO "sales.sku" (sku) VALUES ('NEW')`)
	if e, err := b.Replay(t.Context(), a.ID, gateway.Act{By: "olga"}); err != nil || e.Outcome != "stored" {
		t.Fatalf("%+v, %v", e, err)
	}
	b.is(stored, "3|3")
	b.is(`SELECT state, closed_by FROM "gateway.held"`, "replayed|olga")
	b.is(fmt.Sprintf(`SELECT count(*) FROM "gateway.message" m JOIN "gateway.message_key" k ON k.message_id = m.id WHERE k.value = '%s'`, a.ID), "3")

	// Without parts there is nothing to close it with.
	none := b.arrival(batchOf("B-0"), "m-0", "nobody")
	if r, err := b.take(none); err != nil || r.Status != gateway.Parked {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err := b.take(b.arrival(batchOf("B-0"), "m-0", "carol")); err != nil || r.Status != gateway.Stored || r.Fault != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestSplitInterrupted sends a long batch again and again while the store fails
// now and then: each part is stored once.
func TestSplitInterrupted(t *testing.T) {
	b := newSplitBench(t, "identity: b:Number", "identity: none")
	var items []string
	for i := range 700 {
		items = append(items, item(fmt.Sprint(i), "NUT", 1))
	}
	a := b.arrival(batchOf("B-1", items...), "", "erp.alice")
	b.probe.Exec(t, `ALTER TABLE "sales.item" RENAME TO "sales.gone"`)
	if _, err := b.take(a); err == nil {
		t.Fatal("taken without a table")
	}
	b.probe.Exec(t, `ALTER TABLE "sales.gone" RENAME TO "sales.item"`)
	b.Reload(b.generation()) // sooner than it would look at the tables again
	// Half of it, and then a run that breaks off.
	half := *a
	half.Body = []byte(batchOf("B-1", items[:350]...))
	if r, err := b.take(&half); err != nil || r.Status != gateway.Stored {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err := b.take(a); err != nil || r.Status != gateway.Stored {
		t.Fatalf("%+v, %v", r, err)
	}
	b.is(stored, "700|700")
	b.is(`SELECT count(*), min(quantity) FROM "sales.item"`, "700|1000")
	b.is(`SELECT count(*) FROM (SELECT number, lag(id) OVER (ORDER BY CAST(number AS INTEGER)) AS before, id FROM "sales.item") WHERE before >= id`, "0")
}

// TestSplitChanged: what is held under a mapping that splits is processed by one
// that does not, and the other way round nothing is lost either.
func TestSplitChanged(t *testing.T) {
	b := newSplitBench(t)
	if r, err := b.take(b.arrival(batchOf("B-1", item("1", "NUT", 1), item("2", "NEW", 2)), "m-1", "erp.alice")); err != nil || r.Status != gateway.Waiting || r.Fault.Code != fault.CodePartsLater {
		t.Fatalf("%+v, %v", r, err)
	}
	b.Reload(b.generation(itemMapping, wholeMapping))
	if r, err := b.take(b.arrival(batchOf("B-2", item("3", "NUT", 3), item("4", "LATER", 4)), "m-2", "erp.alice")); err != nil || r.Status != gateway.Waiting {
		t.Fatalf("%+v, %v", r, err)
	}
	b.probe.Exec(t, `INSERT INTO "sales.sku" (sku) VALUES ('NEW')`)
	eventually(t, func() bool { return slices.Equal(b.rows(stored), []string{"2|2"}) })
	b.is(`SELECT number FROM "sales.item" ORDER BY number`, "1", "2")
	b.is(`SELECT count(*) FROM "gateway.message_key" WHERE name = 'arrival'`, "2")

	// What waited as one message is nothing that a timer should make many of.
	b.Reload(b.generation())
	b.probe.Exec(t, `INSERT INTO "sales.sku" (sku) VALUES ('LATER')`)
	eventually(t, func() bool { return slices.Equal(b.rows(`SELECT state FROM "gateway.held"`), []string{"parked"}) })
	held, err := b.store.Messages(t.Context(), gateway.Query{Outcome: "parked"})
	if err != nil || len(held) != 1 || !strings.Contains(held[0].Reason, "makes 2 messages of what waited as one; replay it") {
		t.Fatalf("%+v, %v", held, err)
	}
	if e, err := b.Replay(t.Context(), held[0].ID, gateway.Act{By: "olga"}); err != nil || e.Outcome != "stored" {
		t.Fatalf("%+v, %v", e, err)
	}
	b.is(stored, "4|4")
	b.is(`SELECT state FROM "gateway.held"`, "replayed")
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("did not happen in time")
		}
	}
}
