package sqlite

import (
	"database/sql/driver"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// rehearse ends a rehearsal whose rows are written: they are read, undone, and
// what was there before is read.
func rehearse(s *session, r *sqlstore.Rehearsal) error {
	err := r.After(s.stored)
	if err == nil {
		err = s.do("ROLLBACK TO rehearsal")
	}
	if err == nil {
		err = r.Before(s.stored)
	}
	s.Rollback()
	return err
}

// stored implements sqlstore.Rows.
func (s *session) stored(t *sqlstore.Table, names []string, values []sqlstore.Datum) ([][]sqlstore.Datum, error) {
	args, terms, list := make([]any, len(values)), make([]string, len(names)), make([]string, len(t.Columns))
	for i, name := range names {
		column, _, _ := t.Find(name)
		var err error
		if args[i], err = argument(values[i], column); err != nil {
			return nil, nil // too large to be stored at all
		}
		terms[i] = quote(name) + " = " + param(i+1)
	}
	for i := range t.Columns {
		list[i] = quote(t.Columns[i].Name)
	}
	var out [][]sqlstore.Datum
	var faulty error
	err := s.rows("SELECT "+strings.Join(list, ", ")+" FROM "+table(t.Name)+" WHERE "+strings.Join(terms, " AND "), func(row []driver.Value) bool {
		data := make([]sqlstore.Datum, len(row))
		for i := range row {
			if data[i], faulty = reading(row[i], &t.Columns[i]); faulty != nil {
				return false
			}
		}
		out = append(out, data)
		return true
	}, args...)
	if err == nil {
		err = faulty
	}
	return out, err
}
