package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// none stands for a group of null, and empty for one of an empty text.
const (
	none  = "(none)"
	empty = "(empty)"
)

// label is a value in words: a period by its name, in ISO 8601's words where that has
// any.
func label(v view.Value, by view.Period) string {
	if !v.Present {
		return none
	}
	at := v.Instant.UTC()
	switch by {
	case view.Week:
		year, week := at.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week)
	case view.Month:
		return at.Format("2006-01")
	case view.Quarter:
		return fmt.Sprintf("%04d-Q%d", at.Year(), (int(at.Month())+2)/3)
	case view.Year:
		return at.Format("2006")
	}
	text := inert(odata.Format(v))
	if text == "" {
		return empty
	}
	return text
}

// inert takes from a text what a terminal or a reader of pictures could obey: control
// characters, and those that turn the direction of what follows.
func inert(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// isNumber reports whether a column has numbers, which stand to the right and can be
// drawn.
func isNumber(t *mapping.ColumnType) bool {
	switch t.Kind {
	case mapping.IntegerColumn, mapping.DecimalColumn, mapping.FloatColumn:
		return true
	}
	return false
}

// size is a number as far as a picture needs it.
func size(v view.Value) float64 {
	switch v.Kind {
	case mapping.IntegerColumn:
		return float64(v.Int)
	case mapping.DecimalColumn:
		f, err := strconv.ParseFloat(v.Text, 64)
		if err != nil { // a store has told it
			return 0
		}
		return f
	}
	if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
		return 0
	}
	return v.Float
}

// number writes a number with its digits in groups of three, and all of them.
func number(v view.Value) string {
	if !v.Present {
		return "\u2013"
	}
	text := odata.Format(v)
	if v.Kind == mapping.FloatColumn {
		return text
	}
	return grouped(text)
}

// narrow is a space at which no line breaks.
const narrow = "\u202f"

func grouped(text string) string {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "\u2212", text[1:]
	}
	whole, fraction, has := strings.Cut(text, ".")
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(narrow)
		}
		b.WriteByte(whole[i])
	}
	if has {
		fraction = "." + fraction
	}
	return sign + b.String() + fraction
}

var scales = []struct {
	unit float64
	name string
}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}

// brief is a number of an axis.
func brief(f, step float64) string {
	name := ""
	for _, s := range scales {
		if step >= s.unit {
			f, step, name = f/s.unit, step/s.unit, narrow+s.name
			break
		}
	}
	if step >= 1e3 { // beyond all names
		return strconv.FormatFloat(f, 'e', 1, 64) + name
	}
	digits := 0
	for ; digits < 9 && step < 0.9999999; digits++ {
		step *= 10
	}
	text := grouped(strconv.FormatFloat(f, 'f', digits, 64))
	if f == 0 {
		return "0"
	}
	return text + name
}

// clipped shortens what stands in a picture; all of it is in the text beside.
func clipped(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// width is how many columns a text takes where every character has the same width.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			n++
		}
		if unicode.Is(unicode.Mn, r) {
			n--
		}
	}
	return n
}
