package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// expressionColumn is the number that pragma_index_xinfo gives what is no column.
const expressionColumn = -2

// indexPicture is an index as the pragmas tell of it.
type indexPicture struct {
	name            string
	unique, partial bool
	origin          string // pk: the primary key
	columns         []indexColumn
}

type indexColumn struct {
	name       string
	desc       bool
	collation  string
	expression bool
}

// put adds what mappings know of indexes: the unique ones.
func (p *indexPicture) put(t *sqlstore.Table) {
	if !p.unique || p.origin == "pk" {
		return
	}
	index := mapping.Index{Name: p.name}
	for _, c := range p.columns {
		index.Columns = append(index.Columns, c.name)
		if c.expression {
			index.Why = "over an expression"
		}
	}
	if p.partial {
		index.Why = "filtered"
	}
	if index.Why != "" {
		t.Unusable = append(t.Unusable, index)
		return
	}
	t.Unique = append(t.Unique, index.Columns)
}

// rowNumber is the name of the index that the rows of most tables stand in.
const rowNumber = "PRIMARY KEY"

// searchable adds the indexes that any row can be found in: those over all rows and
// over columns alone, each as its column compares. The primary key is one of them;
// where rows stand in its order, SQLite puts it behind every other index.
func searchable(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table, all []*indexPicture) error {
	collations, err := collationsOf(ctx, q, t)
	if err != nil {
		return err
	}
	key, numbered := numberColumn(t, all)
	if numbered {
		t.Indexes = append(t.Indexes, view.Index{Name: rowNumber, Unique: true, Columns: []view.IndexColumn{{Name: key}}})
	}
	var behind []view.IndexColumn
	if numbered {
		behind = []view.IndexColumn{{Name: key}}
	}
	for _, p := range all {
		index := view.Index{Name: p.name, Unique: p.unique}
		usable := !p.partial && len(p.columns) > 0
		for _, c := range p.columns {
			usable = usable && !c.expression && strings.EqualFold(c.collation, collations[c.name])
			index.Columns = append(index.Columns, view.IndexColumn{Name: c.name, Desc: c.desc})
		}
		if !usable {
			continue
		}
		for _, c := range behind {
			if !p.unique && !slices.ContainsFunc(index.Columns, func(have view.IndexColumn) bool { return have.Name == c.Name }) {
				index.Columns = append(index.Columns, c)
			}
		}
		t.Indexes = append(t.Indexes, index)
	}
	return nil
}

// numberColumn is the column that is the row's own number. Where the primary key is
// an index of its own there is none.
func numberColumn(t *sqlstore.Table, all []*indexPicture) (string, bool) {
	if slices.ContainsFunc(all, func(p *indexPicture) bool { return p.origin == "pk" }) {
		return "", false
	}
	for _, c := range t.Columns {
		if c.Identity {
			return c.Name, true
		}
	}
	return "", false
}

// collationsOf reads from the declaration, which alone tells, how each column
// compares; the pictures of those that are not compared byte by byte say so.
func collationsOf(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) (map[string]string, error) {
	const query = `SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1`
	declared := map[string]string{}
	err := each(ctx, q, query, t.Name.String(), func(rows *sql.Rows) error {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return err
		}
		declared = collationsIn(text.String)
		return nil
	})
	out := map[string]string{}
	for i, c := range t.Columns {
		out[c.Name] = bytewise
		if d, ok := declared[strings.ToLower(c.Name)]; ok && !strings.EqualFold(d, bytewise) {
			out[c.Name], t.Native[i].Collation = d, strings.ToUpper(d)
		}
	}
	return out, err
}

// bytewise is the collation of a column that declares none.
const bytewise = "BINARY"

// collationsIn finds COLLATE in the columns of a CREATE TABLE statement that SQLite
// itself has taken, by the column's name in small letters.
func collationsIn(statement string) map[string]string {
	out := map[string]string{}
	depth, column, last := 0, "", ""
	for _, p := range token.FindAllStringIndex(statement, -1) {
		word := statement[p[0]:p[1]]
		if blank(word) {
			continue
		}
		switch word {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 1 {
			name := strings.ToLower(unquote(word))
			switch {
			case last == "(" && column == "", last == ",":
				column = name
			case strings.EqualFold(last, "COLLATE"):
				out[column] = unquote(word)
			}
		}
		if depth > 0 {
			last = word
		}
	}
	return out
}

// unquote takes the quotes of a name away.
func unquote(word string) string {
	if len(word) < 2 || !strings.ContainsAny(word[:1], "\"'`[") {
		return word
	}
	quote := word[len(word)-1:]
	return strings.ReplaceAll(word[1:len(word)-1], quote+quote, quote)
}
