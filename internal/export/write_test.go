package export

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

var (
	integer = mapping.ColumnType{Kind: mapping.IntegerColumn, Min: 0, Max: 1000}
	text    = mapping.ColumnType{Kind: mapping.StringColumn, Unicode: true, Nullable: true}
)

func str(s string) view.Value { return textual(mapping.StringColumn, s) }

// write returns the file of some rows, or the error of writing them.
func write(t *testing.T, format string, o Options, table *Table, rows ...view.Row) (string, error) {
	t.Helper()
	f, err := Find(format, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := f.Make(&b, table, testHead)
	if err != nil {
		return "", err
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			return "", err
		}
	}
	err = w.Close()
	return b.String(), err
}

func row(values ...view.Value) view.Row { return view.Row{Values: values} }

// TestCSVBytes holds what a reader of ours cannot tell: null from empty, the guard, the
// mark and the separator.
func TestCSVBytes(t *testing.T) {
	table := &Table{Name: "orders", Columns: []Column{{"no", integer}, {"name", text}, {"digest", mapping.ColumnType{Kind: mapping.BytesColumn}}}}
	bytesValue := view.Value{Kind: mapping.BytesColumn, Present: true, Bytes: []byte{0xFB, 0xFF}}
	hidden := row(whole(3), str("secret"), view.Null)
	hidden.Seen = []bool{true, false, true}
	rows := []view.Row{row(whole(-1), view.Null, view.Null), row(whole(2), str(""), bytesValue), hidden, row(whole(4), str("=cmd|' /C calc'!A0"), view.Null), row(whole(5), str("'=x\xff"), view.Null)}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "no,name,digest\r\n-1,,\r\n2,\"\",'-_8\r\n3,,\r\n4,\"'=cmd|' /C calc'!A0\",\r\n5,''=x\uFFFD,\r\n"},
		{Options{Separator: ';', Mark: true, Raw: true}, "\uFEFFno;name;digest\r\n-1;;\r\n2;\"\";-_8\r\n3;;\r\n4;\"=cmd|' /C calc'!A0\";\r\n5;'=x\uFFFD;\r\n"},
	} {
		got, err := write(t, FormatCSV, c.o, table, rows...)
		if err != nil || got != c.want {
			t.Errorf("%+v: %v\n%q\n%q", c.o, err, got, c.want)
		}
	}
}

// TestRefused holds that what a format cannot have is refused, and by what code.
func TestRefused(t *testing.T) {
	one := &Table{Name: "t", Columns: []Column{{"name", text}}}
	hidden := row(whole(1))
	hidden.Seen = []bool{false}
	parent := &Table{Name: "t", Columns: []Column{{"no", integer}}, Children: []*Table{one}}
	many := view.Row{Values: []view.Value{whole(1)}, Children: [][]view.Row{make([]view.Row, MaxChildren+1)}}
	wide := &Table{Name: "t", Columns: make([]Column, sheetColumns+1)}
	decimal := &Table{Name: "t", Columns: []Column{{"d", mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 4, Scale: 2}}}}
	for _, c := range []struct {
		name, format string
		table        *Table
		rows         []view.Row
		code         fault.Code
	}{
		{"one column that can be null", FormatCSV, one, nil, fault.CodeExport},
		{"one column that is null", FormatCSV, &Table{Name: "t", Columns: []Column{{"no", integer}}}, []view.Row{hidden}, fault.CodeExportValue},
		{"children in CSV", FormatCSV, parent, nil, fault.CodeExport},
		{"children in XLSX", FormatXLSX, parent, nil, fault.CodeExport},
		{"too many children in JSON", FormatJSONL, parent, []view.Row{many}, fault.CodeExportValue},
		{"too many children in Parquet", FormatParquet, parent, []view.Row{many}, fault.CodeExportValue},
		{"too many columns", FormatXLSX, wide, nil, fault.CodeExport},
		{"too many columns", FormatParquet, wide, nil, fault.CodeExport},
		{"a text longer than a cell", FormatXLSX, one, []view.Row{row(str(strings.Repeat("x", cellUnits+1)))}, fault.CodeExportValue},
		{"a text of too many units", FormatXLSX, one, []view.Row{row(str(strings.Repeat("𝄞", cellUnits/2+1)))}, fault.CodeExportValue},
		{"a decimal with too many digits", FormatParquet, decimal, []view.Row{row(textual(mapping.DecimalColumn, "123.45"))}, fault.CodeExportValue},
		{"a decimal with too fine a scale", FormatParquet, decimal, []view.Row{row(textual(mapping.DecimalColumn, "1.234"))}, fault.CodeExportValue},
		{"no decimal", FormatParquet, decimal, []view.Row{row(textual(mapping.DecimalColumn, "1e3"))}, fault.CodeExportValue},
	} {
		_, err := write(t, c.format, Options{}, c.table, c.rows...)
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != c.code {
			t.Errorf("%s: %s: %v", c.format, c.name, err)
		}
	}
	if _, err := write(t, FormatXLSX, Options{}, one, row(str(strings.Repeat("ä", cellUnits)))); err != nil {
		t.Errorf("the longest text of a cell: %v", err)
	}
	for _, c := range []struct {
		format string
		o      Options
	}{{"pdf", Options{}}, {"", Options{}}, {FormatCSV, Options{Separator: '"'}}, {FormatCSV, Options{Separator: 'x'}}, {FormatJSONL, Options{Mark: true}}} {
		if _, err := Find(c.format, c.o); fault.Of(err).Code != fault.CodeExport {
			t.Errorf("%s %+v: %v", c.format, c.o, err)
		}
	}
}

