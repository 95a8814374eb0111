package soapxml

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The types whose values are kept as written, because no Go type holds them
// all: a decimal has any number of digits, a date may have no zone. Those that
// the contract derives from them are types of their own and convert to them.
type (
	// XSDDecimal is an xs:decimal, such as "12.50".
	XSDDecimal string
	// XSDInteger is an xs:integer without 64-bit bounds, or a type derived from it.
	XSDInteger string
	// XSDDateTime is an xs:dateTime, such as "2026-03-02T09:30:00Z".
	XSDDateTime string
	// XSDDate is an xs:date, such as "2026-03-02".
	XSDDate string
	// XSDTime is an xs:time, such as "09:30:00".
	XSDTime string
	// XSDDuration is an xs:duration, such as "P1DT12H".
	XSDDuration string
)

// XSDQName is an xs:QName. Its prefix is chosen when it is written.
type XSDQName xml.Name

// XSDNillable is the value of an element that may be absent (a nil pointer to
// it), nil (xsi:nil) or have a value. Of one that is nil only the attributes
// that its value has are written.
type XSDNillable[T any] struct {
	Nil   bool
	Value T
}

// Rat returns the number, or false when d is none.
func (d XSDDecimal) Rat() (*big.Rat, bool) {
	if xsdLexical("decimal", string(d)) != nil {
		return nil, false
	}
	return new(big.Rat).SetString(string(d))
}

// Int returns the number, or false when i is none.
func (i XSDInteger) Int() (*big.Int, bool) {
	return new(big.Int).SetString(string(i), 10)
}

// NewXSDDateTime returns t to the nanosecond, with its zone.
func NewXSDDateTime(t time.Time) XSDDateTime { return XSDDateTime(t.Format(time.RFC3339Nano)) }

// Time returns the moment; without a zone it is read in zone. What time.Time
// cannot hold, such as 24:00:00 or the year -1, is an error.
func (d XSDDateTime) Time(zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, string(d)); err == nil {
		return t, nil
	}
	return time.ParseInLocation("2006-01-02T15:04:05.999999999", string(d), zone)
}

// NewXSDDate returns the day of t, without a zone.
func NewXSDDate(t time.Time) XSDDate { return XSDDate(t.Format(time.DateOnly)) }

// Time returns the start of the day; without a zone it is read in zone.
func (d XSDDate) Time(zone *time.Location) (time.Time, error) {
	if t, err := time.Parse("2006-01-02Z07:00", string(d)); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateOnly, string(d), zone)
}

const xsdZone = `(Z|[+-]\d\d:\d\d)?`

