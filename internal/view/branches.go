package view

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// How much a condition may be: what comes to more branches is refused, and so is
// what takes more work to find that out.
const (
	MaxBranches = 20
	maxParts    = 1000
	maxNested   = 64
	// Branches that contradict themselves are dropped as soon as they are seen, so
	// that there are never many more on the way than in the end.
	maxOnTheWay = 8 * MaxBranches
	maxWork     = 20_000
)

var errTooMany = errors.New("too many branches")

// branches brings a condition into demands that are joined by or. Under SQL's three
// values the laws of De Morgan hold, and Not of a comparison is the opposite one.
func (p *planner) branches(e Expr) ([]demand, error) {
	work := maxWork
	out, err := p.either(e, false, &work)
	if err == nil && len(out) > MaxBranches {
		err = errTooMany
	}
	return out, err
}

func (p *planner) either(e Expr, not bool, work *int) ([]demand, error) {
	switch e := e.(type) {
	case nil:
		return []demand{{}}, nil
	case Not:
		return p.either(e.Of, !not, work)
	case And:
		return p.joined(e, not, not, work)
	case Or:
		return p.joined(e, !not, not, work)
	case In:
		return p.joined(oneOf(e), !not, not, work)
	case Compare:
		if not {
			e.Op = opposite[e.Op]
		}
		if e.Op == NotEqual {
			return p.joined([]Expr{Compare{e.Field, Less, e.Value}, Compare{e.Field, Greater, e.Value}}, true, false, work)
		}
		return p.alone(e)
	}
	if not {
		return p.alone(Not{e})
	}
	return p.alone(e)
}

var opposite = [...]Operator{Equal: NotEqual, NotEqual: Equal, Greater: LessOrEqual, GreaterOrEqual: Less, Less: GreaterOrEqual, LessOrEqual: Greater}

func oneOf(e In) []Expr {
	out := make([]Expr, len(e.Values))
	for i, v := range e.Values {
		out[i] = Compare{e.Field, Equal, v}
	}
	return out
}

func (p *planner) alone(e Expr) ([]demand, error) {
	d, ok := p.add(demand{}, e)
	if !ok {
		return nil, nil
	}
	return []demand{d}, nil
}

// joined brings parts together, each negated when not is.
func (p *planner) joined(parts []Expr, or, not bool, work *int) ([]demand, error) {
	var out []demand
	if !or {
		out = []demand{{}}
	}
	for _, part := range parts {
		one, err := p.either(part, not, work)
		if err != nil {
			return nil, err
		}
		if or {
			out = append(out, one...)
		} else if out, err = p.both(out, one, work); err != nil {
			return nil, err
		}
		if *work -= len(one); *work < 0 || len(out) > maxOnTheWay {
			return nil, errTooMany
		}
		out = distinct(out)
	}
	return out, nil
}

// both demands one of a and one of b.
func (p *planner) both(a, b []demand, work *int) ([]demand, error) {
	var out []demand
	for _, one := range a {
		for _, other := range b {
			if *work--; *work < 0 || len(out) > maxOnTheWay {
				return nil, errTooMany
			}
			if d, ok := p.merged(one, other); ok {
				out = append(out, d)
			}
		}
	}
	return out, nil
}

func (p *planner) merged(a, b demand) (out demand, ok bool) {
	out, ok = a, true
	for _, field := range fieldsOf(b) {
		s := b[field]
		for _, e := range s.exprs(field) {
			if out, ok = p.add(out, e); !ok {
				return nil, false
			}
		}
	}
	return out, true
}

// distinct leaves out demands that are there twice.
func distinct(all []demand) []demand {
	if len(all) < 2 {
		return all
	}
	seen := map[string]bool{}
	out := all[:0:0]
	for _, d := range all {
		key := d.String()
		if !seen[key] {
			seen[key] = true
			out = append(out, d)
		}
	}
	return out
}

// String is the same for equal demands.
func (d demand) String() string {
	text := ""
	for _, field := range fieldsOf(d) {
		s := d[field]
		for _, e := range s.exprs(field) {
			text += fmt.Sprintf("%#v\n", e)
		}
	}
	return text
}

func fieldsOf(d demand) []int { return slices.Sorted(maps.Keys(d)) }
