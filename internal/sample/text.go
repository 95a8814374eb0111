package sample

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// lengths returns the fewest and most characters, bytes or items of a type.
func lengths(s *contract.Simple) (least, most int) {
	most = math.MaxInt32
	if s.MinLength != nil {
		least = *s.MinLength
	}
	if s.MaxLength != nil {
		most = *s.MaxLength
	}
	if s.Length != nil {
		least, most = *s.Length, *s.Length
	}
	return least, max(least, most)
}

// plausibleTexts are what a name is likely to hold; the first part that is in
// the name counts. The words are lower case.
var plausibleTexts = []struct{ parts, text string }{
	{"email mail", "orders@example.com"}, {"phone telephone fax mobile", "+358 9 123 4567"},
	{"url uri website link endpoint", "https://example.com/"}, {"currency", "EUR"}, {"country nation", "FI"},
	{"language locale culture", "en"}, {"zip postal postcode", "00100"}, {"city town", "Helsinki"},
	{"street address addr", "1 Main Street"}, {"username login userid", "user1"}, {"password passwd", "secret"},
	{"guid uuid", "6f9619ff-8b86-4011-b42d-00c04fc964ff"}, {"iban", "FI2112345600000785"}, {"bic swift", "NDEAFIHH"},
	{"vat taxid", "FI12345671"}, {"sku article product item", "BOLT-M8"}, {"filename file", "document.pdf"},
	{"hostname host server", "server.example.com"}, {"ipaddress", "192.0.2.1"}, {"datetime timestamp", "2026-03-02T09:30:00Z"},
	{"date", "2026-03-16"}, {"time", "09:30:00"}, {"amount price total", "12.50"}, {"quantity qty count", "12"},
	{"ordernumber orderno orderid", "PO-1001"}, {"number code key reference ref id no", "A-1001"},
	{"description comment remark note message text reason", "A short text"}, {"company organisation organization customer supplier vendor", "Nordic Machines Oy"},
	{"version", "1.0"}, {"status state", "NEW"}, {"unit uom", "EA"}, {"name title", "Example"},
}

// plausibleText returns what a name is likely to hold, or the name.
func plausibleText(name string) string {
	lower := strings.ToLower(name)
	for _, row := range plausibleTexts {
		for part := range strings.FieldsSeq(row.parts) {
			if len(part) > 2 && strings.Contains(lower, part) || strings.HasSuffix(lower, part) && len(part) == 2 {
				return row.text
			}
		}
	}
	return "Text"
}

// texts yields words of the right length, another for each index.
func texts(s *contract.Simple, h hint) iter.Seq[string] {
	least, most := lengths(s)
	suffix := ""
	if h.index > 0 {
		suffix = fmt.Sprint(h.index + 1)
	}
	plausible := plausibleText(h.name)
	if s.Builtin == "language" {
		plausible = "en"
	}
	return func(yield func(string) bool) {
		for _, base := range []string{plausible, "Text", "https://example.com/", "text", "en", "A", ""} {
			for _, gap := range []string{"-", "", " "} {
				if suffix == "" {
					gap = ""
				}
				if !yield(fitted(base, gap+suffix, least, most)) {
					return
				}
				if suffix == "" {
					break
				}
			}
		}
	}
}

// fitted makes a text of least to most characters that ends in suffix.
func fitted(base, suffix string, least, most int) string {
	if n := utf8.RuneCountInString(suffix); n > most {
		return suffix[len(suffix)-max(most, 0):]
	}
	runes := []rune(base)
	room := most - utf8.RuneCountInString(suffix)
	if len(runes) > room {
		runes = []rune(strings.TrimRight(string(runes[:room]), " .-"))
	}
	filler := []rune("abcdefghijklmnopqrstuvwxyz")
	for i := 0; len(runes)+utf8.RuneCountInString(suffix) < min(least, maxMade*50); i++ {
		runes = append(runes, filler[i%len(filler)])
	}
	return string(runes) + suffix
}

// odds are characters that text may hold and that go wrong where somebody forgot
// them: markup, quotes, letters of several scripts and planes.
var odds = []rune(`<>&"'/\{}[]%#äÖßéŁΩжא中ｱ€ …😀𝄞`)

// anyText makes a text by chance, its length at an edge more often than not.
func (v *valuer) anyText(s *contract.Simple) string {
	least, most := lengths(s)
	most = min(most, least+300)
	n := least
	switch v.rand.IntN(4) {
	case 0:
		n = most
	case 1:
	default:
		n = least + v.rand.IntN(min(most-least, 24)+1)
	}
	n = min(n, maxMade)
	if plain := s.Builtin != "string" && s.Builtin != "normalizedString" && s.Builtin != "token" && s.Builtin != "anySimpleType"; plain {
		return v.anyName(s, n)
	}
	out := make([]rune, n)
	for i := range out {
		switch k := v.rand.IntN(20); {
		case k == 0 && v.odd:
			out[i] = odds[v.rand.IntN(len(odds))]
		case k == 1 && v.odd && s.WhiteSpace == "preserve":
			out[i] = []rune(" \n\t")[v.rand.IntN(3)]
		case k <= 3 && i > 0 && i < n-1 && out[i-1] != ' ':
			out[i] = ' '
		default:
			out[i] = rune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[v.rand.IntN(62)])
		}
	}
	return string(out)
}

// anyName makes a value of the types of names and addresses.
func (v *valuer) anyName(s *contract.Simple, n int) string {
	switch {
	case s.Primitive == "anyURI":
		all := []string{"https://example.com/a?b=c#d", "urn:example:1", "../relative/path", "a"}
		if c := all[v.rand.IntN(len(all))]; s.Check(c) == "" {
			return c
		}
		return fitted("https://example.com/", "", n, n)
	case s.Builtin == "language":
		return []string{"en", "en-GB", "fi", "de-CH-1996"}[v.rand.IntN(4)]
	}
	return fitted("name.of-a_thing", "", n, max(n, 1))
}

// binaries yields bytes of the right number.
func binaries(s *contract.Simple, h hint) iter.Seq[string] {
	least, most := lengths(s)
	if !h.lean {
		least = max(least, min(most, 6))
	}
	raw := slices.Repeat([]byte("Sample"), least/6+1)[:min(least, maxMade*50)]
	if len(raw) > 0 {
		raw[len(raw)-1] += byte(h.index % 10)
	}
	return slices.Values([]string{encoded(s, raw), encoded(s, raw[:min(len(raw), 1)])})
}

func encoded(s *contract.Simple, raw []byte) string {
	if s.Primitive == "hexBinary" {
		return strings.ToUpper(hex.EncodeToString(raw))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func (v *valuer) anyBinary(s *contract.Simple) string {
	least, most := lengths(s)
	n := least + v.rand.IntN(min(most-least, 40)+1)
	raw := make([]byte, min(n, maxMade))
	for i := range raw {
		raw[i] = byte(v.rand.Uint32())
	}
	return encoded(s, raw)
}
