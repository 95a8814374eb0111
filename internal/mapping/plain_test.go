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

// TestPlain: what fits plainly is returned as it is by what decides.
func TestPlain(t *testing.T) {
	plain, left, refused := map[ColumnKind]int{}, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := columnTypes(t)
		l, v := newLimit(&ColumnModel{ColumnType: c}), valueFor(t, c.Kind)
		seen := l.plainly(&l, &v)
		fitted, complaint := l.fits(&l, v)
		switch {
		case seen && (complaint != "" || !reflect.DeepEqual(fitted, v)):
			t.Fatalf("%q fits %+v plainly; it became %q, %s", v.Lexical(), c, fitted.Lexical(), complaint)
		case seen:
			plain[c.Kind]++
		case complaint != "":
			refused++
		default:
			left++
		}
	})
	t.Logf("plain %v, left %d, refused %d", plain, left, refused)
	if len(plain) != 4 || left == 0 || refused == 0 {
		t.Error("some kinds of outcome never came")
	}
}
