package mapping

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// faultRule is one entry of faults.
type faultRule struct {
	Fault  word          `yaml:"fault,required"`
	On     outcomes      `yaml:"on"`
	When   *expression   `yaml:"when"`
	Reason *textTemplate `yaml:"reason"`
	Body   *template     `yaml:"body,required"`

	node *config.Node
}

// faultKeys is faultRule without its own reading.
type faultKeys faultRule

// UnmarshalNode keeps the place.
func (r *faultRule) UnmarshalNode(n *config.Node) error {
	r.node = n
	return n.Decode((*faultKeys)(r))
}

// outcomes is one word of answerable, or a list of them.
type outcomes []word

// UnmarshalNode reads either.
func (o *outcomes) UnmarshalNode(n *config.Node) error {
	items := []*config.Node{n}
	if n.Kind == config.List {
		items = n.Items()
	}
	var faults config.Faults
	for _, item := range items {
		var w word
		faults.Add(required(item, &w))
		*o = append(*o, w)
	}
	if len(items) == 0 {
		faults.Add(n.Fault("expected an outcome or several"))
	}
	return faults.Err()
}

// outcome is a word of on: and the codes that it stands for.
type outcome struct {
	word  string
	codes []fault.Code
}

// answerable are the outcomes that a rule may answer in the gateway's place.
// What is not among them (access, outages, defects) is no business of a
// contract's.
var answerable = []outcome{
	{"invalid", []fault.Code{fault.CodeInvalid, fault.CodeMapping, fault.CodeNarrowing, fault.CodeIdentity, fault.CodeConstraint}},
	{"conflict", []fault.Code{fault.CodeKeyReused}},
	{"superseded", []fault.Code{fault.CodeSuperseded}},
	{"exists", []fault.Code{fault.CodeExists}},
	{"not_found", []fault.Code{fault.CodeLookup}},
	{"unknown_code", []fault.Code{fault.CodeUnknownCode}},
	{"not_yet", []fault.Code{fault.CodeNotYet, fault.CodeUnknownYet}},
}

// unanswered are as many of queries: there is no such row, or the page before is of
// another question.
var unanswered = []outcome{
	{"invalid", []fault.Code{fault.CodeInvalid, fault.CodeMapping, fault.CodeQuery}},
	{"not_found", []fault.Code{fault.CodeNoRow}},
	{"stale_page", []fault.Code{fault.CodePage}},
}

// outcomes are those that a rule of the file may answer.
func (k *compiler) outcomes() []outcome {
	if k.asks {
		return unanswered
	}
	return answerable
}

// FaultRule is one entry of faults, as check lists it.
type FaultRule struct {
	Fault  string   // the name of the wsdl:fault
	On     []string // the outcomes it answers; none: it refuses messages by its own condition
	When   string   // the condition as written, or empty
	Source string   // file:line:column
}

// String tells on one line when the fault is answered.
func (r FaultRule) String() string {
	text := r.Fault
	if len(r.On) > 0 {
		text += " on " + strings.Join(r.On, ", ")
	}
	if r.When != "" {
		text += " when " + r.When
	}
	return text
}

// faultProgram is a compiled entry of faults.
type faultProgram struct {
	fault  *contract.FaultMessage
	codes  []fault.Code // that it answers; nil: it refuses messages itself
	when   *xpath.Program
	reason []keyPart
	says   string // the reason as written: nothing of any message is in it
	body   *xmlNode
	source string
}

// answers compiles the faults.
func (k *compiler) answers() {
	for i, r := range k.file.Faults {
		if r == nil || r.node == nil {
			k.fail(k.file.root.Get("faults").Items()[i], "a value is missing")
			continue
		}
		p := &faultProgram{source: r.node.Source(), says: "fault " + r.Fault.text}
		rule := FaultRule{Fault: r.Fault.text, Source: p.source}
		k.occasion(r, p, &rule)
		scope := k.faultScope(r)
		if p.when = k.condition(r.When, scope); p.when != nil {
			rule.When = p.when.Source
		}
		if r.Reason != nil {
			p.reason, p.says = k.sentence(r.Reason, scope), p.says+": "+r.Reason.node.Text()
		}
		if p.fault = k.faultMessage(r); p.fault != nil {
			p.body = k.xml(p.fault.Element, r.Body, scope)
		}
		k.mapping.answers = append(k.mapping.answers, p)
		k.mapping.Faults = append(k.mapping.Faults, rule)
	}
}

