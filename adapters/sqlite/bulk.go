package sqlite

import (
	"context"
	"database/sql/driver"
	"strings"
)

// bulk is an INSERT of many rows. A statement's own cost, of binding, of opening
// tables and of SQLite's counter of an AUTOINCREMENT column, is then paid once for
// all of its rows.
type bulk struct {
	params int      // of one row
	texts  []string // beside bulkSizes
}

// bulkSizes are the numbers of rows for which a statement is prepared, in falling
// order, so that no number of rows takes many statements: each opens the tables anew,
// and, where they have foreign keys, keeps copies of its own of the pages that it
// changes. No larger ones, since each stays prepared.
var bulkSizes = [...]int{128, 64, 32, 16, 8, 4, 2, 1}

// newBulk takes the statement up to VALUES, the parameters of one row, and what
// follows. Parameters have no numbers: the driver looks those up by name, one by
// one.
func newBulk(head, row, tail string) *bulk {
	b := &bulk{params: strings.Count(row, "?"), texts: make([]string, len(bulkSizes))}
	for i, n := range bulkSizes {
		b.texts[i] = head + " VALUES " + strings.Repeat(row+", ", n-1) + row + tail
	}
	return b
}

// run inserts rows, whose arguments stand one after the other. It returns how many
// were inserted and the rowid of the last one.
func (b *bulk) run(c *connection, args []any) (inserted, last int64, err error) {
	err = b.each(args, func(text string, args []any) error {
		done, err := c.exec(context.Background(), text, args...)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if err == nil {
			inserted += n
			last, err = done.LastInsertId()
		}
		return err
	})
	return inserted, last, err
}

// rows is run for a statement that returns something of each row.
func (b *bulk) rows(c *connection, args []any, next func(row []driver.Value) bool) error {
	return b.each(args, func(text string, args []any) error { return c.rows(text, next, args...) })
}

func (b *bulk) each(args []any, do func(text string, args []any) error) error {
	for i, n := range bulkSizes {
		for len(args) >= n*b.params {
			if err := do(b.texts[i], args[:n*b.params]); err != nil {
				return err
			}
			args = args[n*b.params:]
		}
	}
	return nil
}

// single is the text for one row.
func (b *bulk) single() string { return b.texts[len(bulkSizes)-1] }

// values is one row of n parameters.
func values(n int) string { return "(" + strings.Repeat("?, ", n-1) + "?)" }
