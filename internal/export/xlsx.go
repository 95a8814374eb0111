package export

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// What a sheet can have, by ECMA-376 as the program that everybody opens it with has it.
const (
	sheetRows    = 1 << 20
	sheetColumns = 1 << 14
	cellUnits    = 32_767 // UTF-16 code units of a text
)

// A spreadsheet keeps fifteen digits of a number.
const (
	exactDigits = 15
	exactWhole  = 999_999_999_999_999
)

// xlsxWriter writes an Office Open XML workbook: sheets of typed cells below a header
// that stays in sight. It is written by hand because cells that come in order need
// nothing else: see docs/decisions/0024-exports.md.
//
// What a cell cannot hold as what it is, it has as text with every digit: numbers of more
// than fifteen digits, moments finer than a millisecond or before March 1900. A text that
// is too long for a cell is refused.
type xlsxWriter struct {
	zip     *zip.Writer
	w       *bufio.Writer // the sheet
	t       *Table
	head    *Head
	names   []string // of columns: A, B, …
	styles  map[int]int
	sheets  int
	line    int // of the sheet, counted from 1
	most    int // lines of a sheet
	rows    int64
	scratch []byte
}

// NewXLSX begins a workbook.
func NewXLSX(w io.Writer, t *Table, h *Head) (Writer, error) { return newXLSX(w, t, h, sheetRows) }

func newXLSX(w io.Writer, t *Table, h *Head, most int) (Writer, error) {
	if len(t.Children) > 0 {
		return nil, flatOnly(t, FormatXLSX)
	}
	if len(t.Columns) > sheetColumns {
		return nil, fault.New(fault.CodeExport, "a sheet has at most %d columns, not %d", sheetColumns, len(t.Columns))
	}
	x := &xlsxWriter{zip: zip.NewWriter(w), t: t, head: h, most: most}
	x.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for i := range t.Columns {
		x.names = append(x.names, columnName(i))
	}
	if err := x.writeStyles(); err != nil {
		return nil, err
	}
	return x, x.beginSheet()
}

// columnName is what a sheet calls a column, counted from 0.
func columnName(i int) string {
	name := ""
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('A'+(i-1)%26)) + name
	}
	return name
}

func (x *xlsxWriter) beginSheet() error {
	x.sheets++
	w, err := x.zip.Create("xl/worksheets/sheet" + strconv.Itoa(x.sheets) + ".xml")
	if err != nil {
		return err
	}
	x.w = bufio.NewWriterSize(w, 32<<10)
	x.raw(xmlHead + `<worksheet xmlns="` + sheetNamespace + `"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>`)
	x.line = 1
	x.raw(`<row r="1">`)
	for i := range x.t.Columns {
		x.text(i, styleHeader, x.t.Columns[i].Name)
	}
	x.raw(`</row>`)
	return nil
}

func (x *xlsxWriter) endSheet() error {
	x.raw(`</sheetData></worksheet>`)
	return x.w.Flush()
}

// raw leaves the error to Flush, as the writer does.
func (x *xlsxWriter) raw(s string) { _, _ = x.w.WriteString(s) }

// Write implements Writer.
func (x *xlsxWriter) Write(row *view.Row) error {
	x.rows++
	if x.line == x.most {
		if err := x.endSheet(); err != nil {
			return err
		}
		if err := x.beginSheet(); err != nil {
			return err
		}
	}
	x.line++
	x.raw(`<row r="`)
	x.raw(strconv.Itoa(x.line))
	x.raw(`">`)
	for i := range x.t.Columns {
		if v := Present(row, i); v.Present {
			if err := x.cell(i, v); err != nil {
				return err
			}
		}
	}
	_, err := x.w.WriteString(`</row>`)
	return err
}