// xsdForms are the lexical forms of the types that are kept as written (XSD 1.0
// part 2 §3.2). They keep an empty or half-filled value from being sent.
var xsdForms = map[string]*regexp.Regexp{
	"decimal":    regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)$`),
	"integer":    regexp.MustCompile(`^[+-]?\d+$`),
	"boolean":    regexp.MustCompile(`^(true|false|1|0)$`),
	"float":      regexp.MustCompile(`^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|-?INF|NaN)$`),
	"dateTime":   regexp.MustCompile(`^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?` + xsdZone + `$`),
	"date":       regexp.MustCompile(`^-?\d{4,}-\d\d-\d\d` + xsdZone + `$`),
	"time":       regexp.MustCompile(`^\d\d:\d\d:\d\d(\.\d+)?` + xsdZone + `$`),
	"duration":   regexp.MustCompile(`^-?P\d*(Y|M|D|T|\d|[YMDTHS.])*$`),
	"gYearMonth": regexp.MustCompile(`^-?\d{4,}-\d\d` + xsdZone + `$`),
	"gYear":      regexp.MustCompile(`^-?\d{4,}` + xsdZone + `$`),
	"gMonthDay":  regexp.MustCompile(`^--\d\d-\d\d` + xsdZone + `$`),
	"gDay":       regexp.MustCompile(`^---\d\d` + xsdZone + `$`),
	"gMonth":     regexp.MustCompile(`^--\d\d(--)?` + xsdZone + `$`),
}

func xsdLexical(kind, value string) error {
	if form := xsdForms[kind]; form != nil && !form.MatchString(strings.Trim(value, " \t\r\n")) {
		return fmt.Errorf("%q is no xs:%s", value, kind)
	}
	return nil
}

// xsdCharacters refuses what no XML document may hold (XML 1.0 §2.2), which
// encoding/xml would replace without a word.
func xsdCharacters(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("the text is not UTF-8")
	}
	for _, r := range s {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return fmt.Errorf("the text has the character U+%04X, which XML does not allow", r)
		}
	}
	return nil
}

// xsdFormat renders a simple value. Prefixes that it needs are declared on x.
func xsdFormat(f *xsdField, v reflect.Value, x *XMLElement) (string, error) {
	if !f.list {
		return xsdFormatItem(f, v, x)
	}
	items := make([]string, v.Len())
	for i := range items {
		item, err := xsdFormatItem(f, v.Index(i), x)
		if err != nil {
			return "", err
		}
		if item == "" || strings.ContainsAny(item, " \t\r\n") {
			return "", fmt.Errorf("%q cannot be an item of a list", item)
		}
		items[i] = item
	}
	return strings.Join(items, " "), nil
}

func xsdFormatItem(f *xsdField, v reflect.Value, x *XMLElement) (string, error) {
	switch v.Kind() {
	case reflect.String:
		if err := xsdCharacters(v.String()); err != nil {
			return "", err
		}
		return v.String(), xsdLexical(f.is, v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Float32, reflect.Float64:
		return xsdFormatFloat(v.Float(), v.Type().Bits()), nil
	case reflect.Slice:
		if f.is == "hexBinary" {
			return strings.ToUpper(hex.EncodeToString(v.Bytes())), nil
		}
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	case reflect.Struct: // XSDQName
		space, local := v.Field(0).String(), v.Field(1).String()
		if local == "" {
			return "", errors.New("a QName is empty")
		}
		if space == "" {
			return local, nil
		}
		return x.declare(space) + ":" + local, nil
	}
	return "", fmt.Errorf("a value of type %s cannot be written", v.Type())
}

func xsdFormatFloat(f float64, bits int) string {
	switch {
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	}
	return strconv.FormatFloat(f, 'G', -1, bits)
}

// xsdParse reads a simple value that stands in x.
func xsdParse(f *xsdField, text string, v reflect.Value, x *XMLElement) error {
	if !f.list {
		return xsdParseItem(f, text, v, x)
	}
	items := strings.Fields(text)
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if err := xsdParseItem(f, item, out.Index(i), x); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func xsdParseItem(f *xsdField, text string, v reflect.Value, x *XMLElement) error {
	if v.Kind() == reflect.String {
		if xsdForms[f.is] != nil {
			text = strings.Trim(text, " \t\r\n")
		}
		v.SetString(text)
		return xsdLexical(f.is, text)
	}
	text = strings.Trim(text, " \t\r\n")
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(text == "true" || text == "1")
		return xsdLexical("boolean", text)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return err
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if strings.Trim(text, "-0") == "" {
			text = strings.TrimPrefix(text, "-")
		}
		n, err := strconv.ParseUint(strings.TrimPrefix(text, "+"), 10, v.Type().Bits())
		v.SetUint(n)
		return err
	case reflect.Float32, reflect.Float64:
		if err := xsdLexical("float", text); err != nil {
			return err
		}
		n, err := strconv.ParseFloat(text, v.Type().Bits())
		if errors.Is(err, strconv.ErrRange) {
			err = nil // XSD rounds to infinity or zero too
		}
		v.SetFloat(n)
		return err
	case reflect.Slice:
		return xsdParseBinary(f, text, v)
	case reflect.Struct:
		name, err := x.qname(text)
		v.Field(0).SetString(name.Space)
		v.Field(1).SetString(name.Local)
		return err
	}
	return fmt.Errorf("a value of type %s cannot be read", v.Type())
}

func xsdParseBinary(f *xsdField, text string, v reflect.Value) error {
	decode := base64.StdEncoding.DecodeString
	if f.is == "hexBinary" {
		decode = hex.DecodeString
	}
	b, err := decode(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return fmt.Errorf("no %s: %w", f.is, err)
	}
	v.SetBytes(b) // never nil: what is empty is there
	return nil
}
