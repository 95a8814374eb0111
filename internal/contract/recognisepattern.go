package contract

import (
	"fmt"
	"regexp"
	"strings"
)

// maxPlainPattern is the longest pattern that is translated.
const maxPlainPattern = 512

// plainPattern translates the alternatives of one derivation step from XSD's
// regular expressions (XSD 1.0 part 2 appendix F) into one of Go's, which takes
// nothing that they do not take. An alternative that Go cannot say is left out;
// nil means that none is left.
func plainPattern(alternatives []string) *regexp.Regexp {
	var out []string
	for _, a := range alternatives {
		t := &patternTranslator{rest: a}
		if len(a) > maxPlainPattern || !t.translate() {
			continue
		}
		if _, err := regexp.Compile(t.out.String()); err == nil {
			out = append(out, t.out.String())
		}
	}
	if len(out) == 0 {
		return nil
	}
	compiled, err := regexp.Compile("^(?:" + strings.Join(out, "|") + ")$")
	if err != nil {
		return nil
	}
	return compiled
}

// patternTranslator rewrites one pattern, character by character. What is not a
// literal, a group, a class of characters or one of the commonest escapes ends
// it.
type patternTranslator struct {
	rest string
	out  strings.Builder
	atom bool // a quantifier may follow
}

func (t *patternTranslator) translate() bool {
	for t.rest != "" {
		if !t.piece() {
			return false
		}
	}
	return true
}

func (t *patternTranslator) piece() bool {
	c := t.rest[0]
	switch c {
	case '(', '|':
		t.rest = t.rest[1:]
		t.atom = false
		t.out.WriteString(map[byte]string{'(': "(?:", '|': "|"}[c])
		return true
	case '?', '*', '+':
		t.rest = t.rest[1:]
		return t.quantifier(string(c))
	case '{':
		end := strings.IndexByte(t.rest, '}')
		if end < 0 || !countForm.MatchString(t.rest[:end+1]) {
			return false
		}
		count := t.rest[:end+1]
		t.rest = t.rest[end+1:]
		return t.quantifier(count)
	case '}', ']':
		return false
	}
	t.atom = true
	switch c {
	case ')':
		t.rest = t.rest[1:]
		t.out.WriteByte(')')
		return true
	case '.':
		t.rest = t.rest[1:]
		t.out.WriteString(`[^\n\r]`)
		return true
	case '[':
		return t.class()
	case '\\':
		inside, ok := t.escape(false)
		t.out.WriteString(inside)
		return ok
	}
	t.out.WriteString(t.literal())
	return true
}

var countForm = regexp.MustCompile(`^\{[0-9]{1,3}(,[0-9]{0,3})?\}$`)

func (t *patternTranslator) quantifier(q string) bool {
	ok := t.atom
	t.atom = false
	t.out.WriteString(q)
	return ok
}

// literal takes the next character for itself.
func (t *patternTranslator) literal() string {
	for i, r := range t.rest {
		if i > 0 {
			c := t.rest[:i]
			t.rest = t.rest[i:]
			return regexp.QuoteMeta(c)
		}
		_ = r
	}
	c := t.rest
	t.rest = ""
	return regexp.QuoteMeta(c)
}

// escape translates an escape, within a class or outside. \d are the ten digits
// here, and those of all scripts in XSD.
func (t *patternTranslator) escape(inClass bool) (string, bool) {
	if len(t.rest) < 2 {
		return "", false
	}
	c := t.rest[1]
	t.rest = t.rest[2:]
	of := map[byte]string{'d': `0-9`, 's': ` \t\n\r`, 'n': `\n`, 'r': `\r`, 't': `\t`}[c]
	switch {
	case of != "" && inClass:
		return of, true
	case of != "":
		return "[" + of + "]", true
	case c == 'S' && !inClass:
		return `[^ \t\n\r]`, true
	case strings.IndexByte(`\|.?*+(){}-[]^`, c) >= 0:
		return `\` + string(c), true
	}
	return "", false
}

// class translates a class of characters without subtraction.
func (t *patternTranslator) class() bool {
	t.rest = t.rest[1:]
	t.out.WriteByte('[')
	negated := strings.HasPrefix(t.rest, "^")
	if negated {
		t.rest = t.rest[1:]
		t.out.WriteByte('^')
	}
	for first := true; ; first = false {
		if t.rest == "" {
			return false
		}
		switch c := t.rest[0]; {
		case c == ']':
			t.rest = t.rest[1:]
			t.out.WriteByte(']')
			return !first
		case c == '[':
			return false
		case c == '\\':
			if negated && strings.HasPrefix(t.rest, `\d`) { // fewer digits there would be more here
				return false
			}
			inside, ok := t.escape(true)
			if !ok {
				return false
			}
			t.out.WriteString(inside)
		case c == '-' && !first && !strings.HasPrefix(t.rest, "-]"):
			if !t.rangeAllowed() {
				return false
			}
			t.out.WriteByte('-')
			t.rest = t.rest[1:]
		default:
			t.out.WriteString(t.classLiteral())
		}
	}
}

// rangeAllowed reports whether the hyphen that comes next stands between two
// letters, digits or blanks: nothing else is taken for a range.
func (t *patternTranslator) rangeAllowed() bool {
	before := t.out.String()
	return rangeEnd(before[len(before)-1]) && len(t.rest) > 1 && rangeEnd(t.rest[1]) &&
		(len(before) < 2 || before[len(before)-2] != '-' && before[len(before)-2] != '\\')
}

func rangeEnd(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// classLiteral takes the next character for itself, within a class.
func (t *patternTranslator) classLiteral() string {
	r := []rune(t.rest)[0]
	t.rest = t.rest[len(string(r)):]
	if r < 0x80 && rangeEnd(byte(r)) {
		return string(r)
	}
	return fmt.Sprintf(`\x{%X}`, r)
}
