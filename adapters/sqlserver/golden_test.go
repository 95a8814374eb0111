package sqlserver

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tables are pictures of the sample's tables, as a server with its default
// collation would draw them; with drawn, numbers are drawn by the mapping.
func tables(t *testing.T, drawn bool) []*sqlstore.Table {
	t.Helper()
	id := 1000
	draw := func(schema, name string, unique []string, columns ...string) *sqlstore.Table {
		id++
		out := &sqlstore.Table{TableModel: mapping.TableModel{Name: mapping.TableName{Schema: schema, Name: name}, Unique: [][]string{{"id"}, unique}}, Stamp: fmt.Sprintf("%d 2026-03-02T09:30:00.003", id)}
		for _, c := range append([]string{"id bigint"}, columns...) {
			name, native, _ := strings.Cut(c, " ")
			native, fallback, _ := strings.Cut(native, " default ")
			typ, err := sqlstore.ParseType(native, "")
			if err != nil {
				t.Fatal(err)
			}
			typ.Identity = name == "id" && !drawn
			typ.HasDefault = fallback != ""
			n := sqlstore.Native{Type: native, Default: fallback}
			if typ.Kind == mapping.StringColumn {
				n.Collation = "SQL_Latin1_General_CP1_CI_AS"
			}
			out.Columns = append(out.Columns, mapping.ColumnModel{Name: name, ColumnType: typ})
			out.Native = append(out.Native, n)
		}
		return out
	}
	refer := func(t *sqlstore.Table, column, schema, name string) *sqlstore.Table {
		t.ForeignKeys = append(t.ForeignKeys, mapping.ForeignKey{Columns: []string{column}, Table: mapping.TableName{Schema: schema, Name: name}, RefColumns: []string{"id"}})
		return t
	}
	return []*sqlstore.Table{
		draw("crm", "customer", []string{"customer_no"}, "customer_no nvarchar(20)", "name nvarchar(120)", "country nchar(2)", "email nvarchar(254)"),
		draw("catalog", "product", []string{"sku"}, "sku nvarchar(40)", "name nvarchar(120)", "unit nvarchar(4)"),
		draw("crm", "category", []string{"code"}, "code nvarchar(10)", "parent_id bigint", "parent_code nvarchar(10)", "name nvarchar(10)"),
		draw("ref", "code", []string{"code", "since"}, "code nvarchar(10)", "since date", "till date"),
		refer(draw("sales", "sales_order", []string{"order_no"}, "order_no nvarchar(20)", "customer_id bigint", "revision int default ((1))", "status nvarchar(12)",
			"currency nchar(3)", "ordered_at datetime2(3)", "requested_delivery date", "note nvarchar(2000)"), "customer_id", "crm", "customer"),
		refer(draw("sales", "order_line", []string{"order_id", "line_no"}, "order_id bigint", "line_no int", "product_id bigint", "quantity decimal(12,3)", "unit nvarchar(4)",
			"unit_price decimal(15,4)", "amount decimal(19,4)"), "order_id", "sales", "sales_order"),
		refer(draw("sales", "order_line_feature", []string{"line_id", "name"}, "line_id bigint", "name nvarchar(60)", "value nvarchar(200)"), "line_id", "sales", "order_line"),
	}
}

