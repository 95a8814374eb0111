package gatewaytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// tree adds categories to an entry, each written code, code<parent or
// code<parent=name.
func (p *plan) tree(e *gateway.Entry, nodes ...string) *gateway.Entry {
	rows := []mapping.Row{}
	for i, n := range nodes {
		n, name, named := strings.Cut(n, "=")
		if !named {
			name = "n"
		}
		code, parent, below := strings.Cut(n, "<")
		above := mapping.Cell{Kind: mapping.AbsentCell}
		if below {
			above = mapping.Cell{Kind: mapping.KeysCell, Keys: []value{text(parent).Value}}
		}
		rows = append(rows, mapping.Row{Parent: -1, Origin: mapping.At(fmt.Sprintf("/o:Category[%d]", i+1), i+1, 0), Cells: []mapping.Cell{text(code), above, above, text(name)}})
	}
	e.Changes.Rows = append(e.Changes.Rows, rows)
	return e
}

// trees: rows refer to others of their table by natural key, wherever those stand
// in the message, or to stored ones; no foreign key is ever broken.
func (s *storeSuite) trees(t *testing.T) {
	s.table("crm.category", `id {identity}, code nvarchar(10) NOT NULL CONSTRAINT uq_category UNIQUE, name nvarchar(10) NOT NULL,
		parent_id bigint NULL CONSTRAINT fk_category_id REFERENCES {crm.category} (id), parent_code nvarchar(10) NULL CONSTRAINT fk_category_code REFERENCES {crm.category} (code),
		CHECK (parent_id <> id)`)
	s.t.Cleanup(func() { s.probe.Exec(t, `UPDATE {crm.category} SET parent_id = NULL, parent_code = NULL`) })
	const all = `SELECT c.code, p.code, c.parent_code, c.name FROM {crm.category} AS c LEFT JOIN {crm.category} AS p ON p.id = c.parent_id ORDER BY c.code`
	p := newPlan(categories)
	w := s.writer(p)
	n := 0
	entry := func(nodes ...string) *gateway.Entry {
		n++
		no := fmt.Sprintf("T-%d", n)
		return p.tree(p.entry(no, order{no: no, customer: "C-1", name: "A"}), nodes...)
	}
	s.one(w, entry("c<b", "b<a", "d<a", "a"), gateway.Stored)
	s.rows(all, "a NULL NULL n", "b a a n", "c b b n", "d a a n")

	// Below what is stored, and moved.
	s.one(w, entry("e<c", "c<d=moved", "f<e"), gateway.Stored)
	s.rows(all, "a NULL NULL n", "b a a n", "c d d moved", "d a a n", "e c c n", "f e e n")

	// Missing, in a circle, below itself; the rest of the batch is stored.
	out := s.commit(w, 0, entry("g<nowhere"), entry("h<i", "i<j", "j<h", "k"), entry("l<l"), entry("m<a"))
	f := s.code(out[0].Err, fault.CodeLookup)
	if len(f.Details) != 1 || f.Details[0].Path != "/o:Category[1]" || !strings.Contains(f.Details[0].Found, "nowhere") {
		t.Errorf("what is missing is not named: %+v", f.Details)
	}
	for _, o := range out[1:3] {
		if f := s.code(o.Err, fault.CodeMapping); len(f.Details) == 0 || !strings.Contains(f.Details[0].Message, "in a circle") || f.Details[0].Target != "crm.category" {
			t.Errorf("the circle is not named: %+v", f.Details)
		}
	}
	s.status(out[3], gateway.Stored)
	s.rows(`SELECT code FROM {crm.category} WHERE code > 'f' ORDER BY code`, "m")

	// A later message of a batch refers to what an earlier one brings, and equal
	// rows of both are one.
	for _, o := range s.all(w, entry("p<o", "o"), entry("q<p"), entry("p<o", "o", "r<p"), entry("s<q")) {
		s.status(o, gateway.Stored)
	}
	s.rows(`SELECT code, parent_code FROM {crm.category} WHERE code > 'n' ORDER BY code`, "o NULL", "p o", "q p", "r p", "s q")

	chain := func(prefix string, deep int) []string {
		nodes := []string{prefix + "0"}
		for i := range deep {
			nodes = append([]string{fmt.Sprintf("%s%d<%s%d", prefix, i+1, prefix, i)}, nodes...)
		}
		return nodes
	}
	s.one(w, entry(chain("x", 100)...), gateway.Stored)
	s.rows(`SELECT COUNT(*) FROM {crm.category} WHERE code LIKE 'x%' AND parent_id IS NOT NULL`, "100")
	s.code(s.one(w, entry(chain("y", 101)...), gateway.Refused).Err, fault.CodeMapping)
}
