package sqlserver

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// bracket quotes a name.
func bracket(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }

func table(n mapping.TableName) string { return bracket(n.Schema) + "." + bracket(n.Name) }

// Introspect reads the tables' pictures from the catalogue views.
func (d *dialect) Introspect(ctx context.Context, q sqlstore.Querier, names []mapping.TableName) ([]*sqlstore.Table, error) {
	var out []*sqlstore.Table
	for _, n := range names {
		t := &sqlstore.Table{TableModel: mapping.TableModel{Name: n, KeyBytes: sqlstore.KeyBytes}}
		for _, read := range []func(context.Context, sqlstore.Querier, *sqlstore.Table) error{columns, indexes, foreignKeys} {
			if err := read(ctx, q, t); err != nil {
				return nil, err
			}
		}
		if len(t.Columns) > 0 {
			out = append(out, t)
		}
	}
	return out, nil
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

// each calls scan for every row of a query about a table.
func each(ctx context.Context, q sqlstore.Querier, query string, t *sqlstore.Table, scan func(rows *sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, t.Name.Schema, t.Name.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

const thisTable = `(SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U')`

// A type of CLR (hierarchyid, geography) has no system type by its name; period
// columns of a temporal table are filled by the server, as computed ones are.
const columnsText = `SELECT c.name, COALESCE(t.name, TYPE_NAME(c.user_type_id)), c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity,
	CONVERT(bit, CASE WHEN c.is_computed = 1 OR c.generated_always_type <> 0 THEN 1 ELSE 0 END),
	COALESCE(c.collation_name, ''), COALESCE(CONVERT(int, COLLATIONPROPERTY(c.collation_name, 'CodePage')), 0), COALESCE(d.definition, '')
	FROM sys.columns AS c
	LEFT JOIN sys.types AS t ON t.user_type_id = c.system_type_id
	LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id
	WHERE c.object_id = ` + thisTable + ` ORDER BY c.column_id`

func columns(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) error {
	return each(ctx, q, columnsText, t, func(rows *sql.Rows) error {
		var (
			c                              mapping.ColumnModel
			n                              sqlstore.Native
			typ                            string
			length, precision, scale, page int
			nullable, identity, computed   bool
		)
		err := rows.Scan(&c.Name, &typ, &length, &precision, &scale, &nullable, &identity, &computed, &n.Collation, &page, &n.Default)
		if err != nil {
			return err
		}
		n.Type = nativeType(typ, length, precision, scale)
		parsed, err := sqlstore.ParseType(n.Type, charset(page))
		c.ColumnType = parsed
		c.Computed = computed || err != nil // a type that cannot be written
		c.Nullable, c.Identity, c.HasDefault = nullable, identity, n.Default != ""
		t.Columns, t.Native = append(t.Columns, c), append(t.Native, n)
		return nil
	})
}

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

// Indexes of B-trees: a clustered key takes 900 bytes, any other 1,700. Those of
// memory-optimized tables, XML, columns and the like have no keys of this kind.
const indexesText = `SELECT i.index_id, c.name, i.type, CONVERT(bit, CASE WHEN i.is_unique = 1 AND i.has_filter = 0 THEN 1 ELSE 0 END) FROM sys.indexes AS i
	INNER JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.is_included_column = 0
	INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
	WHERE i.object_id = ` + thisTable + ` AND i.type IN (1, 2) AND i.is_disabled = 0
	ORDER BY i.index_id, ic.key_ordinal`

// clustered is sys.indexes.type of the index that the rows stand in.
const clustered = 1

func indexes(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) error {
	type found struct {
		id, kind int
		unique   bool
		columns  []string
	}
	var all []found
	err := each(ctx, q, indexesText, t, func(rows *sql.Rows) error {
		var f found
		var column string
		if err := rows.Scan(&f.id, &column, &f.kind, &f.unique); err != nil {
			return err
		}
		if n := len(all); n == 0 || all[n-1].id != f.id {
			all = append(all, f)
		}
		last := &all[len(all)-1]
		last.columns = append(last.columns, column)
		return nil
	})
	for _, f := range all {
		if f.unique {
			t.Unique = append(t.Unique, f.columns)
		}
		switch {
		case f.kind == clustered:
			t.Narrow = append(t.Narrow, mapping.IndexModel{Columns: f.columns, Bytes: sqlstore.ClusteredKeyBytes})
		case !f.unique:
			t.Narrow = append(t.Narrow, mapping.IndexModel{Columns: f.columns, Bytes: sqlstore.KeyBytes})
		}
	}
	return err
}

const foreignKeysText = `SELECT f.name, c.name, s.name, o.name, r.name FROM sys.foreign_keys AS f
	INNER JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id
	INNER JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
	INNER JOIN sys.columns AS r ON r.object_id = k.referenced_object_id AND r.column_id = k.referenced_column_id
	INNER JOIN sys.objects AS o ON o.object_id = f.referenced_object_id
	INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE f.parent_object_id = ` + thisTable + ` ORDER BY f.object_id, k.constraint_column_id`

func foreignKeys(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) error {
	return each(ctx, q, foreignKeysText, t, func(rows *sql.Rows) error {
		var name, column, ref string
		var target mapping.TableName
		if err := rows.Scan(&name, &column, &target.Schema, &target.Name, &ref); err != nil {
			return err
		}
		n := len(t.ForeignKeys)
		if n == 0 || t.ForeignKeys[n-1].Name != name {
			t.ForeignKeys = append(t.ForeignKeys, mapping.ForeignKey{Name: name, Table: target})
			n++
		}
		fk := &t.ForeignKeys[n-1]
		fk.Columns, fk.RefColumns = append(fk.Columns, column), append(fk.RefColumns, ref)
		return nil
	})
}
