package sqlite

import (
	"fmt"
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Period cuts the text that a moment is kept as. A week begins on the Monday six days
// before the Sunday that ends it.
func (v *views) Period(_ *sqlview.Column, column string, by view.Period) string {
	year, month := "substr("+column+", 1, 4)", "substr("+column+", 6, 2)"
	switch by {
	case view.Week:
		return "date(substr(" + column + ", 1, 10), 'weekday 0', '-6 days')"
	case view.Month:
		return "substr(" + column + ", 1, 7) || '-01'"
	case view.Quarter:
		return year + " || '-' || substr('0' || ((CAST(" + month + " AS INTEGER) - 1) / 3 * 3 + 1), -2) || '-01'"
	case view.Year:
		return year + " || '-01-01'"
	}
	return "substr(" + column + ", 1, 10)"
}

// Sum is of the upper and the lower half of the numbers, because SQLite's own sum has
// no more bits than a number.
func (v *views) Sum(_ *sqlview.Column, column string) []string {
	return []string{"SUM(" + column + " >> 32)", "SUM(" + column + " & 4294967295)"}
}

// ReadSum puts the halves together.
func (v *views) ReadSum(c *sqlview.Column, src []any) (view.Value, error) {
	upper, ok := src[0].(int64)
	lower, too := src[1].(int64)
	if !ok || !too {
		return view.Null, fmt.Errorf("a sum comes as %T and %T", src[0], src[1])
	}
	n := new(big.Int).Lsh(big.NewInt(upper), 32)
	n.Add(n, big.NewInt(lower))
	sum := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(n), int32(-c.Scale))
	return view.Value{Kind: mapping.DecimalColumn, Present: true, Text: sum.Text('f')}, nil
}

// Overflows never: the halves of as many rows as a report may read fit.
func (v *views) Overflows(error) bool { return false }
