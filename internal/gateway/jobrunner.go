package gateway

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

const (
	jobLease = "gateway.job" // in the place of a channel's name
	// jobStreak is how many messages are refused again for one cause before the
	// job takes it that nothing was mended.
	jobStreak = 20
	// jobBatch is how many messages are under way at once; a job of a lower rate
	// has fewer, so that it can be paused within a quarter of a second.
	jobBatch = 64
	// jobsAtOnce is how many jobs share the time.
	jobsAtOnce = 20
)

// foreman carries the jobs, in one process for all: it holds a lease like a
// shard's, for as long, and looks as often.
type foreman struct {
	gateway *Gateway
	owner   string
	next    map[ID]time.Time // when a job has its next turn
}

func newForeman(g *Gateway) *foreman {
	return &foreman{gateway: g, owner: uuid.NewString(), next: map[ID]time.Time{}}
}

// run carries what runs until ctx ends.
func (f *foreman) run(ctx context.Context) {
	defer f.release(ctx)
	for ctx.Err() == nil {
		pause := f.round(ctx)
		timer := time.NewTimer(pause)
		select {
		case <-f.gateway.jobs:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// round gives each job that is due its turn, and returns how long nothing is due.
func (f *foreman) round(ctx context.Context) time.Duration {
	g := f.gateway
	poll := g.relay.config.Poll
	if _, held, err := g.store.Acquire(ctx, jobLease, 0, f.owner, g.relay.config.LeaseTTL); err != nil || !held {
		return poll
	}
	running, err := g.store.Jobs(ctx, JobRunning, jobsAtOnce)
	if err != nil {
		return poll
	}
	for i := range running {
		j := &running[i]
		if wait := f.next[j.ID].Sub(g.now()); wait > 0 {
			poll = min(poll, wait)
			continue
		}
		wait := f.turn(ctx, j)
		f.next[j.ID] = g.now().Add(wait)
		poll = min(poll, wait)
	}
	return poll
}

// release gives the lease back, so that the next process need not wait.
func (f *foreman) release(ctx context.Context) {
	g := f.gateway
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.relay.config.LeaseTTL/3)
	defer cancel()
	if _, _, err := g.store.Acquire(ctx, jobLease, 0, f.owner, 0); err != nil {
		g.log.WarnContext(ctx, "lease not given back", "lease", jobLease, "error", err)
	}
}

// turn does the next few messages of a job, and returns when it is due again.
func (f *foreman) turn(ctx context.Context, j *Job) time.Duration {
	g := f.gateway
	size := min(max(1, j.Rate/4), jobBatch)
	if j.Streak >= 0 {
		size = min(size, jobStreak-min(j.Streak, jobStreak-1)) // nothing has succeeded yet
	}
	if g.lanes.queued(maxBatch) {
		size = 1 // what comes goes first
	}
	began := g.now()
	settled, err := f.work(ctx, j, size)
	if err != nil {
		return g.relay.config.Poll
	}
	if size == 1 && g.lanes.queued(maxBatch) {
		return time.Second
	}
	return max(0, time.Duration(settled)*time.Second/time.Duration(j.Rate)-g.now().Sub(began))
}

// work does up to size messages, and writes down what became of them. An error
// says that the store or the directory is away.
func (f *foreman) work(ctx context.Context, j *Job, size int) (settled int, err error) {
	g := f.gateway
	ids, err := g.store.JobItems(ctx, j.ID, size)
	if err != nil {
		return 0, err
	}
	failpoint.Hit("job-read")
	may, err := g.foremanMay(ctx, j)
	if err != nil {
		return 0, err
	}
	items, trouble := g.perform(ctx, j, ids, may)
	failpoint.Hit("job-acted")
	streak, cause := j.Streak, j.StreakCause
	for _, it := range items {
		streak, cause = it.extend(streak, cause)
	}
	states := make([]JobItem, len(items))
	for i, it := range items {
		states[i] = it.JobItem
	}
	if err := g.store.SettleJob(ctx, j.ID, states, streak, cause); err != nil {
		return 0, err
	}
	failpoint.Hit("job-settled")
	return len(items), f.judge(ctx, j, trouble, streak, cause)
}

// judge pauses a job that comes to nothing, or whose operator may not go on.
func (f *foreman) judge(ctx context.Context, j *Job, trouble error, streak int, cause string) error {
	note := ""
	switch {
	case trouble != nil && fault.KindOf(trouble) == fault.Unavailable:
		return trouble
	case trouble != nil:
		note = "stopped by itself: " + fault.Of(trouble).Message
	case streak >= jobStreak:
		note = fmt.Sprintf("stopped by itself: the first %d were refused again for the same cause; mend it first, then resume: %s", streak, cause)
	default:
		return nil
	}
	note = truncate(note, maxReason)
	err := f.gateway.store.TurnJob(ctx, j.ID, JobPaused, note)
	switch {
	case err == nil:
		f.gateway.log.WarnContext(ctx, "job paused", "job", j.ID, "reason", note)
	case fault.KindOf(err) == fault.Conflict:
		return nil // an operator was faster, or it was the last
	}
	return err
}

// foremanMay returns how to judge whether the job's operator may still do it.
func (g *Gateway) foremanMay(ctx context.Context, j *Job) (func(route string) error, error) {
	if j.Login == "" {
		return func(string) error { return nil }, nil
	}
	generation := g.hold()
	defer generation.letGo()
	id, err := generation.Directory.Lookup(ctx, j.Login)
	if err != nil && fault.KindOf(err) == fault.Unavailable {
		return nil, err
	}
	access := generation.Access
	return func(route string) error {
		if err != nil || id.DN != j.By {
			return fault.New(fault.CodeForbidden, "the directory knows %s no longer", j.Login)
		}
		_, denied := access.Authorize(id, j.Act, OnMessage(route))
		return denied
	}, nil
}

// done is what became of one message of a job, with the cause if it was refused.
type done struct {
	JobItem
	cause string
}

// extend continues a streak.
func (d done) extend(streak int, cause string) (int, string) {
	switch {
	case d.State == ItemGone || streak < 0:
		return streak, cause
	case d.State == ItemSucceeded:
		return -1, ""
	case d.cause == cause:
		return streak + 1, cause
	}
	return 1, d.cause
}

// perform does a job's act on messages, oldest first. Those of one ordering key
// keep their order. It stops at the first that nothing can be said about, with
// the reason, and returns what became of those before it.
func (g *Gateway) perform(ctx context.Context, j *Job, ids []ID, may func(string) error) ([]done, error) {
	act := Act{By: j.By, Reason: strings.TrimSpace(j.Reason + " (job " + j.ID.String() + ")")}
	var (
		pending []*pendingReplay
		trouble error
		source  = new(Source)
	)
	for _, id := range ids {
		p := &pendingReplay{id: id}
		if trouble = g.enlist(ctx, j, p, act, may, source); trouble != nil {
			break
		}
		pending = append(pending, p)
	}
	out := make([]done, 0, len(pending))
	for _, p := range pending {
		d, err := p.result(ctx, g, act)
		if err != nil && trouble == nil {
			trouble = err
		}
		if err == nil {
			out = append(out, d)
		}
	}
	return out, trouble
}

// pendingReplay is one message of a job under way.
type pendingReplay struct {
	id      ID
	ticket  *Ticket
	settled *done // known at once
}

// enlist begins one message. An error is no message's fault.
func (g *Gateway) enlist(ctx context.Context, j *Job, p *pendingReplay, act Act, may func(string) error, s *Source) error {
	route := ""
	err := g.onHeld(ctx, p.id, func(h *Held) error {
		route = h.Message.Route
		switch {
		case may(route) != nil:
			return may(route)
		case j.Act == Discard:
			return g.store.DiscardMessage(ctx, p.id, act)
		}
		p.ticket = g.Prepare(ctx, replayOf(h, act))
		if f := p.ticket.fault; f != nil && fault.KindOf(f) == fault.Unavailable {
			s.broken.Store(true) // none of its key may go before it
		}
		p.ticket.Submit(ctx, s)
		return nil
	})
	if notHeld(err) {
		err = g.onDeliveries(ctx, j, p.id, act, may)
	}
	switch f := fault.Of(err); {
	case err == nil && p.ticket == nil:
		p.settled = &done{JobItem: JobItem{Message: p.id, State: ItemSucceeded}}
	case err == nil:
	case f.Code == fault.CodeNotHeld, f.Code == fault.CodeMessageNotFound:
		p.settled = &done{JobItem: JobItem{Message: p.id, State: g.fate(ctx, p.id, act)}}
	default:
		return err
	}
	return nil
}

// fate of a message that is decided: this very job may have done so before it
// could write it down.
func (g *Gateway) fate(ctx context.Context, id ID, act Act) string {
	r, err := g.store.Message(ctx, id)
	if err != nil {
		return ItemGone
	}
	for _, a := range r.History {
		if a.By == act.By && a.Reason == act.Reason && a.Code == "" {
			return ItemSucceeded
		}
	}
	return ItemGone
}

// onDeliveries acts on the parked deliveries of a stored message.
func (g *Gateway) onDeliveries(ctx context.Context, j *Job, id ID, act Act, may func(string) error) error {
	r, err := g.store.Message(ctx, id)
	if err != nil {
		return err
	}
	if err := may(r.Route); err != nil {
		return err
	}
	do := g.store.ReleaseDeliveries
	if j.Act == Discard {
		do = g.store.DiscardDeliveries
	}
	n, err := do(ctx, id, act)
	g.relay.reread()
	return touched(n, err, "nothing of this message is parked")
}

// result waits for what became of the message. An error says that nothing is known.
func (p *pendingReplay) result(ctx context.Context, g *Gateway, act Act) (done, error) {
	if p.settled != nil {
		return *p.settled, nil
	}
	<-p.ticket.Settled()
	receipt, err := p.ticket.Result()
	d := done{JobItem: JobItem{Message: p.id, State: ItemSucceeded}}
	if err == nil && receipt.Status <= Superseded {
		return d, nil
	}
	f := fault.Of(err)
	switch {
	case f == nil, f.Code == fault.CodeNotHeld:
		d.State = g.fate(ctx, p.id, act)
		return d, nil
	case f.Kind() == fault.Unavailable:
		return d, err
	}
	d.State, d.Code = ItemRefused, string(f.Code)
	d.cause = string(f.Code) + " " + CauseOf(reasonOf(f))
	return d, g.noteRefusal(ctx, p.id, act, f)
}

// Carry works on one job in this process, as long as it runs, and tells how it
// stands after each turn. Where another process carries jobs already, it only
// looks on.
func (g *Gateway) Carry(ctx context.Context, id ID, tell func(*Job)) error {
	f := newForeman(g)
	defer f.release(ctx)
	for {
		pause := f.round(ctx)
		j, err := g.store.Job(ctx, id)
		if err != nil {
			return err
		}
		tell(j)
		if j.State != JobRunning {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