// TestSheets holds that rows go on in further sheets, each with the header.
func TestSheets(t *testing.T) {
	var b bytes.Buffer
	w, err := newXLSX(&b, &Table{Name: "or/ders", Columns: []Column{{"no", integer}}}, testHead, 3)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		r := row(whole(int64(n)))
		if err := w.Write(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"xl/worksheets/sheet1.xml": `<row r="3"><c r="A3" s="3"><v>1</v></c></row></sheetData>`,
		"xl/worksheets/sheet3.xml": `no</t></is></c></row><row r="2"><c r="A2" s="3"><v>4</v></c></row></sheetData>`,
		"xl/workbook.xml":          `<sheet name="or_ders" sheetId="1" r:id="rId1"/><sheet name="or_ders (2)" sheetId="2" r:id="rId2"/><sheet name="or_ders (3)"`,
	} {
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// ordersWithLines is a table with children, and rows with none, some and hidden values.
func ordersWithLines() (*Table, []view.Row) {
	parts := &Table{Name: "parts", Columns: []Column{{"part", text}}}
	lines := &Table{Name: "lines", Columns: []Column{{"line", integer}, {"sku", text}}, Children: []*Table{parts}}
	table := &Table{Name: "orders", Columns: []Column{{"no", integer}}, Children: []*Table{lines}}
	line := func(n int64, sku view.Value, parts ...string) view.Row {
		r := view.Row{Values: []view.Value{whole(n), sku}, Children: [][]view.Row{nil}}
		for _, p := range parts {
			r.Children[0] = append(r.Children[0], row(str(p)))
		}
		return r
	}
	masked := line(4, str("hidden"), "x")
	masked.Seen = []bool{true, false}
	order := func(n int64, lines ...view.Row) view.Row {
		return view.Row{Values: []view.Value{whole(n)}, Children: [][]view.Row{lines}}
	}
	return table, []view.Row{
		order(0), order(1, line(1, str("a"), "p", "q"), line(2, view.Null), line(3, str(""), "r")), order(2), order(3, masked), order(4, line(5, str("b"))),
	}
}

// TestLists holds how children are written in JSON Lines, and that another program reads
// those of a Parquet file.
func TestLists(t *testing.T) {
	table, rows := ordersWithLines()
	const shown = `{"no":0,"lines":[]}
{"no":1,"lines":[{"line":1,"sku":"a","parts":[{"part":"p"},{"part":"q"}]},{"line":2,"sku":null,"parts":[]},{"line":3,"sku":"","parts":[{"part":"r"}]}]}
{"no":2,"lines":[]}
{"no":3,"lines":[{"line":4,"parts":[{"part":"x"}]}]}
{"no":4,"lines":[{"line":5,"sku":"b","parts":[]}]}
`
	got, err := write(t, FormatJSONL, Options{}, table, rows...)
	if err != nil || got != shown {
		t.Errorf("%v\n%s", err, got)
	}
	file, err := write(t, FormatParquet, Options{}, table, rows...)
	if err != nil {
		t.Fatal(err)
	}
	if exec.CommandContext(t.Context(), "sh", "-c", "command -v node && command -v npm").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Error("CI has no nodejs and npm; testdata/servers/run.sh installs them")
		}
		t.Skip("nodejs and npm are not installed: nobody reads the file")
	}
	path, expected := filepath.Join(t.TempDir(), "orders.parquet"), filepath.Join(t.TempDir(), "expected")
	inText := strings.NewReplacer(`"line":4,`, `"line":4,"sku":null,`).Replace(shown)
	for n := range 10 {
		d := string(rune('0' + n))
		inText = strings.NewReplacer(`"no":`+d, `"no":"`+d+`"`, `"line":`+d, `"line":"`+d+`"`).Replace(inText)
	}
	if err := errors.Join(os.WriteFile(path, []byte(file), 0o600), os.WriteFile(expected, []byte(inText), 0o600)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "./parquet_read.sh", path, expected)
	cmd.Dir = "testdata"
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "cannot be fetched here") {
		t.Skip(string(out))
	}
	if err != nil || !strings.HasPrefix(string(out), "5 1 ") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestFlat holds the rows of children, with the fields of what they belong to.
