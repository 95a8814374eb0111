package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestParkCrash kills the gateway while it parks a delivery that the partner refuses,
// with its key's successors: each is parked or waits, never both and never neither.
// Put back in line, they go out once, in order.
func TestParkCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	const revisions = 4
	for _, point := range failpoints(t) {
		if !strings.HasPrefix(point, "park-") {
			continue
		}
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			run := newCrashRun(t, binary)
			run.announceToPartner()
			run.hook(http.StatusServiceUnavailable)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			stop := run.serveUntilKilledAt(ctx, point)
			for i := range revisions {
				run.insist(ctx, fmt.Sprintf("revision %d", i), soapRequest{url: run.base + "/soap/orders/OrderService", user: "erp.alice", password: "erp.alice-secret", header: http.Header{}, body: run.revision(i)})
			}
			run.is(`SELECT count(*) FROM "gateway.outbox" WHERE channel = 'hook'`, fmt.Sprint(revisions))
			run.hook(http.StatusBadRequest)
			run.awaitCrash(ctx)
			run.await(ctx, `SELECT count(*), count(DISTINCT seq), count(behind) FROM "gateway.parked"`, fmt.Sprintf("%d|%[1]d|%d", revisions, revisions-1))
			run.is(`SELECT count(*) FROM "gateway.outbox" WHERE channel = 'hook'`, "0")
			run.hook(http.StatusOK)
			var effect gateway.Effect
			head := run.id(`SELECT lower(hex(message_id)) FROM "gateway.parked" WHERE behind IS NULL`)
			run.ask(ctx, http.MethodPost, "http://"+run.lab.addresses["operations"]+"/api/v1/messages/"+head+"/replay", `{"reason": "they take it now"}`, &effect)
			run.await(ctx, `SELECT (SELECT count(*) FROM "gateway.outbox"), (SELECT count(*) FROM "gateway.parked")`, "0|0")
			stop()
			var last int64
			taken := run.lab.partner.all("/hook")
			for _, one := range taken {
				if one.sequence <= last {
					t.Errorf("delivery %d came after delivery %d", one.sequence, last)
				}
				last = one.sequence
			}
			if len(taken) != revisions {
				t.Errorf("the partner took %d, want %d", len(taken), revisions)
			}
			run.audited(revisions)
		})
	}
}

// revision is the i-th revision of one order.
func (r *crashRun) revision(i int) []byte {
	text := messageID.ReplaceAll(r.order(0), fmt.Appendf(nil, "<o:MessageId>revision-%d</o:MessageId>", i))
	return bytes.Replace(text, []byte("<o:Order>"), fmt.Appendf(nil, `<o:Order revision="%d">`, i+1), 1)
}

// id is the message that a query finds.
func (r *crashRun) id(query string) string {
	id, err := r.query(query)
	if err != nil || len(id) != 32 {
		r.t.Fatalf("%s: %q, %v", query, id, err)
	}
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}

// hook says what the partner answers from now on.
func (r *crashRun) hook(status int) {
	if err := r.lab.partner.told("/hook", []string{strconv.Itoa(status)}); err != nil {
		r.t.Fatal(err)
	}
}
