package mapping_test

import (
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// TestTruncate: what is too long is cut at a character, and told of.
func TestTruncate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		expr   string
		column mapping.ColumnType
		body   string
		want   string
		loss   string
	}{
		{"short", "t:text", text(3), "<t:text>abc</t:text>", "abc", "any length meets 3 UTF-16 units, and is cut"},
		{"long", "t:text", text(3), "<t:text>abcd</t:text>", "abc", "any length meets 3 UTF-16 units, and is cut"},
		{"a surrogate pair is not split", "t:text", text(3), "<t:text>ab𝄞</t:text>", "ab", "any length meets 3 UTF-16 units, and is cut"},
		{"bytes of UTF-8", "t:text", coded(3, "utf-8"), "<t:text>aéé</t:text>", "aé", "any length meets 3 bytes, and is cut"},
		{"half a character of UTF-8", "t:text", coded(2, "utf-8"), "<t:text>a€</t:text>", "a", "any length meets 2 bytes, and is cut"},
		{"a code page", "t:text", coded(2, "windows-1252"), "<t:text>€éa</t:text>", "€é", "any length meets 2 bytes, and is cut"},
		{"not in the code page", "t:text", coded(2, "windows-1252"), "<t:text>Łabc</t:text>", "! only characters of the code page windows-1252", "any length meets 2 bytes, and is cut"},
		{"bytes", "t:hex", mapping.ColumnType{Kind: mapping.BytesColumn, Length: 2}, "<t:hex>010203</t:hex>", "AQI=", "any length meets 2 bytes, and is cut"},
		{"no limit", "t:text", text(0), "<t:text>abcd</t:text>", "abcd", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := valued(t, "a: {from: "+tt.expr+", truncate: true}", "")
			tt.column.Nullable = true
			found := m.Examine(one(tt.column))
			loss := ""
			for _, l := range found.Losses {
				loss += l.Reason
			}
			if loss != tt.loss {
				t.Errorf("losses %q, want %q", loss, tt.loss)
			}
			c, err := m.Check(one(tt.column))
			if err != nil {
				t.Fatal(err)
			}
			cs, err := c.Apply(input(t, post(tt.body)))
			got := ""
			if err != nil {
				got = "! " + fault.Of(err).Details[0].Expected
			} else {
				got = cell(cs.Rows[0][0].Cells[0])
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTruncateProperty: what is cut is the longest beginning that the column takes.
func TestTruncateProperty(t *testing.T) {
	m := valued(t, "a: {from: t:text, truncate: true}", "")
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(r, "length")
		kind := rapid.IntRange(0, 2).Draw(r, "kind")
		runes := rapid.SliceOfN(rapid.SampledFrom([]rune("aé€𝄞\u0301")), 0, 20).Draw(r, "text")
		column, size := text(n), func(c rune) int { return utf16.RuneLen(c) }
		switch kind {
		case 1:
			column, size = coded(n, "utf-8"), utf8.RuneLen
		case 2:
			column, size = coded(n, "windows-1252"), func(rune) int { return 1 }
			kept := runes[:0]
			for _, c := range runes {
				if _, ok := charmap.Windows1252.EncodeRune(c); ok {
					kept = append(kept, c)
				}
			}
			runes = kept
		}
		want, room := "", n
		for _, c := range runes {
			if room -= size(c); room < 0 {
				break
			}
			want += string(c)
		}
		c, err := m.Check(one(nullable(column)))
		if err != nil {
			r.Fatal(err)
		}
		cs, err := c.Apply(input(t, post("<t:text>"+string(runes)+"</t:text>")))
		if err != nil {
			r.Fatal(err)
		}
		if got := cell(cs.Rows[0][0].Cells[0]); got != want {
			r.Fatalf("%q in %d is %q, want %q", string(runes), n, got, want)
		}
	})
}

// TestNoTruncate: where it would make another value, or two keys one.
func TestNoTruncate(t *testing.T) {
	keyed := one(nullable(text(3)))
	for _, m := range keyed {
		m.Unique = [][]string{{"a"}}
	}
	fixed := mapping.ColumnType{Kind: mapping.BytesColumn, Length: 2, Fixed: true, Nullable: true}
	for _, tt := range []struct {
		expr   string
		tables tables
		want   string
	}{
		{"t:text", keyed, "truncate has no place in a key: two values that differ further on would be one"},
		{"t:hex", one(fixed), "truncate does not help where the column takes exactly 2 bytes"},
		{"t:text", one(mapping.ColumnType{Kind: mapping.StringColumn, Length: 36, UUID: true, Nullable: true}), "truncate is for text and binary values in columns of their kind; xs:string in a column that is string would be another value"},
	} {
		found := valued(t, "a: {from: "+tt.expr+", truncate: true}", "").Examine(tt.tables)
		if len(found.Complaints) != 1 || found.Complaints[0].Message != tt.want {
			t.Errorf("got %+v, want %q", found.Complaints, tt.want)
			continue
		}
		if mends := found.Complaints[0].Mends; len(mends) != 1 || mends[0].Text != "a: "+tt.expr {
			t.Errorf("mends %+v", mends)
		}
	}
}