// variants are mappings that between them use every clause a text can have.
func variants() map[string]*mapping.Mapping {
	plain := gatewaytest.OrderMapping()

	guarded := gatewaytest.OrderMapping()
	guarded.Tables[1].Version = len(guarded.Tables[1].Columns) - 1
	guarded.Tables[2].Absent, guarded.Tables[3].Absent = mapping.DeleteAbsent, mapping.DeleteAll

	strict := gatewaytest.OrderMapping()
	strict.Tables[0].OnMatch, strict.Tables[1].OnMatch = mapping.Keep, mapping.Fail
	strict.Tables[3].Match = nil
	strict.Returns = nil

	amending := gatewaytest.OrderMapping()
	amending.Tables[0].OnMissing, amending.Tables[0].OnMatch = mapping.RejectMissed, mapping.Keep
	amending.Tables[1].OnMissing, amending.Tables[2].OnMissing = mapping.RejectMissed, mapping.WaitForMissed

	coded := gatewaytest.OrderMapping()
	code := coded.Tables[2].Columns[2].Lookup
	code.Table, code.Where, code.Classes = mapping.TableName{Schema: "ref", Name: "code"}, []string{"code"}, []mapping.Class{mapping.String, mapping.Date}
	code.From, code.To, code.NotFound = "since", "till", mapping.KeepMissing
	live, watched := gatewaytest.LiveMapping(), gatewaytest.LiveMapping()
	watched.Live = slices.Clone(watched.Live)
	for i := range watched.Live {
		watched.Live[i].Version = "changed"
	}
	return map[string]*mapping.Mapping{"live": live, "watched": watched, "plain": plain, "guarded": guarded, "strict": strict, "amending": amending, "coded": coded, "stubs": gatewaytest.StubMapping(), "tree": gatewaytest.TreeMapping(), "drawn": gatewaytest.DrawnMapping()}
}

// watchedOrders are orders that others write, too.
func watchedOrders() gateway.Watched {
	name := mapping.TableName{Schema: "sales", Name: "sales_order"}
	t := mapping.NewLiveTable(name, []string{"order_no", "area"})
	t.Version = "changed"
	return gateway.Watched{Table: t, Index: "ix_sales_order_changed"}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what is emitted; look at it, then run the test with -update", file)
	}
}

// TestStatements keeps every text in a file, where it can be read, and where the
// tests of testdata/tsql parse it with SQL Server's grammar.
func TestStatements(t *testing.T) {
	for name, m := range variants() {
		pictures := tables(t, name == "drawn")
		if name == "watched" {
			for _, p := range pictures {
				p.Columns = append(p.Columns, mapping.ColumnModel{Name: "changed", ColumnType: mapping.ColumnType{Computed: true}})
				p.Native = append(p.Native, sqlstore.Native{Type: "timestamp"})
			}
		}
		plan, err := sqlstore.NewPlan(m, pictures)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := (&dialect{}).Compile(plan)
		if err != nil {
			t.Fatal(err)
		}
		p := compiled.(*program)
		golden(t, "write-"+name+".sql", p.write)
		if (p.combined != "") != (name == "strict") {
			t.Errorf("%s: whether both statements are one is wrong", name)
		}
		if p.combined != "" {
			golden(t, "write-combined.sql", p.combined)
		}
	}
	golden(t, "seal.sql", sealText(false, false)+"\n")
	golden(t, "seal-live.sql", sealText(true, false)+"\n")
	golden(t, "seal-watched.sql", sealText(true, true)+"\n")
	golden(t, "look.sql", lookText(serverVersions, watchedOrders())+"\n")
	var all strings.Builder
	shared := sqlstore.Statements(text)
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		all.WriteString("-- " + name + "\n" + shared[name] + ";\n")
	}
	for i, s := range (&dialect{}).VersionTable() {
		all.WriteString("-- versionTable " + string(rune('1'+i)) + "\n" + s + ";\n")
	}
	for name, s := range map[string]string{"picture": pictureText, "sequences": sequencesText} {
		golden(t, "introspect-"+name+".sql", s+";\n")
	}
	golden(t, "shared.sql", all.String())
	// Not .sql: the grammar knows no GRANT of several rights at once.
	golden(t, "grants.txt", (&dialect{}).Grants("gate]house'", []string{"sales"}))
}

// TestNoDDL: what the running login sends changes no table and calls no procedure.
func TestNoDDL(t *testing.T) {
	files, err := filepath.Glob("testdata/write-*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range append(files, "testdata/seal.sql") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"CREATE ", "ALTER ", "DROP ", "TRUNCATE ", "EXEC", "MERGE "} {
			if strings.Contains(strings.ToUpper(string(content)), word) {
				t.Errorf("%s has %s", file, word)
			}
		}
	}
}
