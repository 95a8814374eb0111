package xpath

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The regular expressions of XPath (XPath and XQuery Functions 3.1 §5.6.1: those
// of XSD 1.0 part 2 appendix F, with anchors, reluctant quantifiers and groups),
// rewritten for Go's package regexp, whose time is linear in the text whatever
// the pattern. Back-references, which need another kind of machine, are refused.

// pattern is a compiled regular expression.
type pattern struct {
	*regexp.Regexp
	matchesEmpty bool
}

// newPattern compiles a regular expression with its flags (§5.6.2). It returns a
// complaint, or "".
func newPattern(src, flags string) (*pattern, string) {
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
	return &pattern{compiled, compiled.MatchString("")}, ""
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
		t.class().write(&t.out)
	case '\\':
		t.escape(&t.out)
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
func (t *translation) escape(out *strings.Builder) {
	if t.i+1 < len(t.src) && t.src[t.i+1] >= '1' && t.src[t.i+1] <= '9' {
		t.fail("back-references such as \\%c are not supported", t.src[t.i+1])
		return
	}
	if set := t.escaped(); t.complaint == "" {
		set.write(out)
	}
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

// union puts two sets together; its arguments are kept.
func (s runes) union(o runes) runes {
	all := slices.Concat(s, o)
	slices.SortFunc(all, func(a, b [2]rune) int { return int(a[0] - b[0]) })
	var out runes
	for _, r := range all {
		if n := len(out); n > 0 && r[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], r[1])
			continue
		}
		out = append(out, r)
	}
	return out
}

func (s runes) complement() runes {
	var out runes
	from := rune(0)
	for _, r := range s {
		if r[0] > from {
			out = append(out, [2]rune{from, r[0] - 1})
		}
		from = r[1] + 1
	}
	if from <= unicode.MaxRune {
		out = append(out, [2]rune{from, unicode.MaxRune})
	}
	return out
}

func (s runes) minus(o runes) runes {
	return s.complement().union(o).complement()
}

func tableOf(t *unicode.RangeTable) runes {
	var out runes
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			out = append(out, [2]rune{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			out = append(out, [2]rune{r, r})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return runes{}.union(out)
}

// class is [...], with subtraction (XSD 1.0 part 2 appendix F).
func (t *translation) class() runes {
	if t.i++; strings.Count(t.src[:t.i], "[") > maxGroups {
		t.fail("the regular expression has more than %d classes within each other", maxGroups)
	}
	negated := t.peek() == '^'
	if negated {
		t.i++
	}
	var set runes
	for first := true; t.complaint == ""; first = false {
		switch c := t.peek(); {
		case c == 0:
			t.fail("a class of the regular expression is not closed with ]")
		case c == ']' && first:
			t.fail("a class of the regular expression is empty")
		case c == ']':
			t.i++
			return negate(set, negated)
		case c == '-' && strings.HasPrefix(t.src[t.i:], "-["):
			t.i++
			set = negate(set, negated).minus(t.class())
			if t.peek() != ']' {
				t.fail("a subtraction ends its class; a ] is missing behind it")
			}
			t.i++
			return set
		default:
			set = set.union(t.member())
		}
	}
	return nil
}

func negate(s runes, negated bool) runes {
	if negated {
		return s.complement()
	}
	return s
}

// member is one character, range or escape of a class.
func (t *translation) member() runes {
	from := t.bound()
	if t.complaint != "" || len(from) != 1 || from[0][0] != from[0][1] {
		return from
	}
	rest := t.src[t.i:]
	if !strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "-]") || strings.HasPrefix(rest, "-[") {
		return from
	}
	t.i++
	to := t.bound()
	if t.complaint != "" {
		return nil
	}
	if len(to) != 1 || to[0][0] != to[0][1] || to[0][0] < from[0][0] {
		t.fail("a range of the regular expression ends before it begins")
		return nil
	}
	return runes{{from[0][0], to[0][0]}}
}

func (t *translation) bound() runes {
	switch c := t.peek(); c {
	case '\\':
		return t.escaped()
	case '[':
		t.fail("[ within a class of the regular expression; write \\[ for itself")
		return nil
	case 0:
		t.fail("a class of the regular expression is not closed with ]")
		return nil
	}
	r := t.next()
	return runes{{r, r}}
}

var singleEscapes = map[byte]rune{'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads a backslash and what it stands for.
func (t *translation) escaped() runes {
	if t.i+1 >= len(t.src) {
		t.fail("the regular expression ends with a backslash")
		return nil
	}
	c := t.src[t.i+1]
	t.i += 2
	if r, ok := singleEscapes[c]; ok {
		return runes{{r, r}}
	}
	if strings.IndexByte(`\|.?*+(){}-[]^$`, c) >= 0 {
		return runes{{rune(c), rune(c)}}
	}
	if c == 'p' || c == 'P' {
		return t.property(c == 'P')
	}
	set, known := classEscape(c | 0x20)
	if !known {
		t.fail("\\%c is no escape of a regular expression", c)
		return nil
	}
	return negate(set, c < 'a')
}

// classEscape is \s, \i, \c, \d or \w (XSD 1.0 part 2 appendix F.1.1).
func classEscape(c byte) (runes, bool) {
	switch c {
	case 's':
		return runes{{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}}, true
	case 'd':
		return tableOf(unicode.Nd), true
	case 'w':
		return tableOf(unicode.P).union(tableOf(unicode.Z)).union(others()).complement(), true
	case 'i':
		return nameStartChars, true
	case 'c':
		return nameStartChars.union(runes{{'-', '.'}, {'0', '9'}, {0xB7, 0xB7}, {0x300, 0x36F}, {0x203F, 0x2040}}), true
	}
	return nil, false
}

// others is the category C, unassigned code points included.
func others() runes {
	assigned := tableOf(unicode.L)
	for _, t := range []*unicode.RangeTable{unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z} {
		assigned = assigned.union(tableOf(t))
	}
	return assigned.complement()
}

// nameStartChars is NameStartChar of XML 1.0, fifth edition.
var nameStartChars = runes{
	{':', ':'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D},
	{0x37F, 0x1FFF}, {0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF},
	{0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
}

// property is \p{…}: a general category, or a block.
func (t *translation) property(negated bool) runes {
	end := strings.IndexByte(t.src[t.i:], '}')
	if t.i >= len(t.src) || t.src[t.i] != '{' || end < 0 {
		t.fail("\\p takes a category in braces, as in \\p{Lu}")
		return nil
	}
	name := t.src[t.i+1 : t.i+end]
	t.i += end + 1
	switch table, ok := unicode.Categories[name]; {
	case name == "C":
		return negate(others(), negated)
	case name == "Cn":
		return negate(others().minus(tableOf(unicode.C)), negated)
	case ok && len(name) <= 2 && name != "LC":
		return negate(tableOf(table), negated)
	}
	if block, ok := blocks[name]; ok {
		return negate(runes{block}, negated)
	}
	t.fail("there is no category or block %q of characters", name)
	return nil
}

// blocks are those that a pattern is likely to name (XSD 1.0 part 2 appendix
// F.1.1).
var blocks = map[string][2]rune{
	"IsBasicLatin": {0, 0x7F}, "IsLatin-1Supplement": {0x80, 0xFF}, "IsLatinExtended-A": {0x100, 0x17F},
	"IsLatinExtended-B": {0x180, 0x24F}, "IsIPAExtensions": {0x250, 0x2AF}, "IsSpacingModifierLetters": {0x2B0, 0x2FF},
	"IsCombiningDiacriticalMarks": {0x300, 0x36F}, "IsGreek": {0x370, 0x3FF}, "IsGreekandCoptic": {0x370, 0x3FF},
	"IsCyrillic": {0x400, 0x4FF}, "IsArmenian": {0x530, 0x58F}, "IsHebrew": {0x590, 0x5FF}, "IsArabic": {0x600, 0x6FF},
	"IsDevanagari": {0x900, 0x97F}, "IsThai": {0xE00, 0xE7F}, "IsGeorgian": {0x10A0, 0x10FF}, "IsHangulJamo": {0x1100, 0x11FF},
	"IsLatinExtendedAdditional": {0x1E00, 0x1EFF}, "IsGreekExtended": {0x1F00, 0x1FFF}, "IsGeneralPunctuation": {0x2000, 0x206F},
	"IsSuperscriptsandSubscripts": {0x2070, 0x209F}, "IsCurrencySymbols": {0x20A0, 0x20CF}, "IsLetterlikeSymbols": {0x2100, 0x214F},
	"IsNumberForms": {0x2150, 0x218F}, "IsArrows": {0x2190, 0x21FF}, "IsMathematicalOperators": {0x2200, 0x22FF},
	"IsBoxDrawing": {0x2500, 0x257F}, "IsGeometricShapes": {0x25A0, 0x25FF}, "IsMiscellaneousSymbols": {0x2600, 0x26FF},
	"IsCJKSymbolsandPunctuation": {0x3000, 0x303F}, "IsHiragana": {0x3040, 0x309F}, "IsKatakana": {0x30A0, 0x30FF},
	"IsCJKUnifiedIdeographs": {0x4E00, 0x9FFF}, "IsHangulSyllables": {0xAC00, 0xD7A3}, "IsPrivateUse": {0xE000, 0xF8FF},
	"IsCJKCompatibilityIdeographs": {0xF900, 0xFAFF}, "IsArabicPresentationForms-A": {0xFB50, 0xFDFF},
	"IsHalfwidthandFullwidthForms": {0xFF00, 0xFFEF}, "IsSpecials": {0xFFF0, 0xFFFD},
}
