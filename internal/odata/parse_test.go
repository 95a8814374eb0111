package odata

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// TestFilter reads conditions and prints them in their normal form.
func TestFilter(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"status eq 'A'", "status eq 'A'"},
		{"  status   EQ 'O''Brien' ", "status eq 'O''Brien'"},
		{"'A' eq status", "status eq 'A'"},
		{"5 lt quantity", "quantity gt 5"},
		{"a eq 1 or b eq 2 and c eq 3", "a eq 1 or b eq 2 and c eq 3"},
		{"(a eq 1 or b eq 2) and c eq 3", "(a eq 1 or b eq 2) and c eq 3"},
		{"((a eq 1))", "a eq 1"},
		{"a eq 1 and (b eq 2 and c eq 3)", "a eq 1 and (b eq 2 and c eq 3)"},
		{"not (a eq 1)", "not (a eq 1)"},
		{"not not paid", "not (not (paid))"},
		{"paid and not paid", "paid and not (paid)"},
		{"a in (1, 2,3)", "a in (1,2,3)"},
		{"a in ('x', null)", "a in ('x',null)"},
		{"startswith(status,'A') and contains( status , 'b' )", "startswith(status,'A') and contains(status,'b')"},
		{"startswith(status,'A') eq false", "not (startswith(status,'A'))"},
		{"contains(status,'A') ne false", "contains(status,'A')"},
		{"due eq 2026-03-02 or ordered_at ge 2026-03-02T09:30:00.5Z", "due eq 2026-03-02 or ordered_at ge 2026-03-02T09:30:00.5Z"},
		{"cut_off lt 09:30", "cut_off lt 09:30"},
		{"uid eq 6F9619FF-8b86-d011-b42d-00c04fc964ff", "uid eq 6F9619FF-8b86-d011-b42d-00c04fc964ff"},
		{"uid eq f0000000-8b86-d011-b42d-00c04fc964ff", "uid eq f0000000-8b86-d011-b42d-00c04fc964ff"},
		{"digest eq binary'AQID'", "digest eq binary'AQID'"},
		{"a eq -1.50e3 and b eq null", "a eq -1.50e3 and b eq null"},
		{"a eq @p1", "a eq @p1"},
		{"in eq 1 and eq in (2)", "in eq 1 and eq in (2)"}, // names are told from words by where they stand
	} {
		r, err := Parse("$filter=" + url.QueryEscape(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := Print(r.Filter); got != c.want {
			t.Errorf("%s is read as %s, not %s", c.in, got, c.want)
		}
	}
}

// TestFilterFaults holds that a complaint points to the byte that is wrong, which ⌖
// stands before.
func TestFilterFaults(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"⌖", "unexpected"},
		{"status eq ⌖", "unexpected"},
		{"status ⌖= 'A'", `equality is written "eq"`},
		{"status ⌖equ 'A'", `did you mean "eq"`},
		{"status eq ⌖A", "a text stands in single quotes"},
		{`status eq ⌖"A"`, "a text stands in single quotes"},
		{"status eq ⌖'A", "not closed"},
		{"status eq 'A' ⌖status", "unexpected"},
		{"(status eq 'A'⌖", "unexpected"},
		{"status eq 'A'⌖)", "unexpected"},
		{"⌖not status eq 'A'", "parentheses"},
		{"customer⌖/name eq 'A'", "paths are not offered"},
		{"lines⌖/any(l:l/sku eq 'A')", "paths are not offered"},
		{"⌖length(status) eq 3", "is no function here"},
		{"⌖endswith(status,'A')", "is no function here"},
		{"contains(⌖tolower(status),'a')", "functions within functions"},
		{"contains(⌖'a',status)", "unexpected"},
		{"startswith(status⌖)", "unexpected"},
		{"amount ⌖add 1 eq 2", "did you mean"},
		{"amount eq ⌖1.", "unexpected"},
		{"amount eq ⌖--1", "unexpected"},
		{"amount eq ⌖duration'P1D'", "binary'…' only"},
		{"a in ⌖1", "unexpected"},
		{"a in (⌖)", "unexpected"},
		{"a in (1,⌖)", "unexpected"},
		{"1 eq ⌖1", "unexpected"},
		{"null eq ⌖null", "unexpected"},
		{"5 eq ⌖length(a)", "a function stands on the left"},
		{"a eq 1 ⌖%", "unexpected"},
		{"a eq 1 ⌖ä", "unexpected"},
		{"at ge 2026-03-02T09:30:00 ⌖02:00", "%2B"},
		{strings.Repeat("(", 32) + "⌖" + strings.Repeat("(", 5000), "more than 32"},
		{strings.Repeat("not ", 33) + "⌖" + strings.Repeat("not ", 1000), "more than 32"},
		{"a in (" + strings.Repeat("1,", 100) + "1⌖,1)", "more than 100 values"},
	} {
		at := strings.Index(c.in, "⌖")
		in := strings.Replace(c.in, "⌖", "", 1)
		_, err := Parse("$top=5&$filter=" + url.QueryEscape(in))
		if err == nil {
			t.Errorf("%s is taken", in)
			continue
		}
		found := complaintsOf(t, err)
		if got := found[0]; len(found) != 1 || got.Option != "$filter" || got.Position != at+1 || !strings.Contains(got.Message, c.want) {
			t.Errorf("%s: %+v, not at %d: %s", in, got, at+1, c.want)
		}
		if want := len("$top=5&$filter=") + len(url.QueryEscape(in[:at])) + 1; found[0].URL != want {
			t.Errorf("%s: the byte of the query is %d, not %d", in, found[0].URL, want)
		}
	}
}

