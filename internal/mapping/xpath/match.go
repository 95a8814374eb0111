package xpath

import (
	"strconv"
	"strings"
)

// regular is the regular expression of a call: compiled with the mapping where
// it is a literal, which it nearly always is.
type regular func(*Frame) (*regularExpression, error)

// regular compiles argument i as a pattern, and flags as the argument behind all
// others. allowsEmpty: whether it may match the empty string (§5.6.3 to §5.6.5).
func (c *compiler) regular(n *call, i, flags int, allowsEmpty bool) regular {
	src, options := c.text(n, i), code(constant(Text("")))
	if flags < len(n.args) {
		options = c.text(n, flags)
	}
	if src == nil || options == nil {
		return nil
	}
	build := func(f *Frame) (*regularExpression, string, error) {
		s, _, err := src.one(f)
		if err != nil {
			return nil, "", err
		}
		o, _, err := options.one(f)
		if err != nil {
			return nil, "", err
		}
		p, complaint := newRegularExpression(s.Lexical(), o.Lexical())
		if complaint == "" && p.matchesEmpty && !allowsEmpty {
			complaint = "the regular expression matches the empty string"
		}
		return p, complaint, nil
	}
	if !isLiteral(n.args[i]) || flags < len(n.args) && !isLiteral(n.args[flags]) {
		return func(f *Frame) (*regularExpression, error) {
			p, complaint, err := build(f)
			if err == nil && complaint != "" {
				err = &Error{Message: complaint}
			}
			return p, err
		}
	}
	p, complaint, err := build(&Frame{})
	if err != nil || complaint != "" {
		c.fail(n.args[i], "%s", complaint)
		return nil
	}
	return func(*Frame) (*regularExpression, error) { return p, nil }
}

func isLiteral(n node) bool {
	l, ok := n.(*literal)
	return ok && l.kind == stringToken
}

// matches is §5.6.3: whether any part of the text matches.
func (c *compiler) matches(n *call) code {
	text, re := c.text(n, 0), c.regular(n, 1, 2, true)
	if text == nil || re == nil {
		return nil
	}
	return &scalar{t: single(Boolean), eval: func(f *Frame) (Value, bool, error) {
		v, p, err := applied(f, text, re)
		if err != nil {
			return Value{}, false, err
		}
		return Bool(p.MatchString(v)), true, nil
	}}
}

func applied(f *Frame, text code, re regular) (string, *regularExpression, error) {
	v, _, err := text.one(f)
	if err != nil {
		return "", nil, err
	}
	p, err := re(f)
	if err == nil {
		err = f.spend(len(v.Text) / 8) // a turn is about as long
	}
	return v.Lexical(), p, err
}

// replace is §5.6.4: every part that matches, by a text in which $1 is the first
// group.
func (c *compiler) replace(n *call) code {
	text, re, by := c.text(n, 0), c.regular(n, 1, 3, false), c.text(n, 2)
	if text == nil || re == nil || by == nil {
		return nil
	}
	if l, ok := n.args[2].(*literal); ok && len(n.args) < 4 {
		if _, complaint := replacement(l.text, 9); complaint != "" {
			return c.fail(n.args[2], "%s", complaint)
		}
	}
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		v, p, err := applied(f, text, re)
		if err != nil {
			return Value{}, false, err
		}
		to, _, err := by.one(f)
		if err != nil {
			return Value{}, false, err
		}
		if err := f.written((len(v) + 1) * (len(to.Lexical()) + 1)); err != nil {
			return Value{}, false, err
		}
		if p.literal {
			return Text(p.ReplaceAllLiteralString(v, to.Lexical())), true, nil
		}
		template, complaint := replacement(to.Lexical(), p.NumSubexp())
		if complaint != "" {
			return Value{}, false, &Error{complaint, to.Lexical()}
		}
		return Text(p.ReplaceAllString(v, template)), true, nil
	}}
}

// replacement turns the text that replaces into one of package regexp. $n of a
// group that is not there is empty; \$ and \\ are themselves (§5.6.4).
func replacement(s string, groups int) (template, complaint string) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			if i+1 >= len(s) || s[i+1] != '\\' && s[i+1] != '$' {
				return "", `a backslash in a replacement stands before $ or another one`
			}
			i++
			out.WriteString(strings.Replace(s[i:i+1], "$", "$$", 1))
		case s[i] == '$':
			digits := run(s[i+1:])
			if digits == 0 {
				return "", `$ in a replacement stands before the number of a group; write \$ for itself`
			}
			n, taken := group(s[i+1:i+1+digits], groups)
			out.WriteString("${" + strconv.Itoa(n) + "}")
			i += taken
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String(), ""
}

// group reads as many digits as make the number of a group there is.
func group(digits string, groups int) (n, taken int) {
	n, taken = int(digits[0]-'0'), 1
	for taken < len(digits) {
		longer := n*10 + int(digits[taken]-'0')
		if longer > groups {
			break
		}
		n, taken = longer, taken+1
	}
	return n, taken
}

// tokenize is §5.6.5: what stands between the matches; with one argument the
// words.
func (c *compiler) tokenize(n *call) code {
	text := c.text(n, 0)
	var re regular
	if len(n.args) > 1 {
		if re = c.regular(n, 1, 2, false); re == nil {
			return nil
		}
	}
	if text == nil {
		return nil
	}
	return &many{Type{Class: String, Max: Unbounded}, func(f *Frame, dst []Value) ([]Value, error) {
		if re == nil {
			v, _, err := text.one(f)
			for _, word := range strings.FieldsFunc(v.Lexical(), isSpace) {
				dst = append(dst, Text(word))
			}
			return dst, held(dst, err)
		}
		v, p, err := applied(f, text, re)
		if err != nil || v == "" {
			return dst, err
		}
		tokens := p.Split(v, maxItems+1)
		if err := f.spend(len(tokens)); err != nil {
			return dst, err
		}
		for _, token := range tokens {
			dst = append(dst, Text(token))
		}
		return dst, held(dst, nil)
	}}
}
