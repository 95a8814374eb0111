package sqlstore

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// KeyBytes is the longest index key that SQL Server takes in a nonclustered
// index. SQLite has no such limit, but what was checked against it should hold
// on SQL Server too.
const KeyBytes = 1700

// ClusteredKeyBytes is the longest key of a clustered index of SQL Server.
const ClusteredKeyBytes = 900

// firstInstant and lastInstant are the span of datetime2.
func firstInstant() time.Time { return time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC) }
func lastInstant() time.Time  { return time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC) }

// ParseType reads a column type as SQL Server writes it, such as decimal(12,3);
// charset is the IANA name of a non-Unicode string column's code page. It fails
// on types that a mapping cannot write.
func ParseType(native, charset string) (mapping.ColumnType, error) {
	name, rest, sized := strings.Cut(strings.ToLower(strings.TrimSpace(native)), "(")
	var size []int
	if sized {
		for part := range strings.SplitSeq(strings.TrimSuffix(rest, ")"), ",") {
			n, err := strconv.Atoi(strings.TrimSpace(part))
			if err != nil && strings.TrimSpace(part) != "max" {
				return mapping.ColumnType{}, fmt.Errorf("column type %q", native)
			}
			size = append(size, n)
		}
	}
	t, ok := typeOf(strings.TrimSpace(name), charset, size)
	if !ok {
		return mapping.ColumnType{}, fmt.Errorf("column type %q", native)
	}
	return t, nil
}

// TypeText writes a type as ParseType reads it.
func TypeText(t mapping.ColumnType) string {
	switch t.Kind {
	case mapping.StringColumn:
		return stringText(t)
	case mapping.BytesColumn:
		if t.Fixed {
			return sized("binary", t.Length)
		}
		return sized("varbinary", t.Length)
	case mapping.IntegerColumn:
		switch {
		case t.Min == 0 && t.Max == math.MaxUint8:
			return "tinyint"
		case t.Max <= math.MaxInt16:
			return "smallint"
		case t.Max <= math.MaxInt32:
			return "int"
		}
		return "bigint"
	case mapping.DecimalColumn:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case mapping.BoolColumn:
		return "bit"
	case mapping.DateColumn:
		return "date"
	case mapping.TimeColumn:
		return fmt.Sprintf("time(%d)", t.Scale)
	case mapping.DateTimeColumn:
		switch {
		case t.Grain >= time.Minute:
			return "smalldatetime"
		case t.Grain > 0:
			return "datetime"
		}
		return fmt.Sprintf("datetime2(%d)", t.Scale)
	}
	if t.Precision > 0 && t.Precision <= 24 {
		return "real"
	}
	return "float"
}

func stringText(t mapping.ColumnType) string {
	name := "varchar"
	if t.Fixed {
		name = "char"
	}
	switch {
	case t.UUID:
		return "uniqueidentifier"
	case t.Unicode:
		name = "n" + name
	}
	return sized(name, t.Length)
}

func sized(name string, length int) string {
	if length == 0 {
		return name + "(max)"
	}
	return fmt.Sprintf("%s(%d)", name, length)
}

// at returns the i-th size, or what the type has without one.
func at(size []int, i, otherwise int) int {
	if i < len(size) {
		return size[i]
	}
	return otherwise
}

func typeOf(name, charset string, size []int) (mapping.ColumnType, bool) {
	switch name {
	case "nvarchar", "nchar", "ntext", "sysname":
		return mapping.ColumnType{Kind: mapping.StringColumn, Unicode: true, Length: at(size, 0, implied(name)), Fixed: name == "nchar"}, true
	case "varchar", "char", "text":
		return mapping.ColumnType{Kind: mapping.StringColumn, Charset: charset, Length: at(size, 0, implied(name)), Fixed: name == "char"}, true
	case "uniqueidentifier":
		return mapping.ColumnType{Kind: mapping.StringColumn, Length: 36, UUID: true}, true
	case "varbinary", "binary", "image", "blob":
		return mapping.ColumnType{Kind: mapping.BytesColumn, Length: at(size, 0, implied(name)), Fixed: name == "binary"}, true
	case "bit":
		return mapping.ColumnType{Kind: mapping.BoolColumn}, true
	case "real":
		return mapping.ColumnType{Kind: mapping.FloatColumn, Precision: 24}, true
	case "float":
		return mapping.ColumnType{Kind: mapping.FloatColumn, Precision: at(size, 0, 53)}, true
	}
	if t, ok := numberType(name, size); ok {
		return t, true
	}
	return timeType(name, size)
}

// implied is the length of a type without one; 0 means no limit.
func implied(name string) int {
	switch name {
	case "ntext", "text", "image", "blob":
		return 0
	case "sysname":
		return 128
	}
	return 1
}

func numberType(name string, size []int) (mapping.ColumnType, bool) {
	whole := func(least, most int64) (mapping.ColumnType, bool) {
		return mapping.ColumnType{Kind: mapping.IntegerColumn, Min: least, Max: most}, true
	}
	exact := func(precision, scale int) (mapping.ColumnType, bool) {
		return mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: precision, Scale: scale}, true
	}
	switch name {
	case "tinyint":
		return whole(0, math.MaxUint8)
	case "smallint":
		return whole(math.MinInt16, math.MaxInt16)
	case "int":
		return whole(math.MinInt32, math.MaxInt32)
	case "bigint", "integer":
		return whole(math.MinInt64, math.MaxInt64)
	case "decimal", "numeric":
		return exact(at(size, 0, 18), at(size, 1, 0))
	case "money":
		return exact(18, 4) // money reaches to 922,337,203,685,477.5807: eighteen digits are safe
	case "smallmoney":
		return exact(9, 4)
	}
	return mapping.ColumnType{}, false
}

func timeType(name string, size []int) (mapping.ColumnType, bool) {
	t := mapping.ColumnType{Kind: mapping.DateTimeColumn, Earliest: firstInstant(), Latest: lastInstant()}
	switch name {
	case "datetime2", "datetimeoffset":
		t.Scale = at(size, 0, 7)
	case "datetime":
		t.Scale, t.Grain, t.Earliest = 3, time.Second/300, time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC)
	case "smalldatetime":
		t.Grain = time.Minute
		t.Earliest, t.Latest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2079, 6, 6, 23, 59, 29, 0, time.UTC)
	case "date":
		t.Kind, t.Latest = mapping.DateColumn, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	case "time":
		t = mapping.ColumnType{Kind: mapping.TimeColumn, Scale: at(size, 0, 7)}
	default:
		return mapping.ColumnType{}, false
	}
	return t, true
}