// TestOptions reads whole queries.
func TestOptions(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "top 100"},
		{"&&", "top 100"},
		{"$top=5&$count=true", "top 5 count"},
		{"top=1000&COUNT=false&$Select=a,%20b", "top 1000 select a b"},
		{"$select=*,a", "top 100 select a *"},
		{"$orderby=a%20desc,b,c+asc", "top 100 order a- b c"},
		{"$expand=lines", "top 100 expand lines"},
		{"$expand=lines($select=sku;$top=5;$expand=product(select=name)),notes", "top 100 expand lines(sku)5[product(name)] notes"},
		{"$format=json&$skiptoken=abc", "top 100 json token abc"},
		{"%24top=7", "top 7"},
	} {
		r, err := Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := summary(r); got != c.want {
			t.Errorf("%s is read as %q, not %q", c.in, got, c.want)
		}
	}
}

func summary(r *Request) string {
	s := fmt.Sprintf("top %d", r.Top)
	if r.Count {
		s += " count"
	}
	if r.Select != nil {
		s += " select"
	}
	for _, n := range r.Select {
		s += " " + n.Text
	}
	if r.All {
		s += " *"
	}
	for i, o := range r.OrderBy {
		s += map[bool]string{true: " order "}[i == 0] + map[bool]string{false: " "}[i == 0] + o.Field.Text + map[bool]string{true: "-"}[o.Desc]
	}
	if r.Expand != nil {
		s += " expand " + expandSummary(r.Expand)
	}
	if r.Format != "" {
		s += " " + r.Format
	}
	if r.SkipToken != "" {
		s += " token " + r.SkipToken
	}
	return s
}

