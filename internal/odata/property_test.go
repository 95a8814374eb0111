package odata

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/view"
)

// inFilter parses a text as a $filter, whatever its length.
func inFilter(s string) (Node, *Complaint) {
	p := newParser(&text{option: optFilter, value: s, raw: s})
	n := p.filter()
	return n, p.wrong
}

// placeless returns a node without its places.
func placeless(n Node) Node {
	list := func(of []Node) (out []Node) {
		for _, n := range of {
			out = append(out, placeless(n))
		}
		return out
	}
	switch n := n.(type) {
	case And:
		return And{list(n.Of)}
	case Or:
		return Or{list(n.Of)}
	case Not:
		return Not{0, placeless(n.Of)}
	case Compare:
		n.At, n.Field.At, n.Value.At = 0, 0, 0
		return n
	case In:
		n.Field.At = 0
		n.Values = append([]Literal(nil), n.Values...)
		for i := range n.Values {
			n.Values[i].At = 0
		}
		return n
	case Call:
		n.At, n.Field.At, n.Text.At = 0, 0, 0
		return n
	case Flag:
		n.Field.At = 0
		return n
	}
	return n
}

func aLiteral() *rapid.Generator[Literal] {
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) Literal { return Literal{Kind: String, Text: rapid.String().Draw(t, "text")} }),
		rapid.SampledFrom([]Literal{
			{0, Null, "null"}, {0, Bool, "true"}, {0, Bool, "false"}, {0, Number, "-12.50"}, {0, Number, "1e-5"}, {0, Date, "2026-03-02"},
			{0, DateTime, "2026-03-02T09:30:00+02:00"}, {0, TimeOfDay, "09:30"}, {0, GUID, "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
			{0, Binary, "AQID"}, {0, Alias, "@p"},
		}))
}

func aName() *rapid.Generator[Name] {
	return rapid.Map(rapid.SampledFrom([]string{"a", "order_no", "in", "eq", "contains", "A9", "_x"}), func(s string) Name { return Name{0, s} })
}

func aNode(depth int) *rapid.Generator[Node] {
	return rapid.Custom(func(t *rapid.T) Node {
		form := rapid.IntRange(0, 6).Draw(t, "form")
		if depth == 0 {
			form = form%4 + 3
		}
		switch form {
		case 0:
			return And{rapid.SliceOfN(aNode(depth-1), 2, 3).Draw(t, "and")}
		case 1:
			return Or{rapid.SliceOfN(aNode(depth-1), 2, 3).Draw(t, "or")}
		case 2:
			return Not{0, aNode(depth-1).Draw(t, "not")}
		case 3:
			return In{aName().Draw(t, "field"), rapid.SliceOfN(aLiteral(), 1, 3).Draw(t, "values")}
		case 4:
			return Call{0, rapid.SampledFrom(functions).Draw(t, "function"), aName().Draw(t, "field"), aLiteral().Draw(t, "text")}
		case 5:
			return Flag{aName().Draw(t, "field")}
		}
		return Compare{0, aName().Draw(t, "field"), view.Operator(rapid.IntRange(0, 5).Draw(t, "op")), aLiteral().Draw(t, "value")}
	})
}

// TestPrintedParses holds that what is printed is read as the same condition.
func TestPrintedParses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := aNode(3).Draw(t, "node")
		printed := Print(n)
		got, wrong := inFilter(printed)
		if wrong != nil {
			if strings.Contains(wrong.Message, "more than") {
				t.Skip(wrong.Message)
			}
			t.Fatalf("%s: %+v", printed, wrong)
		}
		if !reflect.DeepEqual(placeless(got), n) {
			t.Fatalf("%s is read as %s", printed, Print(got))
		}
	})
}

// FuzzFilter holds that no text makes the parser panic, that a complaint points into
// the text, and that what is read, printed and read again is the same.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"status eq 'O''Brien' and not (a in (1,null) or b)", "startswith(a,'x') eq false", "1 lt a", "digest eq binary'AQID'",
		"((((", "not not not", "a eq 2026-03-02T09:30:00Z", "'", "a eq @p", "%27", "\xff", "a eq 1e99999999", "a/b eq 1",
	} {
		f.Add(s)
	}
	seen := without(orders(), true)
	f.Fuzz(func(t *testing.T, s string) {
		n, wrong := inFilter(s)
		if wrong != nil {
			if wrong.Position < 1 || wrong.Position > len(s)+1 {
				t.Fatalf("%q: %+v", s, wrong)
			}
		} else {
			printed := Print(n)
			again, wrong := inFilter(printed)
			if wrong != nil || !reflect.DeepEqual(placeless(again), placeless(n)) {
				t.Fatalf("%q is printed as %q, which is read as %v, %+v", s, printed, again, wrong)
			}
		}
		for _, query := range []string{"$filter=" + url.QueryEscape(s), s, "$expand=" + url.QueryEscape(s), "$orderby=" + url.QueryEscape(s)} {
			if r, err := Parse(query); err == nil {
				_, _ = r.Bind(seen)
			}
		}
	})
}

// FuzzSkiptoken holds that no token makes a panic, and none but ours is taken.
func FuzzSkiptoken(f *testing.F) {
	tokens, of := NewTokens(ring{key(1)}), Bound{orders(), &view.Query{}, "cn=alice", ""}
	ours, err := tokens.Seal(someMark(), of)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ours, appendMark(nil, someMark()))
	f.Add("", []byte{1})
	f.Add("AQAAAAE", []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, token string, plain []byte) {
		if _, err := tokens.Open(token, of); err == nil && token != ours {
			t.Fatalf("%s is taken", token)
		}
		if m, ok := readMark(plain); ok {
			back, ok := readMark(appendMark(nil, m))
			if !ok || len(back.Values) != len(m.Values) {
				t.Fatalf("%x is read as %+v and then as %+v", plain, m, back)
			}
		}
	})
}

// TestEffort holds that reading takes time in proportion to the text: a text that is
// sixteen times as long takes far less than 256 times the allocations.
func TestEffort(t *testing.T) {
	for _, unit := range []string{"(", "not ", "a eq 1 or ", "'", "'' ", "a in (", "1,", "(a eq 1) and ", "-", "@", "binary'"} {
		effort := func(n int) float64 {
			s := strings.Repeat(unit, n)
			return testing.AllocsPerRun(3, func() { inFilter(s) })
		}
		if short, long := effort(500), effort(8000); long > 20*short+1000 {
			t.Errorf("%q: %v allocations for 500, %v for 8000", unit, short, long)
		}
	}
}
