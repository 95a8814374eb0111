package gateway

import (
	"context"
	"testing"
	"time"
)

// deeds is a trail of acts, all in one chain.
type deeds struct {
	AuditTrail
	acts []AuditEntry
}

func (d *deeds) AuditBefore(_ context.Context, _ int, at time.Time) (int64, error) {
	for i, e := range d.acts {
		if !e.At.Before(at) {
			return int64(i), nil
		}
	}
	return int64(len(d.acts)), nil
}

func (d *deeds) AuditEntries(_ context.Context, _ int, after int64, limit int) ([]AuditEntry, error) {
	out := d.acts[after:]
	return out[:min(len(out), limit)], nil
}

func (d *deeds) add(by, what string, at time.Time) {
	d.acts = append(d.acts, AuditEntry{Seq: int64(len(d.acts) + 1), By: by, What: what, At: at})
}

// Acts count for the grants with their verb, of the role's people only, and page by
// page; a grant is unused only where nothing can have been missed.
func TestReviewOfActs(t *testing.T) {
	s, d, _ := townSurvey()
	s.Access = NewAccess([]Role{{Name: "operator", Members: []Member{{Group: "g-ops"}}}}, []Grant{
		{Role: "operator", May: []Verb{Replay, Discard}, On: "message/in"},
		{Role: "operator", May: []Verb{Erase}, On: "message/*"},
		{Role: "operator", May: []Verb{Read, Repeat}, On: "message/*"},
		{Role: "operator", May: []Verb{Read}, On: "access"},
		{Role: "operator", May: []Verb{Reload}, On: "configuration"},
	})
	trail := &deeds{}
	s.Trail = trail
	dan, stranger := d.dn("dan"), d.dn("bob")
	trail.add(dan, PayloadErased, today.AddDate(0, 0, -40)) // too long ago
	for range 2*actsAtOnce + 1 {
		trail.add(stranger, "replay", today.AddDate(0, 0, -9))
	}
	for i, what := range []string{"replay", "released", "discarded", "job to replay", "job paused", AuditRead, "something new"} {
		trail.add(dan, what, today.Add(time.Duration(i-10)*time.Hour))
	}
	review := func() []GrantReview {
		t.Helper()
		r, err := s.Review(t.Context(), "operator", 30, 10)
		if err != nil {
			t.Fatal(err)
		}
		return r.Grants
	}
	g := review()
	if g[0].Acts != 4 || !g[0].LastAct.Equal(today.Add(-7*time.Hour)) || g[0].Unused() {
		t.Errorf("used: %+v", g[0])
	}
	if g[1].Acts != 0 || !g[1].Unused() || !g[4].Unused() {
		t.Errorf("never used: %+v, %+v", g[1], g[4])
	}
	if g[2].Acts != 1 || !g[2].LastAct.Equal(today.Add(-5*time.Hour)) {
		t.Errorf("read: %+v", g[2])
	}
	if g[3].ActsCounted || g[3].Unused() {
		t.Errorf("of looking at lists nothing is known: %+v", g[3])
	}
	trail.acts = nil
	if g = review(); !g[0].Unused() || g[2].Unused() {
		t.Errorf("without acts: %+v", g)
	}
	for range maxActs + 1 {
		trail.add(stranger, "replay", today)
	}
	if g = review(); g[0].Unused() {
		t.Errorf("of what was not looked at nothing is known: %+v", g[0])
	}
	trail.acts = nil
	s.Access = NewAccess([]Role{{Name: "operator", Members: []Member{{User: "nobody"}}}}, []Grant{{Role: "operator", May: []Verb{Erase}, On: "message/*"}})
	if g = review(); g[0].Unused() {
		t.Errorf("of somebody without an entry nothing is known: %+v", g[0])
	}
}
