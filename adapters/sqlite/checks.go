package sqlite

import (
	"context"
	"database/sql"
	"regexp"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// checks reads the CHECK constraints of a table, which no pragma tells, from its
// declaration. Those that only enforce the column's declared type are left out:
// the mapping knows that one.
func checks(ctx context.Context, q sqlstore.Querier, t *sqlstore.Table) error {
	const query = `SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1`
	return each(ctx, q, query, t.Name.String(), func(rows *sql.Rows) error {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return err
		}
		for _, c := range checksOf(text.String) {
			if !typeCheck.MatchString(c.Text) {
				t.Checks = append(t.Checks, c)
			}
		}
		return nil
	})
}

// typeCheck stands in for what SQL Server refuses by a column's type.
var typeCheck = regexp.MustCompile(`(?i)^(\w+ IS NULL OR )?(typeof\(\w+\) = '\w+'( AND (length\(\w+\) (<=|=) \d+|\w+ BETWEEN -\d{3,} AND \d{3,}))?|\w+ IN \(0, 1\)|\w+ GLOB '[][0-9:. -]+')$`)

// token is a quoted text or name, a comment, a word, or one other character.
var token = regexp.MustCompile(`(?s)'(?:[^']|'')*'|"(?:[^"]|"")*"|\[[^\]]*\]|` + "`[^`]*`" + `|--[^\n]*|/\*.*?\*/|\w+|.`)

// checksOf finds the CHECK constraints in a CREATE TABLE statement that SQLite
// itself has taken.
func checksOf(statement string) []mapping.Constraint {
	var out []mapping.Constraint
	var name string
	last := "" // the token before
	places := token.FindAllStringIndex(statement, -1)
	for i := 0; i < len(places); i++ {
		word := statement[places[i][0]:places[i][1]]
		if blank(word) {
			continue
		}
		if strings.EqualFold(last, "CHECK") && word == "(" {
			from, to := inside(statement, places[i:])
			out = append(out, mapping.Constraint{Name: name, Text: strings.TrimSpace(statement[from:to])})
			for i < len(places) && places[i][0] < to {
				i++
			}
			word, name = ")", ""
		}
		if strings.EqualFold(last, "CONSTRAINT") {
			name = strings.Trim(word, "\"[]`")
		}
		if ends.MatchString(word) {
			name = ""
		}
		last = word
	}
	return out
}

// ends is what a name before does not belong to a CHECK any more.
var ends = regexp.MustCompile(`(?i)^(,|NOT|NULL|DEFAULT|UNIQUE|PRIMARY|REFERENCES|FOREIGN|COLLATE|GENERATED)$`)

func blank(word string) bool {
	return strings.TrimSpace(word) == "" || strings.HasPrefix(word, "--") || strings.HasPrefix(word, "/*")
}

// inside is what stands between the parenthesis that the tokens begin with and
// its counterpart.
func inside(statement string, places [][]int) (from, to int) {
	depth := 0
	for _, p := range places {
		switch statement[p[0]:p[1]] {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			return places[0][1], p[0]
		}
	}
	return places[0][1], len(statement)
}
