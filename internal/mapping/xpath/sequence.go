package xpath

import (
	"math"
	"slices"
)

// sequence is the comma operator (§3.4.1).
func (c *compiler) sequence(n *sequence) code {
	if len(n.items) == 0 {
		return empty()
	}
	parts := make([]code, len(n.items))
	t := Type{}
	for i, item := range n.items {
		k := c.body(item)
		if k == nil {
			return nil
		}
		own := k.typ()
		class, ok := common(t, own)
		if !ok {
			return c.fail(item, "the items before are %s and this is %s; make them one type", t.Class, own.Class)
		}
		parts[i] = k
		t = Type{Class: class, Min: t.Min + own.Min, Max: plus(t.Max, own.Max)}
	}
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		start := len(dst)
		var err error
		for _, k := range parts {
			if dst, err = k.all(f, dst); err != nil {
				return dst, err
			}
		}
		for i := start; i < len(dst); i++ {
			dst[i] = widened(dst[i], t.Class)
		}
		return dst, nil
	}}
}

func plus(a, b int) int {
	if a == Unbounded || b == Unbounded || a+b > countable {
		return Unbounded
	}
	return a + b
}

// widened makes an integer a decimal among decimals, and what has no type text
// among texts.
func widened(v Value, class Class) Value {
	if v.Class == Integer && class == Decimal || v.Class == Untyped && class == String {
		v.Class = class
	}
	return v
}

// maxRange bounds the items that "to" makes.
const maxRange = 100_000

// span is the range expression "to" (§3.4.2).
func (c *compiler) span(n *binary) code {
	from, to := c.whole(n.left, "to"), c.whole(n.right, "to")
	if from == nil || to == nil {
		return nil
	}
	return &many{Type{Class: Integer, Max: Unbounded}, func(f *Frame, dst []Value) ([]Value, error) {
		a, b, ok, err := both(f, from, to)
		if err != nil || !ok || a.Number.Cmp(b.Number) > 0 {
			return dst, err
		}
		first, err1 := a.Number.Int64()
		last, err2 := b.Number.Int64()
		if err1 != nil || err2 != nil || last-first < 0 || last-first >= maxRange {
			return dst, &Error{"a sequence of more than 100,000 numbers", a.Lexical() + " to " + b.Lexical()}
		}
		if err := f.spend(int(last - first)); err != nil {
			return dst, err
		}
		for i := first; i <= last; i++ {
			dst = append(dst, f.integer(i))
		}
		return dst, nil
	}}
}

// whole compiles an argument of type xs:integer?.
func (c *compiler) whole(n node, of string) code {
	k := c.number(n, of)
	if k == nil {
		return nil
	}
	if t := k.typ(); !t.never() && t.Class != Integer {
		return c.fail(n, "%s takes a whole number, not %s; convert it with xs:integer()", of, t)
	}
	return k
}

// sifted is a predicate on values (§3.3.2): its context item is a value.
func (c *compiler) sifted(n *filter, base code) code {
	if !c.valued(n, base) {
		return nil
	}
	t := base.typ()
	t.Shape = nil
	slot, leave := c.focusValue(t)
	tests, ok := c.judgements(n.predicates, &t)
	leave()
	if !ok {
		return nil
	}
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		values, err := base.all(f, nil)
		if err != nil {
			return dst, err
		}
		values, err = siftValues(f, slot, values, tests)
		return append(dst, values...), err
	}}
}

func (c *compiler) judgements(nodes []node, t *Type) ([]predicate, bool) {
	defer c.judged(len(c.program.uses))
	var tests []predicate
	for _, n := range nodes {
		p, ok := c.predicate(n, t)
		if !ok {
			return nil, false
		}
		tests = append(tests, p)
	}
	return tests, true
}

func siftValues(f *Frame, slot int, values []Value, tests []predicate) ([]Value, error) {
	position, last := f.position, f.last
	defer func() { f.position, f.last = position, last }()
	for i := range tests {
		kept := make([]Value, 0, len(values))
		f.last = len(values)
		for k := range values {
			f.position = k + 1
			f.bind(slot, local{values: values[k : k+1]})
			if err := f.spend(1); err != nil {
				return nil, err
			}
			ok, err := tests[i].holds(f)
			if err != nil {
				return nil, err
			}
			if ok {
				kept = append(kept, values[k])
			}
		}
		values = kept
	}
	return values, nil
}

// nodeComparison is is, << and >> (§3.7.3); absent when an operand is.
func (c *compiler) nodeComparison(n *binary) code {
	left, right := c.nodes(n.left, n.op), c.nodes(n.right, n.op)
	if left == nil || right == nil {
		return nil
	}
	for _, side := range []struct {
		node
		w *walk
	}{{n.left, left}, {n.right, right}} {
		if side.w.t.Repeats() || side.w.leaf() {
			return c.fail(side, "%s takes one element, and this is not surely one", n.op)
		}
	}
	wanted := map[string]int{"is": 0, "<<": -1, ">>": 1}[n.op]
	t := single(Boolean).mayBeAbsent(left.t, right.t)
	return &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
		a, err := left.first(f)
		if err != nil {
			return Value{}, false, err
		}
		b, err := right.first(f)
		if err != nil || !a.Exists() || !b.Exists() {
			return Value{}, false, err
		}
		return Bool(a.Order(b) == wanted), true, nil
	}}
}

