package sqlserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

var _ sqlstore.Versions = (*dialect)(nil)

// versions are the words for the numbers that the server gives to writes, as bigint:
// the first that a transaction may still be on its way with, and the last one drawn.
type versions struct{ below, last string }

// serverVersions are SQL Server's. @@DBTS alone would be wrong: it is past the numbers
// of transactions that have not ended.
var serverVersions = versions{below: "CONVERT(bigint, MIN_ACTIVE_ROWVERSION())", last: "CONVERT(bigint, @@DBTS)"}

// lookText reads the rows whose number is behind @after, @limit of them, in several
// statements: what a statement sees is settled when it begins, and in one statement the
// number could be asked for after that. Then a transaction that ends in between would
// be before the number, and its rows would not be seen. How far the rows go is looked
// up first, so that of several rows of one number none is left out; there are such rows
// when SELECT INTO has copied them.
func lookText(v versions, w gateway.Watched) string {
	column := "x." + bracket(w.Table.Version)
	columns := make([]string, len(w.Table.Key))
	for i, name := range w.Table.Key {
		columns[i] = "x." + bracket(name)
	}
	from := fmt.Sprintf("FROM %s AS x WITH (INDEX(%s), FORCESEEK) WHERE %s > CONVERT(binary(8), @after)", table(w.Table.Table), bracket(w.Index), column)
	return fmt.Sprintf(`DECLARE @below bigint = %s, @n int, @upto bigint;
SELECT @n = COUNT(*), @upto = MAX(p.v) FROM (SELECT TOP (@limit) CONVERT(bigint, %[3]s) AS v %[4]s AND %[3]s < CONVERT(binary(8), @below) ORDER BY %[3]s) AS p OPTION (MAXDOP 1);
SELECT @below, %[2]s, @n, @upto;
SELECT CONVERT(bigint, %[3]s), %[5]s %[4]s AND %[3]s <= CONVERT(binary(8), @upto) ORDER BY %[3]s OPTION (MAXDOP 1);`,
		v.below, v.last, column, from, strings.Join(columns, ", "))
}

// Look implements sqlstore.Versions.
func (d *dialect) Look(ctx context.Context, w gateway.Watched, after int64, limit int) (gateway.Look, error) {
	var out gateway.Look
	rows, err := d.db.QueryContext(ctx, lookText(d.versions, w), sql.Named("after", after), sql.Named("limit", limit))
	if err != nil {
		return out, err
	}
	defer rows.Close()
	var n int
	var upTo sql.NullInt64
	for rows.Next() { // the driver knows of the next answer once this one is read to its end
		if err := rows.Scan(&out.Below, &out.Last, &n, &upTo); err != nil {
			return out, err
		}
	}
	if out.UpTo, out.More = out.Below-1, n >= limit; out.More {
		out.UpTo = upTo.Int64
	}
	if !rows.NextResultSet() {
		return out, errors.Join(rows.Err(), errors.New("the server did not say which rows were written"))
	}
	key := make([]sqlstore.Datum, len(w.Key))
	var seen gateway.Seen
	dest := []any{&seen.Version}
	for i := range w.Key {
		dest = append(dest, reading{&w.Key[i], &key[i]})
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return out, err
		}
		seen.Key = sqlstore.KeyText(key)
		out.Rows = append(out.Rows, seen)
	}
	return out, rows.Err()
}
