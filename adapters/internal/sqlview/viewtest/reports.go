package viewtest

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

const salesView = `view: sales
from: dbo.rp
looks_at: 10000
key: [id]
fields: {id: {}, status: {}, owner: {}, at: {column: sold_at}, day: {}, n: {}, amount: {}}
filter: [status, owner, at]
`

// The fields of salesView.
const (
	saleID = iota
	saleStatus
	saleOwner
	saleAt
	saleDay
	saleN
	saleAmount
)

// sale is a row, as the test knows it. amount is in hundredths; a pointer is nil of null.
type sale struct {
	id            int
	status, owner string
	at            *time.Time
	day           time.Time
	n             *int64
	amount        *int64
}

func newSales(t *testing.T, b Base, random *rand.Rand) (out []sale) {
	t.Helper()
	b.Exec(t, "CREATE TABLE {dbo.rp} (id bigint NOT NULL, status nvarchar(12) NOT NULL, owner nvarchar(12) NOT NULL, sold_at datetime2(3) NULL, day date NOT NULL, n bigint NULL, amount decimal(12,2) NULL, CONSTRAINT pk_rp PRIMARY KEY (id))")
	b.Exec(t, "CREATE INDEX ix_rp_status ON {dbo.rp} (status, sold_at, id)")
	b.Exec(t, "CREATE INDEX ix_rp_at ON {dbo.rp} (sold_at, id)")
	var rows [][]string
	for id := range 300 {
		s := sale{id: id, status: []string{"draft", "open", "sent"}[random.IntN(3)], owner: []string{"ann", "ben"}[random.IntN(2)]}
		// About the ends of a year, in which weeks and quarters are told apart.
		s.day = time.Date(2024, 12, 20, 0, 0, 0, 0, time.UTC).AddDate(0, 0, random.IntN(40)-365*random.IntN(2))
		line := []string{strconv.Itoa(id), s.status, s.owner, "NULL", s.day.Format(time.DateOnly), "NULL", "NULL"}
		if random.IntN(6) > 0 {
			at := s.day.Add(time.Duration(random.IntN(4)*21_599_999) * time.Millisecond) // some are equal
			s.at, line[3] = &at, at.Format("2006-01-02T15:04:05.000")
		}
		if random.IntN(6) > 0 {
			n := []int64{1<<63 - 1, -1 << 63, 1<<32 - 1, -1, 0, 7}[random.IntN(6)]
			s.n, line[5] = &n, strconv.FormatInt(n, 10)
		}
		if random.IntN(6) > 0 {
			n := random.Int64N(2_000_000_000_000) - 1_000_000_000_000
			s.amount, line[6] = &n, cents(big.NewInt(n))
		}
		out, rows = append(out, s), append(rows, line)
	}
	fill(t, b, "rp", "id bigint, status nvarchar(12), owner nvarchar(12), sold_at datetime2(3), day date, n bigint, amount decimal(12,2)", rows)
	return out
}

// cents writes hundredths.
func cents(n *big.Int) string {
	sign := ""
	if n.Sign() < 0 {
		sign, n = "-", new(big.Int).Neg(n)
	}
	text := fmt.Sprintf("%03s", n)
	return sign + text[:len(text)-2] + "." + text[len(text)-2:]
}

