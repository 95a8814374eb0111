package sqlserver

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// The kinds of line in the answer to pictureText.
const (
	tablePiece = iota
	columnPiece
	indexPiece
	foreignKeyPiece
	checkPiece
	triggerPiece
)

// pictureText asks for everything there is to know of the tables in @p1, a JSON
// array of [n, schema, name]: a line for each table, column, column of an index,
// column of a foreign key, CHECK and trigger. Names are compared nowhere
// but by OBJECT_ID, and all texts are given one collation: those of the catalogue
// differ between servers.
//
// A type of CLR (hierarchyid, geography) has no system type by its name; period
// columns of a temporal table are filled by the server, as computed ones are.
const pictureText = `WITH w AS (SELECT j.n, OBJECT_ID(QUOTENAME(j.s) + N'.' + QUOTENAME(j.t), N'U') AS id
	FROM OPENJSON(@p1) WITH (n int '$[0]', s nvarchar(128) '$[1]', t nvarchar(128) '$[2]') AS j)
SELECT w.n, 0 AS kind, o.object_id AS a, 0 AS b, CONVERT(nvarchar(max), CONVERT(varchar(23), o.modify_date, 126)) COLLATE Latin1_General_BIN2 AS name,
	CONVERT(nvarchar(max), N'') COLLATE Latin1_General_BIN2 AS x, CONVERT(nvarchar(max), N'') COLLATE Latin1_General_BIN2 AS y, CONVERT(nvarchar(max), N'') COLLATE Latin1_General_BIN2 AS z,
	0 AS i, 0 AS j, 0 AS k, 0 AS flags
	FROM w INNER JOIN sys.objects AS o ON o.object_id = w.id
UNION ALL
SELECT w.n, 1, c.column_id, COALESCE(CONVERT(int, COLLATIONPROPERTY(c.collation_name, 'CodePage')), 0), CONVERT(nvarchar(max), c.name) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), COALESCE(t.name, TYPE_NAME(c.user_type_id), N'')) COLLATE Latin1_General_BIN2, CONVERT(nvarchar(max), COALESCE(c.collation_name, N'')) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), COALESCE(d.definition, N'')) COLLATE Latin1_General_BIN2, CONVERT(int, c.max_length), CONVERT(int, c.precision), CONVERT(int, c.scale),
	CASE WHEN c.is_nullable = 1 THEN 1 ELSE 0 END + CASE WHEN c.is_identity = 1 THEN 2 ELSE 0 END + CASE WHEN c.is_computed = 1 OR c.generated_always_type <> 0 THEN 4 ELSE 0 END
	FROM w INNER JOIN sys.columns AS c ON c.object_id = w.id
	LEFT JOIN sys.types AS t ON t.user_type_id = c.system_type_id
	LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id
UNION ALL
SELECT w.n, 2, i.index_id, CONVERT(int, ic.key_ordinal), CONVERT(nvarchar(max), c.name) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), COALESCE(i.name, N'')) COLLATE Latin1_General_BIN2, CONVERT(nvarchar(max), COALESCE(i.filter_definition, N'')) COLLATE Latin1_General_BIN2, N'', CONVERT(int, i.type), CONVERT(int, ic.partition_ordinal), 0,
	CASE WHEN i.has_filter = 1 THEN 1 ELSE 0 END + CASE WHEN i.is_disabled = 1 THEN 2 ELSE 0 END + CASE WHEN i.is_unique = 1 THEN 0 ELSE 4 END
	+ CASE WHEN ic.is_descending_key = 1 THEN 8 ELSE 0 END + CASE WHEN i.is_hypothetical = 1 THEN 16 ELSE 0 END
	FROM w INNER JOIN sys.indexes AS i ON i.object_id = w.id
	INNER JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.is_included_column = 0
	INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
UNION ALL
SELECT w.n, 3, f.object_id, k.constraint_column_id, CONVERT(nvarchar(max), c.name) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), f.name) COLLATE Latin1_General_BIN2, CONVERT(nvarchar(max), QUOTENAME(s.name) + N'.' + QUOTENAME(o.name)) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), r.name) COLLATE Latin1_General_BIN2, CONVERT(int, f.delete_referential_action), CONVERT(int, f.update_referential_action), 0,
	CASE WHEN f.is_disabled = 1 THEN 1 ELSE 0 END + CASE WHEN f.is_not_trusted = 1 THEN 2 ELSE 0 END
	FROM w INNER JOIN sys.foreign_keys AS f ON f.parent_object_id = w.id
	INNER JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id
	INNER JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
	INNER JOIN sys.columns AS r ON r.object_id = k.referenced_object_id AND r.column_id = k.referenced_column_id
	INNER JOIN sys.objects AS o ON o.object_id = f.referenced_object_id
	INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
UNION ALL
SELECT w.n, 4, h.object_id, 0, CONVERT(nvarchar(max), h.name) COLLATE Latin1_General_BIN2, CONVERT(nvarchar(max), COALESCE(h.definition, N'')) COLLATE Latin1_General_BIN2, N'', N'', 0, 0, 0,
	CASE WHEN h.is_disabled = 1 THEN 1 ELSE 0 END
	FROM w INNER JOIN sys.check_constraints AS h ON h.parent_object_id = w.id
UNION ALL
SELECT w.n, 5, g.object_id, 0, CONVERT(nvarchar(max), g.name) COLLATE Latin1_General_BIN2, N'', N'', N'', 0, 0, 0, 0
	FROM w INNER JOIN sys.triggers AS g ON g.parent_id = w.id AND g.is_disabled = 0
ORDER BY 1, 2, 3, 4`

