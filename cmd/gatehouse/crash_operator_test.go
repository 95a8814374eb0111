package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// parkedOrders is how many orders a job of the crash runs is about.
const parkedOrders = 12

// TestJobCrash kills the gateway between any two steps of a job, and of the
// commits that it causes, and starts it again: the job goes on by itself, every
// message is stored once, and counted once.
func TestJobCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, point := range failpoints(t) {
		if !strings.HasPrefix(point, "job-") && !strings.HasPrefix(point, "commit-") || point == "commit-held" {
			continue
		}
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			run := newCrashRun(t, binary)
			run.parkMany()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			stop := run.serveUntilKilledAt(ctx, point)
			run.begin(ctx, "messages", "replay", "--code", "GH-2002", "--rate", "1000", "--reason", "may send by now")
			run.await(ctx, `SELECT state, total, succeeded, refused, gone FROM "gateway.job"`, fmt.Sprintf("done|%d|%[1]d|0|0", parkedOrders))
			run.awaitCrash(ctx) // the last failpoint comes after what the query sees
			stop()
			run.audited(2 * parkedOrders)
			for query, want := range map[string]string{
				`SELECT count(*), count(DISTINCT identity), count(DISTINCT replay_of) FROM "gateway.message"`: fmt.Sprintf("%d|%[1]d|%[1]d", parkedOrders),
				`SELECT count(*) FROM "sales.sales_order"`:                                                    fmt.Sprint(parkedOrders),
				`SELECT count(*), min(state) FROM "gateway.held"`:                                             fmt.Sprintf("%d|replayed", parkedOrders),
				`SELECT count(*) FROM "gateway.message" a JOIN "gateway.message" b ON b.id > a.id WHERE a.ordering_key = b.ordering_key AND a.replay_of > b.replay_of`: "0",
			} {
				if got, err := run.query(query); err != nil || got != want {
					t.Errorf("%s: %s (%v), want %s", query, got, err, want)
				}
			}
		})
	}
}

