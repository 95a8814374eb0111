package sample

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/pattern"
)

// valuer makes values of simple types for one message.
type valuer struct {
	rand      *rand.Rand // nil: plausible values, the same each time
	odd       bool       // by chance also values that few send
	turn      int
	prefixes  *prefixes
	name      contract.Name // of the message's root: what a QName names
	needs     []string      // namespaces that the last value names
	languages map[*contract.Simple]*pattern.Language
	ids       map[string]bool
	idList    []string
	refers    bool // an xs:IDREF was made
}

// hint is what is known of a value beside its type.
type hint struct {
	name, doc        string
	fixed, byDefault *string
	index            int // how many values the declaration was given before
	lean             bool
}

// openReference stands for an xs:IDREF until all xs:ID are known.
const openReference = "\x00"

// maxTries bounds the candidates looked at for one value.
const maxTries = 400

// errNoValue says that no value was found within the bounds of the search.
var errNoValue = errors.New("no value was found that its type takes")

// value returns a value of the type. Its white space is as it is to be written.
func (v *valuer) value(s *contract.Simple, h hint) (string, error) {
	if h.fixed != nil {
		return v.named(s, *h.fixed), nil
	}
	if refers(s) {
		v.refers = true
		return v.references(s), nil
	}
	if s.Builtin == "ID" {
		return v.id(s, h)
	}
	tries := 0
	for c := range v.candidates(s, h) {
		if s.Check(c) == "" {
			return v.named(s, c), nil
		}
		if tries++; tries >= maxTries {
			break
		}
	}
	return "", fmt.Errorf("%w: %s", errNoValue, s.Describe())
}

func (v *valuer) takeNeeds() []string {
	out := v.needs
	v.needs = nil
	return out
}

// candidates yields values that may be of the type, the best first.
func (v *valuer) candidates(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(s.Enumeration) > 0 {
			chain(v.suggested(s, h), v.enumerated(s, h))(yield)
			return
		}
		if v.rand != nil && v.rand.IntN(4) > 0 { // by chance first, what is plausible if that fails
			for range 40 {
				if !yield(v.anyOf(s, h)) {
					return
				}
			}
		}
		chain(v.suggested(s, h), v.systematic(s, h), v.solved(s, h))(yield)
	}
}

// enumerated yields the values listed, another first each time.
func (v *valuer) enumerated(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		from := h.index
		if v.rand != nil {
			from = v.rand.IntN(len(s.Enumeration))
		}
		for i := range s.Enumeration {
			if !yield(s.Enumeration[(from+i)%len(s.Enumeration)]) {
				return
			}
		}
	}
}

// suggested yields what the contract itself offers: the default and the examples
// in its documentation.
func (v *valuer) suggested(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		if v.rand != nil && len(s.Enumeration) > 0 || h.index > 0 && s.Variety == contract.Atomic && s.Primitive != "boolean" {
			return // once: another value each time
		}
		if h.byDefault != nil && !yield(*h.byDefault) {
			return
		}
		for _, c := range append(examples(h.doc), examples(s.Doc)...) {
			if !yield(c) {
				return
			}
		}
	}
}

// examples takes what a documentation gives as one: in quotes, or a word that is
// no plain one.
func examples(doc string) []string {
	var out []string
	lower := strings.ToLower(doc)
	if len(lower) != len(doc) {
		return nil
	}
	for _, word := range []string{"e.g.", "for example", "such as", "example:"} {
		i := strings.Index(lower, word)
		if i < 0 {
			continue
		}
		rest := strings.TrimLeft(doc[i+len(word):], " :,")
		if len(rest) > 1 && strings.ContainsRune(`"'`, rune(rest[0])) {
			if quoted, _, closed := strings.Cut(rest[1:], rest[:1]); closed {
				out = append(out, quoted)
			}
			continue
		}
		words := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" ,;()", r) })
		if len(words) > 0 && strings.ContainsFunc(words[0], func(r rune) bool { return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' }) {
			out = append(out, strings.TrimRight(words[0], "."))
		}
	}
	return out
}

// systematic yields the plain values of each kind of type.
func (v *valuer) systematic(s *contract.Simple, h hint) iter.Seq[string] {
	switch s.Variety {
	case contract.List:
		return v.lists(s, h)
	case contract.Union:
		return v.unions(s, h)
	}
	switch s.Primitive {
	case "decimal":
		return decimals(s, h)
	case "float", "double":
		return floats(s, h)
	case "boolean":
		return slices.Values([]string{[]string{"true", "false"}[h.index%2], "true", "false", "1", "0"})
	case "dateTime", "date", "time", "gYear", "gYearMonth", "gMonth", "gDay", "gMonthDay":
		return moments(s, h)
	case "duration":
		return durations(s, h)
	case "hexBinary", "base64Binary":
		return binaries(s, h)
	case "QName", "NOTATION":
		return slices.Values([]string{v.name.Local})
	}
	return texts(s, h)
}

