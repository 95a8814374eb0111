package mappingtest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"regexp"
	"strings"
)

// hostile are values that are valid by some type of a primitive and that columns
// have trouble with.
var hostile = map[string][]string{
	"string": {"", " ", "a ", " a", "a\tb", "\u00e9", "e\u0301", "\u20ac", "\u0141\u00f3d\u017a", "\U0001D11E", "a\U0001F600b", "\U0001F468\u200d\U0001F469", "\u0081", "\u007f", "\ufffd", "\u2028", "\u0410", "\u3042",
		"007", "1e5", "0x10", "NULL", "'; --", "%_[", "2026-01-01", "6F9619FF-8B86-D011-B42D-00C04FC964FF", "{6f9619ff-8b86-d011-b42d-00c04fc964ff}", "6f9619ff8b86d011b42d00c04fc964ff",
		strings.Repeat("x", 40), strings.Repeat("\u00e9", 21), strings.Repeat("\U0001F600", 11), strings.Repeat("k", 900), strings.Repeat("k", 2000), "ABC-123", "AB", "123", "BB", "CCCCCC"},
	"integer": {"0", "-0", "+7", "0012", "-1", "127", "128", "255", "256", "-128", "-129", "32767", "32768", "-32768", "-32769", "2147483647", "2147483648", "-2147483649", "16777217", "9007199254740993",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", strings.Repeat("9", 38), "1" + strings.Repeat("0", 38), strings.Repeat("9", 100)},
	"decimal": {"0", "-0.0", "+1.50", ".5", "5.", "0012.500", "99.995", "-99.99", "999.9999", "0.00001", "214748.3647", "214748.3648", "922337203685477.5807", "922337203685477.5808", "1" + strings.Repeat("0", 18),
		"0." + strings.Repeat("0", 60) + "1", strings.Repeat("9", 38), strings.Repeat("9", 100), strings.Repeat("9", 50) + "." + strings.Repeat("9", 50)},
	"double":   {"NaN", "INF", "-INF", "0", "-0", "0.1", "1e308", "-1.7e308", "1e39", "3.5e38", "3.4e38", "1e-310", "4.9e-324", "1e-40", "1.2e-38", "16777217", "123456.789", "1e-7"},
	"boolean":  {"true", "false", "1", "0"},
	"dateTime": {"0001-01-01T00:00:00", "0001-01-01T00:00:00+01:00", "-0044-03-15T12:00:00Z", "12026-01-01T00:00:00", "9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59.999", "9999-12-31T24:00:00", "9999-12-31T23:30:00-01:00", "1752-12-31T23:59:59Z", "1753-01-01T00:00:00Z", "1899-12-31T23:59:59", "1900-01-01T00:00:00", "2079-06-06T23:59:00", "2079-06-06T23:59:30", "2079-06-07T00:00:00", "2026-02-28T24:00:00", "2026-03-16T12:30:29.998", "2026-03-16T12:30:30", "2026-03-16T12:30:00", "2026-12-31T23:59:59.999", "2026-12-31T23:59:59.9999999Z", "2026-01-01T00:00:00.123456789+14:00", "2026-01-01T00:00:00.005-13:59", "2024-02-29T00:00:00"},
	"date":     {"0001-01-01", "0001-01-01+14:00", "-0001-12-31", "9999-12-31", "9999-12-31-14:00", "10000-01-01", "2024-02-29", "2026-01-01Z", "1752-01-01", "1899-12-31"},
	"time":     {"00:00:00", "24:00:00", "23:59:59.9999999", "23:59:59.99999999", "12:00:00Z", "12:00:00.5+02:00", "08:30:00-05:00", "12:00:00.120"},
	"binary":   {"", "00", "6869", "aGk=", "AAECAwQFBgcICQ==", base64.StdEncoding.EncodeToString(make([]byte, 33)), hex.EncodeToString(make([]byte, 33))},
	"list":     {"", "1 2 3", " 1  2 "},
	"union":    {"1", "2026-01-01", "x", "1.5"},
	"other":    {"2026", "P1D"},
}

// Spoil puts hostile values into a message in place of some of those that it
// has. Whether the result is valid is for the contract to say.
func (c *Case) Spoil(payload string, pick Pick) string {
	for range 1 + pick(4) {
		l := c.leaves[pick(len(c.leaves))]
		values := hostile[l.kind]
		value := values[pick(len(values))]
		if l.kind == "string" && pick(4) == 0 {
			value = strings.Repeat([]string{"x", "\u00e9", "\U0001F600"}[pick(3)], pick(45))
		}
		if l.kind == "decimal" && pick(3) == 0 {
			value = fmt.Sprintf("%d.%d", pick(1_000_000), pick(100_000))
		}
		if l.attr {
			payload = replace(payload, `( `+l.name+`=")[^"]*(")`, value)
		} else {
			payload = replace(payload, `(<(?:\w+:)?`+l.name+`(?: [^>]*)?>)[^<]*(</)`, value)
		}
	}
	return payload
}

// replace writes a value between the two groups of a pattern, where it matches
// first.
func replace(s, pattern, value string) string {
	at := regexp.MustCompile(pattern).FindStringSubmatchIndex(s)
	if at == nil {
		return s
	}
	escaped := strings.NewReplacer("\t", "&#9;").Replace(html.EscapeString(value))
	return s[:at[3]] + escaped + s[at[4]:]
}
