package sqlite

import (
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// argument writes a datum down as SQLite keeps it. A decimal whose scaled
// integer has more than 63 bits is refused.
func argument(d sqlstore.Datum, c *mapping.ColumnModel) (any, error) {
	if !d.Present {
		return nil, nil
	}
	switch d.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		return d.Int, nil
	case mapping.DecimalColumn:
		if !d.Number.Coeff.IsInt64() {
			return nil, errTooLarge
		}
		n := d.Number.Coeff.Int64()
		if d.Number.Negative {
			n = -n
		}
		return n, nil
	case mapping.DateTimeColumn:
		return d.Instant.Format(layout(c.Scale)), nil
	case mapping.DateColumn:
		return d.Instant.Format(time.DateOnly), nil
	case mapping.FloatColumn:
		return d.Float, nil
	case mapping.BytesColumn:
		return notNull(d.Bytes), nil
	}
	return d.Text, nil
}

func layout(scale int) string {
	if scale == 0 {
		return time.DateTime
	}
	return time.DateTime + "." + strings.Repeat("0", scale)
}

// reading takes one stored column as the driver returns it.
func reading(src driver.Value, column *mapping.ColumnModel) (d sqlstore.Datum, err error) {
	d = sqlstore.Datum{Kind: column.Kind, Present: src != nil}
	switch v := src.(type) {
	case int64:
		d.Int = v
		if column.Kind == mapping.DecimalColumn {
			d.Number = apd.New(v, int32(-column.Scale))
		}
	case float64:
		d.Float = v
	case []byte:
		d.Bytes = v
	case time.Time: // the driver parses columns declared DATE and DATETIME
		d.Instant = v.UTC()
	case string:
		d.Text = v
		if column.Kind == mapping.DateTimeColumn || column.Kind == mapping.DateColumn {
			d.Text = ""
			d.Instant, err = parse(v)
		}
	}
	return d, err
}

func parse(s string) (time.Time, error) {
	if len(s) == len(time.DateOnly) {
		return time.Parse(time.DateOnly, s)
	}
	return time.Parse("2006-01-02 15:04:05.999999999", s)
}

// errTooLarge refuses a decimal whose scaled integer has more than 63 bits.
var errTooLarge = errors.New("a decimal of this size cannot be kept in SQLite")
