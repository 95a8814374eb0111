package contract

import "testing"

func TestPrefixes(t *testing.T) {
	p := NewPrefixes()
	for _, tt := range []struct{ space, want string }{
		{"", ""}, {nsXSD, "xs"}, {nsOrders, "orders"}, {"urn:other:orders:2", "orders2"}, {nsOrders, "orders"},
		{"http://tempuri.org/", "tempuri"}, {"http://www.example.com/erp/2004/07/Sales.Core", "core"},
		{"http://example.com/v1/2026", "example"}, {"1", "ns"}, {"urn:Ä", "urn"}, {"http://", "ns2"},
		{"urn:x:averyverylongwordindeed", "averyverylon"}, {"urn:x:xmlish", "x"}, {"urn:t", "t"},
	} {
		if got := p.Of(tt.space); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.space, got, tt.want)
		}
	}
	if got := p.Name(orders("Line")); got != "orders:Line" || p.Spaces()["orders2"] != "urn:other:orders:2" {
		t.Errorf("%q, %v", got, p.Spaces())
	}
}
