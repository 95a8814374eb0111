package gateway_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func TestCauseOf(t *testing.T) {
	for reason, want := range map[string]string{
		"": "",
		"carol may not send on route/submit-order":                                                               "carol may not send on route/submit-order",
		`the payload is "text/plain", which this endpoint does not take`:                                         "the payload is …, which this endpoint does not take",
		"dead-lettered by in.orders: delivery_limit (21 times)":                                                  "dead-lettered by in.orders: delivery_limit (… times)",
		"the message has 1,234.5 MB":                                                                             "the message has … MB",
		"message 0190a3c0-0000-7000-8000-000000000000 is in the way":                                             "message … is in the way",
		"sentence\nm.yaml:41:7: line 12, column 3: /a/b[2]/@c: too long; found 41; expected at most 40; for t.c": "sentence: m.yaml:41:7: /a/b/@c: too long; for t.c",
		"sentence\nm.yaml:41:7: nothing there; found sku = \"a; for b.c\"; for sales.line.id":                    "sentence: m.yaml:41:7: nothing there; for sales.line.id",
		"sentence\nfirst detail\nsecond detail":                                                                  "sentence: first detail",
		"M8 and v2 stay, 17 goes":                                                                                "M8 and v2 stay, … goes",
	} {
		if got := gateway.CauseOf(reason); got != want {
			t.Errorf("%q\n got %q\nwant %q", reason, got, want)
		}
	}
}

// A detail as the fault writes it is read again, whatever was found.
func TestCauseOfDetail(t *testing.T) {
	causes := map[string]bool{}
	for _, found := range []string{"x", "; found y", "a\"b", "; expected z", "; for t.c", "1; for 2", "\x1b[2J", strings.Repeat("x", 500)} {
		d := fault.Detail{Source: "m.yaml:1:2", Line: 9, Column: 9, Path: "/a[1]", Message: "is wrong", Found: found, Target: "t.c"}
		causes[gateway.CauseOf("sentence\n"+strings.ReplaceAll(d.String(), "\n", " "))] = true
	}
	if len(causes) != 1 {
		t.Errorf("one cause is %d: %v", len(causes), causes)
	}
}

func FuzzCauseOf(f *testing.F) {
	f.Add("sentence\nm.yaml:41:7: line 12, column 3: /a/b[2]/@c: too long; found 41; for t.c")
	f.Add("\xff\"\\\"\n\n; found ; found ")
	f.Fuzz(func(t *testing.T, reason string) {
		cause := gateway.CauseOf(reason)
		if n := utf8.RuneCountInString(cause); n > 200 || strings.Contains(cause, "\n") {
			t.Errorf("%q has %d characters", cause, n)
		}
		if utf8.ValidString(reason) && !utf8.ValidString(cause) {
			t.Errorf("%q of %q is no text", cause, reason)
		}
	})
}

func TestCodesOf(t *testing.T) {
	for word, want := range map[string]string{"GH-2002": "GH-2002", "GH-2": "GH-2005", "GH-20": "GH-2005", "GH-2xxx": "GH-2005", "GH-6*": "GH-6011", "forbidden": "GH-2002"} {
		if got := gateway.CodesOf(word); !slices.Contains(got, want) || len(got) > 20 {
			t.Errorf("%s means %q, without %s", word, got, want)
		}
	}
	for _, word := range []string{"", "GH-", "GH", "2002", "GH-8", "Forbidden", "' OR 1=1", "x"} {
		if got := gateway.CodesOf(word); got != nil {
			t.Errorf("%q means %q", word, got)
		}
	}
}
