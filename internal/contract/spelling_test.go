package contract

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"Quantity", "Unit", "UnitPrice", "Sku", "OrderNumber", "EA", "KG", "PHASING_OUT"}
	for word, want := range map[string]string{
		"Quantiy": "Quantity", "Qauntity": "Quantity", "quantity": "Quantity", "Quantities": "Quantity",
		"order_number": "OrderNumber", "ORDER-NUMBER": "OrderNumber", "OrderNo": "",
		"kg": "KG", "K": "", "SKU": "Sku", "Skuu": "Sku", "phasing out": "PHASING_OUT",
		"Price": "", "": "", "Units": "Unit", strings.Repeat("Q", 1000): "", "Ünit": "Unit",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3}, {"ä", "a", 1}} {
		if got := distance([]rune(tt.a), []rune(tt.b)); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