// The functions on sequences (XPath and XQuery Functions 3.1 §14.1, §14.2).

// sequenceFunction compiles head, tail, reverse, subsequence, index-of and sort.
func (c *compiler) sequenceFunction(n *call) code {
	items := c.sequenceOf(n, 0)
	if items == nil {
		return nil
	}
	t := items.typ()
	t.Shape = nil
	switch n.name {
	case "head": // §14.1.4
		t.Min, t.Max = min(t.Min, 1), min(max(t.Max, -t.Max), 1)
		return &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
			values, err := items.all(f, nil)
			if err != nil || len(values) == 0 {
				return Value{}, false, err
			}
			return values[0], true, nil
		}}
	case "tail": // §14.1.5
		t.Min = max(t.Min-1, 0)
		if t.Max > 0 {
			t.Max--
		}
		return rearranged(t, items, func(values []Value) []Value { return values[min(1, len(values)):] })
	case "reverse": // §14.1.9
		return rearranged(t, items, func(values []Value) []Value { slices.Reverse(values); return values })
	}
	if c.lacksOrder(n, t) {
		return nil
	}
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) { // sort, §16.2.6
		values, err := items.all(f, nil)
		slices.SortStableFunc(values, func(a, b Value) int { return ascending(f, a, b) })
		return append(dst, values...), err
	}}
}

func (c *compiler) lacksOrder(n *call, t Type) bool {
	if t.Class == Untyped && !t.never() || t.Class == Binary {
		c.fail(n, "%s needs values that have an order, not %s", n.name, t.Class)
		return true
	}
	return false
}

// ascending puts NaN first (§16.2.6).
func ascending(f *Frame, a, b Value) int {
	r := order(f, a, b)
	if r != unordered {
		return int(r)
	}
	nanA, nanB := isNaN(a), isNaN(b)
	switch {
	case nanA && !nanB:
		return -1
	case nanB && !nanA:
		return 1
	}
	return 0
}

func rearranged(t Type, items code, change func([]Value) []Value) code {
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		values, err := items.all(f, nil)
		if err != nil {
			return dst, err
		}
		return append(dst, change(values)...), nil
	}}
}

// subsequence is §14.1.10: positions as substring counts characters.
func (c *compiler) subsequence(n *call) code {
	items := c.sequenceOf(n, 0)
	args := []code{c.number(n.args[1], n.name), constant(Value{Class: Double, Float: math.Inf(1)})}
	if len(n.args) == 3 {
		args[1] = c.number(n.args[2], n.name)
	}
	if items == nil || slices.Contains(args, nil) {
		return nil
	}
	t := items.typ()
	t.Shape, t.Min = nil, 0
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		values, err := items.all(f, nil)
		if err != nil {
			return dst, err
		}
		start, length, ok, err := both(f, args[0], args[1])
		if err != nil || !ok {
			return dst, err
		}
		from := math.Floor(asFloat(start) + 0.5)
		to := from + math.Floor(asFloat(length)+0.5)
		for i, v := range values {
			if p := float64(i + 1); p >= from && p < to {
				dst = append(dst, v)
			}
		}
		return dst, nil
	}}
}

// indexOf is §14.2.2.
func (c *compiler) indexOf(n *call) code {
	items, wanted := c.sequenceOf(n, 0), c.operand(n.args[1], n.name)
	if items == nil || wanted == nil {
		return nil
	}
	if a, b := items.typ(), wanted.typ(); !a.never() && !b.never() && !comparable(a.Class, b.Class) {
		return c.fail(n.args[1], "%s cannot be compared with %s; convert one of them", a.Class, b.Class)
	}
	return &many{Type{Class: Integer, Max: items.typ().Max}, func(f *Frame, dst []Value) ([]Value, error) {
		values, err := items.all(f, nil)
		if err != nil {
			return dst, err
		}
		v, p, err := wanted.one(f)
		if err == nil {
			err = f.spend(len(values))
		}
		for i := range values {
			if p == Present && order(f, values[i], v) == equal {
				dst = append(dst, f.integer(int64(i+1)))
			}
		}
		return dst, err
	}}
}

// cardinality compiles zero-or-one, one-or-more and exactly-one (§14.3): what
// the contract cannot promise is judged when the message comes.
func (c *compiler) cardinality(n *call) code {
	items := c.sequenceOf(n, 0)
	if items == nil {
		return nil
	}
	t := items.typ()
	t.Shape = nil
	least, most := 0, 1
	switch n.name {
	case "one-or-more":
		least, most = 1, t.Max
	case "exactly-one":
		least = 1
	}
	t.Min, t.Max = max(t.Min, least), most
	if t.Max == 1 {
		t.Min = min(t.Min, 1)
	}
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		values, err := items.all(f, nil)
		switch {
		case err != nil:
		case len(values) < least:
			err = &Error{Message: "there is no value where " + n.name + "() demands one"}
		case most != Unbounded && len(values) > most:
			err = &Error{Message: "there are several values where " + n.name + "() allows one"}
		}
		return append(dst, values...), err
	}}
}
