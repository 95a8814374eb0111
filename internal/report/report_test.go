package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/report"
	"github.com/gatehouse/gatehouse/internal/view"
)

var update = flag.Bool("update", false, "write the files that are compared with")

// The fields of the view that the reports here are of.
const (
	status = iota
	at
	amount
	due
)

func sales() *view.View {
	return &view.View{Name: "sales", Fields: []view.Field{
		{Name: "status", Type: mapping.ColumnType{Kind: mapping.StringColumn}},
		{Name: "at", Type: mapping.ColumnType{Kind: mapping.DateTimeColumn, Nullable: true}},
		{Name: "amount", Type: mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 12, Scale: 2}},
		{Name: "due", Type: mapping.ColumnType{Kind: mapping.DateColumn}},
	}}
}

var (
	counting = view.Measure{Name: "sales", Field: -1, Type: mapping.ColumnType{Kind: mapping.IntegerColumn}}
	summing  = view.Measure{Name: "amount", Of: view.Sum, Field: amount, Type: mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 38, Scale: 2, Nullable: true}}
	latest   = view.Measure{Name: "latest", Of: view.Max, Field: due, Type: mapping.ColumnType{Kind: mapping.DateColumn, Nullable: true}}
)

func text(s string) view.Value {
	return view.Value{Kind: mapping.StringColumn, Present: true, Text: s}
}
func count(n int) view.Value {
	return view.Value{Kind: mapping.IntegerColumn, Present: true, Int: int64(n)}
}
func money(s string) view.Value {
	return view.Value{Kind: mapping.DecimalColumn, Present: true, Text: s}
}
func day(y, m, d int) view.Value {
	return view.Value{Kind: mapping.DateColumn, Present: true, Instant: time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)}
}

func answer(r *view.Report, rows ...[]view.Value) *view.Page {
	p := &view.Page{Fields: r.Columns(), Count: int64(len(rows))}
	for _, values := range rows {
		p.Rows = append(p.Rows, view.Row{Values: values})
	}
	return p
}

type sample struct {
	report *view.Report
	page   *view.Page
}

// samples have one of each kind of picture.
func samples() map[string]sample {
	byStatus := view.Group{Name: "status", Field: status}
	byMonth := view.Group{Name: "month", Field: at, By: view.Month}
	make := func(doc string, groups []view.Group, measures ...view.Measure) *view.Report {
		return &view.Report{Name: "sales_report", Doc: doc, View: sales(), Group: groups, Measures: measures}
	}
	out := map[string]sample{}
	bars := make("What was sold, by status.", []view.Group{byStatus}, counting, summing, latest)
	out["bars"] = sample{bars, answer(bars,
		[]view.Value{view.Null, count(3), view.Null, view.Null},
		[]view.Value{text("cancelled"), count(41), money("-1250.40"), day(2026, 3, 1)},
		[]view.Value{text("open"), count(1204), money("182340.00"), day(2026, 4, 2)},
		[]view.Value{text("sent"), count(873), money("99012.35"), day(2026, 2, 27)})}
	line := make("What was sold in each month.", []view.Group{byMonth}, summing)
	var months [][]view.Value
	for i, n := range []string{"1200.00", "3400.50", "2100.00", "5210.75", "0.00", "4100.00", "6350.25", "7120.00", "6900.00", "8100.10", "9050.00", "12000.00", "10400.00", "11250.00"} {
		months = append(months, []view.Value{day(2025, 1+i, 1), money(n)})
	}
	out["line"] = sample{line, answer(line, months...)}
	both := make("What was sold in each month, by status.", []view.Group{byStatus, byMonth}, counting, summing)
	var lines [][]view.Value
	for s, name := range []string{"cancelled", "open", "sent"} {
		for m := range 6 {
			if s == 0 && m == 2 {
				continue
			}
			n := (s*7+m*5)%11*9 + 4*s + 6
			lines = append(lines, []view.Value{text(name), day(2026, 1+m, 1), count(n), money(fmt.Sprintf("%d.50", n*37))})
		}
	}
	out["both"] = sample{both, answer(both, lines...)}
	all := make("All that was sold.", nil, counting, summing)
	out["all"] = sample{all, answer(all, []view.Value{count(2121), money("123456789012345678901234567890.12")})}
	hostile := make("<script>alert(1)</script> & \"quotes\"", []view.Group{byStatus}, counting)
	var nasty [][]view.Value
	for i, s := range []string{"", "</text><script>alert(1)</script>", "\" onload=\"x", "a\x00b\x1b[31m", "\u202egnp.exe", "]]>", "=1+1", "ж 中文字 👩‍🚀", "&amp;", "\xff\xfe", strings.Repeat("long ", 40)} {
		nasty = append(nasty, []view.Value{text(s), count(i + 1)})
	}
	out["hostile"] = sample{hostile, answer(hostile, nasty...)}
	out["nothing"] = sample{bars, answer(bars)}
	return out
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as it was; look at it and run with -update:\n%s", name, got)
	}
}

