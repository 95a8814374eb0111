package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestPurgeCrash kills the gateway between any two statements that remove an old
// message: of a transaction that was not committed everything is left, and the
// next process removes it.
func TestPurgeCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	// Claims and replies, payloads, keys, deliveries and messages that are left: the
	// inbox, the payloads and the ledger are a transaction each, in this order.
	for table, left := range map[string]string{
		"inbox": "1|1|1|2|1|1", "reply": "1|1|1|2|1|1", "payload": "0|0|1|2|1|1",
		"message_key": "0|0|0|2|1|1", "attempt": "0|0|0|2|1|1", "delivery": "0|0|0|2|1|1", "message": "0|0|0|2|1|1",
	} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			run := newCrashRun(t, binary)
			run.forgetSoon()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, "serve", "-c", run.file(), "--log-level", "warn")
			cmd.Env = append(os.Environ(), "GATEHOUSE_CRASH_AT=purge="+table)
			cmd.Stderr = t.Output()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			run.sendUntilAnswered(ctx, 0)
			if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("the gateway did not die: %v", err)
			}
			run.is(`SELECT (SELECT count(*) FROM "gateway.inbox"), (SELECT count(*) FROM "gateway.reply"), (SELECT count(*) FROM "gateway.payload"),
				(SELECT count(*) FROM "gateway.message_key"), (SELECT count(*) FROM "gateway.delivery"), (SELECT count(*) FROM "gateway.message")`, left)
			supervised, stop := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				run.supervise(supervised, "nowhere")
			}()
			run.await(ctx, `SELECT count(*) FROM "gateway.message"`, "0")
			stop()
			<-ended
			run.is(`SELECT (SELECT count(*) FROM "gateway.inbox") + (SELECT count(*) FROM "gateway.reply") + (SELECT count(*) FROM "gateway.payload")
				+ (SELECT count(*) FROM "gateway.message_key") + (SELECT count(*) FROM "gateway.delivery")`, "0")
			run.is(`SELECT count(*) FROM "sales.sales_order"`, "1")
		})
	}
}

// forgetSoon has orders go two seconds after they came.
func (r *crashRun) forgetSoon() {
	src, err := os.ReadFile(r.file())
	if err != nil {
		r.t.Fatal(err)
	}
	const order = "mapping: mappings/submit-order.yaml"
	text := strings.Replace(string(src), order, order+"\n    on_error: {not_yet: park}\n    retention: {inbox: 2s, payloads: 2s, ledger: 2s}", 1)
	if err := os.WriteFile(r.file(), []byte(text+"\nretention: {every: 100ms}\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *crashRun) is(query, want string) {
	r.t.Helper()
	if got, err := r.query(query); err != nil || got != want {
		r.t.Errorf("%s: %s (%v), want %s", query, got, err, want)
	}
}

// TestEraseCrash kills an erasure between any two of its statements and has it
// done again: the message is whole until it is erased, and then it is all erased.
func TestEraseCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, step := range strings.Fields("reply payload message_key message") {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			run := newCrashRun(t, binary)
			run.park()
			out, err := run.erase("erase=" + step)
			if died, ok := errors.AsType[*exec.ExitError](err); !ok || !strings.Contains(died.Error(), "killed") {
				t.Fatalf("the erasure did not die: %v\n%s", err, out)
			}
			whole := `SELECT h.state, h.identity <> '', (SELECT count(*) FROM "gateway.payload" p WHERE p.message_id = h.id), (SELECT count(*) FROM "gateway.message_key" k WHERE k.message_id = h.id),
				(SELECT count(*) FROM "gateway.attempt" a WHERE a.message_id = h.id AND a.what = 'erased') FROM "gateway.held" h`
			run.is(whole, "discarded|1|1|2|0")
			for range 2 {
				if out, err := run.erase("nowhere"); err != nil {
					t.Fatalf("the second erasure: %v\n%s", err, out)
				}
				run.is(whole, "discarded|0|0|0|1")
			}
		})
	}
}

func (r *crashRun) erase(crashAt string) (string, error) {
	cmd := exec.Command(r.binary, "messages", "erase", "--direct", "--key", "customer=C-1001", "--include-parked", "--reason", "request 17", "-c", r.file())
	cmd.Env = append(os.Environ(), "GATEHOUSE_CRASH_AT="+crashAt)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
