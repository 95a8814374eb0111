package gatewaytest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// sampleTables are the business tables of the sample.
const sampleTables = `crm.customer catalog.product catalog.product_feature sales.sales_order sales.order_line
	sales.order_line_feature sales.shipment sales.shipment_line crm.customer_address catalog.product_price sales.order_cancellation`

// Modeller describes tables as a mapping sees them.
type Modeller interface {
	Models(ctx context.Context, names []mapping.TableName) ([]*mapping.TableModel, error)
}

// TestModels compares the sample's tables, as a store sees them after its
// migrations, with a file that all dialects share: what is checked against one
// database holds on the other. With update the file is written anew.
func TestModels(t *testing.T, store Modeller, file string, update bool) {
	var names []mapping.TableName
	for n := range strings.FieldsSeq(sampleTables) {
		schema, name, _ := strings.Cut(n, ".")
		names = append(names, mapping.TableName{Schema: schema, Name: name})
	}
	models, err := store.Models(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	if len(models) != len(names) {
		t.Fatalf("%d tables, want %d", len(models), len(names))
	}
	var b strings.Builder
	for _, m := range models {
		fmt.Fprintf(&b, "%s\n", m.Name)
		for _, c := range m.Columns {
			line, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "  %s\n", line)
		}
		fmt.Fprintf(&b, "  unique %v, foreign keys %v, key bytes %d\n", m.Unique, m.ForeignKeys, m.KeyBytes)
	}
	if update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(b.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Fatalf("line %d of %s:\n got %s\nwant %s", i+1, file, got[min(i, len(got)-1)], line)
		}
	}
}
