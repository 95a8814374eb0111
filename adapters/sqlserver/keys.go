package sqlserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

const (
	// Names and identities are compared exactly: two that differ in case are two.
	looseText = `SELECT DISTINCT t.name, c.name, c.collation_name FROM sys.tables AS t
	INNER JOIN sys.schemas AS s ON s.schema_id = t.schema_id
	INNER JOIN sys.columns AS c ON c.object_id = t.object_id
	INNER JOIN sys.index_columns AS k ON k.object_id = c.object_id AND k.column_id = c.column_id AND k.is_included_column = 0
	WHERE s.name = 'gateway' AND TYPE_NAME(c.system_type_id) = 'nvarchar' AND UPPER(c.collation_name) NOT LIKE '%[_]BIN%'
	ORDER BY t.name, c.name`

	collationText = `SELECT COALESCE(c.collation_name, '') FROM sys.columns AS c WHERE c.object_id = ` + thisTable + ` AND c.name = @p3`

	// Foreign keys to a table, as the first of their columns, that no index of
	// their own table begins with.
	referrersText = `SELECT DISTINCT s.name, o.name, c.name FROM sys.foreign_keys AS f
	INNER JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id AND k.constraint_column_id = 1
	INNER JOIN sys.objects AS o ON o.object_id = k.parent_object_id
	INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	INNER JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
	WHERE f.is_disabled = 0 AND f.referenced_object_id = ` + thisTable + ` AND NOT EXISTS (SELECT 1 FROM sys.index_columns AS x
		INNER JOIN sys.indexes AS i ON i.object_id = x.object_id AND i.index_id = x.index_id AND i.is_disabled = 0 AND i.has_filter = 0
		WHERE x.object_id = k.parent_object_id AND x.column_id = k.parent_column_id AND x.key_ordinal = 1)
	ORDER BY s.name, o.name, c.name`

	// How many indexes begin with a column; -1 where the login cannot see.
	leadingText = `SELECT CASE WHEN ` + thisTable + ` IS NULL THEN -1 ELSE (SELECT COUNT(*) FROM sys.index_columns AS x
	INNER JOIN sys.indexes AS i ON i.object_id = x.object_id AND i.index_id = x.index_id AND i.is_disabled = 0 AND i.has_filter = 0
	INNER JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id
	WHERE x.object_id = ` + thisTable + ` AND x.key_ordinal = 1 AND c.name = @p3) END`
)

func (d *dialect) lookAtCollations(ctx context.Context, uses []sqlstore.Use) ([]string, error) {
	rows, err := d.db.QueryContext(ctx, looseText)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name, column, collation string
		if err := rows.Scan(&name, &column, &collation); err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("gateway.%s.%s has the collation %s: two senders, identities or keys that differ only in case would be one; give it back Latin1_General_BIN2, which the migrations made it with", name, column, collation))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	loose, err := d.looseKeys(ctx, uses)
	if err != nil || loose == nil {
		return out, err
	}
	return append(out, fmt.Sprintf("note: by the collation of their columns these keys take capital and small letters, or letters with and without accents, for the same: %s. Rows whose keys differ in nothing else are one row; where that is not meant, ALTER TABLE … ALTER COLUMN … COLLATE Latin1_General_BIN2",
		strings.Join(loose, "; "))), nil
}

// looseKeys lists the mappings' keys that do not compare exactly.
func (d *dialect) looseKeys(ctx context.Context, uses []sqlstore.Use) ([]string, error) {
	var out []string
	for _, u := range uses {
		for _, key := range u.Keys {
			for _, column := range key {
				var collation string
				err := d.db.QueryRowContext(ctx, collationText, u.Table.Schema, u.Table.Name, column).Scan(&collation)
				if err != nil && !errors.Is(err, sql.ErrNoRows) { // a missing column is told of elsewhere
					return nil, err
				}
				if name := u.Table.String() + "." + column; loose(collation) && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out, nil
}

// loose reports whether a collation takes different letters for the same:
// _CI ignores case, _AI accents.
func loose(collation string) bool {
	upper := strings.ToUpper(collation) + "_"
	return strings.Contains(upper, "_CI_") || strings.Contains(upper, "_AI_")
}

func (d *dialect) lookAtIndexes(ctx context.Context, uses []sqlstore.Use) ([]string, error) {
	var out []string
	for _, u := range uses {
		if !u.Delete {
			continue
		}
		missing, err := d.referrers(ctx, u.Table)
		if err != nil {
			return out, err
		}
		for _, column := range u.Reach {
			var n int
			if err := d.db.QueryRowContext(ctx, leadingText, u.Table.Schema, u.Table.Name, column).Scan(&n); err != nil {
				return out, err
			}
			if own := (reference{u.Table, column}); n == 0 && !slices.Contains(missing, own) {
				missing = append(missing, own)
			}
		}
		for _, m := range missing {
			out = append(out, m.complaint(u.Table))
		}
	}
	return out, nil
}

// reference is a column that refers to a table's rows, or finds them.
type reference struct {
	table  mapping.TableName
	column string
}

func (r reference) complaint(deleted mapping.TableName) string {
	return fmt.Sprintf("no index of %s begins with %s: whenever rows of %s are deleted, which the mapping does, all of it is read and locked; CREATE INDEX %s ON %s (%s)",
		r.table, r.column, deleted, bracket("ix_"+r.table.Name+"_"+r.column), table(r.table), bracket(r.column))
}

func (d *dialect) referrers(ctx context.Context, name mapping.TableName) ([]reference, error) {
	rows, err := d.db.QueryContext(ctx, referrersText, name.Schema, name.Name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []reference
	for rows.Next() {
		var r reference
		if err := rows.Scan(&r.table.Schema, &r.table.Name, &r.column); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
