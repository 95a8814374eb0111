package mapping

import (
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// Value is one atomic value: what expressions yield and cells hold.
type Value = xpath.Value

// Class is the static type of an expression's items.
type Class = xpath.Class

// The classes, as package xpath has them.
const (
	Untyped  = xpath.Untyped
	String   = xpath.String
	Boolean  = xpath.Boolean
	Integer  = xpath.Integer
	Decimal  = xpath.Decimal
	Double   = xpath.Double
	DateTime = xpath.DateTime
	Date     = xpath.Date
	Time     = xpath.Time
	Binary   = xpath.Binary
)

// Moment makes a value of class DateTime.
func Moment(t time.Time) Value { return xpath.Moment(t) }

// Day makes a value of class Date.
func Day(t time.Time) Value { return xpath.Day(t) }

// Octets makes a value of class Binary, which shares memory with b.
func Octets(b []byte) Value { return xpath.Octets(b) }

// NoZone is the location of a dateTime or date that names no zone and to
// which the mapping gave none.
var NoZone = xpath.NoZone