// occasion compiles what a rule answers, and finds the rules that never do.
func (k *compiler) occasion(r *faultRule, p *faultProgram, rule *FaultRule) {
	if len(r.On) == 0 && r.When == nil {
		k.fail(r.node, "a fault has when:, the condition that refuses a message, or on:, the outcome that it answers, or both")
		return
	}
	for _, w := range r.On {
		known := k.outcomes()
		i := slices.IndexFunc(known, func(o outcome) bool { return o.word == w.text })
		if i < 0 {
			k.fail(w.node, "%q is no outcome that a fault can answer%s", w.text, didYouMean(w.text, outcomeWords(known)))
			continue
		}
		p.codes = append(p.codes, known[i].codes...)
		rule.On = append(rule.On, w.text)
		k.reachable(w)
	}
}

func outcomeWords(of []outcome) []string {
	words := make([]string, len(of))
	for i := range of {
		words[i] = of[i].word
	}
	return words
}

// reachable complains of a rule for an outcome that an earlier one always
// answers, or that the mapping never has.
func (k *compiler) reachable(w word) {
	for _, earlier := range k.mapping.Faults {
		if earlier.When == "" && slices.Contains(earlier.On, w.text) {
			k.fail(w.node, "the rule at %s always answers %s; this one is never reached", earlier.Source, w.text)
			return
		}
	}
	guarded := slices.ContainsFunc(k.mapping.Tables, func(t Table) bool { return t.Version >= 0 })
	switch {
	case w.text == "superseded" && !guarded:
		k.warn(w.node, "no message of this mapping is ever superseded: no row has version:")
	case w.text == "not_yet" && !k.mapping.Waits:
		k.warn(w.node, "no message of this mapping ever waits: nothing in it says not_yet")
	}
}

// faultMessage finds the fault that a rule names among those of the operation.
func (k *compiler) faultMessage(r *faultRule) *contract.FaultMessage {
	op := k.mapping.Operation
	if op.OneWay() {
		k.fail(r.Fault.node, "the operation %s is one-way; nobody waits for a fault", op.Name)
		return nil
	}
	var known []string
	for _, f := range op.Faults {
		if f.Name == r.Fault.text && f.Element.Type != nil {
			return f
		}
		known = append(known, f.Name)
	}
	if len(known) == 0 {
		k.fail(r.Fault.node, "the operation %s declares no fault in the contract", op.Name)
		return nil
	}
	k.fail(r.Fault.node, "the operation %s declares no fault %s%s", op.Name, r.Fault.text, didYouMean(r.Fault.text, known))
	return nil
}

// faultScope is what the expressions of a rule may name. No row is stored when a
// fault is raised, and an invalid message has nothing that one could rely on.
func (k *compiler) faultScope(r *faultRule) *xpath.Scope {
	scope := k.scope()
	for name := range k.rows {
		scope.Variables[name] = &xpath.Variable{Refuse: "$" + name + " has no stored values here: a message that is answered with a fault is not stored"}
	}
	scope.Variables["fault"] = &xpath.Variable{Refuse: "$fault is known where the rule has on: only"}
	if len(r.On) > 0 {
		scope.Variables["fault"] = &xpath.Variable{Field: faultField}
	}
	if slices.ContainsFunc(r.On, func(w word) bool { return w.text == "invalid" }) {
		scope.Context = nil
		scope.Variables["header"] = &xpath.Variable{Refuse: "the header of an invalid message cannot be relied on"}
	}
	return scope
}

// The slots of $fault, beyond those of stored values.
const (
	faultCodeFact = 1<<24 + iota
	faultReasonFact
	faultPathFact
)

func faultField(name string) (xpath.Field, []string, bool) {
	switch name {
	case "code":
		return xpath.Field{Slot: faultCodeFact, Type: oneString}, nil, true
	case "reason":
		return xpath.Field{Slot: faultReasonFact, Type: oneString}, nil, true
	case "path":
		return xpath.Field{Slot: faultPathFact, Type: xpath.Type{Class: String, Max: 1}}, nil, true
	}
	return xpath.Field{}, []string{"code", "reason", "path"}, false
}

// sentence compiles a reason. What is absent in a message leaves nothing in it.
func (k *compiler) sentence(t *textTemplate, scope *xpath.Scope) []keyPart {
	var parts []keyPart
	for _, part := range t.parts {
		compiled := keyPart{text: part.text}
		if part.from != nil {
			if compiled.from = k.one(part.from, scope); compiled.from == nil {
				continue
			}
		}
		parts = append(parts, compiled)
	}
	return parts
}
