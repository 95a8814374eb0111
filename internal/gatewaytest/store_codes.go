package gatewaytest

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// table makes a table of the test's own.
func (s *storeSuite) table(name, columns string) {
	s.t.Helper()
	s.probe.Exec(s.t, "CREATE TABLE {"+name+"} ("+columns+")")
	s.t.Cleanup(func() { s.probe.Exec(s.t, "DROP TABLE {"+name+"}") })
}

// codeTables: what becomes of a code that a table does not have.
func (s *storeSuite) codeTables(t *testing.T) {
	o := func(no, note string) order { return order{no: no, customer: "C-1", name: "A", note: note} }
	p := newPlan(codesNull)
	w := s.writer(p)
	s.one(w, p.entry("m1", o("PO-1", "NUT-M8")), gateway.Stored)
	s.one(w, p.entry("m2", o("PO-1", "NONE")), gateway.Stored)
	s.rows(orders, "PO-1 C-1 1 SUBMITTED NULL")

	p = newPlan(codesValue)
	w = s.writer(p)
	out := s.commit(w, 0, p.entry("m3", o("PO-1", "NONE")), p.entry("m4", o("PO-2", "NUT-M8")), p.entry("m5", o("PO-3", "")))
	for i := range out {
		s.status(out[i], gateway.Stored)
	}
	s.rows(orders, "PO-1 C-1 1 SUBMITTED other", "PO-2 C-1 1 SUBMITTED Hexagon nut M8", "PO-3 C-1 1 SUBMITTED NULL")

	p = newPlan(codesKeep)
	w = s.writer(p)
	out = s.commit(w, 0, p.entry("m6", o("PO-1", "NONE")), p.entry("m7", o("PO-2", "NONE")), p.entry("m8", o("PO-4", "NONE")), p.entry("m9", o("PO-3", "BOLT-M8")))
	for i := range out {
		s.status(out[i], gateway.Stored)
	}
	s.rows(orders, "PO-1 C-1 1 SUBMITTED other", "PO-2 C-1 1 SUBMITTED Hexagon nut M8", "PO-3 C-1 1 SUBMITTED Hexagon bolt M8 x 40", "PO-4 C-1 1 SUBMITTED NULL")

	p = newPlan(codesWait)
	s.code(s.one(s.writer(p), p.entry("m10", o("PO-5", "NONE")), gateway.Refused).Err, fault.CodeNotYet)
}

// codesOfTime: the meaning of a code depends on when it is meant; a day that ends
// a period belongs to it, a moment does not; of two the one that began last counts.
func (s *storeSuite) codesOfTime(t *testing.T) {
	s.table("crm.code", `code nvarchar(10) NOT NULL, meaning nvarchar(20) NOT NULL, since date NULL, till date NULL, since_at datetime2(3) NULL, till_at datetime2(3) NULL,
		CONSTRAINT uq_code_day UNIQUE (code, since), CONSTRAINT uq_code_at UNIQUE (code, since_at)`)
	for _, row := range []string{
		"'A', 'always', NULL, '2026-01-31', NULL, '2026-01-31 12:00:00.000'",
		"'A', 'later', '2026-02-01', NULL, '2026-01-31 12:00:00.000', NULL",
		"'B', 'base', '2020-01-01', NULL, '2020-01-01 00:00:00.000', NULL",
		"'B', 'campaign', '2026-03-01', '2026-03-31', '2026-03-01 00:00:00.000', '2026-04-01 00:00:00.000'",
	} {
		s.probe.Exec(t, "INSERT INTO {crm.code} VALUES ("+row+")")
	}
	day := func(d string) time.Time { return moment(d + "T12:00:00Z") }
	for _, tt := range []struct {
		edit edit
		code string
		at   time.Time
		want string
	}{
		{codesOfDay, "A", day("1999-01-01"), "always"},
		{codesOfDay, "A", day("2026-01-31"), "always"},
		{codesOfDay, "A", day("2026-02-01"), "later"},
		{codesOfDay, "B", day("2019-12-31"), ""},
		{codesOfDay, "B", day("2026-02-28"), "base"},
		{codesOfDay, "B", day("2026-03-01"), "campaign"},
		{codesOfDay, "B", day("2026-03-31"), "campaign"},
		{codesOfDay, "B", day("2026-04-01"), "base"},
		{codesAt, "A", moment("2026-01-31T11:59:59.999Z"), "always"},
		{codesAt, "A", moment("2026-01-31T14:00:00+02:00"), "later"},
		{codesAt, "B", moment("2026-04-01T00:00:00Z"), "base"},
	} {
		p := newPlan(tt.edit)
		e := p.entry(tt.code+tt.at.String(), order{no: "PO-1", customer: "C-1", name: "A", note: tt.code, at: tt.at})
		if tt.want == "" {
			f := s.code(s.one(s.writer(p), e, gateway.Refused).Err, fault.CodeLookup)
			if len(f.Details) != 1 || !strings.Contains(f.Details[0].Message, "at that time") || f.Details[0].Found != `code = "B", at = "2019-12-31"` {
				t.Errorf("the code is not named: %+v", f.Details)
			}
			continue
		}
		s.one(s.writer(p), e, gateway.Stored)
		s.rows(orders, "PO-1 C-1 1 SUBMITTED "+tt.want)
	}
}

func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err) // the tests write their times themselves
	}
	return t
}
