package xpath

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/pattern"
)

// The regular expressions of XPath (XPath and XQuery Functions 3.1 §5.6.1: those
// of XSD 1.0 part 2 appendix F, with anchors, reluctant quantifiers and groups),
// rewritten for Go's package regexp, whose time is linear in the text whatever
// the pattern. Back-references, which need another kind of machine, are refused.

// regularExpression is a compiled regular expression.
type regularExpression struct {
	*regexp.Regexp
	matchesEmpty bool
	literal      bool // flag q: pattern and replacement are plain text
}

// newRegularExpression compiles a regular expression with its flags (§5.6.2). It returns a
// complaint, or "".
func newRegularExpression(src, flags string) (*regularExpression, string) {
	for _, f := range flags {
		if !strings.ContainsRune("smixq", f) {
			return nil, fmt.Sprintf("%q is no flag of a regular expression; there are s, m, i, x and q", f)
		}
	}
	has := func(flag string) bool { return strings.Contains(flags, flag) }
	t := translation{src: src, dotAll: has("s"), spaced: has("x")}
	switch {
	case len(src) > maxPattern:
		return nil, fmt.Sprintf("the regular expression is longer than %d bytes", maxPattern)
	case has("q"):
		t.out.WriteString(regexp.QuoteMeta(src))
	default:
		t.alternatives(0)
		if t.complaint == "" && t.i < len(t.src) {
			t.fail("found %q where the regular expression should end", t.src[t.i:t.i+1])
		}
	}
	if t.complaint != "" {
		return nil, t.complaint
	}
	goFlags := ""
	if has("m") && !has("q") {
		goFlags += "m"
	}
	if has("i") {
		goFlags += "i"
	}
	out := t.out.String()
	if goFlags != "" {
		out = "(?" + goFlags + ")" + out
	}
	compiled, err := regexp.Compile(out)
	if err != nil {
		return nil, "the regular expression is too large, or repeats something more than 1,000 times"
	}
	return &regularExpression{compiled, compiled.MatchString(""), has("q")}, ""
}

// maxPattern bounds a regular expression, maxGroups its nesting.
const (
	maxPattern = 4096
	maxGroups  = 64
)

// translation is one rewriting. After a complaint every function returns at once.
type translation struct {
	src       string
	i         int
	out       strings.Builder
	dotAll    bool // flag s
	spaced    bool // flag x
	complaint string
}

func (t *translation) fail(format string, args ...any) {
	if t.complaint == "" {
		t.complaint = fmt.Sprintf(format, args...)
		t.i = len(t.src)
	}
}

// peek is the next character, or 0 at the end. White space is passed over where
// the flag x says so.
func (t *translation) peek() byte {
	for t.spaced && t.i < len(t.src) && strings.IndexByte(" \t\r\n", t.src[t.i]) >= 0 {
		t.i++
	}
	if t.i >= len(t.src) {
		return 0
	}
	return t.src[t.i]
}

func (t *translation) next() rune {
	r, size := utf8.DecodeRuneInString(t.src[t.i:])
	t.i += size
	return r
}

func (t *translation) alternatives(depth int) {
	if depth > maxGroups {
		t.fail("the regular expression is nested more than %d deep", maxGroups)
	}
	for t.complaint == "" {
		t.branch(depth)
		if t.peek() != '|' {
			return
		}
		t.i++
		t.out.WriteByte('|')
	}
}

func (t *translation) branch(depth int) {
	for t.complaint == "" {
		switch c := t.peek(); c {
		case 0, '|', ')':
			return
		case '^', '$':
			t.i++
			t.out.WriteByte(c)
			continue
		case '(':
			t.group(depth)
		default:
			t.single()
		}
		t.quantifier()
	}
}

func (t *translation) group(depth int) {
	t.i++
	if strings.HasPrefix(t.src[t.i:], "?:") {
		t.i += 2
		t.out.WriteString("(?:")
	} else {
		t.out.WriteByte('(')
	}
	t.alternatives(depth + 1)
	if t.peek() != ')' {
		t.fail("a parenthesis of the regular expression is not closed")
		return
	}
	t.i++
	t.out.WriteByte(')')
}

// single is one character, class or escape.
func (t *translation) single() {
	switch c := t.peek(); c {
	case '.':
		t.i++
		if t.dotAll {
			t.out.WriteString(`(?s:.)`)
		} else {
			t.out.WriteString(`[^\n\r]`)
		}
	case '[':
		t.class()
	case '\\':
		t.escape()
	case '?', '*', '+', '{', '}', ']':
		t.fail("%q stands in the regular expression where a character should be; write \\%c for itself", string(c), c)
	default:
		t.out.WriteString(regexp.QuoteMeta(string(t.next())))
	}
}

// quantifier copies ?, *, + and {n,m}, each perhaps reluctant.
func (t *translation) quantifier() {
	switch c := t.peek(); c {
	case '?', '*', '+':
		t.i++
		t.out.WriteByte(c)
	case '{':
		end := strings.IndexByte(t.src[t.i:], '}')
		if end < 0 || !isQuantity(t.src[t.i+1:t.i+end]) {
			t.fail("{ begins a quantity such as {2} or {1,5} in a regular expression; write \\{ for itself")
			return
		}
		t.out.WriteString(t.src[t.i : t.i+end+1])
		t.i += end + 1
	default:
		return
	}
	if t.peek() == '?' {
		t.i++
		t.out.WriteByte('?')
	}
}

func isQuantity(s string) bool {
	least, most, ranged := strings.Cut(s, ",")
	n, err := strconv.Atoi(least)
	if err != nil || run(least) != len(least) {
		return false
	}
	if !ranged || most == "" {
		return true
	}
	m, err := strconv.Atoi(most)
	return err == nil && run(most) == len(most) && m >= n
}

// escape is a backslash outside of a class.
func (t *translation) escape() {
	if t.i+1 < len(t.src) && t.src[t.i+1] >= '1' && t.src[t.i+1] <= '9' {
		t.fail("back-references such as \\%c are not supported", t.src[t.i+1])
		return
	}
	t.class()
}

// class is [...] or an escape: its characters, written out.
func (t *translation) class() {
	chars, size, err := pattern.Class(t.src[t.i:])
	if f, ok := errors.AsType[*pattern.Fault](err); ok {
		t.fail("the regular expression is wrong at character %d: %s", utf8.RuneCountInString(t.src[:t.i])+f.At, f.Message)
		return
	}
	t.i += size
	runes(chars).write(&t.out)
}

// runes is a set of characters: sorted, disjoint, inclusive ranges.
type runes [][2]rune

// write appends the set as a class of package regexp.
func (s runes) write(out *strings.Builder) {
	if len(s) == 1 && s[0][0] == s[0][1] {
		out.WriteString(regexp.QuoteMeta(string(s[0][0])))
		return
	}
	if len(s) == 0 {
		out.WriteString(`[^\x{0}-\x{10FFFF}]`)
		return
	}
	out.WriteByte('[')
	for _, r := range s {
		fmt.Fprintf(out, `\x{%X}-\x{%X}`, r[0], r[1])
	}
	out.WriteByte(']')
}
