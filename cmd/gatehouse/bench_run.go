package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse/gatehouse/internal/bench"
)

// benchTarget is what load is put on.
type benchTarget struct {
	project  *project
	route    *routeSection
	messages benchMessages
	soap     *soapDoor  // nil: no message comes by it
	queue    *queueDoor // likewise
	look     *benchLook
	gateway  *gatewayProcess // nil: it runs already
	metrics  *metricsPage    // nil: nobody tells
	setting  bench.Setting
	closers  []func() error // the last first
}

// close ends everything that was begun.
func (t *benchTarget) close() error {
	var faults []error
	for i := len(t.closers) - 1; i >= 0; i-- {
		faults = append(faults, t.closers[i]())
	}
	t.closers = nil
	return errors.Join(faults...)
}

// benchMessages makes messages, each from its number. It is safe for concurrent
// use.
type benchMessages interface {
	// envelope appends the whole message for the SOAP door, payload the one for
	// the queue. An invalid one breaks the contract.
	envelope(dst []byte, number int, invalid bool) []byte
	payload(dst []byte, number int, invalid bool) []byte
	// identity is what the gateway has to know the message by.
	identity(number int) string
	// checks are what must be in the business tables.
	checks() []tableCheck
	// deliveries of each stored message; -1 when that depends on more.
	deliveries() int
	// action is the SOAPAction that the contract wants.
	action() string
	describe() string
}

// benchRun is one load test.
type benchRun struct {
	flags    *benchFlags
	target   *benchTarget
	progress io.Writer
	account  *bench.Account
	cutter   *cutter
	hash     maphash.Seed                // of answers
	tamper   func(context.Context) error // what a test does before the database is read
}

// play warms up, measures, waits until everything is through, and judges.
func (r *benchRun) play(ctx context.Context) (*bench.Report, error) {
	r.account, r.cutter, r.hash = bench.NewAccount(), newCutter(r.flags.faults), maphash.MakeSeed()
	before, err := r.target.look.shards(ctx)
	if err != nil {
		return nil, err
	}
	warm := 0
	if r.flags.warmup > 0 {
		l := r.flags.load
		l.Messages, l.Duration = 0, r.flags.warmup
		fmt.Fprintf(r.progress, "warming up for %v\n", r.flags.warmup)
		first, err := r.phase(ctx, l, 0)
		if err != nil {
			return nil, err
		}
		warm = first.sent()
	}
	fmt.Fprintf(r.progress, "measuring, with seed %d\n", r.flags.seed)
	used := r.usage(ctx)
	measured, err := r.phase(ctx, r.flags.load, warm)
	if err != nil {
		return nil, err
	}
	spent := r.usage(ctx).since(used)
	report := r.report(measured, spent, warm)
	if r.flags.baseline {
		fmt.Fprintln(r.progress, "inserting the same rows by hand")
		if err := r.compare(ctx, report); err != nil {
			return nil, err
		}
	}
	return report, r.judge(ctx, report, before)
}

// judge reads the database, after a gateway of its own has ended.
func (r *benchRun) judge(ctx context.Context, report *bench.Report, before shardNumbers) error {
	fmt.Fprintln(r.progress, "reading the database")
	if r.target.gateway != nil {
		if err := r.target.gateway.stop(); err != nil {
			return err
		}
	}
	if r.tamper != nil {
		if err := r.tamper(ctx); err != nil {
			return err
		}
	}
	statement := r.account.Statement()
	evidence, err := r.target.look.evidence(ctx, r.target, len(statement.Sent), before)
	if err != nil {
		return err
	}
	report.Put(bench.Judge(statement, evidence.Evidence))
	report.Setting.Checked = evidence.what()
	return nil
}

// benchPhase is what one phase of a load test came to.
type benchPhase struct {
	plan      *bench.Plan
	begin     time.Time
	took      [bench.Doors]time.Duration // until the last message of a door was stored
	published time.Duration
	latency   map[string]*bench.Latencies
	stored    [bench.Doors]int
	bytes     int64 // by the SOAP door
	queued    int64 // to the queue
}

