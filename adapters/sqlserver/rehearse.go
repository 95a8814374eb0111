package sqlserver

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// What a rehearsal writes is undone within its transaction, so that the rows are
// read before and after with nobody in between.
const (
	saveText = "SAVE TRANSACTION rehearsal;"
	undoText = "ROLLBACK TRANSACTION rehearsal;"
)

// rehearse writes the rows of a rehearsal in a transaction that has begun, reads
// them, undoes them and reads what was there before. A message that is refused
// has written nothing, or ends the attempt and with it the transaction.
func (p *program) rehearse(ctx context.Context, s *session, r *sqlstore.Rehearsal, items []*sqlstore.Item) error {
	defer s.Rollback()
	if _, err := s.ExecContext(ctx, saveText); err != nil {
		return err
	}
	if _, err := p.send(ctx, s, items, p.write, rowsParameter(p.plan, items, false), whether(false)); err != nil {
		return err
	}
	render(items)
	read := func(t *sqlstore.Table, names []string, values []sqlstore.Datum) ([][]sqlstore.Datum, error) {
		return stored(ctx, s, t, names, values)
	}
	if err := r.After(read); err != nil {
		return err
	}
	if _, err := s.ExecContext(ctx, undoText); err != nil {
		return err
	}
	return r.Before(read)
}

// stored implements sqlstore.Rows.
func stored(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table, names []string, values []sqlstore.Datum) ([][]sqlstore.Datum, error) {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = sql.Named("p"+strconv.Itoa(i+1), parameter(v))
	}
	rows, err := q.QueryContext(ctx, storedText(t, names), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]sqlstore.Datum
	for rows.Next() {
		data, dest := make([]sqlstore.Datum, len(t.Columns)), make([]any, len(t.Columns))
		for i := range dest {
			dest[i] = reading{&t.Columns[i], &data[i]}
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, rows.Err()
}

// storedText finds rows by columns: @p1 and so on, in the columns' own types.
func storedText(t *sqlstore.Table, names []string) string {
	list, terms := make([]string, len(t.Columns)), make([]string, len(names))
	for i := range t.Columns {
		list[i] = "x." + bracket(t.Columns[i].Name)
	}
	for i, name := range names {
		column, native, _ := t.Find(name)
		value := fmt.Sprintf("CONVERT(%s, @p%d)", native.Type, i+1)
		if column.Kind == mapping.BytesColumn {
			value = fmt.Sprintf("CONVERT(varbinary(max), @p%d, 2)", i+1)
		}
		terms[i] = "x." + bracket(name) + " = " + value
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM " + table(t.Name) + " AS x WHERE " + strings.Join(terms, " AND ") + ";"
}

// parameter writes a value as text that CONVERT reads alike under every
// language setting.
func parameter(v sqlstore.Datum) any {
	if !v.Present {
		return nil
	}
	d := &document{fresh: true}
	switch v.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		return mssql.NVarCharMax(strconv.FormatInt(v.Int, 10))
	case mapping.DecimalColumn:
		return mssql.NVarCharMax(v.Number.Text('f'))
	case mapping.FloatColumn:
		return v.Float
	case mapping.DateTimeColumn:
		return mssql.NVarCharMax(v.Instant.Format("2006-01-02T15:04:05.9999999"))
	case mapping.DateColumn:
		return mssql.NVarCharMax(v.Instant.Format(time.DateOnly))
	case mapping.BytesColumn:
		d.hex(v.Bytes)
		return mssql.NVarCharMax(strings.Trim(string(d.buf), `"`))
	}
	return mssql.NVarCharMax(v.Text)
}
