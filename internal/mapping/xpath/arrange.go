package xpath

// remove is §14.1.8: all items but the one at a position.
func (c *compiler) remove(n *call) code {
	items, position := c.sequenceOf(n, 0), c.whole(n.args[1], n.name)
	if items == nil || position == nil {
		return nil
	}
	t := items.typ()
	t.Shape, t.Min = nil, max(t.Min-1, 0)
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		values, err := items.all(f, nil)
		if err != nil {
			return dst, err
		}
		at, err := placeOf(f, position, len(values))
		if err != nil || at < 0 || at == len(values) {
			return append(dst, values...), err
		}
		return append(append(dst, values[:at]...), values[at+1:]...), nil
	}}
}

// placeOf is the index that a position means: -1 before the first item, size
// behind the last.
func placeOf(f *Frame, position code, size int) (int, error) {
	v, presence, err := position.one(f)
	if err != nil || presence != Present {
		return size, err
	}
	if v.Number.Sign() <= 0 {
		return -1, nil
	}
	n, err := v.Number.Int64()
	if err != nil || n > int64(size) {
		return size, nil // too large a number is behind the last as well
	}
	return int(n) - 1, nil
}

// insertBefore is §14.1.7: items put in before the one at a position, or at the
// nearer end.
func (c *compiler) insertBefore(n *call) code {
	items, position, more := c.sequenceOf(n, 0), c.whole(n.args[1], n.name), c.sequenceOf(n, 2)
	if items == nil || position == nil || more == nil {
		return nil
	}
	a, b := items.typ(), more.typ()
	class, ok := common(a, b)
	if !ok {
		return c.fail(n.args[2], "the items are %s and these are %s; make them one type", a.Class, b.Class)
	}
	t := Type{Class: class, Min: min(a.Min+b.Min, countable), Max: plus(a.Max, b.Max)}
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		values, err := items.all(f, nil)
		if err != nil {
			return dst, err
		}
		at, err := placeOf(f, position, len(values))
		if err != nil {
			return dst, err
		}
		at = max(at, 0)
		start := len(dst)
		dst, err = more.all(f, append(dst, values[:at]...))
		dst = append(dst, values[at:]...)
		for i := start; i < len(dst); i++ {
			dst[i] = widened(dst[i], class)
		}
		return dst, held(dst, err)
	}}
}

// deepEqual is §14.2.3 for values: as many, and equal one by one. NaN equals
// itself. Nodes would have to be of one name too, so they are refused.
func (c *compiler) deepEqual(n *call) code {
	left, right := c.sequenceOf(n, 0), c.sequenceOf(n, 1)
	if left == nil || right == nil {
		return nil
	}
	for i, k := range []code{left, right} {
		if k.typ().Shape != nil {
			return c.later(n.args[i], "deep-equal of elements and attributes; compare their data()")
		}
	}
	return &scalar{t: single(Boolean), eval: func(f *Frame) (Value, bool, error) {
		a, err := left.all(f, nil)
		if err != nil {
			return Value{}, false, err
		}
		b, err := right.all(f, nil)
		if err != nil || len(a) != len(b) {
			return Bool(false), true, err
		}
		for i := range a {
			if order(f, a[i], b[i]) != equal && !(isNaN(a[i]) && isNaN(b[i])) {
				return Bool(false), true, nil
			}
		}
		return Bool(true), true, nil
	}}
}

func isNaN(v Value) bool { return v.Class == Double && v.Float != v.Float }
