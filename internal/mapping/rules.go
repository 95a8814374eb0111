package mapping

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// RuleKind tells what a Rule makes or decides.
type RuleKind uint8

// The kinds of rule.
const (
	OtherRule       RuleKind = iota // an expression whose part is none of the following
	IdentityRule                    // identity
	OrderingRule                    // ordering_key
	KeyRule                         // a business key
	EachRule                        // each: what rows, objects or elements are made for
	WhenRule                        // when: whether they are made
	ColumnRule                      // the value of a column
	LookupRule                      // a key by which the value of a column is looked up
	RoutingRule                     // a part of a routing key
	FieldRule                       // a field of a body or a reply
	PublicationRule                 // a publication of the payload as it came
	SplitRule                       // split: what a message is made for each of
	DeclaredRule                    // a part of a declared fault: its condition, its reason, or a field of it
)

var ruleKindNames = [...]string{"expression", "identity", "ordering key", "business key", "each", "when", "column", "look-up key", "routing key", "field", "original", "split", "fault"}

// String returns the kind in words.
func (k RuleKind) String() string { return ruleKindNames[k] }

// Rule is one rule of a mapping: an expression, a constant or a reference, with
// its place and what it is for. Rules are what the tools for authors speak of.
type Rule struct {
	Kind RuleKind
	// Name is the business key, the column, or the field with those around it,
	// as in lines/sku; empty elsewhere.
	Name string
	// Table and Column are indexes into Mapping.Tables and its Columns,
	// Publication one into Mapping.Publications; -1 where they do not apply. A
	// rule with neither table nor publication that is a field, each or when
	// belongs to the reply.
	Table, Column, Publication int
	Place                      config.Fault // file, line and column; without a message
	Text                       string       // the expression or constant as written
	Uses                       []xpath.Use  // what it reads of the message, or of rows
	Constant                   bool         // there is no expression: a value, or a row's column
	Optional                   bool         // there may be no value

	program *xpath.Program
}

// Source is file:line:column.
func (r *Rule) Source() string {
	return fmt.Sprintf("%s:%d:%d", r.Place.File, r.Place.Line, r.Place.Column)
}

// PublicationInfo is what a rule's Publication names.
type PublicationInfo struct {
	Channel, Type string
	Format        string // json, original or xml
	Source        string // file:line:column
}

// Publications lists the entries of publish, in the order of the file.
func (m *Mapping) Publications() []PublicationInfo {
	out := make([]PublicationInfo, len(m.publications))
	for i, p := range m.publications {
		out[i] = PublicationInfo{p.channel, p.event, [...]string{"json", "original", "xml"}[p.format], p.source}
	}
	return out
}

// Rules lists every rule, in the order of the file.
func (m *Mapping) Rules() []Rule {
	l := &ruleList{mapping: m, known: map[*xpath.Program]bool{}}
	l.names()
	for i := range m.programs {
		l.step(i)
	}
	for i, p := range m.publications {
		l.publication(i, p)
	}
	if m.reply != nil {
		l.element(m.reply, "", -1)
	}
	for _, f := range m.answers {
		l.declared(f)
	}
	for p := range m.places {
		l.add(p, Rule{Kind: OtherRule, Table: -1, Column: -1, Publication: -1})
	}
	slices.SortStableFunc(l.rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Column, b.Place.Column), cmp.Compare(a.Kind, b.Kind))
	})
	return l.rules
}

type ruleList struct {
	mapping *Mapping
	rules   []Rule
	known   map[*xpath.Program]bool
}

// add lists an expression, once.
func (l *ruleList) add(p *xpath.Program, r Rule) {
	if p == nil || l.known[p] {
		return
	}
	l.known[p] = true
	r.Place, r.Text, r.Uses, r.program = l.mapping.places[p], p.Source, p.Uses(), p
	r.Optional = p.Type().Optional()
	l.rules = append(l.rules, r)
}

func (l *ruleList) names() {
	m := l.mapping
	none := Rule{Table: -1, Column: -1, Publication: -1}
	with := func(kind RuleKind, name string) Rule {
		r := none
		r.Kind, r.Name = kind, name
		return r
	}
	if m.split != nil {
		l.add(m.split.path, with(SplitRule, ""))
	}
	l.add(m.identity, with(IdentityRule, ""))
	l.add(m.ordering, with(OrderingRule, ""))
	for i := range m.keys {
		l.add(m.keys[i].value, with(KeyRule, m.keys[i].name))
	}
}

func (l *ruleList) step(i int) {
	p, t := &l.mapping.programs[i], &l.mapping.Tables[i]
	l.add(p.each, Rule{Kind: EachRule, Table: i, Column: -1, Publication: -1})
	l.add(p.when, Rule{Kind: WhenRule, Table: i, Column: -1, Publication: -1})
	for c := range p.columns {
		column := &p.columns[c]
		r := Rule{Kind: ColumnRule, Name: t.Columns[c].Name, Table: i, Column: c, Publication: -1}
		switch {
		case column.value != nil:
			l.add(column.value, r)
		case len(column.keys) > 0:
			r.Kind = LookupRule
			for _, key := range column.keys {
				l.add(key, r)
			}
		default:
			l.constant(r, column)
		}
	}
}

