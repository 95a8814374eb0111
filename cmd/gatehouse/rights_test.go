package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// answered is what somebody gets, without what is never twice the same.
type answered struct {
	status int
	header string
	body   string
}

var anyInstance = regexp.MustCompile(`"instance":"[^"]*"`)

func (g *guarded) ask(method, target, user string, header http.Header) answered {
	r := httptest.NewRequest(method, "https://gatehouse.example"+target, nil)
	if user != "" {
		r.SetBasicAuth(user, "x")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	g.door.ServeHTTP(w, r)
	h := w.Header().Clone()
	h.Del("Date")
	h.Del("Gateway-Reference")
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		lines = append(lines, name+": "+strings.Join(h[name], ", "))
	}
	return answered{w.Code, strings.Join(lines, "\n"), anyInstance.ReplaceAllString(w.Body.String(), `"instance":""`)}
}

func (a answered) String() string { return fmt.Sprintf("%d\n%s\n%s", a.status, a.header, a.body) }

// next is where the next page is, or empty.
func (a answered) next(t *rapid.T) string {
	if a.status != http.StatusOK || !strings.HasPrefix(a.body, "{") || strings.Contains(a.header, "Content-Disposition") {
		return ""
	}
	var page struct {
		Next string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return page.Next
}

// drawQuestion is an address that somebody may think of.
func drawQuestion(t *rapid.T, keen string) string {
	options := url.Values{}
	name := func() string {
		if keen != "" && rapid.Bool().Draw(t, "of the field") {
			return keen
		}
		return rapid.SampledFrom(append([]string{"nosuch", "margn", "lines"}, guardedFields...)).Draw(t, "name")
	}
	switch way := rapid.IntRange(0, 19).Draw(t, "way"); {
	case way < 2:
		return "/api/orders/" + rapid.SampledFrom([]string{"o1", "o2", "o3", "o15", "o99"}).Draw(t, "key") + rapid.SampledFrom([]string{"", "?$expand=lines", "?$select=margin"}).Draw(t, "of one")
	case way < 5:
		return drawFile(t, keen)
	case way < 8:
		options.Set("$format", rapid.SampledFrom([]string{"json", "csv", "text", "svg"}).Draw(t, "format"))
		if rapid.Bool().Draw(t, "filtered") {
			options.Set("$filter", drawCondition(t, 1, keen))
		}
		return "/api/totals?" + options.Encode()
	}
	if rapid.IntRange(0, 3).Draw(t, "filtered") > 0 {
		options.Set("$filter", drawCondition(t, 2, keen))
	}
	if rapid.Bool().Draw(t, "ordered") {
		order := name() + rapid.SampledFrom([]string{"", " desc"}).Draw(t, "direction")
		if rapid.IntRange(0, 3).Draw(t, "second") == 0 {
			order += "," + name()
		}
		options.Set("$orderby", order)
	}
	if rapid.IntRange(0, 3).Draw(t, "selected") == 0 {
		options.Set("$select", name()+","+name())
	}
	if rapid.Bool().Draw(t, "counted") {
		options.Set("$count", "true")
	}
	if rapid.IntRange(0, 3).Draw(t, "expanded") == 0 {
		options.Set("$expand", rapid.SampledFrom([]string{"lines", "lines($select=price)", "lines($top=1)", "linse"}).Draw(t, "expand"))
	}
	if rapid.IntRange(0, 3).Draw(t, "paged") > 0 {
		options.Set("$top", strconv.Itoa(rapid.IntRange(1, 3).Draw(t, "top")))
	}
	return "/api/orders?" + options.Encode()
}

// drawFile is the address of an export.
func drawFile(t *rapid.T, keen string) string {
	options := url.Values{"format": {rapid.SampledFrom([]string{"csv", "jsonl", "csv", "jsonl", "xls"}).Draw(t, "format")}}
	if rapid.Bool().Draw(t, "filtered") {
		options.Set("$filter", drawCondition(t, 1, keen))
	}
	switch rapid.IntRange(0, 5).Draw(t, "of files") {
	case 0:
		options.Set("$expand", "lines")
	case 1:
		options.Set("$expand", "lines")
		options.Set("rows", "lines")
	case 2:
		options.Set("$select", "order_no,"+rapid.SampledFrom(guardedFields).Draw(t, "name"))
	}
	return "/api/orders/export?" + options.Encode()
}

func drawCondition(t *rapid.T, deep int, keen string) string {
	if deep > 0 && rapid.Bool().Draw(t, "joined") {
		a, b := drawCondition(t, deep-1, keen), drawCondition(t, deep-1, keen)
		return rapid.SampledFrom([]string{"(" + a + ") and (" + b + ")", "(" + a + ") or (" + b + ")", "not (" + a + ")"}).Draw(t, "join")
	}
	name := rapid.SampledFrom(append([]string{"nosuch"}, guardedFields...)).Draw(t, "field")
	if keen != "" && rapid.Bool().Draw(t, "of the field") {
		name = keen
	}
	literal := func() string {
		switch name {
		case "amount", "margin":
			return strconv.Itoa(rapid.IntRange(0, 8).Draw(t, "number"))
		case "order_no":
			return rapid.SampledFrom([]string{"'o1'", "'o3'", "'o15'", "'o5'"}).Draw(t, "text")
		case "customer":
			return rapid.SampledFrom([]string{"'c1'", "'c4'"}).Draw(t, "text")
		case "customer_name":
			return "'Ann'"
		case "nosuch":
			return "1"
		}
		v := rapid.SampledFrom(domains[name]).Draw(t, "text")
		if v == nil {
			return "''"
		}
		return "'" + v.(string) + "'"
	}
	switch rapid.IntRange(0, 8).Draw(t, "operator") {
	case 0:
		return name + " in (" + literal() + "," + literal() + ")"
	case 1:
		return name + rapid.SampledFrom([]string{" eq null", " ne null"}).Draw(t, "null")
	case 2:
		return rapid.SampledFrom([]string{"startswith", "contains"}).Draw(t, "function") + "(" + name + ",'" + rapid.SampledFrom([]string{"o", "ri", "N"}).Draw(t, "part") + "')"
	case 3, 4:
		return name + rapid.SampledFrom([]string{" gt ", " ge ", " lt ", " le ", " ne "}).Draw(t, "comparison") + literal()
	}
	return name + " eq " + literal()
}

// TestRights: two databases that differ in nothing but what somebody may not see
// answer him alike, byte for byte, whatever he asks; and what he may see he gets,
// all of it and nothing else.
func TestRights(t *testing.T) {
	var differed, rows, refused, late, files, sums, answers int
	rapid.Check(t, func(rt *rapid.T) {
		grants, keen := drawGrants(rt, "alice"), ""
		if rapid.Bool().Draw(rt, "partly") {
			grants, keen = drawPartly(rt, "alice")
		}
		others := drawGrants(rt, "bob")
		setting := guardSetting{
			access: gateway.NewAccess([]gateway.Role{
				{Name: "alice", Members: []gateway.Member{{User: "alice"}}}, {Name: "bob", Members: []gateway.Member{{User: "bob"}}},
			}, append(slices.Clone(grants), others...)),
			looks:  rapid.SampledFrom([]string{"", "looks_at: 10000\n"}).Draw(rt, "looks"),
			report: drawReport(rt, keen),
		}
		for _, columns := range guardedIndexes {
			if columns == keen+", order_no" || rapid.IntRange(0, 4).Draw(rt, "index on "+columns) > 0 {
				setting.indexes = append(setting.indexes, columns)
			}
		}
		one := drawWorld(rt)
		two := one.otherwise(rt, grants, keen)
		if fmt.Sprint(one) != fmt.Sprint(two) {
			differed++
		}
		a, end := guard(rt, t, one, setting)
		defer end()
		b, end := guard(rt, t, two, setting)
		defer end()

		rows += a.everything(rt, one, grants)
		questions := []string{"/api/payroll", "/api/payrall", "/api/openapi.json", "/api/totals", "/api/orders/export?format=jsonl&$expand=lines"}
		for range 20 {
			questions = append(questions, drawQuestion(rt, keen))
		}
		for _, q := range questions {
			for page := 0; q != "" && page < 30; page++ {
				first, second := a.ask("GET", q, "alice", nil), b.ask("GET", q, "alice", nil)
				if first != second {
					rt.Fatalf("GET %s tells two databases apart that alice may not tell apart:\n%v\n\n%v", unescaped(q), first, second)
				}
				if first.status >= 500 {
					rt.Fatalf("GET %s: %v", unescaped(q), first)
				}
				switch {
				case first.status != http.StatusOK:
					refused++
				case strings.HasPrefix(q, "/api/orders/export"):
					files++
				case strings.HasPrefix(q, "/api/totals"):
					sums++
				}
				if q = first.next(rt); q != "" {
					late++
					q = "/api/" + q
					if s := a.ask("GET", q, "bob", nil); s.status == http.StatusOK {
						rt.Fatalf("bob goes on with the page of alice: %v", s)
					}
				}
			}
		}
		answers += asksAlike(rt, a, b, &setting, keen)
		a.tellsRows(rt, &setting, one.told(grants))
		a.namesNothing(rt, grants)
		a.tellsNothingOf(rt, "payroll", "payrall", "", "/c1", "/stream", "?$filter=name eq 'Ann'", "/c1?$top=1", "?$format=xml",
			"/export", "/export?format=csv", "/export?format=jsonl&$filter=name eq 'Ann'", "/export?format=none", "/export/1", "/export/1/file", "/stream?from=now", "/stream?$filter=name eq 'Ann'", "/stream/1")
		a.tellsNothingOf(rt, "wages", "wagez", "", "?$format=csv", "?$format=none", "?$top=1", "/export?format=csv", "/stream")
	})
	t.Logf("%d worlds differed; %d rows, %d further pages, %d files, %d reports, %d answers to queries, %d refusals", differed, rows, late, files, sums, answers, refused)
	if !t.Failed() && (differed == 0 || answers == 0 || rows == 0 || refused == 0 || late == 0 || files == 0 || sums == 0) {
		t.Error("nothing was tried")
	}
}

// namesNothing looks for the names of what no grant shows in the document, and in what
// is said of names that are nearly theirs.
func (g *guarded) namesNothing(t *rapid.T, grants []gateway.Grant) {
	document, anybodys := g.ask("GET", "/api/openapi.json", "alice", nil).body, g.ask("GET", "/api/openapi.json", "nobody", nil).body
	for _, name := range []string{"payroll", "wages", "customer_no"} {
		if strings.Contains(document, name) {
			t.Fatalf("the document tells of %s", name)
		}
	}
	for _, f := range guardedFields[1:] {
		if slices.ContainsFunc(grants, func(g gateway.Grant) bool { return inGrant(&g, f) && classed(&g, f) }) {
			continue
		}
		if quoted := `"` + f + `"`; strings.Count(document, quoted) != strings.Count(anybodys, quoted) {
			t.Fatalf("the document tells of %s: %s", f, document)
		}
		near := f[:len(f)-1]
		for _, path := range []string{"orders?$orderby=" + near, "orders?$select=" + near, "orders?$filter=" + near + "%20eq%20null", "orders/export?format=csv&$select=" + near, "totals?$filter=" + near + "%20eq%20null"} {
			if a := g.ask("GET", "/api/"+path, "alice", nil); hasWord(problemStatus.ReplaceAllString(a.body, ""), f) {
				t.Fatalf("GET %s tells of %s: %v", path, f, a)
			}
			if a := g.ask("GET", "/api/"+strings.Replace(path, near, f, 1), "alice", nil); a.status == http.StatusOK {
				t.Fatalf("GET %s: %s can be asked for: %v", path, f, a)
			}
		}
	}
}

var problemStatus = regexp.MustCompile(`"status":\d+`)

// hasWord reports whether a word is in a text, by itself.
func hasWord(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }), word)
}

