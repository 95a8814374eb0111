package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// audited has the audit trail verified, when no gateway runs: it fits, and has so
// many messages. It returns what the verification has found.
func (r *crashRun) audited(messages int64) gateway.AuditReport {
	r.t.Helper()
	var report gateway.AuditReport
	out, err := exec.Command(r.binary, "audit", "verify", "-c", r.file(), "--direct", "--json").Output()
	if err == nil {
		err = json.Unmarshal(out, &report)
	}
	if err != nil || report.Break != nil || report.Messages != messages {
		r.t.Errorf("the audit trail: %v, %d messages, want %d\n%s", err, report.Messages, messages, out)
	}
	return report
}

// TestActCrash kills the gateway between an act of an operator and its entry in
// the audit trail. The trail fits; what was done is in it; and an act that is done
// in the transaction of its entry is there with it or not at all.
func TestActCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, point := range failpoints(t) {
		if !strings.HasPrefix(point, "act-") {
			continue
		}
		for _, verb := range []string{"discard", "replay"} {
			if verb == "discard" && point == "act-audited" {
				continue // nothing is recorded before it
			}
			t.Run(verb+"_"+point, func(t *testing.T) {
				t.Parallel()
				run := newCrashRun(t, binary)
				run.parkMany()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				stop := run.serveUntilKilledAt(ctx, point)
				id := run.id(`SELECT lower(hex(min(id))) FROM "gateway.held"`)
				// Whoever does not hear what became of it asks again.
				var effect gateway.Effect
				run.ask(ctx, http.MethodPost, "http://"+run.lab.addresses["operations"]+"/api/v1/messages/"+id+"/"+verb, `{"reason": "because"}`, &effect)
				run.awaitCrash(ctx)
				stop()
				entries := "1" // of the act that was undone with its entry, none
				if point == "act-audited" {
					entries = "2" // somebody asked for it twice
				}
				run.is(`SELECT count(*) FROM "gateway.audit" WHERE chain = 0`, entries)
				run.is(`SELECT count(*) FROM "gateway.held" WHERE state = 'parked'`, fmt.Sprint(parkedOrders-1))
				messages := int64(parkedOrders)
				if verb == "replay" {
					messages++
				}
				run.audited(messages)
			})
		}
	}
}
