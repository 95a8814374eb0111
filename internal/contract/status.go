package contract

import (
	"slices"
	"strings"
)

// Degraded says why the contract's schemas do not compile, for the first service
// that they do not compile for, and is empty when they do. The schemas of a
// contract without services are judged by themselves.
func (c *Contract) Degraded() string {
	for _, s := range c.Services {
		if s.degraded != "" {
			return s.degraded
		}
	}
	return c.degraded
}

// bare says why schemas that no service uses do not compile.
func (set *schemaSet) bare(m *model) string {
	if m.oversized != "" {
		return m.oversized
	}
	if _, err := set.engine(`<xs:sequence/>`, nil); err != nil {
		return set.reason(err)
	}
	return ""
}

// LeadOut reports whether a reference leads out of the file system that was
// loaded from, so that one from a folder further up may hold what is missing.
func (f Faults) LeadOut() bool {
	return slices.ContainsFunc(f, func(one Fault) bool { return strings.Contains(one.Message, leadsOut) })
}
