package xpath

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/document"
)

// nodeFunction compiles name, local-name, namespace-uri and nilled (XPath and
// XQuery Functions 3.1 §13.1 to §13.3, §2.2): of an element, by default the
// context item.
func (c *compiler) nodeFunction(n *call) code {
	var k code
	if len(n.args) == 0 {
		k = c.current(n)
	} else {
		k = c.compile(n.args[0])
	}
	if k == nil {
		return nil
	}
	w, ok := k.(*walk)
	if !ok || w.leaf() || w.t.Repeats() {
		return c.fail(n, "%s takes one element, and this is not surely one", n.name)
	}
	if n.name == "nilled" {
		return &scalar{t: Type{Class: Boolean, Min: min(w.t.Min, 1), Max: 1}, eval: func(f *Frame) (Value, bool, error) {
			node, err := w.first(f)
			return Bool(node.Nil()), node.Exists(), err
		}}
	}
	name := map[string]func(document.Node) string{
		"name":          document.Node.QName,
		"local-name":    func(n document.Node) string { return n.Name().Local },
		"namespace-uri": func(n document.Node) string { return n.Name().Space },
	}[n.name]
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		node, err := w.first(f)
		return Text(name(node)), true, err
	}}
}

// data is §2.4: the typed values.
func (c *compiler) data(n *call) code {
	k := c.sequenceOf(n, 0)
	if k == nil {
		return nil
	}
	t := k.typ()
	t.Shape = nil
	return rearranged(t, k, func(values []Value) []Value { return values })
}

// numberFunction is number() (§4.5.1): NaN for what is none.
func (c *compiler) numberFunction(n *call) code {
	var item node = &current{n.at}
	if len(n.args) > 0 {
		item = n.args[0]
	}
	k := c.operand(item, n.name)
	if k == nil {
		return nil
	}
	nan, _ := read(&Frame{}, "NaN", Double)
	from := k.typ().Class
	return &scalar{t: single(Double), eval: func(f *Frame) (Value, bool, error) {
		v, p, err := k.one(f)
		if err != nil || p != Present || !castable(from, Double) {
			return nan, true, err
		}
		r, complaint := cast(f, v, Double)
		if complaint != "" {
			return nan, true, nil
		}
		return r, true, nil
	}}
}

// comparison is compare (§5.3.6): -1, 0 or 1 by code points.
func (c *compiler) comparison(n *call) code {
	left, right := c.text(n, 0), c.text(n, 1)
	if left == nil || right == nil {
		return nil
	}
	t := single(Integer).mayBeAbsent(left.typ(), right.typ())
	return &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
		a, b, ok, err := both(f, left, right)
		return f.integer(int64(strings.Compare(a.Lexical(), b.Lexical()))), ok, err
	}}
}

// codepoints is codepoints-to-string and string-to-codepoints (§5.2).
func (c *compiler) codepoints(n *call) code {
	if n.name == "string-to-codepoints" {
		k := c.text(n, 0)
		if k == nil {
			return nil
		}
		return &many{Type{Class: Integer, Max: Unbounded}, func(f *Frame, dst []Value) ([]Value, error) {
			v, _, err := k.one(f)
			if err == nil {
				err = f.spend(len(v.Text))
			}
			if err != nil {
				return dst, err
			}
			for _, r := range v.Lexical() {
				dst = append(dst, f.integer(int64(r)))
			}
			return dst, held(dst, nil)
		}}
	}
	k := c.sequenceOf(n, 0)
	if k == nil {
		return nil
	}
	if t := k.typ(); !t.never() && t.Class != Integer {
		return c.fail(n.args[0], "%s takes whole numbers, not %s", n.name, t)
	}
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		values, err := k.all(f, nil)
		var out []byte
		for _, v := range values {
			p, overflow := v.Number.Int64()
			if overflow != nil || !isXMLChar(p) {
				return Value{}, false, &Error{"this is no character of XML", v.Lexical()}
			}
			out = utf8.AppendRune(out, rune(p))
		}
		return Text(string(out)), true, err
	}}
}

// isXMLChar is Char of XML 1.0 §2.2.
func isXMLChar(p int64) bool {
	return p == 9 || p == 10 || p == 13 || p >= 0x20 && p <= 0xD7FF || p >= 0xE000 && p <= 0xFFFD || p >= 0x10000 && p <= 0x10FFFF
}

// encoded is encode-for-uri (§6.2).
func encoded(s string) string {
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			out.WriteByte(c)
			continue
		}
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}

// hasToken is contains-token (§5.6.6) for one string.
func hasToken(s, token string) bool {
	token = trim(token)
	return token != "" && slices.Contains(strings.FieldsFunc(s, isSpace), token)
}
