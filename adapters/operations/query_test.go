package operations

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// FuzzQuery has whatever stands in a query refused as a malformed request, or
// read as something that a ledger may be asked.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "route=orders&limit=500", "before=0190a3c0-0000-7000-8000-000000000001", "since=2026-03-01T06:00:00Z", "key=%00", "limit=0", "a;b", "%zz", "route=a&route=b", "outcome=lost"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := queryOf(query)
		if err != nil {
			if fault.Of(err).Code != fault.CodeRequest || !utf8.ValidString(fault.Of(err).Error()) {
				t.Errorf("%q: %v", query, err)
			}
			return
		}
		for _, text := range []string{q.Route, q.Sender, q.Key, q.Identity} {
			if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxValue || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("%q: %q is let through", query, text)
			}
		}
		if q.Limit < 1 || q.Limit > MaxLimit || q.Outcome != "" && !slices.Contains(Outcomes, q.Outcome) {
			t.Errorf("%q: %+v", query, q)
		}
	})
}
