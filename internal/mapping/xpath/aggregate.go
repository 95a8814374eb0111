package xpath

// aggregate is sum, avg, min and max (§14.4). sum of nothing is 0, the others
// of nothing are absent.
func (c *compiler) aggregate(n *call) code {
	items := c.sequenceOf(n, 0)
	if items == nil {
		return nil
	}
	t := items.typ()
	if complaint := aggregable(n.name, t); complaint != "" {
		return c.fail(n, "%s %s", n.name, complaint)
	}
	result := Type{Class: t.Class, Min: min(t.Min, 1), Max: 1}
	switch {
	case n.name == "avg" && t.Class == Integer:
		result.Class = Decimal
	case n.name == "sum":
		result.Min = 1
	}
	if t.never() {
		result.Class, result.Max = Integer, result.Min
	}
	fold := map[string]func(*Frame, []Value) (Value, string){"sum": sum, "avg": average, "min": least, "max": greatest}[n.name]
	zero := n.name == "sum"
	return &scalar{t: result, eval: func(f *Frame) (Value, bool, error) {
		values, err := items.all(f, nil)
		if err != nil {
			return Value{}, false, err
		}
		if len(values) == 0 {
			v := f.integer(0)
			v.Class = result.Class
			return v, zero, nil
		}
		v, complaint := fold(f, values)
		if complaint != "" {
			return Value{}, false, &Error{Message: complaint}
		}
		return v, true, nil
	}}
}

func aggregable(name string, t Type) string {
	switch {
	case t.never() || t.Class.Numeric():
		return ""
	case t.Class == Untyped:
		return "needs a type, and this has none"
	case t.Class.duration() && (name != "sum" || t.Min > 0):
		return ""
	case t.Class.duration():
		return "of what may be no duration at all is a number; add a duration of nothing, as in ($durations, xs:dayTimeDuration('PT0S'))"
	case name == "sum" || name == "avg":
		return "needs numbers, not " + t.String()
	case t.Class == Boolean || t.Class == Binary:
		return "cannot order " + t.String()
	}
	return ""
}

func sum(f *Frame, values []Value) (Value, string) {
	total := values[0]
	for _, v := range values[1:] {
		var complaint string
		if total.Class.duration() {
			total, complaint = reckon(f, "+", total, v)
		} else {
			total, complaint = calculate(f, "+", decimalOperators["+"], total.Class, total, v)
		}
		if complaint != "" {
			return total, complaint
		}
	}
	return total, ""
}

func average(f *Frame, values []Value) (Value, string) {
	total, complaint := sum(f, values)
	if complaint != "" {
		return total, complaint
	}
	if total.Class.duration() {
		return reckon(f, "div", total, f.integer(int64(len(values))))
	}
	return calculate(f, "div", divide, Decimal, total, f.integer(int64(len(values))))
}

func least(f *Frame, values []Value) (Value, string)    { return extreme(f, values, less), "" }
func greatest(f *Frame, values []Value) (Value, string) { return extreme(f, values, greater), "" }

// extreme keeps the first of the values that are furthest in one direction;
// NaN beats all (§14.4.3).
func extreme(f *Frame, values []Value, direction relation) Value {
	best := values[0]
	for _, v := range values[1:] {
		if order(f, best, best) == unordered {
			return best
		}
		if r := order(f, v, best); r == direction || r == unordered {
			best = v
		}
	}
	return best
}

// distinct is distinct-values (§14.2.1): the first of equal values stays.
func (c *compiler) distinct(n *call) code {
	items := c.sequenceOf(n, 0)
	if items == nil {
		return nil
	}
	t := items.typ()
	t.Shape, t.Min = nil, min(t.Min, 1)
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		values, err := items.all(f, nil)
		if err != nil {
			return dst, err
		}
		seen := make(map[string]bool, len(values))
		for _, v := range values {
			if key := identity(v); !seen[key] {
				seen[key] = true
				dst = append(dst, v)
			}
		}
		return dst, nil
	}}
}

// identity is equal for equal values.
func identity(v Value) string {
	switch v.Class {
	case DateTime, Date: // a date is the moment it begins
		v = Moment(v.Instant().UTC())
	case Double:
		v.Float += 0 // there is one zero
	case Time:
		return timeOfDay(v.Text).UTC().String()
	}
	return v.Lexical()
}
