package xpath

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// function is one entry of the library. most is -1 when it takes any number of
// arguments.
type function struct {
	least, most int
	compile     func(c *compiler, n *call) code
}

// library holds the functions by name; the sections are those of XPath and
// XQuery Functions and Operators 3.1.
func library(name string) (function, bool) {
	switch name {
	case "string":
		return function{0, 1, (*compiler).stringOf}, true // §2.3
	case "concat":
		return function{2, -1, (*compiler).concat}, true // §5.4.1
	case "string-join":
		return function{1, 2, (*compiler).stringJoin}, true // §5.4.2
	case "substring":
		return function{2, 3, (*compiler).substring}, true // §5.4.3
	case "string-length":
		return textual(0, 1, Integer, func(f *Frame, a []string) Value { return f.integer(int64(utf8.RuneCountInString(a[0]))) }), true // §5.4.4
	case "normalize-space":
		return textual(0, 1, String, func(_ *Frame, a []string) Value { return Text(collapse(a[0])) }), true // §5.4.5
	case "upper-case":
		return textual(1, 1, String, func(_ *Frame, a []string) Value { return Text(strings.ToUpper(a[0])) }), true // §5.4.7
	case "lower-case":
		return textual(1, 1, String, func(_ *Frame, a []string) Value { return Text(strings.ToLower(a[0])) }), true // §5.4.8
	case "translate":
		return textual(3, 3, String, func(_ *Frame, a []string) Value { return Text(translate(a[0], a[1], a[2])) }), true // §5.4.9
	case "contains":
		return textual(2, 2, Boolean, func(_ *Frame, a []string) Value { return Bool(strings.Contains(a[0], a[1])) }), true // §5.5.1
	case "starts-with":
		return textual(2, 2, Boolean, func(_ *Frame, a []string) Value { return Bool(strings.HasPrefix(a[0], a[1])) }), true // §5.5.2
	case "ends-with":
		return textual(2, 2, Boolean, func(_ *Frame, a []string) Value { return Bool(strings.HasSuffix(a[0], a[1])) }), true // §5.5.3
	case "substring-before":
		return textual(2, 2, String, func(_ *Frame, a []string) Value { return Text(before(a[0], a[1])) }), true // §5.5.4
	case "substring-after":
		return textual(2, 2, String, func(_ *Frame, a []string) Value { return Text(after(a[0], a[1])) }), true // §5.5.5
	case "contains-token":
		return textual(2, 2, Boolean, func(_ *Frame, a []string) Value { return Bool(hasToken(a[0], a[1])) }), true // §5.6.6
	case "encode-for-uri":
		return textual(1, 1, String, func(_ *Frame, a []string) Value { return Text(encoded(a[0])) }), true // §6.2
	case "matches":
		return function{2, 3, (*compiler).matches}, true // §5.6.3
	case "replace":
		return function{3, 4, (*compiler).replace}, true // §5.6.4
	case "tokenize":
		return function{1, 3, (*compiler).tokenize}, true // §5.6.5
	case "compare":
		return function{2, 2, (*compiler).comparison}, true // §5.3.6
	case "codepoints-to-string", "string-to-codepoints":
		return function{1, 1, (*compiler).codepoints}, true // §5.2
	}
	return moreLibrary(name)
}