// firstDay is the reference for periods.
func firstDay(at time.Time, by view.Period) string {
	y, m, d := at.Date()
	switch by {
	case view.Week:
		d -= (int(at.Weekday()) + 6) % 7
	case view.Month:
		d = 1
	case view.Quarter:
		m, d = (m-1)/3*3+1, 1
	case view.Year:
		m, d = 1, 1
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Format("2006-01-02T15:04:05.9999999")
}

var periods = []view.Period{view.Day, view.Week, view.Month, view.Quarter, view.Year}

// group is a group of salesView with its reference.
type group struct {
	text string
	uses int
	of   func(*sale) string
}

func drawGroups(random *rand.Rand) []group {
	by := periods[random.IntN(len(periods))]
	all := []group{
		{"status", saleStatus, func(s *sale) string { return s.status }},
		{"owner", saleOwner, func(s *sale) string { return s.owner }},
		{fmt.Sprintf("{field: at, by: %s, as: sold}", by), saleAt, func(s *sale) string {
			if s.at == nil {
				return "NULL"
			}
			return firstDay(*s.at, by)
		}},
		{fmt.Sprintf("{field: day, by: %s, as: due}", by), saleDay, func(s *sale) string { return firstDay(s.day, by) }},
		{"day", saleDay, func(s *sale) string { return firstDay(s.day, view.Day) }},
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:random.IntN(4)]
}

const salesMeasures = `measures:
  sales: count
  owners: {distinct: owner}
  units: {sum: n}
  total: {sum: amount}
  moments: {distinct: at}
  first: {min: at}
  most: {max: n}
`

// measures is the reference for salesMeasures.
func measures(rows []*sale) string {
	owners, moments := map[string]bool{}, map[string]bool{}
	units, total := new(big.Int), new(big.Int)
	anyN, anyAmount, first, most := false, false, "NULL", "NULL"
	var max int64
	for _, s := range rows {
		owners[s.owner] = true
		if s.n != nil {
			units.Add(units, big.NewInt(*s.n))
			if !anyN || *s.n > max {
				max, most = *s.n, strconv.FormatInt(*s.n, 10)
			}
			anyN = true
		}
		if s.amount != nil {
			anyAmount = true
			total.Add(total, big.NewInt(*s.amount))
		}
		if s.at != nil {
			text := s.at.Format("2006-01-02T15:04:05.9999999")
			moments[text] = true
			if first == "NULL" || text < first {
				first = text
			}
		}
	}
	sum := func(is bool, text string) string {
		if !is {
			return "NULL"
		}
		return text
	}
	return fmt.Sprintf("%d %d %s %s %d %s %s", len(rows), len(owners), sum(anyN, units.String()), sum(anyAmount, cents(total)), len(moments), first, most)
}

// choice is a condition with its reference, and the fields that it is of.
type choice struct {
	expr view.Expr
	of   []int
	is   func(*sale) bool
}

func drawChoice(random *rand.Rand) choice {
	since := time.Date(2024, 12, 25, 0, 0, 0, 0, time.UTC)
	late := func(s *sale) bool { return s.at != nil && !s.at.Before(since) }
	after := view.Compare{Field: saleAt, Op: view.GreaterOrEqual, Value: view.Value{Kind: mapping.DateTimeColumn, Present: true, Instant: since}}
	return []choice{
		{nil, nil, func(*sale) bool { return true }},
		{equal(saleStatus, "open"), []int{saleStatus}, func(s *sale) bool { return s.status == "open" }},
		{after, []int{saleAt}, late},
		{view.And{equal(saleStatus, "sent"), after}, []int{saleStatus, saleAt}, func(s *sale) bool { return s.status == "sent" && late(s) }},
		{view.Or{equal(saleStatus, "sent"), after}, []int{saleStatus, saleAt}, func(s *sale) bool { return s.status == "sent" || late(s) }},
		{equal(saleOwner, "ann"), []int{saleOwner}, func(s *sale) bool { return s.owner == "ann" }}, // no index serves it
		{equal(saleStatus, "none"), []int{saleStatus}, func(*sale) bool { return false }},
	}[random.IntN(7)]
}

// pane is a window with its reference.
type pane struct {
	fields []int
	is     func(*sale) bool
}

func drawPanes(random *rand.Rand) (sight, []pane) {
	var windows sight
	var panes []pane
	for range 1 + random.IntN(3) {
		c := drawChoice(random)
		w, p := view.Window{}, pane{is: c.is}
		if c.expr != nil {
			w.Rows = []view.Expr{c.expr}
		}
		if random.IntN(2) == 0 {
			w.Fields = []int{saleID, saleStatus, saleAt, saleAmount}
			p.fields = w.Fields
		}
		windows, panes = append(windows, w), append(panes, p)
	}
	return windows, panes
}

// shows reports whether each of the fields is in a window on the row.
func shows(panes []pane, s *sale, fields []int) bool {
	return !slices.ContainsFunc(fields, func(f int) bool {
		return !slices.ContainsFunc(panes, func(p pane) bool { return p.is(s) && (p.fields == nil || slices.Contains(p.fields, f)) })
	})
}

// TestReports counts and sums made-up rows for made-up questions and windows, and
// holds the lines against what Go comes to.
func TestReports(t *testing.T, b Base) {
	random := rand.New(rand.NewPCG(3, 9))
	sales := newSales(t, b, random)
	s, _ := open(t, b, salesView)
	v, err := s.View("sales")
	if err != nil {
		t.Fatal(err)
	}
	answered := 0
	for i := range b.Queries() {
		groups := drawGroups(random)
		report := salesReport(t, v, groups, "scans: true\n")
		windows, panes := drawPanes(random)
		c := drawChoice(random)
		uses := append(append([]int{saleID}, c.of...), report.Uses()...)
		name := fmt.Sprintf("%d: %+v by %+v for %+v", i, c.expr, report.Group, windows)
		page, err := s.Report(t.Context(), windows, report, &view.ReportQuery{Where: c.expr})
		if hidden := slices.ContainsFunc(uses, func(f int) bool {
			return !slices.ContainsFunc(panes, func(p pane) bool { return p.fields == nil || slices.Contains(p.fields, f) })
		}); hidden {
			if fault.KindOf(err) != fault.Forbidden && fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var rows []*sale
		for i := range sales {
			if c.is(&sales[i]) && shows(panes, &sales[i], uses) {
				rows = append(rows, &sales[i])
			}
		}
		want, got := reference(rows, groups), []string{}
		for i := range page.Rows {
			got = append(got, tellRow(&page.Rows[i]))
		}
		if !slices.Equal(got, want) || page.Count != int64(len(want)) {
			t.Fatalf("%s:\n%s\nnot\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		answered++
	}
	if answered < b.Queries()/4 {
		t.Errorf("only %d of %d were answered", answered, b.Queries())
	}
	testReportBounds(t, s, v)
	testReportOrder(t, s, v)
}

func salesReport(t *testing.T, v *view.View, groups []group, more string) *view.Report {
	t.Helper()
	text := "report: sums\nof: sales\n" + more
	for i, g := range groups {
		if i == 0 {
			text += "group:\n"
		}
		text += "  - " + g.text + "\n"
	}
	d, err := view.Parse("sums.yaml", []byte(text+salesMeasures))
	if err != nil {
		t.Fatal(err)
	}
	r, err := view.CheckReport(d, v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reference are the lines that rows come to, in the order of the groups.
func reference(rows []*sale, groups []group) []string {
	lines := map[string][]*sale{}
	for _, s := range rows {
		key := []string{}
		for _, g := range groups {
			key = append(key, strings.Replace(g.of(s), "NULL", "\x00NULL", 1)) // which is less
		}
		at := strings.Join(key, " ")
		lines[at] = append(lines[at], s)
	}
	if len(groups) == 0 {
		return []string{measures(rows)}
	}
	var keys []string
	for key := range lines {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := []string{}
	for _, key := range keys {
		out = append(out, strings.ReplaceAll(key, "\x00", "")+" "+measures(lines[key]))
	}
	return out
}

// testReportBounds: nothing is read that neither an index nor the declaration bounds,
// and nothing is cut off.
func testReportBounds(t *testing.T, s *sqlview.Searcher, v *view.View) {
	all := []group{{text: "status"}}
	bounded := salesReport(t, v, all, "")
	for name, c := range map[string]struct {
		report *view.Report
		where  view.Expr
		reason string
	}{
		"no condition":          {bounded, nil, "scans: true"},
		"not served":            {bounded, equal(saleOwner, "ann"), "CREATE INDEX"},
		"too many":              {salesReport(t, v, all, "rows: 20\n"), equal(saleStatus, "open"), "more than 20 rows"},
		"too many, looked at":   {salesReport(t, v, all, "rows: 299\nscans: true\n"), equal(saleOwner, "nobody"), "more than 299 rows"},
		"too many, all":         {salesReport(t, v, all, "rows: 299\nscans: true\n"), nil, "more than 299 rows"},
		"too many, of branches": {salesReport(t, v, all, "rows: 150\n"), view.In{Field: saleStatus, Values: []view.Value{text("open"), text("sent")}}, "more than 150 rows"},
		"no such filter":        {bounded, view.IsNull{Field: saleDay}, "cannot be asked for"},
	} {
		_, err := s.Report(t.Context(), everybody{}, c.report, &view.ReportQuery{Where: c.where})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Of(err).Message, c.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		report *view.Report
		where  view.Expr
	}{
		"served": {bounded, equal(saleStatus, "open")},
		"just":   {salesReport(t, v, all, "rows: 300\nscans: true\n"), equal(saleOwner, "ann")},
		"all":    {salesReport(t, v, all, "rows: 300\nscans: true\n"), nil},
	} {
		if _, err := s.Report(t.Context(), everybody{}, c.report, &view.ReportQuery{Where: c.where}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// testReportOrder: by sums as numbers, by groups as the database has them.
func testReportOrder(t *testing.T, s *sqlview.Searcher, v *view.View) {
	r := salesReport(t, v, []group{{text: "status"}, {text: "owner"}}, "scans: true\n")
	const total = 5 // status, owner, sales, owners, units, total
	page, err := s.Report(t.Context(), everybody{}, r, &view.ReportQuery{Order: []view.ReportOrder{{Column: total, Desc: true}}, Top: 4})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Rows) != 4 || page.Count != 6 {
		t.Fatalf("%d lines of %d", len(page.Rows), page.Count)
	}
	var last *big.Rat
	for _, row := range page.Rows {
		n, ok := new(big.Rat).SetString(row.Values[total].Text)
		if !ok || last != nil && n.Cmp(last) > 0 {
			t.Errorf("%s is out of order", row.Values[total].Text)
		}
		last = n
	}
	page, err = s.Report(t.Context(), everybody{}, r, &view.ReportQuery{Order: []view.ReportOrder{{Column: 1, Desc: true}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range page.Rows {
		got = append(got, row.Values[1].Text+" "+row.Values[0].Text)
	}
	if want := []string{"ben draft", "ben open", "ben sent", "ann draft", "ann open", "ann sent"}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
