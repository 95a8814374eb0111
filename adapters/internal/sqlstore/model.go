package sqlstore

import (
	"context"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Models describes tables by name, for tests that compare the dialects. What is
// each dialect's own is left out: the names of foreign keys, which SQLite does not
// tell, declarations, and constraints.
func (s *Store) Models(ctx context.Context, names []mapping.TableName) ([]*mapping.TableModel, error) {
	tables, err := s.dialect.Introspect(ctx, s.dialect.Reader(), names)
	if err != nil {
		return nil, s.fail("reading the tables", err)
	}
	out := make([]*mapping.TableModel, len(tables))
	for i, t := range tables {
		t.Tidy()
		for k := range t.ForeignKeys {
			t.ForeignKeys[k].Name = ""
		}
		for k := range t.Columns {
			t.Columns[k].Declared = ""
		}
		t.Checks = nil
		out[i] = &t.TableModel
	}
	return out, nil
}
