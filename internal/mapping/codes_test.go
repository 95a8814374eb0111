package mapping_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

func codeSet(t testing.TB, src string) *mapping.CodeSet {
	t.Helper()
	s, err := mapping.ParseCodeSet("codes/order_status.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withCodes compiles the right mapping with the order's status by code set.
func withCodes(t testing.TB, unknown string) *mapping.Mapping {
	t.Helper()
	src := strings.Replace(right, "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt"+unknown+"}", 1)
	f, err := mapping.Parse("m.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if names := f.CodeSets(); len(names) != 1 || names[0].Name != "order_status" || !strings.HasPrefix(names[0].Node.Source(), "m.yaml:20:") {
		t.Fatalf("the file names %v", names)
	}
	m, err := mapping.Compile(f, loadContract(t), codeSet(t, orderStatus))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const statusColumn = 2 // of the second step

func TestCodes(t *testing.T) {
	at := func(status, day string) string {
		return strings.NewReplacer("SUBMITTED", status, "2026-03-16T12:30:00.1234567", day+"T23:59:59+02:00").Replace(order)
	}
	for _, tt := range []struct {
		name, unknown, status, day string
		kind                       mapping.CellKind
		value                      string
		code                       fault.Code
		message                    string
	}{
		{"known", "", "SUBMITTED", "2026-03-16", mapping.ValueCell, "NEW", "", ""},
		{"first day", "", "SUBMITTED", "2026-01-01", mapping.ValueCell, "NEW", "", ""},
		{"last day, as written", "", "DRAFT", "2026-06-30", mapping.ValueCell, "OPEN", "", ""},
		{"before", "", "SUBMITTED", "2025-12-31", 0, "", fault.CodeUnknownCode, "the code set order_status does not have this code for 2025-12-31; sales operations can extend it"},
		{"after", "", "DRAFT", "2026-07-01", 0, "", fault.CodeUnknownCode, "the code set order_status does not have this code for 2026-07-01; sales operations can extend it"},
		{"unknown", ", unknown: reject", "INVOICED", "2026-03-16", 0, "", fault.CodeUnknownCode, "the code set order_status does not have this code; sales operations can add it"},
		{"other case", "", "submitted", "2026-03-16", 0, "", fault.CodeUnknownCode, "the code set order_status does not have this code; sales operations can add it"},
		{"waits", ", unknown: not_yet", "INVOICED", "2026-03-16", 0, "", fault.CodeUnknownYet, "the code set order_status does not have this code; sales operations can add it"},
		{"null", ", unknown: null", "INVOICED", "2026-03-16", mapping.NullCell, "", "", ""},
		{"kept", ", unknown: keep", "INVOICED", "2026-03-16", mapping.AbsentCell, "", "", ""},
		{"another value", ", unknown: {value: OTHER}", "INVOICED", "2026-03-16", mapping.ValueCell, "OTHER", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changes, err := withCodes(t, tt.unknown).Apply(input(t, at(tt.status, tt.day)))
			if tt.code != "" {
				f := fault.Of(err)
				if f == nil || f.Code != tt.code || len(f.Details) != 1 {
					t.Fatalf("got %v, want %s", err, tt.code)
				}
				d := f.Details[0]
				if d.Message != tt.message || d.Found != tt.status || !strings.HasSuffix(d.Path, "o:Status") || d.Line != 4 || d.Target != "sales.sales_order.status" {
					t.Errorf("detail %+v", d)
				}
				if waits := changes != nil; waits != (tt.code == fault.CodeUnknownYet) || waits && changes.Identity != "m-1" {
					t.Errorf("changes %+v", changes)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cell := changes.Rows[1][0].Cells[statusColumn]
			if cell.Kind != tt.kind || cell.Kind == mapping.ValueCell && cell.Value.Lexical() != tt.value {
				t.Errorf("cell %d %q, want %d %q", cell.Kind, cell.Value.Lexical(), tt.kind, tt.value)
			}
		})
	}
}

// TestUnlistedCodes: what the contract allows and the set does not have is told.
func TestUnlistedCodes(t *testing.T) {
	f, err := mapping.Parse("m.yaml", []byte(strings.Replace(right, "status: o:Order/o:Status", "status: {code_set: s, from: o:Order/o:Status}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(f, loadContract(t), codeSet(t, "code_set: s\nowner: the books\ncodes: [{code: DRAFT, value: D}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "m.yaml:20:35: rows[1].columns.status.from: the contract allows codes that the code set s (codes/order_status.yaml) does not have: SUBMITTED and CONFIRMED; ask the books"
	if len(m.Warnings) != 1 || m.Warnings[0].Error() != want {
		t.Errorf("warnings %v, want %q", m.Warnings, want)
	}
	if w := withCodes(t, "").Warnings; len(w) != 0 {
		t.Errorf("the set has all that the contract allows: %v", w)
	}
}

func TestCodeVersion(t *testing.T) {
	one := withCodes(t, "").Version
	if again := withCodes(t, "").Version; again != one {
		t.Errorf("versions %s and %s of the same", one, again)
	}
	f, err := mapping.Parse("m.yaml", []byte(strings.Replace(right, "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(f, loadContract(t), codeSet(t, orderStatus+"  - {code: SHIPPED, value: OUT}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Version == one || one == f.Version {
		t.Errorf("the version %s does not tell of the code set", m.Version)
	}
}

func TestWrongCodeSets(t *testing.T) {
	const head = "code_set: s\nowner: o\ncodes:\n"
	for _, tt := range []struct{ name, src, want string }{
		{"no owner", "code_set: s\ncodes: [{code: A, value: 1}]\n", `c.yaml:1:1: the key "owner" is missing`},
		{"no codes", "code_set: s\nowner: o\ncodes: []\n", `c.yaml:3:8: codes: a code set needs at least one code`},
		{"unknown key", head + "  - {code: A, value: 1, from: 2026-01-01}\n", `c.yaml:4:25: codes[0].from: unknown key; known are code, comment, valid_from, valid_to, value`},
		{"no value", head + "  - {code: A}\n", `c.yaml:4:5: codes[0]: the key "value" is missing`},
		{"list as value", head + "  - {code: A, value: [1]}\n", `c.yaml:4:22: codes[0].value: expected a constant, found a list`},
		{"two classes", head + "  - {code: A, value: 1}\n  - {code: B, value: x}\n", `c.yaml:5:22: codes[1].value: "x" is xs:string, and the values before it are xs:integer; the values of a code set are of one type`},
		{"no day", head + "  - {code: A, value: 1, valid_from: 2026-02-30}\n", `c.yaml:4:37: codes[0].valid_from: "2026-02-30" is not a day such as 2026-03-31`},
		{"backwards", head + "  - {code: A, value: 1, valid_from: 2026-02-02, valid_to: 2026-02-01}\n", `c.yaml:4:59: codes[0].valid_to: the period ends before it begins`},
		{"twice", head + "  - {code: A, value: 1}\n  - {code: A, value: 2}\n", `c.yaml:5:5: codes[1]: the code "A" stands for something at that time already, at c.yaml:4:5`},
		{"a day in common", head + "  - {code: A, value: 1, valid_from: 2026-02-01}\n  - {code: A, value: 2, valid_to: 2026-02-01}\n", `c.yaml:4:5: codes[0]: the code "A" stands for something at that time already, at c.yaml:5:5`},
		{"within a long one", head + "  - {code: A, value: 1}\n  - {code: A, value: 2, valid_from: 2026-02-01, valid_to: 2026-02-01}\n  - {code: A, value: 2, valid_from: 2027-02-01}\n",
			"c.yaml:5:5: codes[1]: the code \"A\" stands for something at that time already, at c.yaml:4:5\nc.yaml:6:5: codes[2]: the code \"A\" stands for something at that time already, at c.yaml:4:5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mapping.ParseCodeSet("c.yaml", []byte(tt.src))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, tt.want)
			}
		})
	}
	s := codeSet(t, head+"  - {code: 007, value: 1}\n  - {code: '', value: 1.5}\n  - {code: A, value: 1, valid_to: 2026-01-31}\n  - {code: A, value: 2, valid_from: 2026-02-01}\n")
	if s.Class != mapping.Decimal {
		t.Errorf("class %s", s.Class)
	}
}
