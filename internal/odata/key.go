package odata

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// maxKey is how many bytes of an address can be a row's key.
const maxKey = 4 << 10

// ParseKey reads the key of a row from its address, as it came: the values of the
// view's key in order, with commas between them. A comma or a slash of a value is
// written as an escape. What cannot be a value of the key is no row's: not_found.
func ParseKey(v *view.View, raw string) ([]view.Value, error) {
	gone := fault.New(fault.CodeNoRow, "")
	parts := strings.Split(raw, ",")
	if len(raw) > maxKey || len(parts) != len(v.Key) {
		return nil, gone
	}
	var out []view.Value
	for i, part := range parts {
		value, bad := decodePath(part)
		if bad || unclean(value) >= 0 {
			return nil, gone
		}
		t := &v.Fields[v.Key[i]].Type
		bound, ok := keyValue(t, value)
		if !ok {
			return nil, gone
		}
		out = append(out, bound)
	}
	return out, nil
}

// decodePath undoes the escapes of a path, in which a plus is a plus.
func decodePath(raw string) (value string, bad bool) {
	value, at := decode(strings.ReplaceAll(raw, "+", "%2B"))
	return value, at >= 0
}

// keyValue reads a value without quotes, whose type is known.
func keyValue(t *mapping.ColumnType, text string) (view.Value, bool) {
	l := Literal{Kind: String, Text: text}
	if t.Kind == mapping.StringColumn {
		if _, foreign := t.Foreign(text); foreign {
			return view.Null, false
		}
	} else if t.Kind == mapping.BytesColumn {
		l.Kind = Binary
	} else {
		lex := lexer{src: text}
		token := lex.next()
		l = Literal{Kind: token.lit, Text: token.text}
		if token.kind == nameToken && slices.Contains([]string{"true", "false"}, token.text) {
			l.Kind, token.kind = Bool, literalToken
		}
		if token.kind != literalToken || token.end != len(text) {
			return view.Null, false
		}
	}
	v, below, problem := ValueOf(t, l)
	return v, !below && problem == ""
}

// FormatKey writes the address of a row, within that of its view, for ParseKey.
func FormatKey(values []view.Value) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = escape(Format(v))
	}
	return strings.Join(parts, ",")
}

// escape writes all but unreserved characters as escapes (RFC 3986 §2.3).
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if isNameByte(c) || c == '-' || c == '.' || c == '~' {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// encodeBytes writes bytes as OData does.
func encodeBytes(p []byte) string { return base64.RawURLEncoding.EncodeToString(p) }
