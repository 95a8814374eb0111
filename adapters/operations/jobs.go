package operations

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// ParkedGroups is what is parked, by cause, the largest groups first.
type ParkedGroups struct {
	Groups []gateway.ParkedGroup `json:"groups"`
}

// showGroups tells what is parked, as far as it may be read.
func (h *Handler) showGroups(c *call) (any, error) {
	p := parse(c.r.URL.RawQuery, "channel", "route", "sender", "key", "identity", "code", "cause", "since", "until")
	sel := gateway.Selection{
		Channel: p.get("channel"), Route: p.get("route"), Sender: p.get("sender"), Key: p.get("key"), Identity: p.get("identity"),
		Codes: p.codes("code"), Cause: p.get("cause"), Since: p.time("since"), Until: p.time("until"),
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := h.confine(c, &sel, gateway.Read); err != nil {
		return nil, err
	}
	groups, err := h.Core.Groups(c.ctx, sel)
	return ParkedGroups{groups}, err
}

// confine narrows a selection to the routes on which the operator may do all of
// verbs.
func (h *Handler) confine(c *call, sel *gateway.Selection, verbs ...gateway.Verb) error {
	everything := true
	for _, verb := range verbs {
		scope := c.Scope(verb)
		if sel.Route != "" && !scope.Covers(gateway.OnMessage(sel.Route)) {
			return h.allow(c, verb, gateway.OnMessage(sel.Route))
		}
		if !scope.Meets(messages) {
			return h.allow(c, verb, messages+"*")
		}
		everything = everything && scope.Covers(messages+"*")
	}
	if everything {
		return nil
	}
	routes, err := h.routes(c.ctx)
	if err != nil {
		return err
	}
	sel.Routes = []string{}
	for _, route := range routes {
		if !slices.ContainsFunc(verbs, func(v gateway.Verb) bool { return !c.Scope(v).Covers(gateway.OnMessage(route)) }) {
			sel.Routes = append(sel.Routes, route)
		}
	}
	return nil
}

// routes are those that run, and those that have something parked.
func (h *Handler) routes(ctx context.Context) ([]string, error) {
	held, err := h.Ledger.Holding(ctx)
	if err != nil {
		return nil, err
	}
	all := append(h.Core.Routes(), names(held.Parked, held.Waiting)...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// NewJob is what a job is begun with.
type NewJob struct {
	Act      gateway.Verb `json:"act"` // replay or discard
	Channel  string       `json:"channel,omitempty"`
	Route    string       `json:"route,omitempty"`
	Sender   string       `json:"sender,omitempty"`
	Key      string       `json:"key,omitempty"`
	Identity string       `json:"identity,omitempty"`
	Code     string       `json:"code,omitempty"` // a code, a class of them or a kind
	Cause    string       `json:"cause,omitempty"`
	Since    time.Time    `json:"since,omitzero"`
	Until    time.Time    `json:"until,omitzero"`
	Rate     int          `json:"rate,omitempty"` // messages a second
	Reason   string       `json:"reason"`
	// DryRun only tells what the job would be about.
	DryRun bool `json:"dry_run,omitempty"`
}

// Planned is what a job would be about.
type Planned struct {
	Messages int `json:"messages"`
	ParkedGroups
}

// Selection is what of the parking lot is meant, or what is wrong with that.
func (n *NewJob) Selection() (gateway.Selection, error) {
	var faults []fault.Detail
	refuse := func(path, message string) { faults = append(faults, fault.Detail{Path: path, Message: message}) }
	sel := gateway.Selection{
		Channel: n.Channel, Route: n.Route, Sender: n.Sender, Key: n.Key, Identity: n.Identity, Cause: n.Cause, Since: n.Since.UTC(), Until: n.Until.UTC(),
	}
	if n.Act != gateway.Replay && n.Act != gateway.Discard {
		refuse("act", "is neither replay nor discard")
	}
	if n.Code != "" {
		if sel.Codes = gateway.CodesOf(n.Code); sel.Codes == nil {
			refuse("code", "is no code such as GH-2002, no class such as GH-2, and no kind such as forbidden")
		}
	}
	if n.Rate < 0 || n.Rate > gateway.MaxRate {
		refuse("rate", "is not between 1 and 1000 messages a second")
	}
	if n.Channel == "" && n.Route == "" && n.Sender == "" && n.Key == "" && n.Identity == "" && n.Code == "" && n.Cause == "" && n.Since.IsZero() && n.Until.IsZero() {
		refuse("", "nothing says which of the parked messages are meant")
	}
	if !n.DryRun {
		if err := CheckReason(n.Reason, n.Act == gateway.Discard); err != nil {
			faults = append(faults, fault.Of(err).Details...)
		}
	}
	if faults != nil {
		return sel, fault.New(fault.CodeRequest, "").With(faults...)
	}
	return sel, nil
}

// startJob begins an act on many messages, or tells which those would be.
func (h *Handler) startJob(c *call) (any, error) {
	var given NewJob
	if err := h.body(c, maxBody, &given, `{"act": "replay", "route": "…", "code": "…", "reason": "…"}`); err != nil {
		return nil, err
	}
	sel, err := given.Selection()
	if err != nil {
		return nil, err
	}
	if err := h.confine(c, &sel, given.Act, gateway.Read); err != nil {
		return nil, err
	}
	if given.DryRun {
		return h.plan(c.ctx, sel)
	}
	j := &gateway.Job{Act: given.Act, Selection: sel, Reason: strings.TrimSpace(given.Reason), By: c.DN, Login: c.Login, Rate: given.Rate}
	if err := h.Core.StartJob(c.ctx, j); err != nil {
		return nil, err
	}
	return j, nil
}

func (h *Handler) plan(ctx context.Context, sel gateway.Selection) (*Planned, error) {
	groups, err := h.Core.Groups(ctx, sel)
	return NewPlanned(groups), err
}

// NewPlanned counts what groups hold.
func NewPlanned(groups []gateway.ParkedGroup) *Planned {
	p := &Planned{ParkedGroups: ParkedGroups{groups}}
	for _, g := range groups {
		p.Messages += g.Count
	}
	return p
}

// JobList is the newest jobs.
type JobList struct {
	Jobs []gateway.Job `json:"jobs"`
}

// maxJobs is how many jobs are told of.
const maxJobs = 100

func (h *Handler) listJobs(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	if !c.Scope(gateway.Read).Meets(messages) {
		return nil, h.allow(c, gateway.Read, messages+"*")
	}
	jobs, err := h.Ledger.Jobs(c.ctx, "", maxJobs)
	if err != nil {
		return nil, err
	}
	list := JobList{Jobs: []gateway.Job{}}
	for _, j := range jobs {
		if h.concerns(c, gateway.Read, &j) {
			list.Jobs = append(list.Jobs, j)
		}
	}
	return list, nil
}

// concerns reports whether a job is the operator's own, or about nothing but
// routes on which he may do verb.
func (h *Handler) concerns(c *call, verb gateway.Verb, j *gateway.Job) bool {
	scope := c.Scope(verb)
	covered := func(route string) bool { return scope.Covers(gateway.OnMessage(route)) }
	switch {
	case j.By == c.DN, scope.Covers(messages + "*"):
		return true
	case j.Selection.Route != "":
		return covered(j.Selection.Route)
	}
	return j.Selection.Routes != nil && !slices.ContainsFunc(j.Selection.Routes, func(r string) bool { return !covered(r) })
}

// findJob returns the job of the address, if the operator may do verb with it.
func (h *Handler) findJob(c *call, verb func(*gateway.Job) gateway.Verb) (*gateway.Job, error) {
	if !c.Scope(gateway.Read).Meets(messages) {
		return nil, h.allow(c, gateway.Read, messages+"*")
	}
	id, ok := messageID(c.r.PathValue("id"))
	if !ok {
		return nil, fault.New(fault.CodeJobNotFound, "%q is no id of a job", clip(c.r.PathValue("id")))
	}
	j, err := h.Ledger.Job(c.ctx, id)
	if err != nil {
		return nil, err
	}
	if v := verb(j); !h.concerns(c, v, j) {
		return nil, fault.New(fault.CodeForbidden, "%s may not %s all that the job is about", c.Login, v)
	}
	return j, nil
}

func (h *Handler) showJob(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	return h.findJob(c, func(*gateway.Job) gateway.Verb { return gateway.Read })
}

// turnJob returns the work of pausing, resuming or cancelling a job.
func (h *Handler) turnJob(state gateway.JobState) work {
	return func(c *call) (any, error) {
		j, err := h.findJob(c, func(j *gateway.Job) gateway.Verb { return j.Act })
		if err != nil {
			return nil, err
		}
		reason, err := h.reason(c, false)
		if err != nil {
			return nil, err
		}
		return h.Core.TurnJob(c.ctx, j.ID, state, gateway.Act{By: c.DN, Reason: reason})
	}
}
