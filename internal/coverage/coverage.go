// Package coverage finds out what a set of messages has left untouched: rules of
// a mapping, and branches of a contract, such as an element that may be absent
// and never was.
//
// It refuses to know what messages are compared with, and where they come from.
package coverage

import (
	"fmt"
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// Gap is one thing that no message has touched.
type Gap struct {
	At   string `json:"at"`   // file:line:column
	What string `json:"what"` // in words
}

// Score counts points: what can be touched, and what was.
type Score struct {
	Points  int   `json:"points"`
	Touched int   `json:"touched"`
	Gaps    []Gap `json:"gaps,omitempty"`
}

// Percent is how much was touched; 100 where there is nothing to touch.
func (s *Score) Percent() float64 {
	if s.Points == 0 {
		return 100
	}
	return 100 * float64(s.Touched) / float64(s.Points)
}

func (s *Score) point(touched bool, at, format string, args ...any) {
	s.Points++
	if touched {
		s.Touched++
		return
	}
	s.Gaps = append(s.Gaps, Gap{at, fmt.Sprintf(format, args...)})
}

// Rules notes which rules of a mapping are applied. It is safe for concurrent use.
type Rules struct {
	mapping *mapping.Mapping
	rules   []mapping.Rule

	mu   sync.Mutex
	seen []map[xpath.Seen]bool
}

// NewRules returns the notes of a mapping, nothing touched yet.
func NewRules(m *mapping.Mapping) *Rules {
	r := &Rules{mapping: m, rules: m.Rules()}
	r.seen = make([]map[xpath.Seen]bool, len(r.rules))
	return r
}

// Mapping returns the mapping that is to be applied.
func (r *Rules) Mapping() *mapping.Mapping { return r.Watch(r.mapping) }

// Watch returns a mapping that was compiled from the same file, to be applied and
// noted with the others.
func (r *Rules) Watch(m *mapping.Mapping) *mapping.Mapping { return m.Watched(r.tell) }

func (r *Rules) tell(e mapping.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[e.Rule] == nil {
		r.seen[e.Rule] = map[xpath.Seen]bool{}
	}
	r.seen[e.Rule][e.Seen] = true
}

// Touched reports whether any rule was applied.
func (r *Rules) Touched() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.seen, func(s map[xpath.Seen]bool) bool { return s != nil })
}

// Score counts a point for each rule that is applied, and two for a condition: it
// holds, and it does not. A constant is applied when its row is made.
func (r *Rules) Score() *Score {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &Score{}
	for i := range r.rules {
		rule := &r.rules[i]
		name := r.name(rule)
		switch {
		case rule.Kind == mapping.WhenRule:
			s.point(r.seen[i][xpath.SeenTrue], rule.Source(), "%s is never true", name)
			s.point(r.seen[i][xpath.SeenFalse], rule.Source(), "%s is never false", name)
		case rule.Kind == mapping.PublicationRule:
			s.point(r.published(rule.Publication), rule.Source(), "%s is never published", name)
		case rule.Constant:
			s.point(r.made(rule.Table), rule.Source(), "%s is never written", name)
		case rule.Kind == mapping.EachRule || rule.Kind == mapping.SplitRule:
			s.point(r.seen[i][xpath.SeenValue], rule.Source(), "%s never finds anything", name)
		default:
			s.point(r.seen[i][xpath.SeenValue] || r.seen[i][xpath.SeenTrue] || r.seen[i][xpath.SeenFalse], rule.Source(), "%s never has a value", name)
		}
	}
	return s
}

// made reports whether a step has made a row, as far as its own rules tell: the
// values of its columns, else what it goes through, else its condition, else the
// row it stands under.
func (r *Rules) made(step int) bool {
	told := false
	for i := range r.rules {
		rule := &r.rules[i]
		if rule.Table != step || rule.Constant {
			continue
		}
		told = true
		applied := r.seen[i] != nil
		switch rule.Kind {
		case mapping.WhenRule:
			applied = r.seen[i][xpath.SeenTrue]
		case mapping.EachRule:
			applied = r.seen[i][xpath.SeenValue]
		}
		if applied && rule.Column >= 0 || applied && !r.columns(step) {
			return true
		}
	}
	parent := r.mapping.Tables[step].Parent
	switch {
	case told:
		return false
	case parent >= 0:
		return r.made(parent)
	}
	return slices.ContainsFunc(r.seen, func(s map[xpath.Seen]bool) bool { return s != nil })
}

// published reports whether a publication without a body was made, as far as its
// own rules tell.
func (r *Rules) published(publication int) bool {
	any, told := false, false
	for i := range r.rules {
		any = any || r.seen[i] != nil
		if rule := &r.rules[i]; rule.Publication == publication && rule.Kind == mapping.WhenRule {
			if told = true; r.seen[i][xpath.SeenTrue] {
				return true
			}
		}
	}
	return any && !told
}

// columns reports whether a step has a column with an expression.
func (r *Rules) columns(step int) bool {
	return slices.ContainsFunc(r.rules, func(rule mapping.Rule) bool { return rule.Table == step && rule.Column >= 0 && !rule.Constant })
}

// name is the rule in words.
func (r *Rules) name(rule *mapping.Rule) string {
	of := "reply"
	switch {
	case rule.Table >= 0:
		of = r.mapping.Tables[rule.Table].Name.String()
	case rule.Publication >= 0:
		of = "publication to " + r.mapping.Publications()[rule.Publication].Channel
	case rule.Kind == mapping.IdentityRule || rule.Kind == mapping.OrderingRule || rule.Kind == mapping.KeyRule || rule.Kind == mapping.SplitRule:
		of = ""
	}
	text := rule.Kind.String()
	if rule.Name != "" {
		text += " " + rule.Name
	}
	if of != "" {
		text += " of " + of
	}
	return text
}
