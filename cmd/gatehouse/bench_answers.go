package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/bench"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// answers is the queue that replies come to. By them it is known how long
// messages take until they are stored, and about how many wait.
type answers struct {
	run   *benchRun
	phase *benchPhase
	conn  *amqp091.Connection
	own   *amqp091.Channel
	queue string
	ended chan struct{}

	mu      sync.Mutex
	begun   map[int]asked // by number
	count   int           // messages that were sent
	reached int           // the last of these that was answered
	moved   chan struct{} // closed when another was answered
}

// asked is a message whose reply is to come.
type asked struct {
	begin time.Time
	place int // among all that were sent
}

// listenAnswers makes the queue. It is on a connection of its own, which nobody
// cuts.
func (r *benchRun) listenAnswers(ctx context.Context, p *benchPhase) (*answers, error) {
	a := &answers{run: r, phase: p, ended: make(chan struct{}), begun: map[int]asked{}, moved: make(chan struct{})}
	conn, err := r.target.queue.connect(nil)
	if err != nil {
		return nil, err
	}
	a.conn = conn
	if a.own, err = conn.Channel(); err == nil {
		_, err = a.waiting()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking for the queue %s: %w", r.target.queue.queue, err), conn.Close())
	}
	if r.flags.load.Replies == 0 {
		close(a.ended)
		return a, nil
	}
	in, err := a.consume(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a queue for replies (--replies 0 does without): %w", err), conn.Close())
	}
	go a.listen(in)
	return a, nil
}

func (a *answers) consume(ctx context.Context) (<-chan amqp091.Delivery, error) {
	channel, err := a.conn.Channel()
	if err != nil {
		return nil, err
	}
	q, err := channel.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, err
	}
	a.queue = q.Name
	return channel.ConsumeWithContext(ctx, q.Name, "", true, true, false, false, nil)
}

// waiting is how many messages of the queue nobody has in hand yet.
func (a *answers) waiting() (int, error) {
	q, err := a.own.QueueDeclarePassive(a.run.target.queue.queue, true, false, false, false, nil)
	return q.Messages, err
}

// empty waits until repeats have been taken from the queue, too.
func (a *answers) empty(ctx context.Context) error {
	for deadline := time.Now().Add(a.run.flags.patience); time.Now().Before(deadline); {
		n, err := a.waiting()
		if err != nil || n == 0 || !waitUntil(ctx, time.Now().Add(10*time.Millisecond)) {
			return err
		}
	}
	return nil
}

// correlationOf names a message to the queue in its reply and in the parking lot,
// also where nothing of it could be read.
func correlationOf(number int, identity string) string {
	return identity + "#" + strconv.Itoa(number)
}

// numberOf is the message that a correlation names, or -1.
func numberOf(correlation string) int {
	n, err := strconv.Atoi(correlation[strings.LastIndexByte(correlation, '#')+1:])
	if err != nil {
		return -1
	}
	return n
}

func (a *answers) listen(in <-chan amqp091.Delivery) {
	defer close(a.ended)
	for d := range in {
		number := numberOf(d.CorrelationId)
		if !a.arrived(number) {
			continue
		}
		switch outcome, _ := outcomeOf(d); outcome {
		case "stored", "duplicate":
			a.run.account.Reply(number, maphash.Bytes(a.run.hash, d.Body))
		case "waiting", "parked":
			// The database tells.
		default:
			a.run.account.Wrong(number, "a reply with the outcome %q", outcome)
		}
	}
}

// arrived notes how long the first reply to a message took; false: nobody asked.
func (a *answers) arrived(number int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, known := a.begun[number]
	if !known {
		return false
	}
	if !one.begin.IsZero() {
		a.phase.latency["amqp"].Record(time.Since(one.begin))
		one.begin = time.Time{} // a repeat is answered, too
		a.begun[number] = one
	}
	a.reached = max(a.reached, one.place)
	close(a.moved)
	a.moved = make(chan struct{})
	return true
}

// expect notes that a message is about to be sent.
func (a *answers) expect(t bench.Task) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	if !t.Reply {
		return
	}
	one := asked{t.Due, a.count}
	if one.begin.IsZero() {
		one.begin = time.Now()
	}
	a.begun[t.Number] = one
}

// sent notes the size of a message.
func (a *answers) sent(bytes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.phase.queued += int64(bytes)
}

// wait waits while too much waits in the queue. Where nobody asks for replies
// that is not known.
func (a *answers) wait(ctx context.Context, f *benchFlags) error {
	late := time.NewTimer(f.patience)
	defer late.Stop()
	for {
		a.mu.Lock()
		full, moved := f.load.Replies > 0 && a.count-a.reached > f.backlog+int(2/f.load.Replies), a.moved
		a.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-moved:
		case <-late.C:
			return fmt.Errorf("no reply came within %v, though %s in the queue", f.patience, plural.Of(f.backlog, "message waits", "messages wait"))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close returns when no more replies are noted.
func (a *answers) close() error {
	err := a.conn.Close()
	<-a.ended
	return err
}