func TestFormats(t *testing.T) {
	for name, s := range samples() {
		picture := report.SVG(s.report, s.page)
		drawn(t, picture)
		if again := report.SVG(s.report, s.page); !bytes.Equal(picture, again) {
			t.Errorf("%s is drawn in two ways", name)
		}
		golden(t, name+".svg", picture)
		golden(t, name+".txt", report.Text(s.report, s.page))
		golden(t, name+".csv", report.CSV(s.page))
	}
}

// drawn checks that a picture is well-formed and that there is nothing in it but shapes
// and texts, and says what it is.
func drawn(t interface{ Fatalf(string, ...any) }, picture []byte) {
	allowed := []string{"svg", "title", "desc", "style", "rect", "text", "path", "circle"}
	attributes := []string{"xmlns", "width", "height", "viewBox", "role", "aria-labelledby", "id", "class", "x", "y", "d", "cx", "cy", "r", "stroke-dasharray"}
	d := xml.NewDecoder(bytes.NewReader(picture))
	seen := map[string]int{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, picture)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		seen[e.Name.Local]++
		if !slices.Contains(allowed, e.Name.Local) {
			t.Fatalf("there is a %s:\n%s", e.Name.Local, picture)
		}
		for _, a := range e.Attr {
			if !slices.Contains(attributes, a.Name.Local) {
				t.Fatalf("a %s has %s:\n%s", e.Name.Local, a.Name.Local, picture)
			}
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Fatalf("%s is %s:\n%s", a.Name.Local, a.Value, picture)
			}
		}
	}
	if seen["svg"] != 1 || seen["desc"] != 1 || seen["title"] == 0 {
		t.Fatalf("no title, or no description:\n%s", picture)
	}
}

// TestAnything draws whatever lines there can be.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := []view.Group{{Name: "status", Field: status}, {Name: "month", Field: at, By: view.Period(rapid.IntRange(1, 5).Draw(t, "period"))}, {Name: "due", Field: due}}
		r := &view.Report{Name: "sales_report", View: sales(), Measures: []view.Measure{counting, summing, latest}}
		for _, g := range groups {
			if rapid.Bool().Draw(t, g.Name) {
				r.Group = append(r.Group, g)
			}
		}
		var rows [][]view.Value
		orNull := func(v view.Value) view.Value {
			if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
				return view.Null
			}
			return v
		}
		for range rapid.IntRange(0, 60).Draw(t, "lines") {
			var line []view.Value
			for _, g := range r.Group {
				if g.Field == status {
					line = append(line, orNull(text(rapid.String().Draw(t, "status"))))
					continue
				}
				line = append(line, orNull(day(rapid.IntRange(1, 9999).Draw(t, "year"), 1, 1)))
			}
			sum := rapid.StringMatching(`-?[0-9]{1,30}\.[0-9]{2}`).Draw(t, "sum")
			rows = append(rows, append(line, count(rapid.IntRange(0, 1<<40).Draw(t, "count")), orNull(money(sum)), orNull(day(2026, 1, 1))))
		}
		page := answer(r, rows...)
		page.Count += int64(rapid.IntRange(0, 3).Draw(t, "more"))
		drawn(t, report.SVG(r, page))
		for _, c := range string(report.Text(r, page)) {
			if c < ' ' && c != '\n' || c == 0x7f || c == 0x202e {
				t.Fatalf("the table has %q", c)
			}
		}
		records, err := csv.NewReader(bytes.NewReader(report.CSV(page))).ReadAll()
		if err != nil || len(records) != len(rows)+1 {
			t.Fatalf("%d records of %d lines: %v", len(records), len(rows), err)
		}
	})
}
