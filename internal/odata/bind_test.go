package odata

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/view"
)

// show writes an expression for people, with the names of its fields.
func show(v *view.View, e view.Expr) string {
	name := func(i int) string { return v.Fields[i].Name }
	join := func(of []view.Expr, word string) string {
		var parts []string
		for _, e := range of {
			parts = append(parts, show(v, e))
		}
		return "(" + strings.Join(parts, word) + ")"
	}
	switch e := e.(type) {
	case nil:
		return "all"
	case view.And:
		return join(e, " & ")
	case view.Or:
		return join(e, " | ")
	case view.Not:
		return "!" + show(v, e.Of)
	case view.Compare:
		return name(e.Field) + []string{"=", "<>", ">", ">=", "<", "<="}[e.Op] + Format(e.Value)
	case view.In:
		s := name(e.Field) + " in"
		for _, of := range e.Values {
			s += " " + Format(of)
		}
		return s
	case view.IsNull:
		return name(e.Field) + " null"
	case view.StartsWith:
		return name(e.Field) + "^" + e.Text
	case view.Contains:
		return name(e.Field) + "~" + e.Text
	}
	return "?"
}

// TestCondition holds what conditions mean: negations end at comparisons, nulls
// differ from every value, and a value between two of a field is compared as exactly
// as any.
func TestCondition(t *testing.T) {
	v := orders()
	for _, c := range []struct{ in, want string }{
		{"status eq 'A'", "status=A"},
		{"not (status eq 'A')", "status<>A"},
		{"status eq 'A' and (quantity gt 1 and quantity lt 5)", "(status=A & quantity>1 & quantity<5)"},
		{"status eq 'A' or (status eq 'B' or quantity lt 5)", "(status=A | status=B | quantity<5)"},
		{"not (status eq 'A' or not (quantity gt 1 and quantity lt 5))", "(status<>A & quantity>1 & quantity<5)"},
		{"note eq null", "note null"},
		{"note ne null", "!note null"},
		{"not (note ne null)", "note null"},
		{"note ne 'x'", "(note<>x | note null)"},
		{"not (note eq 'x')", "(note<>x | note null)"},
		{"not (note ne 'x')", "note=x"},
		{"not (due gt 2026-03-02)", "(due<=2026-03-02 | due null)"},
		{"customer ne 'x'", "(customer<>x | customer null)"}, // the join is optional
		{"note in ('x','y')", "note in x y"},
		{"note in ('x')", "note=x"},
		{"note in (null)", "note null"},
		{"note in ('x',null)", "(note=x | note null)"},
		{"not (note in ('x','y'))", "(!note in x y | note null)"},
		{"not (note in ('x',null))", "(!note=x & !note null)"},
		{"not (status in ('x','y'))", "!status in x y"},
		{"contains(note,'x') or not startswith(note,'y')", "(note~x | !note^y)"},
		{"paid", "paid=true"},
		{"not paid and paid eq false and paid ne true", "(paid=false & paid=false & paid<>true)"},
		{"amount eq 12.5", "amount=12.50"},
		{"amount eq 1.25e1", "amount=12.50"},
		{"amount eq -0.0", "amount=0.00"},
		{"amount gt 12.345", "amount>12.34"},
		{"amount ge 12.345", "amount>12.34"},
		{"amount lt 12.345", "amount<=12.34"},
		{"amount le 12.345", "amount<=12.34"},
		{"amount gt -12.345", "amount>-12.35"},
		{"amount lt -0.001", "amount<=-0.01"},
		{"not (amount gt 12.345)", "amount<=12.34"},
		{"quantity ge 2.5", "quantity>2"},
		{"quantity ge 2.0", "quantity>=2"},
		{"quantity ge 1e3", "quantity>=1000"},
		{"total eq 9223372036854775807", "total=9223372036854775807"},
		{"weight lt 1.5e-3", "weight<0.0015"},
		{"ordered_at ge 2026-03-02T11:30:00+02:00", "ordered_at>=2026-03-02T09:30:00Z"},
		{"ordered_at ge 2026-03-02T11:30+02:00", "ordered_at>=2026-03-02T09:30:00Z"},
		{"ordered_at lt 2026-03-02t09:30:00.1239z", "ordered_at<=2026-03-02T09:30:00.123Z"},
		{"cut_off eq 09:30", "cut_off=09:30:00"},
		{"cut_off gt 09:30:00.5", "cut_off>09:30:00"},
		{"uid eq 6F9619FF-8b86-d011-b42d-00c04fc964ff", "uid=6f9619ff-8b86-d011-b42d-00c04fc964ff"},
		{"uid eq '6F9619FF-8b86-d011-b42d-00c04fc964ff'", "uid=6f9619ff-8b86-d011-b42d-00c04fc964ff"},
		{"digest eq binary'AQID'", "digest=AQID"},
		{"status eq 'é'", "status=é"},
	} {
		r, err := Parse("$filter=" + url.QueryEscape(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		q, err := r.Bind(v)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := show(v, q.Where); got != c.want {
			t.Errorf("%s means %s, not %s", c.in, got, c.want)
		}
	}
}

// TestBindFaults holds that what does not fit the view is told with its place.
func TestBindFaults(t *testing.T) {
	seen := without(orders(), true)
	for _, c := range []struct{ in, want string }{
		{"$filter=statsu eq 'A'", `$filter@1 the view has no such field; did you mean "status"?`},
		{"$filter=lines eq 'A'", "$filter@1 is a child, not a field"},
		{"$filter=remark eq 'A'", "$filter@1 the field cannot be asked for in conditions"},
		{"$filter=secret eq 'A'", "$filter@1 the view has no such field"},
		{"$filter=margin eq 1", "$filter@1 the view has no such field"},
		{"$select=margin", "$select@1 the view has no such field"},
		{"$orderby=margin", "$orderby@1 the view has no such field"},
		{"$orderby=remark", "$orderby@1 the field cannot be ordered by"},
		{"$orderby=status,status desc", "$orderby@8 the field is in the order already"},
		{"$expand=line", `$expand@1 the view has no such child; did you mean "lines"?`},
		{"$expand=lines,lines", "$expand@7 the child is asked for already"},
		{"$expand=lines($select=skuu)", `$expand@15 the view has no such field; did you mean "sku"?`},
		{"$expand=lines($expand=product($select=nam))", `$expand@31 the view has no such field; did you mean "name"?`},
		{"$top=1000&$expand=lines($top=101)", "$expand@1 the page could have 101000 rows"},
		{"$expand=lines($top=100;$expand=product($top=11))", "$expand@24 the page could have 110000 rows"},
		{"$filter=quantity eq 'A'", "$filter@13 the field is a whole number, and this is a text"},
		{"$filter=quantity eq true", "$filter@13 the field is a whole number, and this is a boolean"},
		{"$filter=status eq 5", "$filter@11 the field is text, and this is a number; a text stands in single quotes"},
		{"$filter=ordered_at gt 2026-03-02", "$filter@15 the field is a date with a time, and this is a date; write 2026-03-02T00:00:00Z"},
		{"$filter=ordered_at gt 2026-03-02T09:30:00", "$filter@15 has no zone"},
		{"$filter=ordered_at gt 2026-02-30T09:30:00Z", "$filter@15 no date with a time"},
		{"$filter=due gt 2026-02-30", "$filter@8 no such day"},
		{"$filter=due gt '2026-02-03'", "$filter@8 the field is a date, and this is a text; leave the quotes out"},
		{"$filter=due gt null", "$filter@5 nothing exceeds or precedes null"},
		{"$filter=cut_off gt 25:00", "$filter@12 no time of day"},
		{"$filter=seen_at gt 2080-01-01T00:00:00Z", "$filter@12 outside the field's range"},
		{"$filter=quantity eq 2.5", "$filter@13 the field has no such values"},
		{"$filter=quantity in (1,2.5)", "$filter@16 the field has no such values"},
		{"$filter=quantity gt 3000000000", "$filter@13 outside the field's range"},
		{"$filter=quantity gt 1e30", "$filter@13 outside the field's range"},
		{"$filter=amount gt 1e99999999", "$filter@11 a number of more than 100 digits"},
		{"$filter=amount gt 1e-99999999", "$filter@11 a number of more than 100 digits"},
		{"$filter=amount gt 1e999999999999", "$filter@11 a number of more than 100 digits"},
		{"$filter=amount gt 10000000000", "$filter@11 outside the field's range"},
		{"$filter=weight gt 1e999", "$filter@11 outside the field's range"},
		{"$filter=paid gt true", "$filter@6 the field is true or false, which is equal or not"},
		{"$filter=digest gt binary'AQID'", "$filter@8 the field is bytes"},
		{"$filter=digest eq binary'A*'", "$filter@11 no base64url"},
		{"$filter=uid eq 'x'", "$filter@8 no UUID"},
		{"$filter=status", "$filter@7 the field is text of the code page windows-1252, and no condition by itself"},
		{"$filter=status eq '→'", "$filter@11 no value of the field has this character"},
		{"$filter=contains(quantity,'1')", "$filter@10 the field is a whole number"},
		{"$filter=contains(status,5)", "$filter@17 contains takes a text"},
		{"$filter=contains(status,'')", "$filter@17 every text has the empty one in it"},
		{"$filter=status eq @p", "$filter@11 the query does not say what the alias stands for"},
		{"@p=5", "@p@1 nothing refers to it"},
		{"@p=5&$filter=status eq @p", "$filter@11 the field is text, and this is a number"},
		{"$filter=a eq 1 and quantity eq 'x'&$select=b&$orderby=c", "$select@1 the view | $filter@1 the view | $filter@24 the field is | $orderby@1 the view"},
	} {
		r, err := Parse(strings.ReplaceAll(c.in, " ", "+"))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		_, err = r.Bind(seen)
		if err == nil {
			t.Errorf("%s is taken", c.in)
			continue
		}
		want := strings.Split(c.want, " | ")
		found := complaintsOf(t, err)
		if len(found) != len(want) {
			t.Errorf("%s: %+v", c.in, found)
			continue
		}
		for i, f := range found {
			if got := fmt.Sprintf("%s@%d %s", f.Option, f.Position, f.Message); !strings.HasPrefix(got, want[i]) {
				t.Errorf("%s: %s, not %s", c.in, got, want[i])
			}
		}
	}
}

// TestHidden holds that a field which may not be seen is told of as one that does not
// exist, in the very same words.
func TestHidden(t *testing.T) {
	seen := without(orders(), true)
	told := func(field, query string) string {
		r, err := Parse(strings.ReplaceAll(query, "?", field))
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Bind(seen)
		return strings.ReplaceAll(fmt.Sprintf("%+v", complaintsOf(t, err)), field, "?")
	}
	for _, query := range []string{"$filter=?+eq+1", "$filter=contains(?,'x')", "$select=?", "$orderby=?", "$filter=?+in+(1)", "$filter=?"} {
		if hidden, missing := told("margin", query), told("mxqzin", query); hidden != missing {
			t.Errorf("%s: hidden: %s\nmissing: %s", query, hidden, missing)
		}
	}
	childless := without(orders(), false)
	for _, child := range []string{"lines", "linxx"} {
		r, err := Parse("$expand=" + child)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Bind(childless)
		if got := complaintsOf(t, err)[0]; got.Message != "the view has no such child" || got.Expected != "" {
			t.Errorf("%s: %+v", child, got)
		}
	}
}

// TestBind holds what the other options come to.
func TestBind(t *testing.T) {
	v := orders()
	for _, c := range []struct{ in, want string }{
		{"", "all order [] expand [] top 100 count false"},
		{"$select=*", "all order [] expand [] top 100 count false"},
		{"$select=amount,status,amount&$top=7&$count=true", "select [3 1] order [] expand [] top 7 count true"},
		{"$orderby=ordered_at desc,status", "all order [{4 true} {1 false}] expand [] top 100 count false"},
		{"$expand=lines($select=sku;$top=5)", "all order [] expand [{0 [1] 5 []}] top 100 count false"},
		{"$expand=lines($expand=product)", "all order [] expand [{0 [0 1] 0 [{0 [0] 0 []}]}] top 100 count false"},
	} {
		r, err := Parse(strings.ReplaceAll(c.in, " ", "+"))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		q, err := r.Bind(v)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		selected := "all"
		if len(q.Select) < len(v.Fields) {
			selected = fmt.Sprintf("select %v", q.Select)
		}
		if got := fmt.Sprintf("%s order %v expand %v top %d count %t", selected, q.Order, q.Expand, q.Top, q.Count); got != c.want {
			t.Errorf("%s is %s, not %s", c.in, got, c.want)
		}
	}
	r, err := Parse("")
	if err != nil {
		t.Fatal(err)
	}
	q, err := r.Bind(without(v, true))
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Select) != len(v.Fields)-1 {
		t.Errorf("who may not see one field asks for %v", q.Select)
	}
}

// TestBindRow holds that of one row its fields and children can be asked for only.
func TestBindRow(t *testing.T) {
	v := orders()
	r, err := Parse("$select=status&$expand=lines($top=1000)")
	if err != nil {
		t.Fatal(err)
	}
	q, err := r.BindRow(v)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(q.Select, q.Expand, q.Top); got != "[1] [{0 [0 1] 1000 []}] 0" {
		t.Errorf("the query is %s", got)
	}
	if r, err = Parse("$filter=paid&$top=5&$count=true&$orderby=status&$skiptoken=x"); err != nil {
		t.Fatal(err)
	}
	_, err = r.BindRow(v)
	if found := complaintsOf(t, err); len(found) != 5 {
		t.Errorf("complaints: %+v", found)
	}
}
