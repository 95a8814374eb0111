package export

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// The physical types of Parquet.
const (
	physicalBool   = 0
	physicalInt32  = 1
	physicalInt64  = 2
	physicalFloat  = 4
	physicalDouble = 5
	physicalBytes  = 6
	physicalFixed  = 7
)

// maxDecimal is how many digits a decimal of Parquet has at most, as those of SQL Server.
const maxDecimal = 38

// parquetType is how values of a column are written.
type parquetType struct {
	physical, length int
	// describe writes what the type means: SchemaElement's converted type, scale,
	// precision and logical type.
	describe func(t *thrift)
	// put appends a value that is not null (Plain encoding); a bool's is one byte.
	put func(out []byte, v view.Value) ([]byte, error)
}

func parquetTypeOf(c *mapping.ColumnType) parquetType {
	switch c.Kind {
	case mapping.BoolColumn:
		return parquetType{physical: physicalBool, put: func(out []byte, v view.Value) ([]byte, error) { return append(out, byte(v.Int)&1), nil }}
	case mapping.IntegerColumn:
		return parquetInteger(c)
	case mapping.DecimalColumn:
		return parquetDecimal(c)
	case mapping.FloatColumn:
		return parquetFloat(c)
	case mapping.DateColumn:
		return parquetType{physical: physicalInt32, describe: func(t *thrift) { t.int32(6, 6); t.within(10, func() { t.empty(6) }) }, put: putDate}
	case mapping.DateTimeColumn:
		return parquetType{physical: physicalInt64, describe: func(t *thrift) {
			t.int32(6, 10)
			t.within(10, func() { t.within(8, func() { t.bool(1, true); t.within(2, func() { t.empty(2) }) }) })
		}, put: func(out []byte, v view.Value) ([]byte, error) {
			return binary.LittleEndian.AppendUint64(out, uint64(v.Instant.UnixMicro())), nil
		}}
	case mapping.TimeColumn:
		return parquetType{physical: physicalInt64, describe: func(t *thrift) {
			t.within(10, func() { t.within(7, func() { t.bool(1, false); t.within(2, func() { t.empty(2) }) }) })
		}, put: putTime}
	case mapping.BytesColumn:
		return parquetType{physical: physicalBytes, put: func(out []byte, v view.Value) ([]byte, error) { return putBytes(out, string(v.Bytes)), nil }}
	}
	return parquetType{physical: physicalBytes, describe: func(t *thrift) { t.int32(6, 0); t.within(10, func() { t.empty(1) }) },
		put: func(out []byte, v view.Value) ([]byte, error) { return putBytes(out, Valid(v.Text)), nil }}
}

func putBytes(out []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(s))), s...)
}

func parquetInteger(c *mapping.ColumnType) parquetType {
	if c.Min < math.MinInt32 || c.Max > math.MaxInt32 {
		return parquetType{physical: physicalInt64, describe: wholeOf(18, 64), put: func(out []byte, v view.Value) ([]byte, error) {
			return binary.LittleEndian.AppendUint64(out, uint64(v.Int)), nil
		}}
	}
	return parquetType{physical: physicalInt32, describe: wholeOf(17, 32), put: func(out []byte, v view.Value) ([]byte, error) {
		if v.Int != int64(int32(v.Int)) {
			return out, fmt.Errorf("%d has more than 32 bits", v.Int)
		}
		return binary.LittleEndian.AppendUint32(out, uint32(v.Int)), nil
	}}
}

func wholeOf(converted int, bits byte) func(t *thrift) {
	return func(t *thrift) {
		t.int32(6, converted)
		t.within(10, func() { t.within(10, func() { t.byte(1, bits); t.bool(2, true) }) })
	}
}

func parquetFloat(c *mapping.ColumnType) parquetType {
	if c.Precision > 0 && c.Precision <= 24 {
		return parquetType{physical: physicalFloat, put: func(out []byte, v view.Value) ([]byte, error) {
			return binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v.Float))), nil
		}}
	}
	return parquetType{physical: physicalDouble, put: func(out []byte, v view.Value) ([]byte, error) {
		return binary.LittleEndian.AppendUint64(out, math.Float64bits(v.Float)), nil
	}}
}

func parquetDecimal(c *mapping.ColumnType) parquetType {
	precision, scale := c.Precision, c.Scale
	if precision < 1 || precision > maxDecimal {
		precision = maxDecimal
	}
	out := parquetType{describe: func(t *thrift) {
		t.int32(6, 5)
		t.int32(7, scale)
		t.int32(8, precision)
		t.within(10, func() { t.within(5, func() { t.int32(1, scale); t.int32(2, precision) }) })
	}}
	switch {
	case precision <= 9:
		out.physical = physicalInt32
	case precision <= 18:
		out.physical = physicalInt64
	default:
		out.physical, out.length = physicalFixed, fixedLength(precision)
	}
	out.put = func(b []byte, v view.Value) ([]byte, error) {
		n, err := unscaled(v.Text, precision, scale)
		if err != nil {
			return b, err
		}
		switch out.physical {
		case physicalInt32:
			return binary.LittleEndian.AppendUint32(b, uint32(n.Int64())), nil
		case physicalInt64:
			return binary.LittleEndian.AppendUint64(b, uint64(n.Int64())), nil
		}
		return appendSigned(b, n, out.length), nil
	}
	return out
}

// fixedLength is how many bytes hold every decimal of so many digits.
func fixedLength(precision int) int {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	return limit.BitLen()/8 + 1
}

// appendSigned writes a number as n bytes of two's complement, the first one first.
func appendSigned(out []byte, v *big.Int, n int) []byte {
	b := make([]byte, n)
	if v.Sign() < 0 {
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	return append(out, v.FillBytes(b)...)
}

// unscaled is a decimal as a whole number of its last digit.
func unscaled(text string, precision, scale int) (*big.Int, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > scale {
		if strings.Trim(fraction[scale:], "0") != "" {
			return nil, fmt.Errorf("%s has more than %d digits after the point", text, scale)
		}
		fraction = fraction[:scale]
	}
	digits := whole + fraction + strings.Repeat("0", scale-len(fraction))
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || len(strings.TrimLeft(digits, "+-0")) > precision {
		return nil, fmt.Errorf("%s is no decimal of %d digits", text, precision)
	}
	return n, nil
}

func putDate(out []byte, v view.Value) ([]byte, error) {
	days := v.Instant.Unix() / 86400
	if v.Instant.Unix()%86400 < 0 {
		days--
	}
	return binary.LittleEndian.AppendUint32(out, uint32(int32(days))), nil
}

func putTime(out []byte, v view.Value) ([]byte, error) {
	at, err := time.Parse("15:04:05", v.Text)
	if err != nil {
		return out, fmt.Errorf("%q is no time of a day", v.Text)
	}
	micros := int64(at.Hour()*3600+at.Minute()*60+at.Second())*1_000_000 + int64(at.Nanosecond()/1000)
	return binary.LittleEndian.AppendUint64(out, uint64(micros)), nil
}

// cuts reports whether a column keeps more digits of a second than Parquet's
// microseconds have.
func cuts(c *mapping.ColumnType) bool {
	return (c.Kind == mapping.DateTimeColumn || c.Kind == mapping.TimeColumn) && c.Scale > 6
}