func (p *benchPhase) sent() int {
	given := p.plan.Given()
	return given[bench.SOAP] + given[bench.AMQP]
}

// phase sends a load, the first message with number first, and waits until all of
// it is stored and published.
func (r *benchRun) phase(ctx context.Context, l bench.Load, first int) (*benchPhase, error) {
	before, err := r.target.look.shards(ctx)
	if err != nil {
		return nil, err
	}
	p := &benchPhase{latency: map[string]*bench.Latencies{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer r.cutter.run()()
	p.plan, p.begin = bench.NewPlan(l, first, r.flags.seed, time.Now), time.Now()
	doors, sending := errgroup.WithContext(ctx)
	if r.target.soap != nil {
		p.latency["soap"] = bench.NewLatencies()
		doors.Go(func() error { return r.sendSOAP(sending, p) })
	}
	if r.target.queue != nil {
		p.latency["amqp"], p.latency["amqp_confirm"] = bench.NewLatencies(), bench.NewLatencies()
		doors.Go(func() error { return r.sendAMQP(sending, p, first) })
	}
	if err := doors.Wait(); err != nil {
		return nil, err
	}
	for d := range bench.Door(bench.Doors) {
		p.stored[d] = r.stored(d, first)
	}
	if err := r.target.look.published(ctx, before, r.flags.patience); err != nil {
		return nil, err
	}
	p.published = time.Since(p.begin)
	return p, nil
}

// stored is how many messages of a door were answered, from a number on.
func (r *benchRun) stored(d bench.Door, first int) (n int) {
	s := r.account.Statement()
	for _, sent := range s.Sent[min(first, len(s.Sent)):] {
		if sent.Door == d && sent.Taken && !sent.Invalid && !sent.Refused {
			n++
		}
	}
	return n
}

// report puts together what was measured.
func (r *benchRun) report(p *benchPhase, u usageOf, warm int) *bench.Report {
	s, given := r.account.Statement(), p.plan.Given()
	out := &bench.Report{Latency: map[string]bench.Percentiles{}, Machine: thisMachine(r.target.look.folder()), Setting: r.target.setting}
	for name, l := range p.latency {
		if sum := l.Percentiles(); sum.Count > 0 {
			out.Latency[name] = sum
		}
	}
	invalid := 0
	for _, sent := range s.Sent[min(warm, len(s.Sent)):] {
		if sent.Invalid {
			invalid++
		}
	}
	out.Load = bench.LoadReport{
		Messages: p.sent(), SOAP: given[bench.SOAP], AMQP: given[bench.AMQP], WarmUp: warm, Repeats: s.Repeats, Retries: s.Retries,
		Cuts: r.cutter.count(), Invalid: invalid, Concurrency: r.flags.concurrency, Rate: r.flags.rate, Seed: r.flags.seed,
	}
	stored := p.stored[bench.SOAP] + p.stored[bench.AMQP]
	out.Throughput = throughput(p, stored)
	if sent := p.sent(); sent > 0 {
		out.Load.Bytes = float64(p.bytes+p.queued) / float64(sent)
	}
	u.into(out, stored)
	return out
}

func throughput(p *benchPhase, stored int) bench.Throughput {
	took := max(p.took[bench.SOAP], p.took[bench.AMQP]).Seconds()
	t := bench.Throughput{Seconds: took, Stored: stored, Published: p.published.Seconds()}
	per := func(n int, seconds float64) float64 {
		if n == 0 || seconds <= 0 {
			return 0
		}
		return float64(n) / seconds
	}
	t.PerSecond = per(stored, took)
	t.SOAPPerSecond = per(p.stored[bench.SOAP], p.took[bench.SOAP].Seconds())
	t.AMQPPerSecond = per(p.stored[bench.AMQP], p.took[bench.AMQP].Seconds())
	t.PublishedRate = per(stored, t.Published)
	if took > 0 {
		t.BytesPerSecond = float64(p.bytes+p.queued) / took
	}
	return t
}