func TestFlat(t *testing.T) {
	table, rows := ordersWithLines()
	if _, err := Flat(table); fault.Of(err).Code != fault.CodeExport {
		t.Errorf("children of children: %v", err)
	}
	table.Children[0].Children = nil
	for i := range rows {
		for k := range rows[i].Children[0] {
			rows[i].Children[0][k].Children = nil
		}
	}
	flat, err := Flat(table)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := NewCSV(&b, flat, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w = Flatten(table, w)
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "no,lines.line,lines.sku\r\n1,1,a\r\n1,2,\r\n1,3,\"\"\r\n3,4,\r\n4,5,b\r\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
}

// TestBroken holds that a file whose rows break off is never ended.
func TestBroken(t *testing.T) {
	v := &view.View{Name: "orders", Key: []int{0}, Fields: []view.Field{{Name: "no", Type: integer}}}
	broken := errors.New("the connection is gone")
	for _, format := range Formats {
		f, err := Find(format, Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPlan(f, v, &view.Query{Select: []int{0}}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		var whole, part bytes.Buffer
		scan := func(fail error) Scan {
			return func(_ *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error] {
				return func(yield func(*view.Row, error) bool) {
					at(view.Position{0: 1})
					r := sampleRow(1)
					r.Values = r.Values[:1]
					if yield(&r, nil) && fail != nil {
						yield(nil, fail)
					}
				}
			}
		}
		begin := func(at view.Position) (*Head, error) { return &Head{Position: at}, nil }
		if n, err := p.Write(&whole, scan(nil), begin); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := p.Write(&part, scan(broken), begin); !errors.Is(err, broken) || part.Len() >= whole.Len() {
			t.Errorf("%s: %v, %d bytes of %d", format, err, part.Len(), whole.Len())
		}
		refusing := errors.New("not on record")
		part.Reset()
		if _, err := p.Write(&part, scan(nil), func(view.Position) (*Head, error) { return nil, refusing }); !errors.Is(err, refusing) || part.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", format, err, part.Len())
		}
	}
}

// TestPositions holds the text of positions.
func TestPositions(t *testing.T) {
	for text, good := range map[string]bool{"": true, "0=17,3=4": true, "0": false, "0=1,0=2": false, "-1=2": false, "0=-2": false, "0=x": false, "0=1,": false} {
		p, err := ParsePosition(text)
		if (err == nil) != good || good && PositionText(p) != text {
			t.Errorf("%q: %v %v", text, p, err)
		}
	}
}