// wantedDocument is @p1.
func wantedDocument(names []mapping.TableName) string {
	wanted := make([][3]any, len(names))
	for i, n := range names {
		wanted[i] = [3]any{i, n.Schema, n.Name}
	}
	text, _ := json.Marshal(wanted) // strings and a number
	return string(text)
}

// piece is one line of the answer.
type piece struct {
	table, kind, a, b int
	name, x, y, z     string
	i, j, k, flags    int
}

func (p *piece) scan(rows *sql.Rows) error {
	return rows.Scan(&p.table, &p.kind, &p.a, &p.b, &p.name, &p.x, &p.y, &p.z, &p.i, &p.j, &p.k, &p.flags)
}

func (p *piece) is(flag int) bool { return p.flags&flag != 0 }

func (p *piece) put(t *sqlstore.Table) {
	switch p.kind {
	case tablePiece:
		t.Stamp = fmt.Sprintf("%d %s", p.a, p.name)
	case columnPiece:
		p.column(t)
	case indexPiece:
		p.index(t)
		p.searchable(t)
	case foreignKeyPiece:
		p.foreignKey(t)
	case checkPiece:
		t.Checks = append(t.Checks, mapping.Constraint{Name: p.name, Text: p.x, Disabled: p.is(1)})
	case triggerPiece:
		t.Triggers = append(t.Triggers, p.name)
	}
}

func (p *piece) column(t *sqlstore.Table) {
	n := sqlstore.Native{Type: nativeType(p.x, p.i, p.j, p.k), Collation: p.y, Default: p.z}
	parsed, err := sqlstore.ParseType(n.Type, charset(p.b))
	c := mapping.ColumnModel{Name: p.name, ColumnType: parsed}
	c.Computed = p.is(4) || err != nil // a type that cannot be written
	c.Nullable, c.Identity, c.HasDefault = p.is(1), p.is(2), n.Default != ""
	t.Columns, t.Native = append(t.Columns, c), append(t.Native, n)
}

// index takes the columns of indexes one by one.
func (p *piece) index(t *sqlstore.Table) {
	p.narrow(t)
	if p.is(4) {
		t.Indexed = append(t.Indexed, p.name)
		return
	}
	if !p.is(1 | 2) {
		if p.b == 1 {
			t.Unique = append(t.Unique, nil)
		}
		last := &t.Unique[len(t.Unique)-1]
		*last = append(*last, p.name)
		return
	}
	why := "disabled"
	if p.is(1) {
		why = "filtered: " + p.y
	}
	if n := len(t.Unusable); n == 0 || t.Unusable[n-1].Name != p.x {
		t.Unusable = append(t.Unusable, mapping.Index{Name: p.x, Why: why})
	}
	last := &t.Unusable[len(t.Unusable)-1]
	last.Columns = append(last.Columns, p.name)
}

// The kinds of B-tree, by sys.indexes.type. A clustered one is that which the rows
// stand in.
const (
	clustered    = 1
	nonclustered = 2
)

// narrow keeps the B-trees that Unique says nothing of, or not enough. Indexes of
// memory-optimized tables, XML, columns and the like have no keys of this kind.
func (p *piece) narrow(t *sqlstore.Table) {
	most := sqlstore.KeyBytes
	switch {
	case p.is(2): // it takes nothing
		return
	case p.i == clustered:
		most = sqlstore.ClusteredKeyBytes
	case p.i != nonclustered || !p.is(1|4):
		return
	}
	if p.b == 1 {
		t.Narrow = append(t.Narrow, mapping.IndexModel{Bytes: most})
	}
	last := &t.Narrow[len(t.Narrow)-1]
	last.Columns = append(last.Columns, p.name)
}

// actions are the words for what the server does with rows that refer to one that
// goes; for none of them it refuses.
var actions = [...]string{"", "CASCADE", "SET NULL", "SET DEFAULT"}

func (p *piece) foreignKey(t *sqlstore.Table) {
	if n := len(t.ForeignKeys); n == 0 || t.ForeignKeys[n-1].Name != p.x {
		t.ForeignKeys = append(t.ForeignKeys, mapping.ForeignKey{Name: p.x, Table: unbracket(p.y), Disabled: p.is(1), Untrusted: p.is(2), Cascade: cascade(p.i, p.j)})
	}
	fk := &t.ForeignKeys[len(t.ForeignKeys)-1]
	fk.Columns, fk.RefColumns = append(fk.Columns, p.name), append(fk.RefColumns, p.z)
}

func cascade(onDelete, onUpdate int) string {
	text := ""
	for i, what := range []string{"ON DELETE ", "ON UPDATE "} {
		action := [...]int{onDelete, onUpdate}[i]
		if action <= 0 || action >= len(actions) {
			continue
		}
		if text != "" {
			text += " "
		}
		text += what + actions[action]
	}
	return text
}