// anyOf makes a value by chance, which the type may take.
func (v *valuer) anyOf(s *contract.Simple, h hint) string {
	switch s.Variety {
	case contract.List:
		return v.list(s, h, true)
	case contract.Union:
		if len(s.Members) == 0 {
			return "value"
		}
		c, _ := v.member(s.Members[v.rand.IntN(len(s.Members))], h)
		return c
	}
	if len(s.Patterns) > 0 {
		return v.anyMatch(s)
	}
	switch s.Primitive {
	case "decimal":
		return v.anyDecimal(s)
	case "float", "double":
		return v.anyFloat(s)
	case "boolean":
		return []string{"true", "false", "1", "0"}[v.rand.IntN(4)]
	case "dateTime", "date", "time", "gYear", "gYearMonth", "gMonth", "gDay", "gMonthDay":
		return v.anyMoment(s)
	case "duration":
		return v.anyDuration()
	case "hexBinary", "base64Binary":
		return v.anyBinary(s)
	case "QName", "NOTATION":
		return v.name.Local
	}
	return v.anyText(s)
}

// lists yields lists of one item and more.
func (v *valuer) lists(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		for range 8 {
			if !yield(v.list(s, h, false)) {
				return
			}
			h.index++
		}
	}
}

// list makes a list of as many items as the type demands, of two where it is
// free, by chance of any number.
func (v *valuer) list(s *contract.Simple, h hint, free bool) string {
	least, most := lengths(s)
	n := max(least, min(most, 2))
	switch {
	case free:
		n = least + v.rand.IntN(min(most-least, 6)+1)
	case h.lean:
		n = least
	}
	var items []string
	for i := range min(n, maxMade) {
		item, ok := v.member(s.Item, hint{name: h.name, doc: h.doc, index: h.index + i, lean: h.lean})
		if !ok {
			return ""
		}
		items = append(items, strings.Join(strings.Fields(item), "_"))
	}
	return strings.Join(items, " ")
}

// member makes a value of an item or member type.
func (v *valuer) member(s *contract.Simple, h hint) (string, bool) {
	c, err := v.value(s, hint{name: h.name, doc: h.doc, index: h.index, lean: h.lean})
	return c, err == nil
}

// unions yields a value of each member type.
func (v *valuer) unions(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, m := range s.Members {
			if c, ok := v.member(m, h); ok && !yield(c) {
				return
			}
		}
		if len(s.Members) == 0 {
			yield("value")
		}
	}
}

// references stands for as many xs:IDREF as the type has.
func (v *valuer) references(s *contract.Simple) string {
	n := 1
	if s.Variety == contract.List {
		n, _ = lengths(s)
		n = max(n, 1)
	}
	return strings.TrimSuffix(strings.Repeat(openReference+" ", min(n, maxMade)), " ")
}

// id makes an xs:ID that the message does not have yet.
func (v *valuer) id(s *contract.Simple, h hint) (string, error) {
	base := strings.ToLower(h.name)
	tries := 0
	for c := range chain(numbered(base+"-", len(v.idList)+1), numbered("i", len(v.idList)+1), v.solved(s, h)) {
		if tries++; tries > maxTries {
			break
		}
		if s.Check(c) == "" && !v.ids[c] {
			v.ids[c] = true
			v.idList = append(v.idList, c)
			return c, nil
		}
	}
	return "", fmt.Errorf("%w, and that is another xs:ID than those before: %s", errNoValue, s.Describe())
}

// numbered yields a few strings that end in numbers.
func numbered(base string, from int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range 20 {
			if !yield(fmt.Sprint(base, from+i)) {
				return
			}
		}
	}
}

func chain(seqs ...iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, seq := range seqs {
			for c := range seq {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// named gives a QName the prefix of its namespace. Values that the contract
// itself gives are read as names of the type's own namespace: the prefixes of
// its files mean nothing in a message.
func (v *valuer) named(s *contract.Simple, c string) string {
	if s.Primitive != "QName" && s.Primitive != "NOTATION" {
		return c
	}
	_, local, prefixed := strings.Cut(strings.TrimSpace(c), ":")
	space := s.Name.Space
	switch {
	case !prefixed && local == "" && c == v.name.Local:
		local, space = c, v.name.Space
	case !prefixed:
		local = strings.TrimSpace(c)
	}
	if space == "" || space == nsXSD && s.Primitive == "QName" && c != v.name.Local {
		space = v.name.Space
	}
	if space == "" {
		return local
	}
	v.needs = append(v.needs, space)
	return v.prefixes.prefix(space) + ":" + local
}
