package mappingtest

import (
	"encoding/hex"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Holds is what a column of SQL Server holds of a value once it is stored, as
// text of one form for each type; ok is false when storing it is an error there,
// or when what is stored would be another value. Documented for each data type:
// "Transact-SQL reference, Data types". Fractions of a second beyond what a type
// keeps are cut; that alone is no other value.
//
// Text is told without trailing spaces in char and nchar, which pad.
func Holds(c Column, v mapping.Value) (stored string, ok bool) {
	name, sizes, _ := strings.Cut(strings.TrimSuffix(c.Native, ")"), "(")
	size := 0 // max
	if sizes != "max" && sizes != "" {
		first, _, _ := strings.Cut(sizes, ",")
		size, _ = strconv.Atoi(first)
	}
	switch name {
	case "nvarchar", "nchar", "ntext", "sysname", "varchar", "char", "text":
		return holdsText(name, size, c.Charset, v.Lexical())
	case "uniqueidentifier":
		return strings.ToUpper(v.Lexical()), guid.MatchString(v.Lexical())
	case "tinyint", "smallint", "int", "bigint":
		return holdsWhole(name, v)
	case "decimal":
		_, scale, _ := strings.Cut(sizes, ",")
		digits, _ := strconv.Atoi(scale)
		return holdsDecimal(pow10(size), digits, v)
	case "money":
		return holdsMoney(math.MaxInt64, v)
	case "smallmoney":
		return holdsMoney(math.MaxInt32, v)
	case "float", "real":
		return holdsFloat(name == "real", v)
	case "bit":
		return map[bool]string{false: "0", true: "1"}[v.Bool], v.Class == mapping.Boolean
	case "varbinary", "image", "binary":
		n := len(v.Text)
		return hex.EncodeToString(v.Bytes()), v.Class == mapping.Binary && (size == 0 || n <= size && (name != "binary" || n == size))
	case "date":
		y, m, d := v.Instant().Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), v.Class == mapping.Date && y >= 1 && y <= 9999
	case "time":
		return holdsClock(size, v)
	}
	return holdsMoment(name, size, v)
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func holdsText(name string, size int, charset, s string) (string, bool) {
	n, unicode := len(utf16.Encode([]rune(s))), name[0] == 'n' || name == "sysname"
	switch {
	case name == "sysname":
		size = 128
	case !unicode && charset == "utf-8":
		n = len(s)
	case !unicode:
		var ok bool
		if n, ok = encoded(charset, s); !ok {
			return "", false
		}
	}
	if name == "char" || name == "nchar" {
		s = strings.TrimRight(s, " ")
	}
	return s, size == 0 || n <= size
}

// encoded is how many bytes a text has in a code page that has all of its
// characters, and gives them back.
func encoded(charset, s string) (int, bool) {
	if charset == "" {
		return len(s), !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f })
	}
	page, err := htmlindex.Get(charset)
	if err != nil {
		panic(err)
	}
	there, err := page.NewEncoder().String(s)
	if err != nil {
		return 0, false
	}
	back, err := page.NewDecoder().String(there)
	return len(there), err == nil && back == s && !strings.ContainsRune(s, encoding.ASCIISub)
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// exact is a whole number or decimal.
func exact(v mapping.Value) (*big.Rat, bool) {
	if v.Class != mapping.Integer && v.Class != mapping.Decimal {
		return nil, false
	}
	return new(big.Rat).SetString(v.Number.Text('f'))
}

func holdsWhole(name string, v mapping.Value) (string, bool) {
	n, ok := exact(v)
	if !ok || !n.IsInt() {
		return "", false
	}
	bits := map[string]uint{"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}[name]
	least, most := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), bits)
	if name != "tinyint" {
		most.Rsh(most, 1)
		least.Neg(most)
	}
	return n.Num().String(), n.Num().Cmp(least) >= 0 && n.Num().Cmp(most) < 0
}

// holdsDecimal takes what has no more digits than are kept: the number without
// its point is below the limit.
func holdsDecimal(limit *big.Int, scale int, v mapping.Value) (string, bool) {
	n, ok := exact(v)
	if !ok {
		return "", false
	}
	shifted := new(big.Rat).Mul(n, new(big.Rat).SetInt(pow10(scale)))
	if !shifted.IsInt() || shifted.Num().CmpAbs(limit) >= 0 {
		return "", false
	}
	return unsigned(n.FloatString(scale)), true
}

// unsigned takes the sign off a zero.
func unsigned(s string) string {
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	return s
}

func holdsMoney(most int64, v mapping.Value) (string, bool) {
	return holdsDecimal(new(big.Int).Add(big.NewInt(most), big.NewInt(1)), 4, v)
}

// holdsFloat: NaN, the infinities and what is nearer to zero than the least
// normal number are no values of float and real. A whole number is exact, or it
// would be another one; of what is approximate the nearest is taken.
func holdsFloat(short bool, v mapping.Value) (string, bool) {
	f, whole := v.Float, v.Class == mapping.Integer
	if whole {
		n, _ := exact(v)
		var same bool
		if f, same = n.Float64(); !same {
			return "", false
		}
	} else if v.Class != mapping.Double {
		return "", false
	}
	least, bits := 0x1p-1022, 64
	if short {
		if whole && float64(float32(f)) != f {
			return "", false
		}
		f, least, bits = float64(float32(f)), 0x1p-126, 32
		if f == 0 && v.Float != 0 && !whole {
			return "", false
		}
	}
	if math.IsNaN(f) || math.IsInf(f, 0) || f != 0 && math.Abs(f) < least {
		return "", false
	}
	return unsigned(strconv.FormatFloat(f, 'g', -1, bits)), true
}

// holdsClock is a time of day as written, whatever its zone.
func holdsClock(scale int, v mapping.Value) (string, bool) {
	if v.Class != mapping.Time {
		return "", false
	}
	s := v.Lexical()
	if i := strings.IndexAny(s, "Z+-"); i >= 0 {
		s = s[:i]
	}
	if strings.HasPrefix(s, "24:") {
		s = "00:" + s[3:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	fraction += "000000000"
	return whole + "." + fraction[:scale] + "0000000"[scale:], true
}

const moment = "2006-01-02T15:04:05.0000000"

func holdsMoment(name string, scale int, v mapping.Value) (string, bool) {
	if v.Class != mapping.DateTime {
		return "", false
	}
	t := v.Instant().UTC()
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	grain := time.Second
	for range scale {
		grain /= 10
	}
	switch name {
	case "datetime": // kept in 300ths of a second, told in milliseconds 0, 3 and 7
		first = time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC)
		n := t.Nanosecond() / 1e6
		n -= n%10 - []int{0, 0, 0, 3, 3, 3, 3, 7, 7, 7}[n%10]
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), n*1e6, time.UTC)
		grain = 1
	case "smalldatetime": // kept in minutes: seconds would be lost
		first = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
		if t.Second() != 0 || t.After(time.Date(2079, 6, 6, 23, 59, 59, 0, time.UTC)) {
			return "", false
		}
		grain = time.Second
	}
	if t.Before(first) || t.Year() > 9999 {
		return "", false
	}
	return t.Truncate(grain).Format(moment), true
}
