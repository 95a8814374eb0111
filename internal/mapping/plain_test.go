package mapping

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// columnTypes are columns of every kind that has a plain way.
func columnTypes(t *rapid.T) ColumnType {
	c := ColumnType{Kind: rapid.SampledFrom([]ColumnKind{StringColumn, IntegerColumn, DecimalColumn, BoolColumn}).Draw(t, "kind")}
	switch c.Kind {
	case StringColumn:
		c.Length = rapid.IntRange(0, 12).Draw(t, "length")
		c.UUID = rapid.IntRange(0, 9).Draw(t, "uuid") == 0
		if c.Unicode = rapid.Bool().Draw(t, "unicode"); !c.Unicode {
			c.Charset = rapid.SampledFrom([]string{"", "utf-8", "windows-1252", "IBM037", "unheard-of"}).Draw(t, "charset")
		}
	case IntegerColumn:
		c.Max = rapid.SampledFrom([]int64{255, 1<<15 - 1, 1<<31 - 1, 1<<63 - 1}).Draw(t, "most")
		if c.Max > 255 {
			c.Min = -c.Max - 1
		}
	case DecimalColumn:
		c.Precision = rapid.IntRange(1, 38).Draw(t, "precision")
		c.Scale = rapid.IntRange(0, c.Precision).Draw(t, "scale")
	}
	return c
}

func valueFor(t *rapid.T, k ColumnKind) Value {
	class, texts := String, rapid.OneOf(rapid.StringN(0, 14, -1), rapid.StringMatching(`[a-z[^\x00]{0,14}`), rapid.Just("a\x00b"), rapid.Just("a\xffb"), rapid.Just("6f9619ff-8b86-d011-b42d-00c04fc964ff"))
	switch k {
	case IntegerColumn:
		class, texts = Integer, rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,4}`), rapid.StringMatching(`[+-]?0{0,3}[0-9]{1,40}`), rapid.SampledFrom([]string{"9223372036854775807", "-9223372036854775808", "9223372036854775808", "32767", "32768", "-32769"}))
	case DecimalColumn:
		class, texts = Decimal, rapid.StringMatching(`[+-]?[0-9]{1,40}(\.[0-9]{0,40}0{0,9})?`)
	case BoolColumn:
		class, texts = Boolean, rapid.SampledFrom([]string{"true", "0"})
	}
	v, complaint := xpath.Read(texts.Draw(t, "text"), class)
	if complaint != "" {
		t.Fatal(complaint)
	}
	return v
}

// becomes is what a column makes of a value: it is seen to fit plainly, it is left
// to what decides, which takes it, or it is refused. What fits plainly is returned
// as it is by what decides.
func becomes(t rapid.TB, c ColumnType, v Value) string {
	l := newLimit(&ColumnModel{ColumnType: c})
	seen := l.plainly(&l, &v)
	fitted, complaint := l.fits(&l, v)
	switch {
	case seen && (complaint != "" || !reflect.DeepEqual(fitted, v)):
		t.Fatalf("%q fits %+v plainly; it became %q, %s", v.Lexical(), c, fitted.Lexical(), complaint)
	case seen:
		return "plain"
	case complaint != "":
		return "refused"
	}
	return "left"
}

// TestPlain holds that of values and columns of all kinds.
func TestPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := columnTypes(t)
		becomes(t, c, valueFor(t, c.Kind))
	})
}

// TestPlainOutcomes has every kind of column make everything of a value that it
// can, whatever TestPlain draws.
func TestPlainOutcomes(t *testing.T) {
	ascii := ColumnType{Kind: StringColumn, Length: 4, Charset: "windows-1252"}
	wide := ColumnType{Kind: StringColumn, Length: 4, Unicode: true}
	tiny := ColumnType{Kind: IntegerColumn, Max: 255}
	money := ColumnType{Kind: DecimalColumn, Precision: 5, Scale: 2}
	for _, tt := range []struct {
		c     ColumnType
		class Class
		text  string
		want  string
	}{
		{ascii, String, "abcd", "plain"},
		{ascii, String, "abc\u00fc", "left"},
		{ascii, String, "abcde", "refused"},
		{ascii, String, "\u4e2d", "refused"},
		{wide, String, "abcd", "plain"},
		{wide, String, "\u00fc\u00fc", "plain"},
		{wide, String, "\u00fc\u00fc\u00fc\u00fc", "left"},
		{wide, String, "\u00fc\u00fc\u00fc\u00fc\u00fc", "refused"},
		{ColumnType{Kind: StringColumn, Length: 4, Charset: "IBM037"}, String, "abcd", "plain"},
		{ColumnType{Kind: StringColumn, UUID: true}, String, "6f9619ff-8b86-d011-b42d-00c04fc964ff", "left"},
		{ColumnType{Kind: StringColumn, UUID: true}, String, "6f9619ff", "refused"},
		{tiny, Integer, "0255", "plain"},
		{tiny, Integer, "256", "refused"},
		{tiny, Integer, "-1", "refused"},
		{ColumnType{Kind: IntegerColumn, Min: -1 << 63, Max: 1<<63 - 1}, Integer, "-9223372036854775808", "left"},
		{ColumnType{Kind: IntegerColumn, Min: -1 << 63, Max: 1<<63 - 1}, Integer, "9223372036854775808", "refused"},
		{money, Decimal, "-999.99", "plain"},
		{money, Decimal, "1.500", "left"},
		{money, Decimal, "1.501", "refused"},
		{money, Decimal, "1000", "refused"},
		{ColumnType{Kind: DecimalColumn, Precision: 38}, Decimal, "18446744073709551616", "left"},
		{ColumnType{Kind: BoolColumn}, Boolean, "true", "plain"},
	} {
		v, complaint := xpath.Read(tt.text, tt.class)
		if complaint != "" {
			t.Fatal(complaint)
		}
		if got := becomes(t, tt.c, v); got != tt.want {
			t.Errorf("%q in %+v: %s, want %s", tt.text, tt.c, got, tt.want)
		}
	}
}
