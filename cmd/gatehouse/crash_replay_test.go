package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// TestReplayCrash kills an operator's replay between any two steps of Commit and
// has it done again: the parked message is stored once, and closed with that.
func TestReplayCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, point := range failpoints(t) {
		if !strings.HasPrefix(point, "commit-") || point == "commit-held" {
			continue
		}
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			run := newCrashRun(t, binary)
			id := run.park()
			out, err := run.replay(id, point)
			if died, ok := errors.AsType[*exec.ExitError](err); !ok || !strings.Contains(died.Error(), "killed") {
				t.Fatalf("the replay did not die: %v\n%s", err, out)
			}
			out, err = run.replay(id, "nowhere")
			if stored := point == "commit-done"; stored != strings.Contains(out, "GH-5010: the message was replayed") || stored != (err != nil) {
				t.Errorf("the second replay: %v\n%s", err, out)
			}
			for query, want := range map[string]string{
				`SELECT count(*), count(DISTINCT identity) FROM "gateway.message" WHERE route = 'submit-order'`: "1|1",
				`SELECT count(*) FROM "gateway.message" m JOIN "gateway.inbox" i ON i.message_id = m.id`:        "2", // with the product
				`SELECT count(*) FROM "sales.order_line"`:                                                       "1",
				`SELECT count(*) FROM "gateway.outbox" WHERE ordering_key = 'CR-0'`:                             "1", // nobody relays aside
				`SELECT count(*), min(state) FROM "gateway.held"`:                                               "1|replayed",
			} {
				if got, err := run.query(query); err != nil || got != want {
					t.Errorf("%s: %s (%v), want %s", query, got, err, want)
				}
			}
		})
	}
}

// park has a gateway park an order whose product is not known, makes the product
// known, and returns the order's id. No gateway runs afterwards.
func (r *crashRun) park() string {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	supervised, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.supervise(supervised, "nowhere")
	}()
	payload := bytes.Replace(r.payload(0), []byte("BOLT-M8"), []byte("SHIM-M8"), 1)
	if err := r.publish(ctx, "erp.alice", "in.orders", amqp091.Publishing{ContentType: "application/xml", MessageId: "crash-0", Body: payload}); err != nil {
		r.t.Fatal(err)
	}
	r.await(ctx, `SELECT count(*) FROM "gateway.held" WHERE state = 'parked'`, "1")
	body, err := os.ReadFile("../../mappings/cases/product-shim.xml")
	if err != nil {
		r.t.Fatal(err)
	}
	r.insist(ctx, "product", soapRequest{url: r.base + "/soap/customers/ProductService", user: "mdm.dana", password: "mdm.dana-secret", header: http.Header{}, body: body})
	stop()
	<-ended
	return r.id(`SELECT lower(hex(id)) FROM "gateway.held"`)
}

func (r *crashRun) replay(id, crashAt string) (string, error) {
	cmd := exec.Command(r.binary, "messages", "replay", id, "--direct", "--reason", "the product is known", "-c", r.file())
	cmd.Env = append(slices.Clone(os.Environ()), "GATEHOUSE_CRASH_AT="+crashAt)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