func moreLibrary(name string) (function, bool) {
	switch name {
	case "true", "false":
		return function{0, 0, func(_ *compiler, n *call) code { return constant(Bool(n.name == "true")) }}, true // §7.1
	case "boolean", "not":
		return function{1, 1, (*compiler).boolean}, true // §7.3
	case "exists", "empty", "count":
		return function{1, 1, (*compiler).counting}, true // §14.1, §14.4.1
	case "sum", "avg", "min", "max":
		return function{1, 1, (*compiler).aggregate}, true // §14.4
	case "distinct-values":
		return function{1, 1, (*compiler).distinct}, true // §14.2.1
	case "abs", "ceiling", "floor":
		return function{1, 1, (*compiler).rounding}, true // §4.4
	case "round", "round-half-to-even":
		return function{1, 2, (*compiler).rounding}, true // §4.4.4, §4.4.5
	case "head", "tail", "reverse", "sort":
		return function{1, 1, (*compiler).sequenceFunction}, true // §14.1, §16.2.6
	case "subsequence":
		return function{2, 3, (*compiler).subsequence}, true // §14.1.10
	case "index-of":
		return function{2, 2, (*compiler).indexOf}, true // §14.2.2
	case "zero-or-one", "one-or-more", "exactly-one":
		return function{1, 1, (*compiler).cardinality}, true // §14.3
	case "unordered":
		return function{1, 1, (*compiler).data}, true // §14.1.11
	case "remove":
		return function{2, 2, (*compiler).remove}, true // §14.1.8
	case "insert-before":
		return function{3, 3, (*compiler).insertBefore}, true // §14.1.7
	case "deep-equal":
		return function{2, 2, (*compiler).deepEqual}, true // §14.2.3
	case "position", "last":
		return function{0, 0, (*compiler).place}, true // §15.1
	case "data":
		return function{1, 1, (*compiler).data}, true // §2.4
	case "name", "local-name", "namespace-uri", "nilled":
		return function{0, 1, (*compiler).nodeFunction}, true // §13, §2.2
	case "number":
		return function{0, 1, (*compiler).numberFunction}, true // §4.5.1
	case "current-dateTime", "current-date", "current-time":
		return function{0, 0, func(c *compiler, n *call) code {
			return c.fail(n, "a mapping has no clock, so that a replay gives the same; use $message/receivedAt")
		}}, true
	}
	return momentLibrary(name)
}

// momentLibrary holds what reads, makes and writes dates, times and numbers.
func momentLibrary(name string) (function, bool) {
	switch name {
	case "dateTime":
		return function{2, 2, (*compiler).dateTime}, true // §9.3
	case "adjust-dateTime-to-timezone", "adjust-date-to-timezone", "adjust-time-to-timezone":
		return function{2, 2, (*compiler).adjusted}, true // §9.6
	case "format-dateTime", "format-date", "format-time":
		return function{2, 2, (*compiler).formatMoment}, true // §9.8
	case "format-number":
		return function{2, 2, (*compiler).formatNumber}, true // §4.7
	}
	return extraction(name)
}

// functionNames serves suggestions.
var functionNames = []string{
	"string", "concat", "string-join", "substring", "string-length", "normalize-space", "upper-case", "lower-case",
	"translate", "contains", "starts-with", "ends-with", "substring-before", "substring-after", "contains-token",
	"encode-for-uri", "matches", "replace", "tokenize", "compare", "codepoints-to-string", "string-to-codepoints",
	"true", "false", "boolean", "not", "exists", "empty", "count", "sum", "avg", "min", "max", "distinct-values",
	"abs", "ceiling", "floor", "round", "round-half-to-even", "number", "format-number", "position", "last", "data",
	"head", "tail", "reverse", "sort", "unordered", "remove", "insert-before", "deep-equal", "subsequence", "index-of", "zero-or-one", "one-or-more", "exactly-one",
	"name", "local-name", "namespace-uri", "nilled", "dateTime", "adjust-dateTime-to-timezone",
	"adjust-date-to-timezone", "adjust-time-to-timezone", "format-dateTime", "format-date", "format-time",
	"year-from-dateTime", "month-from-dateTime", "day-from-dateTime", "hours-from-dateTime", "minutes-from-dateTime",
	"seconds-from-dateTime", "timezone-from-dateTime", "year-from-date", "month-from-date", "day-from-date",
	"timezone-from-date", "hours-from-time", "minutes-from-time", "seconds-from-time", "timezone-from-time",
	"years-from-duration", "months-from-duration", "days-from-duration", "hours-from-duration",
	"minutes-from-duration", "seconds-from-duration",
}

// unbuilt are functions of the standard that people look for.
var unbuilt = []string{
	"node-name", "error", "doc", "for-each", "filter", "fold-left", "fold-right", "apply", "root", "path",
	"lang", "id", "idref", "generate-id", "analyze-string", "serialize", "parse-xml", "parse-json", "json-to-xml",
	"unparsed-text", "collection", "environment-variable", "random-number-generator", "format-integer",
	"resolve-QName", "QName", "iri-to-uri", "escape-html-uri", "resolve-uri", "base-uri",
	"normalize-unicode", "collation-key", "default-collation", "static-base-uri", "implicit-timezone",
}

