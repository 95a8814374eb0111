package sqlserver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Period finds the first day without regard to a language's first day of the week:
// day 0 was a Monday.
func (v *views) Period(c *sqlview.Column, column string, by view.Period) string {
	day := "CAST(" + column + " AS date)"
	if strings.HasPrefix(c.Native.Type, "datetimeoffset") {
		day = "CAST(SWITCHOFFSET(" + column + ", '+00:00') AS date)"
	}
	switch by {
	case view.Week:
		monday := "CAST('19000101' AS date)"
		return "DATEADD(day, -((DATEDIFF(day, " + monday + ", " + day + ") % 7 + 7) % 7), " + day + ")"
	case view.Month:
		return "DATEFROMPARTS(YEAR(" + day + "), MONTH(" + day + "), 1)"
	case view.Quarter:
		return "DATEFROMPARTS(YEAR(" + day + "), (MONTH(" + day + ") - 1) / 3 * 3 + 1, 1)"
	case view.Year:
		return "DATEFROMPARTS(YEAR(" + day + "), 1, 1)"
	}
	return day
}

// Sum is a decimal of 38 digits, said of the sum as well: not every server that speaks
// T-SQL finds that out by itself.
func (v *views) Sum(c *sqlview.Column, column string) []string {
	t := " AS decimal(38, " + strconv.Itoa(c.Scale) + "))"
	return []string{"CAST(SUM(CAST(" + column + t + ")" + t}
}

// ReadSum takes it as it comes.
func (v *views) ReadSum(_ *sqlview.Column, src []any) (view.Value, error) {
	text, ok := src[0].([]byte)
	if !ok {
		return view.Null, fmt.Errorf("a sum comes as %T", src[0])
	}
	return view.Value{Kind: mapping.DecimalColumn, Present: true, Text: string(text)}, nil
}

// overflow is SQL Server's number for an expression that does not fit its type.
const overflow = 8115

// Overflows knows the error.
func (v *views) Overflows(err error) bool {
	e, ok := errors.AsType[mssql.Error](err)
	return ok && e.Number == overflow
}
