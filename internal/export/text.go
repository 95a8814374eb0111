package export

import (
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Text writes a value that is not null as answers in JSON do, without quotes: a moment
// has the digits of its column, bytes are base64url. What is no Unicode, such as half of
// a surrogate pair, is U+FFFD.
func Text(v view.Value, t *mapping.ColumnType) string {
	switch v.Kind {
	case mapping.DateTimeColumn:
		return strings.Trim(string(odata.AppendJSON(nil, v, t, false)), `"`)
	case mapping.FloatColumn:
		return strings.Trim(string(odata.AppendJSON(nil, v, t, false)), `"`)
	case mapping.StringColumn:
		return Valid(v.Text)
	}
	return odata.Format(v)
}

// Valid replaces what is no Unicode in a text.
func Valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
