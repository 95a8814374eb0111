package encoded

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// maxComplaints is how many faults of one message are put into words.
const maxComplaints = 1000

// complaints are what is wrong with a message.
type complaints struct {
	details []fault.Detail
	more    int
}

// complain adds a detail about n.
func (c *complaints) complain(n document.Node, d fault.Detail) {
	if len(c.details) >= maxComplaints {
		c.more++
		return
	}
	if d.Path == "" {
		d.Path = n.Path()
	}
	d.Line, d.Column = n.Position()
	d.Found = strings.Clone(d.Found)
	c.details = append(c.details, d)
}

// fault is all that was complained about, in the order of the message, or nil.
func (c *complaints) fault(limit int) error {
	if len(c.details) == 0 {
		return nil
	}
	slices.SortStableFunc(c.details, func(a, b fault.Detail) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	f := fault.New(fault.CodeInvalid, "")
	f.Details, f.More = c.details, c.more
	if limit > 0 && len(f.Details) > limit {
		f.More += len(f.Details) - limit
		f.Details = f.Details[:limit]
	}
	return f
}

// quote shows a value, or its beginning.
func quote(s string) string {
	const shown = 100
	if len(s) > shown {
		cut := shown
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return `"` + s + `"`
}
