package lineage_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/lineage"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

// project is the graph of the sample's mappings.
func project(t *testing.T) *lineage.Graph {
	t.Helper()
	contracts := map[string]*contract.Contract{}
	var all []*mapping.Mapping
	files, err := fs.Glob(mappings.FS, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		src, err := fs.ReadFile(mappings.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := mapping.Parse(name, src)
		if err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(f.ContractPath(), "wsdl/")
		if contracts[path] == nil {
			if contracts[path], err = contract.Load(wsdl.FS, path); err != nil {
				t.Fatal(err)
			}
		}
		m, err := mapping.Compile(f, contracts[path], codeSets(t, f)...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m, m)
	}
	return lineage.New(all)
}

// codeSets reads the code sets of a mapping.
func codeSets(t *testing.T, f *mapping.File) (out []*mapping.CodeSet) {
	t.Helper()
	for _, named := range f.CodeSets() {
		src, err := fs.ReadFile(mappings.FS, "codes/"+named.Name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		set, err := mapping.ParseCodeSet(named.Name+".yaml", src)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, set)
	}
	return out
}

// outline renders a column's origin and its readers, one rule a line.
func outline(c *lineage.Column, margin string, b *strings.Builder) {
	for _, r := range c.WrittenBy {
		fmt.Fprintf(b, "%s%s <- %s paths %v decides %v other %v each %v when %v look-up %q match %v\n", margin, r.Makes, r.Mapping, r.Paths, r.Decides, r.Other, r.Each, r.When, r.LookUp, r.Match)
		for _, above := range r.Columns {
			fmt.Fprintf(b, "%s  of %s seen %v\n", margin, above.Name, above.Seen)
			outline(above, margin+"    ", b)
		}
	}
	for _, key := range c.Key {
		fmt.Fprintf(b, "%sfound by %s\n", margin, key.Name)
		outline(key, margin+"  ", b)
	}
	for _, r := range c.ReadBy {
		fmt.Fprintf(b, "%sread by %s: %s\n", margin, r.Mapping, r.Makes)
	}
}

func contains(t *testing.T, got string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			t.Errorf("not told: %s\n%s", want, got)
		}
	}
}

func TestOf(t *testing.T) {
	g := project(t)
	var b strings.Builder
	outline(g.Of("crm.customer", "name"), "", &b)
	contains(t, b.String(),
		"crm.customer.name <- submit-order paths [/SubmitOrder/Order/Customer/Name]",
		"crm.customer.name <- upsert-customer paths [/CustomerUpsertRequest/Customer/Name/Organisation/LegalName /CustomerUpsertRequest/Customer/Name/Person/GivenName",
		"read by upsert-customer: field name of the publication to master-data")
	if n := strings.Count(b.String(), "<- submit-order"); n != 1 {
		t.Errorf("a file that is named twice writes %d times", n)
	}

	b.Reset()
	outline(g.Of("sales.order_line", "product_id"), "", &b)
	contains(t, b.String(),
		`sales.order_line.product_id <- submit-order paths [/SubmitOrder/Order/Lines/Line/Sku] decides [] other [] each [o:Order/o:Lines/o:Line] when [] look-up "id of catalog.product where sku = o:Sku"`,
		"  of catalog.product.id seen false", "    catalog.product.sku <- upsert-product paths [/ProductUpsertRequest/Product/ProductID]")

	b.Reset()
	outline(g.Of("sales.order_line", "order_id"), "", &b)
	contains(t, b.String(), "match true", "  of sales.sales_order.id", "    found by sales.sales_order.order_no", "      sales.sales_order.order_no <- submit-order", "read by submit-order: field OrderId of the reply")

	b.Reset()
	outline(g.Of("sales.order_cancellation", "cancelled_by"), "", &b)
	contains(t, b.String(), "other [$principal/login]")
	if c := g.Of("no.such", "column"); len(c.WrittenBy)+len(c.ReadBy) != 0 {
		t.Error("a column that is not there has rules")
	}
}

func down(c *lineage.Column, margin string, b *strings.Builder) {
	for _, r := range c.ReadBy {
		fmt.Fprintf(b, "%s%s: %s\n", margin, r.Mapping, r.Makes)
		if r.Becomes != nil {
			down(r.Becomes, margin+"  ", b)
		}
	}
}

func along(t *testing.T, path string) string {
	t.Helper()
	found, err := project(t).Along(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range found {
		fmt.Fprintf(&b, "%s %s at %s\n", p.Mapping, p.Path, p.Position)
		for _, r := range p.UsedBy {
			fmt.Fprintf(&b, "%s %v when %v\n", r.Makes, r.Paths, r.When)
			if r.Becomes != nil {
				down(r.Becomes, "  ", &b)
			}
		}
	}
	return b.String()
}

func TestAlong(t *testing.T) {
	contains(t, along(t, "o:Order/o:Customer/@number"), "submit-order /SubmitOrder/Order/Customer/@number",
		"business key customer ", "crm.customer.customer_no ", "  submit-order: sales.sales_order.customer_id", "  submit-order: field customer/id of the publication to order-events",
		"    cancel-order: field customerId of the publication to order-events", "field customer/number of the publication to order-events [/SubmitOrder/Order/Customer/@number] when [o:Order/o:Status != 'DRAFT']")
	// Relative, with predicates, absolute: all the same.
	want := along(t, "/SubmitOrder/Order/Lines/Line/Sku")
	for _, same := range []string{"Order/Lines/Line/Sku", "o:Order/o:Lines/o:Line[o:Sku = 'a/b'][1]/o:Sku", "/o:SubmitOrder/o:Order/o:Lines/o:Line/o:Sku"} {
		if got := along(t, same); got != want {
			t.Errorf("%s is\n%s\nnot\n%s", same, got, want)
		}
	}
	contains(t, want, "sales.order_line.product_id ")
	// What stands below counts, and what is written is followed on.
	contains(t, along(t, "/ProductUpsertRequest/Product"), "catalog.product.sku ", "  submit-order: sales.order_line.product_id", "  publish-price: catalog.product_price.product_id",
		"    publish-price: field productId of the publication to master-data")
}

func TestAlongNowhere(t *testing.T) {
	g := project(t)
	for path, want := range map[string]string{
		"/SubmitOrder/Order/OrderNumbr": "in submit-order, /SubmitOrder/Order has no OrderNumbr; did you mean OrderNumber?",
		"o:Order/o:Customer/number":     "has no number; did you mean @number?",
		"/SubmitOrder/Order/@revison":   "did you mean @revision?",
		"":                              "is no path",
		"a//b":                          "is no path",
		"$header/x":                     "the header has no x",
		strings.Repeat("a/", 300) + "b": "is no path",
	} {
		_, err := g.Along(path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", path, err, want)
		}
	}
}

func TestTables(t *testing.T) {
	tables := project(t).Tables()
	if got := strings.Join(tables["catalog.product"], " "); !strings.HasPrefix(got, "changed_at id life_cycle") {
		t.Errorf("the columns of catalog.product are %s", got)
	}
}