func (c *compiler) call(n *call) code {
	if n.prefix == "xs" {
		return c.constructor(n)
	}
	f, ok := library(n.name)
	switch {
	case n.prefix != "" && n.prefix != "fn" || !ok && !slices.Contains(unbuilt, n.name):
		return c.fail(n, "there is no function %s%s", display(n.prefix, n.name), meant(n.name))
	case !ok:
		return c.later(n, "the function "+n.name)
	case len(n.args) < f.least || f.most >= 0 && len(n.args) > f.most:
		return c.fail(n, "%s takes %s, not %d", n.name, arity(f), len(n.args))
	}
	return f.compile(c, n)
}

func arity(f function) string {
	words := [...]string{"no argument", "one argument", "two arguments", "three arguments"}
	switch {
	case f.most < 0:
		return "at least " + words[f.least]
	case f.least == f.most:
		return words[f.least]
	}
	return strings.Fields(words[f.least])[0] + " or " + words[f.most]
}

// constructor is xs:type(value) (§18.1).
func (c *compiler) constructor(n *call) code {
	to, ok := castTargets[n.name]
	if !ok {
		return c.fail(n, "there is no type xs:%s to cast to", n.name)
	}
	if len(n.args) != 1 {
		return c.fail(n, "xs:%s takes one argument, not %d", n.name, len(n.args))
	}
	k := c.operand(n.args[0], "xs:"+n.name)
	if k == nil {
		return nil
	}
	return c.casting(n, k, to)
}

// text compiles an argument of type xs:string?; absent is the empty string.
func (c *compiler) text(n *call, i int) code {
	if i >= len(n.args) {
		return c.stringOf(&call{at: n.at, name: "string"})
	}
	k := c.operand(n.args[i], n.name)
	if k == nil {
		return nil
	}
	if t := k.typ(); !t.never() && !t.Class.textual() {
		return c.fail(n.args[i], "%s takes xs:string, not %s; convert it with string()", n.name, t)
	}
	return k
}

// textual makes a function whose arguments are all strings.
func textual(least, most int, result Class, fn func(*Frame, []string) Value) function {
	return function{least, most, func(c *compiler, n *call) code {
		args := make([]code, max(len(n.args), 1))
		for i := range args {
			if args[i] = c.text(n, i); args[i] == nil {
				return nil
			}
		}
		return &scalar{t: single(result), eval: func(f *Frame) (Value, bool, error) {
			var texts [3]string
			for i, k := range args {
				v, _, err := k.one(f)
				if err != nil {
					return Value{}, false, err
				}
				texts[i] = v.Lexical()
			}
			return fn(f, texts[:]), true, f.written(len(texts[0]))
		}}
	}}
}

// stringOf is string(): of a node its string value, of a value its canonical form.
func (c *compiler) stringOf(n *call) code {
	var k code
	if len(n.args) == 0 {
		k = c.current(n)
	} else {
		k = c.compile(n.args[0])
	}
	if k == nil {
		return nil
	}
	if k.typ().Repeats() {
		return c.fail(n, "string takes one value, and this may be several; use string-join")
	}
	if w, ok := k.(*walk); ok {
		if w.elements() && c.lacks(w.t) != "" {
			c.uses(Use{Shape: w.t.Shape, Whole: true})
		}
		raw := *w
		raw.atom = atom{class: String, fallback: w.atom.fallback}
		raw.kinds = slices.Clone(w.kinds)
		for i := range raw.kinds {
			raw.kinds[i].atom = atom{class: String, fallback: w.kinds[i].atom.fallback}
		}
		k = &raw
	}
	ofNode := k.typ().Shape != nil
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		v, _, err := k.one(f)
		if ofNode && v.Text != "" { // as received: of an attribute that a variable stands for
			return Text(v.Text), true, err
		}
		return Text(v.Lexical()), true, err
	}}
}

func (c *compiler) concat(n *call) code {
	args := make([]code, len(n.args))
	for i, a := range n.args {
		if args[i] = c.operand(a, "concat"); args[i] == nil {
			return nil
		}
	}
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		var joined []byte
		for _, k := range args {
			v, _, err := k.one(f)
			if err != nil {
				return Value{}, false, err
			}
			joined = v.AppendLexical(joined)
		}
		return Text(string(joined)), true, f.written(len(joined))
	}}
}