// parkMany has a gateway park orders of somebody who may not send, lets him, and
// stops the gateway.
func (r *crashRun) parkMany() {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	stop := r.serveUntilKilledAt(ctx, "nowhere")
	for i := range parkedOrders {
		err := r.publish(ctx, "wms.bob", "in.orders", amqp091.Publishing{ContentType: "application/xml", MessageId: fmt.Sprintf("crash-%d", i), Body: r.payload(i)})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	r.await(ctx, `SELECT count(*) FROM "gateway.held" WHERE state = 'parked'`, fmt.Sprint(parkedOrders))
	stop()
	r.allow("wms-sender", "send", "route/submit-order")
}

// allow adds a grant to the configuration.
func (r *crashRun) allow(role, verb, on string) {
	src, err := os.ReadFile(r.file())
	if err == nil {
		text := strings.Replace(string(src), "\ngrants:\n", fmt.Sprintf("\ngrants:\n  - {role: %s, may: %s, on: %s}\n", role, verb, on), 1)
		err = os.WriteFile(r.file(), []byte(text), 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// serveUntilKilledAt runs the gateway, which dies at the failpoint and is started
// again without it, until what it returns is called.
func (r *crashRun) serveUntilKilledAt(ctx context.Context, point string) (stop func()) {
	supervised, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.supervise(supervised, point)
	}()
	return func() {
		r.awaitServing(ctx) // one that has just been started again cannot be told to stop
		cancel()
		<-ended
	}
}

// awaitCrash waits until the gateway has died once.
func (r *crashRun) awaitCrash(ctx context.Context) {
	died := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.crashed
	}
	for !died() {
		if ctx.Err() != nil {
			r.t.Error("the gateway never came by the failpoint")
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *crashRun) awaitServing(ctx context.Context) { awaitServing(ctx, r.lab) }

// awaitServing returns when the gateway of the lab answers, or with ctx.
func awaitServing(ctx context.Context, l *lab) {
	for ctx.Err() == nil {
		if res, err := plainClient.Get("http://" + l.addresses["operations"] + "/healthz"); err == nil {
			res.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// begin runs a command of an operator until there is the job that it begins: the
// gateway may work on that, and die over it, before it has answered, and the next
// would find nothing to do, or be a second one.
func (r *crashRun) begin(ctx context.Context, args ...string) {
	r.until(ctx, func() bool {
		jobs, err := r.query(`SELECT count(*) FROM "gateway.job"`)
		return err == nil && jobs != "0"
	}, args)
}

// until runs a command of an operator until the gateway answers it, or it has had
// its effect without an answer.
func (r *crashRun) until(ctx context.Context, done func() bool, args []string) {
	var (
		out []byte
		err error
	)
	for ctx.Err() == nil {
		cmd := exec.CommandContext(ctx, r.binary, append(slices.Clone(args), "-c", r.file())...)
		cmd.Env = append(os.Environ(), "GATEHOUSE_USER=ops.olga", "GATEHOUSE_PASSWORD=ops.olga-secret")
		if out, err = cmd.CombinedOutput(); err == nil || done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Errorf("%q: %v\n%s", args, err, out)
}

// TestRepeatCrash kills the gateway between any two steps of a Commit that an
// operator's repeat of a stored message causes, and sends the act again, as he who
// got no answer does: what he has looked at is stored once.
func TestRepeatCrash(t *testing.T) {
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
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			stop := run.serveUntilKilledAt(ctx, "nowhere")
			run.sendUntilAnswered(ctx, 0)
			id := run.id(`SELECT lower(hex(id)) FROM "gateway.message"`)
			stop()
			stop = run.serveUntilKilledAt(ctx, point)
			defer stop()
			address := "http://" + run.lab.addresses["operations"] + "/api/v1/messages/" + id + "/repeat"
			var seen gateway.Differences
			run.ask(ctx, http.MethodGet, address, "", &seen)
			var effect gateway.Effect
			run.ask(ctx, http.MethodPost, address, fmt.Sprintf(`{"seen": %q, "reason": "its event was lost"}`, seen.Seen), &effect)
			run.awaitCrash(ctx)
			if effect.Outcome != "stored" && effect.Outcome != "duplicate" {
				t.Errorf("the act came to %+v", effect)
			}
			for query, want := range map[string]string{
				`SELECT count(*), count(DISTINCT identity), count(replay_of) FROM "gateway.message"`:                                                     "2|2|1",
				`SELECT count(*), count(DISTINCT wire_id) FROM "gateway.delivery"`:                                                                       "2|2",
				`SELECT count(*) FROM "sales.order_line"`:                                                                                                "1",
				`SELECT count(*) > 0 FROM "gateway.attempt" WHERE what = 'repeated' AND done_by LIKE 'uid=ops.olga,%' AND reason = 'its event was lost'`: "1",
			} {
				if got, err := run.query(query); err != nil || got != want {
					t.Errorf("%s: %s (%v), want %s", query, got, err, want)
				}
			}
		})
	}
}

// ask asks the operations API until it answers, and decodes what it answers.
func (r *crashRun) ask(ctx context.Context, method, url, body string, into any) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		if err != nil {
			r.t.Fatal(err)
		}
		req.SetBasicAuth("ops.olga", "ops.olga-secret")
		req.Header.Set("Content-Type", "application/json")
		if res, err := plainClient.Do(req); err == nil {
			err = json.NewDecoder(res.Body).Decode(into)
			res.Body.Close()
			if err == nil && res.StatusCode == http.StatusOK {
				return
			}
			if res.StatusCode != http.StatusServiceUnavailable && res.StatusCode != http.StatusOK {
				r.t.Errorf("%s %s: HTTP %d", method, url, res.StatusCode)
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Errorf("%s %s was never answered", method, url)
}

// TestAdoptCrash kills the gateway when it has parked foreign dead letters and not
// acknowledged them: adopted again, they are not parked twice.
func TestAdoptCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	const letters = 5
	run := newCrashRun(t, buildCrashBinary(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := run.bury(ctx, letters); err != nil {
		t.Fatal(err)
	}
	defer run.serveUntilKilledAt(ctx, "adopt-committed")()
	address := "http://" + run.lab.addresses["operations"] + "/api/v1/queues/adopt"
	var got gateway.Adopted
	run.ask(ctx, http.MethodPost, address, `{"queue": "dlq.orders", "route": "submit-order"}`, &got)
	run.awaitCrash(ctx)
	if got.Known != letters || got.Parked != 0 || got.Left != 0 {
		t.Errorf("the second time: %+v", got)
	}
	if held, err := run.query(`SELECT count(*), count(DISTINCT identity) FROM "gateway.held"`); err != nil || held != fmt.Sprintf("%d|%[1]d", letters) {
		t.Errorf("parked are %s, %v", held, err)
	}
}

// bury puts messages into a dead-letter queue.
func (r *crashRun) bury(ctx context.Context, n int) error {
	conn, err := amqp091.Dial(r.lab.amqp)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err == nil {
		_, err = ch.QueueDeclare("dlq.orders", true, false, false, false, nil)
	}
	for i := 0; i < n && err == nil; i++ {
		m := amqp091.Publishing{ContentType: "application/xml", MessageId: fmt.Sprintf("dead-%d", i), Body: r.payload(i), Headers: deathHeaders("in.legacy:rejected")}
		err = r.publish(ctx, "erp.alice", "dlq.orders", m)
	}
	return err
}
