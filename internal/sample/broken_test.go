package sample

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// faulty counts broken messages by kind.
type faulty struct {
	made, elsewhere, several map[string]int
	messages                 int
}

func newFaulty() *faulty {
	return &faulty{made: map[string]int{}, elsewhere: map[string]int{}, several: map[string]int{}}
}

// brokenOf makes and judges all broken messages of a contract.
func (f *faulty) brokenOf(t *testing.T, c *contract.Contract) {
	for _, s := range c.Services {
		if s.Degraded() != "" {
			continue
		}
		m := New(c, s)
		for _, o := range s.Operations {
			if o.Unsupported != "" {
				continue
			}
			for _, d := range directions(o) {
				all, err := m.Invalid(o, d.Direction)
				if err != nil && !strings.HasSuffix(err.Error(), "without end") {
					t.Errorf("%s#%s %s: %v", c.Path, o.Name, d.name, err)
				}
				f.messages++
				for _, b := range all {
					f.judge(t, c.Path+"#"+o.Name+" "+d.name, b)
				}
			}
		}
	}
}

// ambiguous are the kinds of fault that can be told in several places: of two
// elements with one xs:ID either is wrong, and what is out of place in a group
// that repeats may be the beginning of another.
var ambiguous = []string{"ID", "order", "tooMany"}

func (f *faulty) judge(t *testing.T, where string, b *Broken) {
	f.made[b.Kind]++
	if first := b.Refusals[0]; !strings.HasSuffix(first.Path, b.At) && !above(b, first.Path) {
		f.elsewhere[b.Kind]++
		if !slices.Contains(ambiguous, b.Kind) {
			t.Errorf("%s %s: reported %s", where, b.Label(), first)
		}
		t.Logf("%s %s: expected at %s, reported %s", where, b.Label(), b.At, first)
	}
	if len(b.Refusals) > 1 {
		f.several[b.Kind]++
		if b.Kind != "empty" && b.Kind != "namespace" {
			t.Logf("%s %s: %v", where, b.Label(), b.Refusals)
		}
	}
}

// above reports whether a fault of what stands where is told of the parent, as
// the validator does where what is there could begin something else.
func above(b *Broken, path string) bool {
	return slices.Contains([]string{"namespace", "order", "tooMany", "choice"}, b.Kind) && strings.HasSuffix(path, b.At[:strings.LastIndexByte(b.At, '/')])
}

func (f *faulty) report(t *testing.T) {
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(f.made)) {
		total += f.made[kind]
		t.Logf("%-18s %5d made, %d reported elsewhere, %d with more than one fault", kind, f.made[kind], f.elsewhere[kind], f.several[kind])
	}
	t.Logf("%d messages broken in %d ways", f.messages, total)
}

func TestBroken(t *testing.T) {
	f := newFaulty()
	for _, c := range own(t) {
		f.brokenOf(t, c)
	}
	f.report(t)
	for _, kind := range []string{"ID", "IDREF", "abstract", "choice", "empty", "enumeration", "fixed", "form", "fractionDigits", "length", "maxExclusive",
		"maxInclusive", "maxLength", "minExclusive", "minInclusive", "minLength", "missing", "missingAttribute", "namespace", "nil", "nilContent", "order",
		"pattern", "prefix", "text", "tooMany", "totalDigits", "type", "unknown", "unknownAttribute", "whiteSpace"} {
		if f.made[kind] == 0 {
			t.Errorf("nothing was broken by %s", kind)
		}
	}
}

func TestCorpusBroken(t *testing.T) {
	f := newFaulty()
	corpus(t, func(c *contract.Contract) { f.brokenOf(t, c) })
	f.report(t)
}
