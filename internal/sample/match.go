package sample

import (
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/pattern"
)

// forms are lexical spaces, or plain parts of them, as expressions: what a value
// must look like beside its own patterns (XSD 1.0 part 2 §3.2, §3.3).
var forms = map[string]string{
	"decimal":    `[+\-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)`,
	"integer":    `[+\-]?[0-9]+`,
	"float":      `[+\-]?[0-9]+(\.[0-9]+)?([eE][+\-]?[0-9]{1,2})?|-?INF|NaN`,
	"double":     `[+\-]?[0-9]+(\.[0-9]+)?([eE][+\-]?[0-9]{1,2})?|-?INF|NaN`,
	"boolean":    `true|false|1|0`,
	"duration":   `-?P([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?`,
	"dateTime":   day + `T` + clock + zone,
	"date":       day + zone,
	"time":       clock + zone,
	"gYearMonth": `[12][0-9]{3}-` + month + zone,
	"gYear":      `[12][0-9]{3}` + zone,
	"gMonthDay":  `--` + month + `-(0[1-9]|1[0-9]|2[0-8])` + zone,
	"gDay":       `---(0[1-9]|1[0-9]|2[0-8])` + zone,
	"gMonth":     `--` + month + zone,
	"hexBinary":  `([0-9A-Fa-f]{2})*`,
	"anyURI":     `[A-Za-z0-9/._~\-]*([?#:@&=+,;!'()*$A-Za-z0-9/._~\-])*`,
	"QName":      `[\i-[:]][\c-[:]]*`,
	"NOTATION":   `[\i-[:]][\c-[:]]*`,
	"language":   `[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`,
	"NMTOKEN":    `\c+`,
	"Name":       `\i\c*`,
	"NCName":     `[\i-[:]][\c-[:]]*`,
	"ID":         `[\i-[:]][\c-[:]]*`,
	"IDREF":      `[\i-[:]][\c-[:]]*`,
	"collapse":   `([^ \t\n\r]+( [^ \t\n\r]+)*)?`,
	"replace":    `[^\t\n\r]*`,
}

const (
	month = `(0[1-9]|1[0-2])`
	day   = `[12][0-9]{3}-` + month + `-(0[1-9]|1[0-9]|2[0-8])`
	clock = `([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?`
	zone  = `(Z|[+\-](0[0-9]|1[0-3]):[0-5][0-9])?`
)

// maxMade bounds the length of what is made where the type sets no bound below.
const maxMade = 20_000

// terms are all expressions that a value of the type must match, patterns aside.
func terms(s *contract.Simple) []*pattern.Expr {
	var out []*pattern.Expr
	add := func(name string) bool {
		text, ok := forms[name]
		if ok {
			out = append(out, pattern.MustParse(text))
		}
		return ok
	}
	if s.Variety != contract.Atomic || !add(s.Builtin) {
		if s.Primitive == "decimal" && s.Builtin != "decimal" {
			add("integer")
		} else if s.Primitive != "" {
			add(s.Primitive)
		}
	}
	add(s.WhiteSpace)
	if s.Variety == contract.Atomic && countsCharacters(s) && (s.Length != nil || s.MinLength != nil || s.MaxLength != nil) {
		least, most := lengths(s)
		out = append(out, pattern.Length(least, min(most, maxMade)))
	}
	if s.Primitive == "hexBinary" && s.Length != nil {
		out = append(out, pattern.Length(2**s.Length, 2**s.Length))
	}
	return out
}

func countsCharacters(s *contract.Simple) bool {
	return s.Primitive == "string" || s.Primitive == "anyURI"
}

// steps are the patterns of the type, one expression for each derivation step.
func steps(s *contract.Simple) ([]*pattern.Expr, error) {
	var out []*pattern.Expr
	for _, alternatives := range s.Patterns {
		var any []*pattern.Expr
		for _, text := range alternatives {
			e, err := pattern.Parse(text)
			if err != nil {
				return nil, err
			}
			any = append(any, e)
		}
		out = append(out, pattern.Any(any...))
	}
	return out, nil
}

// language is what the type's patterns, form and length have in common; nil when
// that is nothing, or was not found.
func language(s *contract.Simple) *pattern.Language {
	must, err := steps(s)
	if err != nil {
		return nil
	}
	must = append(must, terms(s)...)
	if limits := limitTerms(s); len(limits) > 0 {
		if l, err := pattern.Solve(append(limits, must...), nil); err == nil {
			return l
		}
	}
	l, err := pattern.Solve(must, nil)
	if err != nil {
		return nil
	}
	return l
}

// solved yields strings that the type's patterns make.
func (v *valuer) solved(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		l := v.language(s)
		if l == nil {
			return
		}
		if h.index == 0 && !yield(l.Shortest()) {
			return
		}
		r := rand.New(rand.NewPCG(uint64(h.index), uint64(v.turn)))
		for i := range maxTries {
			if !yield(l.Pick(r, i/8, false)) {
				return
			}
		}
	}
}

// language remembers what was solved for the message.
func (v *valuer) language(s *contract.Simple) *pattern.Language {
	if l, known := v.languages[s]; known {
		return l
	}
	l := language(s)
	v.languages[s] = l
	return l
}

// anyMatch makes a string by chance that the type's patterns match.
func (v *valuer) anyMatch(s *contract.Simple) string {
	l := v.language(s)
	if l == nil {
		return ""
	}
	c := l.Pick(v.rand, v.rand.IntN(12), v.odd && v.rand.IntN(3) == 0)
	if s.WhiteSpace == "collapse" {
		return strings.TrimSpace(c)
	}
	return c
}