// cell writes a value as what it is, or as text where that would not be exact.
func (x *xlsxWriter) cell(i int, v view.Value) error {
	c := &x.t.Columns[i].Type
	switch v.Kind {
	case mapping.BoolColumn:
		x.open(i, styleNone, `" t="b"><v>`)
		x.raw(strconv.FormatInt(v.Int&1, 10))
		x.raw(`</v></c>`)
		return nil
	case mapping.IntegerColumn:
		if v.Int <= exactWhole && v.Int >= -exactWhole {
			x.number(i, styleWhole, strconv.FormatInt(v.Int, 10))
			return nil
		}
	case mapping.DecimalColumn:
		if digits(v.Text) <= exactDigits {
			x.number(i, x.styles[c.Scale], v.Text)
			return nil
		}
	case mapping.FloatColumn:
		if !math.IsNaN(v.Float) && !math.IsInf(v.Float, 0) && (v.Float == 0 || math.Abs(v.Float) >= 0x1p-1022) {
			x.number(i, styleNone, strconv.FormatFloat(v.Float, 'g', -1, 64))
			return nil
		}
	case mapping.DateColumn, mapping.DateTimeColumn:
		if serial, style, ok := serialOf(v.Instant, v.Kind == mapping.DateColumn); ok {
			x.number(i, style, serial)
			return nil
		}
	case mapping.TimeColumn:
		if at, err := time.Parse("15:04:05", v.Text); err == nil {
			if serial, style, ok := serialOfTime(at); ok {
				x.number(i, style, serial)
				return nil
			}
		}
	}
	text := Text(v, c)
	if n := units(text); n > cellUnits {
		return refused(x.t, x.rows, i, "a cell holds %d characters, not %d; csv, jsonl and parquet hold all", cellUnits, n)
	}
	x.text(i, styleText, text)
	return nil
}

// units counts a text's UTF-16 code units.
func units(s string) (n int) {
	if len(s) <= cellUnits {
		return len(s) // at most
	}
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// digits counts those of a decimal from the first that is not zero to the last, or to the
// point.
func digits(text string) int {
	whole, fraction, _ := strings.Cut(strings.TrimLeft(text, "+-"), ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		fraction = strings.TrimLeft(fraction, "0")
	}
	return len(whole) + len(fraction)
}

// The first day that every reader counts alike: there is a 29 February 1900 in some.
var firstDay = time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)

// dayZero is what serial numbers count from.
var dayZero = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

const dayMillis = 24 * 60 * 60 * 1000

// serialOf is a moment as a number of days, exact to the millisecond.
func serialOf(at time.Time, date bool) (serial string, style int, ok bool) {
	at = at.UTC()
	if at.Before(firstDay) || at.Year() > 9999 || at.Nanosecond()%int(time.Millisecond) != 0 {
		return "", 0, false
	}
	millis := at.UnixMilli() - dayZero.UnixMilli()
	days, rest := millis/dayMillis, millis%dayMillis
	switch {
	case date:
		return strconv.FormatInt(days, 10), styleDate, true
	case at.Nanosecond() != 0:
		style = styleMomentMillis
	default:
		style = styleMoment
	}
	return strconv.FormatFloat(float64(days)+float64(rest)/dayMillis, 'f', -1, 64), style, true
}

// serialOfTime is a time of a day as a part of one.
func serialOfTime(at time.Time) (serial string, style int, ok bool) {
	if at.Nanosecond()%int(time.Millisecond) != 0 {
		return "", 0, false
	}
	style = styleTime
	if at.Nanosecond() != 0 {
		style = styleTimeMillis
	}
	millis := ((at.Hour()*60+at.Minute())*60+at.Second())*1000 + at.Nanosecond()/int(time.Millisecond)
	return strconv.FormatFloat(float64(millis)/dayMillis, 'f', -1, 64), style, true
}

// open begins a cell; what follows its style ends the tag.
func (x *xlsxWriter) open(i, style int, rest string) {
	x.raw(`<c r="`)
	x.raw(x.names[i])
	x.raw(strconv.Itoa(x.line))
	if style != styleNone {
		x.raw(`" s="`)
		x.raw(strconv.Itoa(style))
	}
	x.raw(rest)
}

func (x *xlsxWriter) number(i, style int, text string) {
	x.open(i, style, `"><v>`)
	x.raw(text)
	x.raw(`</v></c>`)
}

// text writes a cell that is text whatever it looks like: none is ever a formula.
func (x *xlsxWriter) text(i, style int, s string) {
	x.open(i, style, `" t="inlineStr"><is><t xml:space="preserve">`)
	x.scratch = appendCellText(x.scratch[:0], s)
	_, _ = x.w.Write(x.scratch)
	x.raw(`</t></is></c>`)
}

// Close implements Writer.
func (x *xlsxWriter) Close() error {
	if err := x.endSheet(); err != nil {
		return err
	}
	if err := x.writeParts(); err != nil {
		return err
	}
	return x.zip.Close()
}