func expandSummary(list []Expansion) string {
	var out []string
	for _, e := range list {
		s := e.Child.Text
		if e.Select != nil {
			s += "(" + e.Select[0].Text + ")"
		}
		if e.Top > 0 {
			s += fmt.Sprint(e.Top)
		}
		if e.Expand != nil {
			s += "[" + expandSummary(e.Expand) + "]"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// TestOptionFaults holds what is said of options that are not taken, and that all of
// them are told of.
func TestOptionFaults(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"$skip=5", "$skip@0/1 is not offered: a page is found by where the one before ended"},
		{"$search=a", "$search@0/1 is not offered"},
		{"$apply=x", "$apply@0/1 is not offered"},
		{"$fliter=a", "$fliter@0/1 is no option here; $filter is"},
		{"customer=C-1", "customer@0/1 is no option here; those are $filter"},
		{"$top=5&top=6", "$top@0/8 is given twice"},
		{"$top=0", "$top@1/6 no number of rows"},
		{"$top=1001", "$top@1/6 no number of rows"},
		{"$top=%2B5", "$top@1/6 no number of rows"},
		{"$top=", "$top@1/6 no number of rows"},
		{"$top=5%206", "$top@3/10 unexpected"},
		{"$top=99999999999999999999999", "$top@1/6 no number of rows"},
		{"$count=yes", "$count@1/8 unexpected"},
		{"$count", "$count@1/8 unexpected"},
		{"$filter=a%20eq%20%zz", "$filter@0/18 a percent sign begins no escape"},
		{"$filter=%", "$filter@0/9 a percent sign"},
		{"$filter=a%2", "$filter@0/10 a percent sign"},
		{"%zz=1", "@0/1 a percent sign"},
		{"$filter=a%20eq%20'%00'", "$filter@7/19 a control character"},
		{"$filter=a%20eq%20'%FF'", "$filter@7/19 a control character, or bytes that are no UTF-8"},
		{"$select=", "$select@1/9 unexpected"},
		{"$select=a,,b", "$select@3/11 unexpected"},
		{"$select=a/b", "$select@2/10 paths are not offered"},
		{"$orderby=a%20down", "$orderby@3/14 unexpected"},
		{"$orderby=a,", "$orderby@3/12 unexpected"},
		{"$expand=lines(", "$expand@7/15 unexpected"},
		{"$expand=lines($filter=a)", "$expand@7/15 is not offered for children"},
		{"$expand=lines($top=5;$top=6)", "$expand@14/22 is given twice"},
		{"$expand=lines($top=0)", "$expand@12/20 no number of rows"},
		{"$expand=*", "$expand@1/9 unexpected"},
		{"$expand=" + strings.Repeat("a,", 20) + "a", "$expand@41/49 more than 20 children"},
		{"$expand=" + strings.Repeat("a(expand=", 40), "$expand@181/189 more than 20 children"},
		{"$format=xml", "$format@1/9 no format"},
		{"$skiptoken=", "$skiptoken@1/12 is empty"},
		{"@p=a", "@p@1/4 unexpected"},
		{"@p=@p", "@p@1/4 unexpected"},
		{"$top=0&$skip=1&$count=x", "$skip@0/8 is not offered | $top@1/6 no number | $count@1/23 unexpected"},
		{"$filter=" + strings.Repeat("x", 8193), "@0/1 the options have 8193 bytes in all; at most 8192"},
		{strings.Repeat("x", 32769), "@0/1 the query has 32769 bytes"},
	} {
		_, err := Parse(c.in)
		if err == nil {
			t.Errorf("%s is taken", clip(c.in))
			continue
		}
		want := strings.Split(c.want, " | ")
		found := complaintsOf(t, err)
		if len(found) != len(want) {
			t.Errorf("%s: %+v", clip(c.in), found)
			continue
		}
		for i, f := range found {
			if got := fmt.Sprintf("%s@%d/%d %s", f.Option, f.Position, f.URL, f.Message); !strings.HasPrefix(got, want[i]) {
				t.Errorf("%s: %s, not %s", clip(c.in), got, want[i])
			}
		}
	}
}

// TestNext holds that the address of the next page is that of this one with another
// token.
func TestNext(t *testing.T) {
	r, err := Parse("$filter=a+eq%201&$skiptoken=old&$top=5")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Next("new"), "$filter=a+eq%201&$top=5&$skiptoken=new"; got != want {
		t.Errorf("the next page is %s, not %s", got, want)
	}
}
