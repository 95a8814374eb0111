package mapping

import (
	"math"
	"slices"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// Query is a compiled query: what a request asks of a view, and how the answer is
// written as a reply of the contract. It is immutable, safe for concurrent use.
type Query struct {
	Name      string
	Version   string // the first 12 hexadecimal digits of the file's SHA-256
	File      string
	Contract  *contract.Contract
	Service   *contract.Service
	Operation *contract.Operation
	View      string
	// Key names the fields of the view's key that a request gives; nil: it asks for
	// many rows.
	Key        []string
	Conditions []Condition // joined by and
	Order      []FieldOrder
	Count      bool
	// Rows is how many rows a page has when the request does not say, and Most how
	// many at most.
	Rows, Most int
	Shown      Selection // what the reply uses of each row
	// Faults are the rules that answer with faults of the contract, in order.
	Faults []FaultRule
	// Headers names the header blocks that the query reads.
	Headers []document.Name
	// Warnings are what its author should look at though the query compiles.
	Warnings []config.Fault

	mapping    *Mapping // what the file has in common with one of a mapping
	key        []columnProgram
	conditions []conditionProgram // for each of Conditions
	rows       *xpath.Program
	after      *xpath.Program
}

// Condition is one comparison of a field.
type Condition struct {
	Field string
	Op    Comparison
	// Always says that every request has it: there is a form of the query with it
	// and one without it else.
	Always bool
	// Class is of what the field is compared with.
	Class  Class
	Source string // file:line:column
}

// String is the condition in a few words.
func (c Condition) String() string { return c.Field + " " + c.Op.String() }

// FieldOrder is one key of an order.
type FieldOrder struct {
	Field string
	Desc  bool
}

// Selection is what is shown of the rows of a view.
type Selection struct {
	Fields []string
	// Demanded are those of Fields that the reply cannot be written without: a row of
	// which one may not be seen is not in the answer.
	Demanded []string
	Children []ChildSelection
}

// ChildSelection is what is shown of a child of each row.
type ChildSelection struct {
	Name  string
	Rows  int // at most, of each row; 0: as many as a child's page has
	Shown Selection
}

type conditionProgram struct {
	when  *xpath.Program
	value columnProgram
}

// Question is what one request asks.
type Question struct {
	Key        []Value // for each of Query.Key
	Conditions []Asked
	Rows       int
	After      string // the token of the page before; empty: from the beginning
}

// Asked is a condition that a request has.
type Asked struct {
	Condition int // in Query.Conditions
	Values    []Value
	// Null says that a field without a value is asked for, or of NotEqual one with any.
	Null bool
	From xpath.Origin // where in the request the values stand; while it is there
}

// Ask reads what a request asks. Errors are *fault.Error: CodeMapping and CodeQuery;
// or CodeRejected, whose cause is a Declared, when a rule of faults: refuses the
// request. Those rules come first.
func (q *Query) Ask(in *Input) (*Question, error) {
	r := renderers.Get().(*renderer)
	defer r.end()
	r.begin(facts{mapping: q.mapping, in: in}, "query")
	if err := q.mapping.reject(&r.frame); err != nil {
		return nil, err
	}
	out := &Question{}
	for i := range q.key {
		v, err := r.operand(&q.key[i])
		if err != nil {
			return nil, err
		}
		if len(v.Values) == 0 {
			return nil, fault.New(fault.CodeQuery, "the request does not say which %s it asks for", q.Key[i])
		}
		out.Key = append(out.Key, v.Values[0])
	}
	for i := range q.conditions {
		asked, err := r.condition(&q.conditions[i])
		if err != nil {
			return nil, err
		}
		if asked != nil {
			asked.Condition = i
			out.Conditions = append(out.Conditions, *asked)
		}
	}
	return out, r.page(q, out)
}

// condition is nil where the request does not have it.
func (r *renderer) condition(p *conditionProgram) (*Asked, error) {
	if p.when != nil {
		if ok, err := p.when.Test(&r.frame); err != nil || !ok {
			return nil, r.blame(p.when, err)
		}
	}
	asked, err := r.operand(&p.value)
	if err != nil || !asked.Null && len(asked.Values) == 0 {
		return nil, err
	}
	return asked, nil
}

// operand evaluates what is compared with. Its values do not share memory with the
// renderer.
func (r *renderer) operand(p *columnProgram) (*Asked, error) {
	out := &Asked{}
	if p.form == constantForm {
		if out.Null = p.constant.Kind == NullCell; !out.Null {
			out.Values = []Value{p.constant.Value}
		}
		return out, nil
	}
	frame := r.frame
	frame.Room = nil // the values outlive the renderer
	err := p.value.Each(&frame, func(v Value, presence xpath.Presence) {
		if presence == xpath.Nil {
			out.Null = true
			return
		}
		out.Values = append(out.Values, v)
	})
	if err != nil {
		return nil, r.failed(p.value, err)
	}
	if len(out.Values) == 0 && !out.Null && p.fallback != nil {
		out.Values = []Value{*p.fallback}
	}
	out.From = p.value.Origin(&r.frame)
	if p.zone == nil {
		return out, nil
	}
	for i, v := range out.Values {
		if out.Values[i], err = zoned(v, p); err != nil {
			return nil, r.failed(p.value, err)
		}
	}
	return out, nil
}

// zoned reads a dateTime without a zone as local time.
func zoned(v Value, p *columnProgram) (Value, error) {
	if v.Class != DateTime || v.Instant().Location() != NoZone {
		return v, nil
	}
	return inZone(v, p.zone)
}

// page reads how many rows are asked for, and behind which.
func (r *renderer) page(q *Query, out *Question) error {
	out.Rows = q.Rows
	if q.rows != nil {
		v, presence, err := q.rows.One(&r.frame)
		if err != nil {
			return r.failed(q.rows, err)
		}
		if presence == xpath.Present {
			if out.Rows = wholeNumber(v); out.Rows < 1 {
				d := r.failed(q.rows, &xpath.Error{Message: "a page has one row or more", Value: v.Lexical()})
				return fault.New(fault.CodeQuery, "").With(fault.Of(d).Details...)
			}
		}
	}
	out.Rows = min(out.Rows, q.Most)
	if q.after != nil {
		v, presence, err := q.after.One(&r.frame)
		if err != nil {
			return r.failed(q.after, err)
		}
		if presence == xpath.Present {
			out.After = string(v.AppendLexical(nil))
		}
	}
	return nil
}

// wholeNumber is a value of class Integer; what is too large for any page is as many
// rows as one can have.
func wholeNumber(v Value) int {
	if n, err := v.Number.Int64(); err == nil && n <= math.MaxInt32 {
		return int(max(n, -1))
	}
	if v.Number.Negative {
		return -1
	}
	return math.MaxInt32
}

// Reply writes the reply to a request whose page was found; page is the root of its
// document: see PageElement. Errors are *fault.Error.
func (q *Query) Reply(in *Input, page document.Node) ([]byte, error) {
	r := renderers.Get().(*renderer)
	defer r.end()
	r.begin(facts{mapping: q.mapping, in: in}, "reply")
	r.roots[pageSlot] = page
	return r.xml(nil, q.mapping.reply)
}

// Declare returns f as the query answers it: see Mapping.Declare.
func (q *Query) Declare(in *Input, f *fault.Error) *fault.Error { return q.mapping.Declare(in, f) }

// Optional lists the conditions that a request may leave out.
func (q *Query) Optional() []int {
	var out []int
	for i, c := range q.Conditions {
		if !c.Always {
			out = append(out, i)
		}
	}
	return out
}

// uses reports whether a selection has a field.
func (s *Selection) uses(field string) bool { return slices.Contains(s.Fields, field) }
