package main

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestHostileSearches: whatever stands in an address, it is answered, in bounded time
// and memory, by a refusal or a page, and never by a breakdown.
func TestHostileSearches(t *testing.T) {
	grants := []gateway.Grant{{Role: "alice", May: []gateway.Verb{gateway.Read}, On: "view/orders", Classes: []string{"personal", "secret"}, Rows: []gateway.RowFilter{{Column: "region", Values: []string{"north"}}}}}
	g, end := guard(t, t, rapid.Custom(drawWorld).Example(1), guardSetting{
		access:  gateway.NewAccess([]gateway.Role{{Name: "alice", Members: []gateway.Member{{User: "alice"}}}}, grants),
		indexes: guardedIndexes, looks: "looks_at: 10000\n", report: "report: totals\nof: orders\nscans: true\nmeasures: {orders: count}\n",
	})
	defer end()
	option := func(name, value string) string { return "?" + name + "=" + url.QueryEscape(value) }
	repeat := strings.Repeat
	for what, c := range map[string]struct {
		target string
		status int // 0: any but a breakdown
	}{
		"100 KB of a condition":  {option("$filter", "note eq '"+repeat("x", 100<<10)+"'"), 414},
		"10,000 alternatives":    {option("$filter", repeat("margin eq 5 or ", 2000)+"margin eq 5"), 0},
		"many negations":         {option("$filter", repeat("not ", 3000)+"margin eq 5"), 400},
		"deep parentheses":       {option("$filter", repeat("(", 4000)+"margin eq 5"+repeat(")", 4000)), 400},
		"open parentheses":       {option("$filter", repeat("(", 8000)), 400},
		"many values":            {option("$filter", "amount in ("+repeat("1,", 4000)+"2)"), 0},
		"distinct values":        {option("$filter", "amount in ("+numbers(3000)+")"), 400},
		"products of branches":   {option("$filter", repeat("(margin eq 5 or amount eq 1 or status eq 'NEW') and ", 40)+"margin ne 6"), 0},
		"an expansion in itself": {option("$expand", repeat("lines($expand=", 500)+"lines"+repeat(")", 500)), 400},
		"many expansions":        {option("$expand", repeat("lines,", 1000)+"lines"), 400},
		"huge expansion":         {option("$expand", "lines($top=1000000000)"), 400},
		"less than nothing":      {"?$top=-1", 400},
		"no row":                 {"?$top=0", 0},
		"1e9 rows":               {"?$top=1000000000", 400},
		"more digits than fit":   {"?$top=" + repeat("9", 400), 400},
		"a large number":         {option("$filter", "margin eq "+repeat("9", 5000)), 400},
		"a tiny exponent":        {option("$filter", "margin eq 1e-999999999"), 400},
		"a huge exponent":        {option("$filter", "margin eq 1e999999999"), 400},
		"NUL":                    {"?$filter=note%20eq%20'%00'", 400},
		"NUL in a key":           {"/o1%00", 404},
		"bad UTF-8":              {"?$filter=note%20eq%20'%ff%fe'", 400},
		"bad UTF-8 in a key":     {"/%ff", 404},
		"surrogates":             {"?$filter=note%20eq%20'%ed%a0%80'", 400},
		"bad escape":             {"?$filter=note%20eq%20'x%25zz'", 0},
		"twice":                  {"?$top=1&$top=2", 400},
		"twice, escaped":         {"?$top=1&%24top=2", 400},
		"an alias of itself":     {"?$filter=note%20eq%20@a&@a=@a", 400},
		"wildcards":              {option("$filter", "contains(note,'%') or contains(note,'_') or contains(note,'[a')"), 0},
		"SQL":                    {option("$filter", "note eq '''; DROP TABLE \"sales.orders\"; --'"), 0},
		"SQL in a name":          {option("$orderby", "margin\"; DROP TABLE x"), 400},
		"header in a name":       {option("$select", "x\r\nSet-Cookie: a=b"), 400},
		"header in a format":     {option("$format", "json\r\nSet-Cookie: a=b"), 0},
		"a long token":           {"?$skiptoken=" + repeat("A", 20<<10), 400},
		"a forged token":         {"?$skiptoken=AQAAAAFXtbpa5-XzIM8sLtfboxAc7VNmxFxYBjWYjTqpiN3pTig", 400},
		"many options":           {"?" + repeat("$top=1&", 4000), 400},
		"a key of many parts":    {"/" + repeat("o,", 2000), 404},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			a := g.ask(method, "/api/orders"+c.target, "alice", http.Header{"Range": {"bytes=0-1"}})
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if a.status >= 500 || c.status != 0 && a.status != c.status || a.status == http.StatusPartialContent {
				t.Errorf("%s of %s: %.600v", method, what, a)
			}
			if strings.Contains(strings.ToLower(a.body), "sqlite") || strings.Contains(a.body, "SELECT") || strings.Contains(a.header, "Set-Cookie") {
				t.Errorf("%s of %s tells too much: %.600v", method, what, a)
			}
			if made := after.TotalAlloc - before.TotalAlloc; took > 10*time.Second || made > 64<<20 || len(a.body) > 64<<10 {
				t.Errorf("%s of %s takes %v, %d bytes, and is answered with %d", method, what, took, made, len(a.body))
			}
		}
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, i)
	}
	return b.String()
}
