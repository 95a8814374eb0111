package odata

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// condition makes a view's condition of a node, or of its negation. Negations end at
// the comparisons, because those of OData have two outcomes and those of databases
// three: null equals nothing but null, so that it differs from every value, and
// neither exceeds nor precedes any (URL Conventions §5.1.1.1). What null makes of
// startswith and contains is null, which no negation makes true.
//
// After a complaint the condition is incomplete; it is not used then.
func (b *binder) condition(n Node, negated bool) view.Expr {
	switch n := n.(type) {
	case And:
		return b.joined(n.Of, negated, !negated)
	case Or:
		return b.joined(n.Of, negated, negated)
	case Not:
		return b.condition(n.Of, !negated)
	case Compare:
		return b.compare(n, negated)
	case In:
		return b.in(n, negated)
	case Call:
		return b.call(n, negated)
	case Flag:
		return b.flag(n, negated)
	}
	return nil
}

// joined joins parts by and, or by or. What is joined the same way within is joined
// with them.
func (b *binder) joined(parts []Node, negated, and bool) view.Expr {
	var all []view.Expr
	for _, part := range parts {
		switch e := b.condition(part, negated).(type) {
		case nil:
		case view.And:
			if and {
				all = append(all, e...)
				continue
			}
			all = append(all, e)
		case view.Or:
			if !and {
				all = append(all, e...)
				continue
			}
			all = append(all, e)
		default:
			all = append(all, e)
		}
	}
	if and {
		return view.And(all)
	}
	return view.Or(all)
}

func filterable(f *view.Field) bool { return f.Filter }

const inConditions = "asked for in conditions"

// resolved is the literal that an alias stands for, or the literal itself.
func (b *binder) resolved(l Literal) (Literal, bool) {
	if l.Kind != Alias {
		return l, true
	}
	of, ok := b.request.aliases[l.Text]
	if !ok {
		b.complain(l.At, l.Text, "", "the query does not say what the alias stands for")
		return l, false
	}
	b.used = append(b.used, l.Text)
	of.At = l.At
	return of, true
}

// compare binds a comparison.
func (b *binder) compare(n Compare, negated bool) view.Expr {
	field, ok := b.field(n.Field, filterable, inConditions)
	value, known := b.resolved(n.Value)
	if !ok || !known {
		return nil
	}
	op := n.Op
	if negated {
		op = operators[op].opposite
	}
	if value.Kind == Null {
		return b.compareNull(n, field, op)
	}
	if ordering(op) && !ordered(b.view.Fields[field].Type.Kind) {
		b.complain(n.At, operators[n.Op].word, "eq, ne or in", "the field is %s, which is equal or not", Describe(&b.view.Fields[field].Type))
		return nil
	}
	v, below, ok := b.value(field, value)
	if !ok {
		return nil
	}
	e, ok := Comparison(b.view, field, op, v, below)
	switch {
	case !ok:
		b.finer(field, value)
		return nil
	case negated && ordering(op) && b.view.Nullable(field):
		return view.Or{e, view.IsNull{Field: field}}
	}
	return e
}

// Comparison compares a field with a value; below is as ValueOf says it. What is null
// differs from every value, and nothing else holds of it. It is false where no row has
// such a value, because values of the field have fewer digits, and the operator is
// none of an order.
func Comparison(v *view.View, field int, op view.Operator, value view.Value, below bool) (view.Expr, bool) {
	if below {
		if !ordering(op) {
			return nil, false
		}
		op = beside(op)
	}
	e := view.Compare{Field: field, Op: op, Value: value}
	if op == view.NotEqual && v.Nullable(field) {
		return view.Or{e, view.IsNull{Field: field}}, true
	}
	return e, true
}

func (b *binder) compareNull(n Compare, field int, op view.Operator) view.Expr {
	switch op {
	case view.Equal:
		return view.IsNull{Field: field}
	case view.NotEqual:
		return view.Not{Of: view.IsNull{Field: field}}
	}
	b.complain(n.At, operators[n.Op].word, "eq or ne", "nothing exceeds or precedes null")
	return nil
}

func ordering(op view.Operator) bool { return op > view.NotEqual }

