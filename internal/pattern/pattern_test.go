package pattern

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jacoelho/xsd"

	"github.com/gatehouse/gatehouse/internal/document"
)

// expressions are of every construct; each must be one that the schema engine
// takes, which judges what is made of them.
var expressions = []string{
	"", "abc", "[A-Z]{2}", "[0-9]{3,5}", `\d+(\.\d{1,2})?`, "a|b|cd", "(ab?c*){2,4}", `[a-z-[aeiou]]+`, `[^0-9]{3}`,
	`\p{Lu}{2}\p{Nd}*`, `\P{L}{2,3}`, `\p{IsBasicLatin}+`, `\p{IsGreek}{2}`, `\i\c*`, `[\i-[:]][\c-[:]]*`, `\S+@\S+\.\w{2,3}`,
	`.{0,4000}`, `[A-Z]{255}`, `(\s|\S){4}`, `[\-+]?[0-9]+`, `\\\.\*`, `\{[0-9A-F]{8}\}`, `[\w\-.]{3,}`, `0|[1-9][0-9]{0,8}`,
	`([0-9]{4})-(0[1-9]|1[012])`, `[^-]+`, `[a\-z]+`, `[-az]+`, `\D\W\S`, `^x$`, `(((a|b)|c)|d){3}`, `[\p{L}\p{N}]{3}`, `[^\p{L}]{2}`,
	`\c{3}`, `[+]?[ \d]{5,10}`, `([a-zA-Z0-9_\.\-])+@(([a-zA-Z0-9\-])+\.)+([a-zA-Z0-9]{2,4})+`, `[A-Z]{0,3}|[0-9]{5,5}`,
}

// engineFor compiles an element v whose text must match.
func engineFor(t testing.TB, expr string) *xsd.Engine {
	t.Helper()
	src := `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="v"><xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="` +
		string(document.AppendValue(nil, expr)) + `"/></xs:restriction></xs:simpleType></xs:element></xs:schema>`
	e, err := xsd.Compile(xsd.Bytes("v.xsd", []byte(src)))
	if err != nil {
		t.Fatalf("%q: %v", expr, err)
	}
	return e
}

func takes(e *xsd.Engine, v string) bool {
	return e.Validate(bytes.NewReader(append(document.AppendText([]byte("<v>"), v), "</v>"...))) == nil
}

func TestStringsMatch(t *testing.T) {
	for _, expr := range expressions {
		engine := engineFor(t, expr)
		e, err := Parse(expr)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		l, err := Solve([]*Expr{e}, nil)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		r := rand.New(rand.NewPCG(1, 2))
		made := []string{l.Shortest()}
		for i := range 50 {
			made = append(made, l.Pick(r, i%20, false), l.Pick(r, i%20, i%5 == 0))
		}
		refused := 0
		for i, v := range made {
			if ok, err := e.Match(v); !ok || err != nil {
				t.Errorf("%q made %q, which it does not match (%v)", expr, v, err)
			}
			if !takes(engine, v) {
				if refused++; i == 0 || !strings.ContainsFunc(v, func(r rune) bool { return r > 0x7F }) {
					t.Errorf("%q made %q, which the engine refuses", expr, v)
				}
			}
		}
		if refused > 20 { // characters that one edition of Unicode or XML has and another has not
			t.Errorf("%q: the engine refuses %d of %d", expr, refused, len(made))
		}
	}
}

func TestStringsOutside(t *testing.T) {
	for _, expr := range expressions {
		engine := engineFor(t, expr)
		e, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Solve([]*Expr{Length(0, 300)}, []*Expr{e})
		if errors.Is(err, ErrNone) {
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		if v := l.Shortest(); takes(engine, v) {
			t.Errorf("%q does not match %q, the engine says it does", expr, v)
		}
	}
}

func TestSeveral(t *testing.T) {
	for _, c := range []struct {
		must, not []string
		want      string // the shortest; "-" for none
	}{
		{[]string{"[A-Z]+", ".{3}"}, nil, "ABC"},
		{[]string{"[A-Z0-9]*", ".*7.*", ".{2}"}, nil, "77"},
		{[]string{"(ab)*", "(aba)*", ".+"}, nil, "-"},
		{[]string{"a*", ".{100}"}, nil, strings.Repeat("a", 100)},
		{[]string{"[0-9]{3}"}, []string{"[1-9].*"}, "034"},
		{[]string{"a?"}, []string{"a?"}, "-"},
		{[]string{"x|y"}, []string{"x"}, "y"},
	} {
		var must, not []*Expr
		for _, e := range c.must {
			must = append(must, MustParse(e))
		}
		for _, e := range c.not {
			not = append(not, MustParse(e))
		}
		l, err := Solve(must, not)
		got := "-"
		if err == nil {
			got = l.Shortest()
		} else if !errors.Is(err, ErrNone) {
			t.Errorf("%v: %v", c, err)
		}
		if got != c.want {
			t.Errorf("%v without %v: %q, want %q", c.must, c.not, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, expr := range []string{"(", ")", "a)", "[a", "a{", "a{2", "a{3,2}", "a{,2}", "*", "a**", `\`, `\q`, `\p{Xx}`, `\p{IsNowhere}`, "[z-a]", "[a-z-[b]c]", "]", strings.Repeat("(", 500)} {
		if _, err := Parse(expr); err == nil {
			t.Errorf("%q is read", expr)
		}
	}
}

// TestHostile: whatever the expression, an answer comes soon.
func TestHostile(t *testing.T) {
	for _, expr := range []string{
		"((((a{9}){9}){9}){9}){9}", "(a|a)*(a|a)*b", "(.*a){20}", "[ab]*a[ab]{18}", `(\w+\s?)*x`, "a{16000000}", "(a{0,9999}){0,9999}",
		strings.Repeat("(a?", 150) + strings.Repeat(")*", 150), strings.Repeat("[a-z]|", 3000) + "x", `[\p{L}-[\p{Lu}-[\p{IsGreek}]]]{0,2000}`, `(\p{L}|\p{N}|\p{P}|\p{S}){1,4000}`,
	} {
		start := time.Now()
		e, err := Parse(expr)
		if err != nil {
			t.Errorf("%.40q: %v", expr, err)
			continue
		}
		for _, not := range [][]*Expr{nil, {MustParse(".?")}} {
			l, err := Solve([]*Expr{e}, not)
			switch {
			case err == nil:
				if ok, err := e.Match(l.Shortest()); !ok && err == nil {
					t.Errorf("%.40q made %q", expr, l.Shortest())
				}
			case !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrNone):
				t.Errorf("%.40q: %v", expr, err)
			}
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%.40q took %v", expr, took)
		} else {
			t.Logf("%.40q %v", expr, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, expr := range expressions {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if len(expr) > 200 {
			return
		}
		e, err := Parse(expr)
		if err != nil {
			return
		}
		l, err := Solve([]*Expr{e}, nil)
		if err != nil {
			return
		}
		for _, v := range []string{l.Shortest(), l.Pick(rand.New(rand.NewPCG(3, 4)), 10, true)} {
			if ok, err := e.Match(v); !ok && err == nil {
				t.Errorf("%q made %q, which it does not match", expr, v)
			}
		}
	})
}
