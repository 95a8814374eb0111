package view

import (
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Value is what a field of a row has. The zero Value is null. Values of one field
// have one Kind.
type Value struct {
	Kind    mapping.ColumnKind
	Present bool      // false: null
	Text    string    // StringColumn; DecimalColumn, in plain digits with the column's scale; TimeColumn, as hh:mm:ss with the column's digits
	Int     int64     // IntegerColumn; 0 or 1 of a BoolColumn
	Float   float64   // FloatColumn
	Instant time.Time // DateTimeColumn in UTC; DateColumn at midnight UTC
	Bytes   []byte    // BytesColumn
}

// Null is no value.
var Null = Value{}