func ordered(k mapping.ColumnKind) bool { return k != mapping.BoolColumn && k != mapping.BytesColumn }

// beside is the operator for the next value of a field below the one asked for,
// where that one lies between two of them.
func beside(op view.Operator) view.Operator {
	if op == view.Greater || op == view.GreaterOrEqual {
		return view.Greater
	}
	return view.LessOrEqual
}

// Finer is what is wrong with a value that a field cannot have.
const Finer = "the field has no such values: they have fewer digits"

// finer complains about a value that no row can have.
func (b *binder) finer(field int, l Literal) {
	b.complain(l.At, l.Text, Describe(&b.view.Fields[field].Type), Finer)
}

// in binds a list of values. A null in it asks for rows without a value.
func (b *binder) in(n In, negated bool) view.Expr {
	field, ok := b.field(n.Field, filterable, inConditions)
	if !ok {
		return nil
	}
	var values []view.Value
	null := false
	for _, l := range n.Values {
		l, known := b.resolved(l)
		switch {
		case !known:
		case l.Kind == Null:
			null = true
		default:
			v, below, ok := b.value(field, l)
			if below && ok {
				b.finer(field, l)
			}
			values = append(values, v)
		}
	}
	return among(b.view, field, values, null, negated)
}

// Among holds where a field has one of the values, or with null where it has none.
func Among(v *view.View, field int, values []view.Value, null bool) view.Expr {
	return among(v, field, values, null, false)
}

func among(v *view.View, field int, values []view.Value, null, negated bool) view.Expr {
	var in view.Expr = view.In{Field: field, Values: values}
	if len(values) == 1 {
		in = view.Compare{Field: field, Op: view.Equal, Value: values[0]}
	}
	isNull := view.IsNull{Field: field}
	switch {
	case len(values) == 0 && negated:
		return view.Not{Of: isNull}
	case len(values) == 0:
		return isNull
	case null && negated:
		return view.And{view.Not{Of: in}, view.Not{Of: isNull}}
	case null:
		return view.Or{in, isNull}
	case negated && v.Nullable(field):
		return view.Or{view.Not{Of: in}, isNull}
	case negated:
		return view.Not{Of: in}
	}
	return in
}

// call binds startswith and contains.
func (b *binder) call(n Call, negated bool) view.Expr {
	field, ok := b.field(n.Field, filterable, inConditions)
	l, known := b.resolved(n.Text)
	if !ok || !known {
		return nil
	}
	t := &b.view.Fields[field].Type
	switch {
	case t.Kind != mapping.StringColumn || t.UUID:
		b.complain(n.Field.At, n.Field.Text, "a field of text", "the field is %s", Describe(t))
		return nil
	case l.Kind != String:
		b.complain(l.At, found(l), "a text in single quotes", "%s takes a text", n.Function)
		return nil
	case l.Text == "":
		b.complain(l.At, "''", "a text of one character or more", "every text has the empty one in it")
		return nil
	case !b.encodes(t, l):
		return nil
	}
	var e view.Expr = view.Contains{Field: field, Text: l.Text}
	if n.Function == "startswith" {
		e = view.StartsWith{Field: field, Text: l.Text}
	}
	if negated {
		return view.Not{Of: e}
	}
	return e
}

func (b *binder) flag(n Flag, negated bool) view.Expr {
	field, ok := b.field(n.Field, filterable, inConditions)
	if !ok {
		return nil
	}
	if t := &b.view.Fields[field].Type; t.Kind != mapping.BoolColumn {
		b.complain(n.Field.At+len(n.Field.Text), "", "one of eq, ne, gt, ge, lt, le, in", "the field is %s, and no condition by itself", Describe(t))
		return nil
	}
	v := view.Value{Kind: mapping.BoolColumn, Present: true, Int: 1}
	if negated {
		v.Int = 0
	}
	return view.Compare{Field: field, Op: view.Equal, Value: v}
}

func found(l Literal) string {
	switch l.Kind {
	case String:
		return "'" + clip(l.Text) + "'"
	case Binary:
		return "binary'" + clip(l.Text) + "'"
	}
	return clip(strings.TrimSpace(l.Text))
}
