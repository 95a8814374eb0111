package viewtest

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// TestWhole: what is read whole has every child or is refused. The statement lines
// inserts the lines 1 to its argument of order 1 into the table dbo.wl.
func TestWhole(t *testing.T, b Base, lines func(n int) string) {
	b.Exec(t, "CREATE TABLE {dbo.wo} (id bigint NOT NULL, CONSTRAINT pk_wo PRIMARY KEY (id))")
	b.Exec(t, "CREATE TABLE {dbo.wl} (order_id bigint NOT NULL, line_no int NOT NULL, CONSTRAINT pk_wl PRIMARY KEY (order_id, line_no), CONSTRAINT fk_wl FOREIGN KEY (order_id) REFERENCES {dbo.wo} (id))")
	b.Exec(t, "INSERT INTO {dbo.wo} (id) VALUES (1)")
	s, _ := open(t, b, `view: whole
from: dbo.wo
key: [id]
fields: {id: {}}
children:
  lines: {from: dbo.wl, by: order_id, key: [line_no], fields: {line_no: {}}}
`)
	expand := []view.Expand{{Child: 0}}
	read := func() (children int, err error) {
		for row, err := range s.Scan(t.Context(), everybody{}, "whole", &view.Query{Expand: expand}, nil) {
			if err != nil {
				return 0, err
			}
			children = len(row.Children[0])
			if row.Cut != nil {
				t.Errorf("a row is cut: %v", row.Cut)
			}
		}
		return children, nil
	}
	b.Exec(t, lines(10_000))
	if n, err := read(); n != 10_000 || err != nil {
		t.Errorf("%d children are read; %v", n, err)
	}
	if page := search(t, s, everybody{}, "whole", view.Query{Expand: expand}); len(page.Rows[0].Children[0]) != 100 || !page.Rows[0].Cut[0] {
		t.Errorf("%d children are shown, cut %v", len(page.Rows[0].Children[0]), page.Rows[0].Cut)
	}
	b.Exec(t, "DELETE FROM {dbo.wl}")
	b.Exec(t, lines(10_001))
	if n, err := read(); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%d of 10,001 children are read; %v", n, err)
	}
}
