package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/bench"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// queueDoor is the queue that messages go to, and as whom.
type queueDoor struct {
	url, queue     string
	user, password string
	secure         *tls.Config // of amqps
}

func (d *queueDoor) connect(dial func(network, address string) (net.Conn, error)) (*amqp091.Connection, error) {
	conn, err := amqp091.DialConfig(d.url, amqp091.Config{
		SASL: []amqp091.Authentication{&amqp091.PlainAuth{Username: d.user, Password: d.password}}, TLSClientConfig: d.secure, Dial: dial,
	})
	if err != nil {
		return nil, fmt.Errorf("connecting a producer: %w", err)
	}
	return conn, nil
}

// producerConnections is how many connections producers share.
const producerConnections = 4

// sendAMQP has producers fill the queue until the plan has no more, and waits
// until all of it is stored or parked.
func (r *benchRun) sendAMQP(ctx context.Context, p *benchPhase, first int) error {
	defer p.plan.End()
	answers, err := r.listenAnswers(ctx, p)
	if err != nil {
		return err
	}
	connections := min(producerConnections, r.flags.concurrency)
	failed := make([]error, connections)
	var producers sync.WaitGroup
	for i := range connections {
		producers.Go(func() {
			window := (r.flags.concurrency + i) / connections // rounded down for some, up for others
			failed[i] = r.newBenchProducer(p, answers, window).sendAll(ctx)
		})
	}
	producers.Wait()
	if err := errors.Join(failed...); err != nil {
		return errors.Join(err, answers.close())
	}
	if err := errors.Join(r.drain(ctx, first), answers.empty(ctx)); err != nil {
		return errors.Join(err, answers.close())
	}
	p.took[bench.AMQP] = time.Since(p.begin)
	return answers.close()
}

// lookAgain is how long only the last of some messages is looked for.
const lookAgain = time.Second

// drain waits until every message to the queue is stored or parked, as long as
// any moves. What is not then is the judge's to tell. To look for hundreds a hundred
// times a second would take a third of what the gateway has to work with; so it is
// the last of them that is looked for, until it is there.
func (r *benchRun) drain(ctx context.Context, first int) error {
	var open []int
	for number, sent := range r.account.Statement().Sent {
		if number >= first && sent.Door == bench.AMQP && sent.Taken {
			open = append(open, number)
		}
	}
	moved, looked := time.Now(), time.Now()
	for len(open) > 0 {
		head := open[:min(len(open), chunk)]
		some := head
		if time.Since(looked) < lookAgain {
			some = head[len(head)-1:]
		}
		left, err := r.target.look.unsettled(ctx, r.target, some)
		if err != nil {
			return err
		}
		if len(some) < len(head) && len(left) == 0 {
			looked = time.Time{} // now for all of them
			continue
		}
		if len(left) < len(some) {
			moved = time.Now()
		}
		if time.Since(moved) > r.flags.patience {
			fmt.Fprintf(r.progress, "%s neither stored nor parked, and nothing has moved for %v\n", plural.Of(len(open), "message is", "messages are"), r.flags.patience)
			return nil
		}
		if len(some) == len(head) {
			looked, open = time.Now(), append(left, open[len(head):]...)
		}
		if len(left) > 0 && !waitUntil(ctx, time.Now().Add(10*time.Millisecond)) {
			return ctx.Err()
		}
	}
	return nil
}

// benchProducer is one connection that publishes with confirms. What was not
// confirmed when a connection broke is published again on the next.
type benchProducer struct {
	run     *benchRun
	phase   *benchPhase
	answers *answers
	window  int
	session *publishing
	later   []bench.Task // to be sent a second time, after some others
	body    []byte
}

func (r *benchRun) newBenchProducer(p *benchPhase, a *answers, window int) *benchProducer {
	return &benchProducer{run: r, phase: p, answers: a, window: max(1, window)}
}

// publishing is one connection's life. Its confirms are waited for in the order
// of its messages.
type publishing struct {
	conn    *amqp091.Connection
	channel *amqp091.Channel
	slots   chan struct{} // one for each message that may be unconfirmed
	window  chan unconfirmed
	ended   chan struct{}
	failed  []bench.Task // to be read after ended
	lost    error        // likewise: the queue is not there
}

type unconfirmed struct {
	task    bench.Task
	confirm *amqp091.DeferredConfirmation
	begin   time.Time
}

// repeatAfter is how many messages lie between one and its repeat.
const repeatAfter = 50

