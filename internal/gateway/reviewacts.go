package gateway

import (
	"context"
	"slices"
	"strings"
	"time"
)

// What a review reads of the chain of acts: so many at once, and so many in all.
const (
	actsAtOnce = 500
	maxActs    = 20_000
)

// auditedVerbs are the verbs of which every use is an act of the audit trail, with what it
// is called there.
var auditedVerbs = map[string]Verb{
	"replay": Replay, "released": Replay, "correct": Correct, "repeat": Repeat, "adopt": Adopt, "parked": Park,
	"discarded": Discard, PayloadErased: Erase, "reload": Reload,
}

// verbOf is what somebody had to be allowed for an act; empty: it is not told.
func verbOf(what string) Verb {
	if what == AuditRead {
		return Read
	}
	if verb, known := auditedVerbs[what]; known {
		return verb
	}
	job, begun := strings.CutPrefix(what, "job to ")
	if begun && slices.Contains(Verbs, Verb(job)) {
		return Verb(job)
	}
	return ""
}

// countsActs reports whether the trail tells of uses of the grant, and whether it
// tells of all: who only looks at lists leaves nothing in it.
func (g *Grant) countsActs() (some, all bool) {
	all = true
	for _, verb := range g.May {
		known := false
		for _, v := range auditedVerbs {
			known = known || v == verb
		}
		some, all = some || known, all && known
	}
	return some, all
}

// countActs puts acts of the last days to the grants of a role whose people did them.
// The trail does not say on which route: an act counts for each grant with its verb.
func (s *Survey) countActs(ctx context.Context, r *RoleReview, since time.Time, people []Person) error {
	if s.Trail == nil || !slices.ContainsFunc(r.Grants, func(g GrantReview) bool { some, _ := g.countsActs(); return some }) {
		return nil
	}
	members := map[string]bool{}
	for _, p := range people {
		members[p.DN] = true // no DN: acts of before he was refused may be his
	}
	after, err := s.Trail.AuditBefore(ctx, ActChain, since)
	if err != nil {
		return err
	}
	whole := !slices.ContainsFunc(r.Members, func(m MemberReview) bool { return m.Cut }) && !members[""]
	for read := 0; ; {
		acts, err := s.Trail.AuditEntries(ctx, ActChain, after, actsAtOnce)
		if err != nil {
			return err
		}
		for i := range acts {
			if members[acts[i].By] && !acts[i].At.Before(since) {
				r.use(&acts[i])
			}
		}
		if len(acts) < actsAtOnce {
			break
		}
		after = acts[len(acts)-1].Seq
		if read += len(acts); read >= maxActs {
			whole = false
			break
		}
	}
	for i := range r.Grants {
		g := &r.Grants[i]
		some, all := g.countsActs()
		g.ActsCounted, g.ActsWhole = some, all && whole
	}
	return nil
}

// use counts an act for the grants with its verb.
func (r *RoleReview) use(act *AuditEntry) {
	verb := verbOf(act.What)
	for i := range r.Grants {
		g := &r.Grants[i]
		if some, _ := g.countsActs(); !some || !slices.Contains(g.May, verb) {
			continue
		}
		g.Acts++
		if act.At.After(g.LastAct) {
			g.LastAct = act.At
		}
	}
}