// tellsNothingOf asks about what is granted to nobody as about a name that there is
// not, which is as long.
func (g *guarded) tellsNothingOf(t *rapid.T, hidden, unknown string, below ...string) {
	for _, path := range below {
		path = strings.ReplaceAll(path, " ", "%20")
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE"} {
			for _, user := range []string{"alice", ""} {
				for _, accept := range []string{"", "text/event-stream"} {
					header := http.Header{}
					if accept != "" {
						header.Set("Accept", accept)
					}
					x, y := g.ask(method, "/api/"+hidden+path, user, header), g.ask(method, "/api/"+unknown+path, user, header)
					if x.String() != strings.ReplaceAll(y.String(), unknown, hidden) {
						t.Fatalf("%s %s: what may not be read is told from what does not exist:\n%v\n\n%v", method, path, x, y)
					}
				}
			}
		}
	}
}

func unescaped(q string) string {
	if out, err := url.QueryUnescape(q); err == nil {
		return out
	}
	return q
}

// everything reads all rows and holds them against what may be known.
func (g *guarded) everything(t *rapid.T, w *world, grants []gateway.Grant) int {
	told := w.told(grants)
	got, expanded := map[string]bool{}, true
	for q := "/api/orders?$top=2&$expand=lines"; q != ""; {
		a := g.ask("GET", q, "alice", nil)
		if a.status == http.StatusBadRequest && strings.Contains(a.body, "no such child") {
			q, expanded = "/api/orders?$top=2", false
			continue
		}
		if a.status != http.StatusOK {
			if len(told) > 0 {
				t.Fatalf("what alice may see is not answered: %v", a)
			}
			return 0
		}
		var page struct {
			Value []map[string]any `json:"value"`
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Value {
			holdAgainst(t, row, told, got, expanded)
		}
		if q = a.next(t); q != "" {
			q = "/api/" + q
		}
	}
	if len(got) != len(told) {
		t.Fatalf("%d rows are answered; alice may see %v", len(got), told)
	}
	if len(told) > 0 {
		g.wholeFile(t, told, expanded)
	}
	return len(got)
}

// wholeFile holds an export against the rows that may be known.
func (g *guarded) wholeFile(t *rapid.T, told map[string]map[string]any, expanded bool) {
	q := "/api/orders/export?format=jsonl"
	if expanded {
		q += "&$expand=lines"
	}
	a := g.ask("GET", q, "alice", nil)
	if a.status != http.StatusOK {
		t.Fatalf("what alice may see is not exported: %v", a)
	}
	got := map[string]bool{}
	for line := range strings.Lines(a.body) {
		row := map[string]any{}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		holdAgainst(t, row, told, got, expanded)
	}
	if len(got) != len(told) {
		t.Fatalf("%d rows are exported; alice may see %v", len(got), told)
	}
}

// holdAgainst holds a row against what may be known of it, and notes that it came.
func holdAgainst(t *rapid.T, row map[string]any, told map[string]map[string]any, got map[string]bool, expanded bool) {
	key, _ := row["order_no"].(string)
	may := told[key]
	if may == nil || got[key] {
		t.Fatalf("the row %v is answered; alice may see %v", row, told)
	}
	got[key] = true
	for _, f := range guardedFields {
		v, has := row[f]
		want, seen := may[f]
		if has != seen || has && fmt.Sprint(v) != fmt.Sprint(want) {
			t.Fatalf("%s of %s is %v (given: %v); alice may see %v (%v)", f, key, v, has, want, seen)
		}
	}
	if expanded {
		holdLines(t, key, row["lines"], may["lines"])
	}
}

// holdLines holds the lines of a row against what may be known of them: none where
// they may not be seen.
func holdLines(t *rapid.T, key string, lines, told any) {
	given, _ := lines.([]any)
	may, _ := told.(map[int]map[string]any)
	if len(given) != len(may) {
		t.Fatalf("the lines of %s are %v; alice may see %v", key, given, may)
	}
	for _, one := range given {
		line := one.(map[string]any)
		no, _ := line["line_no"].(float64)
		if fmt.Sprint(line) != fmt.Sprint(may[int(no)]) {
			t.Fatalf("a line of %s is %v; alice may see %v", key, line, may[int(no)])
		}
	}
}
