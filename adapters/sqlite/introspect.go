package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Introspect reads the tables' pictures from SQLite's pragmas. What changes while
// it reads makes the next transaction look again: see program.version.
func (d *dialect) Introspect(ctx context.Context, q sqlstore.Querier, names []mapping.TableName) ([]*sqlstore.Table, error) {
	var stamp string
	if err := q.QueryRowContext(ctx, schemaVersion).Scan(&stamp); err != nil {
		return nil, err
	}
	var out []*sqlstore.Table
	for _, n := range names {
		t, err := introspect(ctx, q, n)
		if err != nil {
			return nil, err
		}
		if t != nil {
			t.Stamp = stamp
			out = append(out, t)
		}
	}
	return out, nil
}

// schemaVersion is a number that SQLite raises with every change of any table.
const schemaVersion = "PRAGMA schema_version"

func introspect(ctx context.Context, q sqlstore.Querier, name mapping.TableName) (*sqlstore.Table, error) {
	t := &sqlstore.Table{TableModel: mapping.TableModel{Name: name, KeyBytes: sqlstore.KeyBytes}}
	if err := columns(ctx, q, t); err != nil || len(t.Columns) == 0 {
		return nil, err
	}
	for _, read := range []func(context.Context, sqlstore.Querier, *sqlstore.Table) error{indexes, foreignKeys, checks, triggers} {
		if err := read(ctx, q, t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Sequences returns all names: they are counters of the gateway's own.
func (d *dialect) Sequences(_ context.Context, _ sqlstore.Querier, names []mapping.TableName) ([]mapping.TableName, error) {
	return names, nil
}

// each calls scan for every row of a query.
func each(ctx context.Context, q sqlstore.Querier, query string, arg string, scan func(rows *sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, arg)
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

func columns(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) error {
	const query = `SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid`
	var key []string
	err := each(ctx, q, query, t.Name.String(), func(rows *sql.Rows) error {
		var (
			name, declared      string
			notNull, pk, hidden int
			fallback            sql.NullString
		)
		if err := rows.Scan(&name, &declared, &notNull, &fallback, &pk, &hidden); err != nil {
			return err
		}
		c, n := column(name, declared, pk)
		c.Nullable = notNull == 0 && pk == 0
		c.HasDefault, n.Default = fallback.Valid, fallback.String
		c.Computed = c.Computed || hidden > 1 // 2 and 3: generated columns
		if pk > 0 {
			key = append(key, name)
		}
		t.Columns, t.Native = append(t.Columns, c), append(t.Native, n)
		return nil
	})
	if len(key) > 0 {
		t.Unique = append(t.Unique, key)
	}
	for i := range t.Columns {
		t.Columns[i].Identity = t.Columns[i].Identity && len(key) == 1 // else it is a key like any other
	}
	return err
}

// column reads a declared type. INTEGER PRIMARY KEY is the row's own number,
// which SQLite draws: SQL Server's bigint IDENTITY. A type that SQL Server does
// not know cannot be written, nor can sysname: by the rules of affinity SQLite
// would make numbers of its text.
func column(name, declared string, pk int) (mapping.ColumnModel, sqlstore.Native) {
	identity := pk == 1 && strings.EqualFold(declared, "INTEGER")
	if identity {
		declared = "bigint"
	}
	typ, err := sqlstore.ParseType(declared, "")
	typ.Computed = err != nil || strings.EqualFold(declared, "sysname")
	typ.Identity = identity
	return mapping.ColumnModel{Name: name, ColumnType: typ}, sqlstore.Native{Type: strings.ToLower(declared)}
}

// indexes reads all of them: those that are unique, as mappings need them, and those
// that searches can seek in.
func indexes(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) error {
	const query = `SELECT l.name, l."unique", l.origin, l.partial, i.name, i."desc", i.coll, i.key, i.cid FROM pragma_index_list(?1) AS l, pragma_index_xinfo(l.name) AS i
		ORDER BY l.seq, i.seqno`
	var all []*indexPicture
	err := each(ctx, q, query, t.Name.String(), func(rows *sql.Rows) error {
		var p indexPicture
		var c indexColumn
		var column sql.NullString // of an expression and of the row's number there is no name
		var key bool
		var cid int
		if err := rows.Scan(&p.name, &p.unique, &p.origin, &p.partial, &column, &c.desc, &c.collation, &key, &cid); err != nil {
			return err
		}
		if n := len(all); n == 0 || all[n-1].name != p.name {
			all = append(all, &p)
		}
		last := all[len(all)-1]
		c.name, c.expression = column.String, cid == expressionColumn
		if key {
			last.columns = append(last.columns, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range all {
		p.put(t)
	}
	return searchable(ctx, q, t, all)
}

func triggers(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) error {
	const query = `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1`
	return each(ctx, q, query, t.Name.String(), func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		t.Triggers = append(t.Triggers, name)
		return err
	})
}

func foreignKeys(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) error {
	const query = `SELECT id, "table", "from", "to", on_delete, on_update FROM pragma_foreign_key_list(?1) ORDER BY id, seq`
	last := -1
	return each(ctx, q, query, t.Name.String(), func(rows *sql.Rows) error {
		var id int
		var table, from, onDelete, onUpdate string
		var to sql.NullString
		if err := rows.Scan(&id, &table, &from, &to, &onDelete, &onUpdate); err != nil {
			return err
		}
		if id != last {
			schema, name, ok := strings.Cut(table, ".")
			if !ok {
				return fmt.Errorf("table %s refers to %q, which is in no schema", t.Name, table)
			}
			t.ForeignKeys = append(t.ForeignKeys, mapping.ForeignKey{Table: mapping.TableName{Schema: schema, Name: name}, Cascade: cascade(onDelete, onUpdate)})
			last = id
		}
		fk := &t.ForeignKeys[len(t.ForeignKeys)-1]
		fk.Columns, fk.RefColumns = append(fk.Columns, from), append(fk.RefColumns, to.String)
		return nil
	})
}

// cascade says what SQLite does by itself with rows that refer to one that goes or
// changes.
func cascade(onDelete, onUpdate string) string {
	var out []string
	for _, a := range []struct{ when, action string }{{"ON DELETE ", onDelete}, {"ON UPDATE ", onUpdate}} {
		if a.action != "NO ACTION" && a.action != "RESTRICT" {
			out = append(out, a.when+a.action)
		}
	}
	return strings.Join(out, " ")
}