func (p *benchProducer) sendAll(ctx context.Context) error {
	for {
		t, ok := p.phase.plan.Next(ctx, bench.AMQP)
		if !ok || !waitUntil(ctx, t.Due) {
			break
		}
		if err := p.answers.wait(ctx, p.run.flags); err != nil {
			return errors.Join(err, p.end(ctx))
		}
		p.run.account.Send(t, bench.AMQP)
		p.answers.expect(t)
		if err := p.publish(ctx, t); err != nil {
			return err
		}
		if t.AtOnce {
			p.run.account.Repeat()
			if err := p.publish(ctx, t); err != nil {
				return err
			}
		} else if t.Twice {
			p.later = append(p.later, t)
		}
		if err := p.repeat(ctx, repeatAfter); err != nil {
			return err
		}
	}
	if err := p.repeat(ctx, 0); err != nil {
		return err
	}
	return p.end(ctx)
}

// repeat sends what is to be sent a second time, but for the last few.
func (p *benchProducer) repeat(ctx context.Context, but int) error {
	for len(p.later) > but {
		t := p.later[0]
		p.later = p.later[1:]
		t.Due = time.Time{}
		p.run.account.Repeat()
		if err := p.publish(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// publish publishes a message; its confirm is noted when it comes.
func (p *benchProducer) publish(ctx context.Context, t bench.Task) error {
	for {
		err := p.open(ctx)
		if err != nil {
			return err
		}
		if err = p.once(ctx, t); err == nil {
			return nil
		}
		p.run.account.Retry(t.Number)
		if err := p.reopen(ctx); err != nil {
			return err
		}
	}
}

func (p *benchProducer) once(ctx context.Context, t bench.Task) error {
	s, door := p.session, p.run.target.queue
	identity := p.run.target.messages.identity(t.Number)
	p.body = p.run.target.messages.payload(p.body[:0], t.Number, t.Invalid)
	m := amqp091.Publishing{
		MessageId: identity, CorrelationId: correlationOf(t.Number, identity), UserId: door.user, DeliveryMode: amqp091.Persistent,
		ContentType: "application/xml", Body: p.body,
	}
	if t.Reply {
		m.ReplyTo = p.answers.queue
	}
	begin := t.Due
	if begin.IsZero() {
		begin = time.Now()
	}
	s.slots <- struct{}{}
	confirm, err := s.channel.PublishWithDeferredConfirmWithContext(ctx, "", door.queue, true, false, m)
	if err != nil {
		return err
	}
	p.answers.sent(len(p.body))
	s.window <- unconfirmed{t, confirm, begin}
	return nil
}

// open connects when there is no connection.
func (p *benchProducer) open(ctx context.Context) error {
	patience := time.Now().Add(p.run.flags.patience)
	for p.session == nil {
		err := p.connect(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(patience) {
			return err
		}
		waitUntil(ctx, time.Now().Add(20*time.Millisecond))
	}
	return nil
}

func (p *benchProducer) connect(ctx context.Context) error {
	conn, err := p.run.target.queue.connect(func(_, address string) (net.Conn, error) { return p.run.cutter.dial(ctx, address) })
	if err != nil {
		return err
	}
	s := &publishing{conn: conn, slots: make(chan struct{}, p.window), window: make(chan unconfirmed, p.window), ended: make(chan struct{})}
	if s.channel, err = conn.Channel(); err == nil {
		err = s.channel.Confirm(false)
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	returns := s.channel.NotifyReturn(make(chan amqp091.Return, 2*p.window+1))
	go p.listen(ctx, s, returns)
	p.session = s
	return nil
}

// listen notes confirms. A message that no queue wants is returned before it is
// confirmed.
func (p *benchProducer) listen(ctx context.Context, s *publishing, returns <-chan amqp091.Return) {
	defer close(s.ended)
	for one := range s.window {
		acked, err := one.confirm.WaitContext(ctx)
		<-s.slots
		select {
		case _, open := <-returns:
			if open {
				s.lost = fmt.Errorf("there is no queue %s", p.run.target.queue.queue)
			}
		default:
		}
		if err != nil || !acked {
			s.failed = append(s.failed, one.task)
			continue
		}
		p.run.account.Confirm(one.task.Number)
		p.phase.latency["amqp_confirm"].Record(time.Since(one.begin))
	}
}

// reopen gives a broken connection up, and publishes again what it left open.
func (p *benchProducer) reopen(ctx context.Context) error {
	failed, err := p.finish()
	if err != nil {
		return err
	}
	for _, t := range failed {
		p.run.account.Retry(t.Number)
		if err := p.publish(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// finish waits for the confirms that are still to come, and returns the messages
// that got none.
func (p *benchProducer) finish() ([]bench.Task, error) {
	s := p.session
	if s == nil {
		return nil, nil
	}
	p.session = nil
	close(s.window)
	<-s.ended
	_ = s.conn.Close() // it may be broken; everything on it is settled
	return s.failed, s.lost
}

// end finishes until nothing is left without a confirm.
func (p *benchProducer) end(ctx context.Context) error {
	for p.session != nil {
		if ctx.Err() != nil {
			_, err := p.finish()
			return errors.Join(ctx.Err(), err)
		}
		if err := p.reopen(ctx); err != nil {
			return err
		}
	}
	return nil
}
