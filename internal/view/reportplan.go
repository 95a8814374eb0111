package view

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// ReportPlan is the way to the rows that a report counts: those of all branches of the
// plan, each once.
type ReportPlan struct {
	*Plan  // selects nothing and has no end
	Report *Report
	Order  []ReportOrder
	Top    int
	Scan   bool // a branch reads its index from one end to the other
}

// Plan finds the way to the rows of a report of which somebody with these windows
// sees the key, all that the report names and all that the condition is of. Nothing
// seen of a field that the report names is forbidden. What no index bounds is an
// invalid fault unless the report scans.
func (r *Report) Plan(ctx context.Context, q *ReportQuery, windows []Window, c Collation) (*ReportPlan, error) {
	v := *r.View
	v.LooksAt = 0
	if r.Scans {
		v.LooksAt = r.Rows + 1
	}
	p := &planner{v: &v, q: &Query{Where: q.Where}, windows: windows}
	if err := p.counted(r); err != nil {
		return nil, err
	}
	if err := p.gatherTexts(ctx, c); err != nil {
		return nil, err
	}
	w, err := p.way()
	if err != nil {
		return nil, err
	}
	p.order = w.order
	out := &ReportPlan{Plan: &Plan{View: &v, Order: w.order}, Report: r, Order: q.Order, Top: q.Top}
	for _, s := range w.seats {
		// One more is looked at than may be read, so that too many are told from enough.
		out.Branches = append(out.Branches, p.seeks(s, w.rest, r.Rows+1)...)
	}
	out.Scan = slices.ContainsFunc(out.Branches, func(b Branch) bool {
		return len(b.Equal) == 0 && b.From == nil && b.To == nil && b.Starts == nil
	})
	if out.Scan && !r.Scans {
		return nil, fault.New(fault.CodeUnserved, "the report %s would read every row of %s: ask for less with a condition that an index serves, or have its declaration say scans: true", r.Name, v.Name)
	}
	return out, nil
}

// Shown reports whether these windows show the key of the view and all that the report
// names of it, of whatever rows. The error is a forbidden fault.
func (r *Report) Shown(windows []Window) error {
	seen := r.View.Seen(windows)
	for _, f := range append(slices.Clone(r.View.Key), r.Uses()...) {
		if seen.Fields[f].Name == "" {
			return fault.New(fault.CodeForbidden, "not all that %s names of %s may be seen", r.Name, r.View.Name)
		}
	}
	return nil
}

// counted checks that the report may be asked, and finds out what has to hold of the
// rows that it counts.
func (p *planner) counted(r *Report) error {
	if err := r.Shown(p.windows); err != nil {
		return err
	}
	used, err := p.used(p.v.Seen(p.windows))
	if err != nil {
		return err
	}
	p.rights = p.v.rights(p.windows, append(used, r.Uses()...))
	return nil
}
