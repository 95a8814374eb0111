package sqlserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// bracket quotes a name.
func bracket(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }

func table(n mapping.TableName) string { return bracket(n.Schema) + "." + bracket(n.Name) }

// unbracket reads what table, or QUOTENAME for both parts, has written.
func unbracket(text string) mapping.TableName {
	schema, name, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), "].[")
	return mapping.TableName{Schema: strings.ReplaceAll(schema, "]]", "]"), Name: strings.ReplaceAll(name, "]]", "]")}
}

// Introspect reads the tables' pictures from the catalogue views, all of them with
// one question.
func (d *dialect) Introspect(ctx context.Context, q sqlstore.Querier, names []mapping.TableName) ([]*sqlstore.Table, error) {
	tables := make([]*sqlstore.Table, len(names))
	for i, n := range names {
		tables[i] = &sqlstore.Table{TableModel: mapping.TableModel{Name: n, KeyBytes: sqlstore.KeyBytes}}
	}
	rows, err := q.QueryContext(ctx, pictureText, mssql.NVarCharMax(wantedDocument(names)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p piece
		if err := p.scan(rows); err != nil {
			return nil, err
		}
		if p.table < 0 || p.table >= len(tables) {
			return nil, fmt.Errorf("the catalogue answers about table %d of %d", p.table, len(tables))
		}
		p.put(tables[p.table])
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, t := range tables {
		finish(t)
	}
	return slices.DeleteFunc(tables, func(t *sqlstore.Table) bool { return len(t.Columns) == 0 }), nil
}

const sequencesText = `SELECT COUNT(*) FROM sys.objects AS q INNER JOIN sys.schemas AS s ON s.schema_id = q.schema_id WHERE s.name = @p1 AND q.name = @p2 AND q.type = 'SO'`

// Sequences returns those of names that are sequence objects.
func (d *dialect) Sequences(ctx context.Context, q sqlstore.Querier, names []mapping.TableName) ([]mapping.TableName, error) {
	var out []mapping.TableName
	for _, name := range names {
		var n int
		if err := q.QueryRowContext(ctx, sequencesText, name.Schema, name.Name).Scan(&n); err != nil {
			return nil, err
		}
		if n > 0 {
			out = append(out, name)
		}
	}
	return out, nil
}

// thisTable is a table by the parameters schema and name.
const thisTable = `(SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U')`

// nativeType writes a type with its size, as in a declaration.
func nativeType(name string, length, precision, scale int) string {
	switch name {
	case "nvarchar", "nchar":
		length /= 2
		fallthrough
	case "varchar", "char", "varbinary", "binary":
		if length <= 0 {
			return name + "(max)"
		}
		return fmt.Sprintf("%s(%d)", name, length)
	case "decimal", "numeric":
		return fmt.Sprintf("%s(%d,%d)", name, precision, scale)
	case "datetime2", "datetimeoffset", "time":
		return fmt.Sprintf("%s(%d)", name, scale)
	}
	return name
}

// charset names a code page of Windows.
func charset(page int) string {
	switch page {
	case 0:
		return ""
	case 65001:
		return "utf-8"
	case 932:
		return "shift_jis"
	case 936:
		return "gbk"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 437, 850:
		return fmt.Sprintf("ibm%d", page)
	}
	return fmt.Sprintf("windows-%d", page)
}