// constant lists a column that has no expression.
func (l *ruleList) constant(r Rule, p *columnProgram) {
	c := &l.mapping.Tables[r.Table].Columns[r.Column]
	r.Place, r.Text, r.Constant = p.node.Fault(""), c.Path, true
	if c.Ref >= 0 {
		name := l.mapping.Tables[c.Ref].As
		r.Uses = []xpath.Use{{Variable: name, Field: c.RefColumn}}
	}
	l.rules = append(l.rules, r)
}

func (l *ruleList) publication(i int, p *publication) {
	l.add(p.when, Rule{Kind: WhenRule, Table: -1, Column: -1, Publication: i})
	for _, part := range p.key {
		l.add(part.from, Rule{Kind: RoutingRule, Table: -1, Column: -1, Publication: i})
	}
	switch {
	case p.body != nil:
		l.object(p.body, "", i)
	case p.element != nil:
		l.element(p.element, "", i)
	case p.format == formatOriginal:
		l.rules = append(l.rules, Rule{Kind: PublicationRule, Table: -1, Column: -1, Publication: i, Place: p.node.Fault(""), Text: "format: original", Constant: true})
	}
}

// declared lists what a declared fault is made of.
func (l *ruleList) declared(f *faultProgram) {
	r := Rule{Kind: DeclaredRule, Name: f.fault.Name, Table: -1, Column: -1, Publication: -1}
	l.add(f.when, r)
	for _, part := range f.reason {
		l.add(part.from, r)
	}
	from := len(l.rules)
	l.element(f.body, f.fault.Name, -1)
	for i := from; i < len(l.rules); i++ {
		l.rules[i].Kind = DeclaredRule
	}
}

// object lists what a piece of a JSON body is made of.
func (l *ruleList) object(n *jsonNode, name string, publication int) {
	if n == nil {
		return
	}
	r := Rule{Kind: FieldRule, Name: name, Table: -1, Column: -1, Publication: publication}
	l.frame(n.each, n.when, r)
	l.add(n.value, r)
	for _, f := range n.fields {
		l.object(f, below(name, f.name()), publication)
	}
	for _, item := range n.items {
		l.object(item, name, publication)
	}
}

// name is the key without what JSON puts around it.
func (n *jsonNode) name() string {
	var name string
	if len(n.key) > 0 {
		_ = json.Unmarshal(n.key[:len(n.key)-1], &name) // appendQuoted wrote it
	}
	return name
}

// element lists what an element is written with.
func (l *ruleList) element(n *xmlNode, name string, publication int) {
	if n == nil {
		return
	}
	r := Rule{Kind: FieldRule, Name: name, Table: -1, Column: -1, Publication: publication}
	l.frame(n.each, n.when, r)
	l.add(n.value, r)
	for _, a := range n.attrs {
		l.element(a, below(name, "@"+a.name), publication)
	}
	for _, c := range n.children {
		l.element(c, below(name, c.name), publication)
	}
}

func (l *ruleList) frame(each, when *xpath.Program, r Rule) {
	r.Kind = EachRule
	l.add(each, r)
	r.Kind = WhenRule
	l.add(when, r)
}

func below(name, field string) string {
	if name == "" {
		return field
	}
	return name + "/" + field
}

// Event is one application of a rule to a message.
type Event struct {
	Rule int // index into Rules
	Seen xpath.Seen
	// Line and Column are the place of the context item in the message.
	Line, Column int
	// At finds where in the message the rule read. It is slow, and valid only
	// while the event is told.
	At func() xpath.Place
}

// Watched returns the mapping with somebody who is told of every rule that Apply
// and Render apply. Tell is called from wherever they are: when that is in
// several goroutines, at the same time.
func (m *Mapping) Watched(tell func(Event)) *Mapping {
	rules := map[*xpath.Program]int{}
	for i, r := range m.Rules() {
		if r.program != nil {
			rules[r.program] = i
		}
	}
	watched := *m
	watched.watch = func(p *xpath.Program, f *xpath.Frame, s xpath.Seen) {
		i, ok := rules[p]
		if !ok {
			return
		}
		e := Event{Rule: i, Seen: s, At: func() xpath.Place { return p.Locate(f) }}
		if f.Item.Exists() {
			e.Line, e.Column = f.Item.Position()
		}
		tell(e)
	}
	return &watched
}

// ReturnTypes lists, for each of Returns, the simple types of the contract that
// the value is written as in a reply or an XML publication, alone.
func (m *Mapping) ReturnTypes() [][]*contract.Simple {
	out := make([][]*contract.Simple, len(m.Returns))
	m.returnTypes(m.reply, out)
	for _, p := range m.publications {
		m.returnTypes(p.element, out)
	}
	return out
}

func (m *Mapping) returnTypes(n *xmlNode, out [][]*contract.Simple) {
	if n == nil {
		return
	}
	if n.value != nil && n.simple != nil {
		for _, u := range n.value.Uses() {
			for i, r := range m.Returns {
				if u.Field == r.Column && u.Variable == m.Tables[r.Table].As {
					out[i] = append(out[i], n.simple)
				}
			}
		}
	}
	for _, parts := range [][]*xmlNode{n.attrs, n.children} {
		for _, part := range parts {
			m.returnTypes(part, out)
		}
	}
}