// sequenceOf compiles an argument of any number of values.
func (c *compiler) sequenceOf(n *call, i int) code {
	return c.atomized(n.args[i], c.compile(n.args[i]))
}

func (c *compiler) stringJoin(n *call) code {
	items := c.sequenceOf(n, 0)
	separator := code(constant(Text("")))
	if len(n.args) == 2 {
		separator = c.text(n, 1)
	}
	if items == nil || separator == nil {
		return nil
	}
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		values, err := items.all(f, nil)
		if err != nil {
			return Value{}, false, err
		}
		between, _, err := separator.one(f)
		var joined []byte
		for i, v := range values {
			if i > 0 {
				joined = append(joined, between.Text...)
			}
			size := len(joined)
			joined = v.AppendLexical(joined)
			if err == nil {
				err = f.written(len(joined) - size + len(between.Text))
			}
			if err != nil {
				return Value{}, false, err
			}
		}
		return Text(string(joined)), true, err
	}}
}

func (c *compiler) substring(n *call) code {
	args := []code{c.text(n, 0), c.number(n.args[1], "substring"), code(constant(Value{Class: Double, Float: math.Inf(1)}))}
	if len(n.args) == 3 {
		args[2] = c.number(n.args[2], "substring")
	}
	if slices.Contains(args, nil) {
		return nil
	}
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		var v [3]Value
		for i, k := range args {
			var err error
			if v[i], _, err = k.one(f); err != nil {
				return Value{}, false, err
			}
		}
		return Text(part(v[0].Lexical(), asFloat(v[1]), asFloat(v[2]))), true, nil
	}}
}

// part keeps the characters whose position p has round(start) <= p <
// round(start) + round(length), half rounded up.
func part(s string, start, length float64) string {
	start = math.Floor(start + 0.5)
	end := start + math.Floor(length+0.5)
	position, from, to := 0.0, -1, len(s)
	for i := range s {
		position++
		if from < 0 && position >= start && position < end {
			from = i
		}
		if position >= end {
			to = i
			break
		}
	}
	if from < 0 || from >= to {
		return ""
	}
	return s[from:to]
}

func translate(s, from, to string) string {
	source, target := []rune(from), []rune(to)
	return strings.Map(func(r rune) rune {
		i := slices.Index(source, r)
		switch {
		case i < 0:
			return r
		case i >= len(target):
			return -1
		}
		return target[i]
	}, s)
}

func before(s, sep string) string {
	if head, _, ok := strings.Cut(s, sep); ok {
		return head
	}
	return ""
}

func after(s, sep string) string {
	_, tail, _ := strings.Cut(s, sep)
	return tail
}

func (c *compiler) boolean(n *call) code {
	test := c.test(n.args[0])
	if test == nil {
		return nil
	}
	negate := n.name == "not"
	return &scalar{t: single(Boolean), eval: func(f *Frame) (Value, bool, error) {
		ok, err := test(f)
		return Bool(ok != negate), true, err
	}}
}

// counting is exists, empty and count: they look at items, not at values.
func (c *compiler) counting(n *call) code {
	k := c.compile(n.args[0])
	if k == nil {
		return nil
	}
	if n.name == "count" {
		return &scalar{t: single(Integer), eval: func(f *Frame) (Value, bool, error) {
			items, err := k.count(f)
			return f.integer(int64(items)), true, err
		}}
	}
	wanted := n.name == "exists"
	return &scalar{t: single(Boolean), eval: func(f *Frame) (Value, bool, error) {
		items, err := k.count(f)
		return Bool(items > 0 == wanted), true, err
	}}
}

func (c *compiler) place(n *call) code {
	if c.inside == 0 {
		return c.fail(n, "%s() has a meaning within [ ] and behind ! only", n.name)
	}
	c.counted()
	last := n.name == "last"
	return &scalar{t: single(Integer), eval: func(f *Frame) (Value, bool, error) {
		if last {
			return f.integer(int64(f.last)), true, nil
		}
		return f.integer(int64(f.position)), true, nil
	}}
}
