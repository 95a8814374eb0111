package compat

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// naming knows the names of both contracts: by what prefixes people read them,
// and which namespace of the new one took the place of which of the old one.
type naming struct {
	successor map[string]string // old namespace → new one, where they differ
	prefixes  *contract.Prefixes
	spaces    map[string]string // prefix → namespace, as far as used
}

func newNaming(old, new *contract.Contract) *naming {
	n := &naming{prefixes: contract.NewPrefixes(), spaces: map[string]string{}}
	n.successor = successors(old, new)
	return n
}

// now is the name that an old name would have in the new contract.
func (n *naming) now(old contract.Name) contract.Name {
	if space, moved := n.successor[old.Space]; moved {
		old.Space = space
	}
	return old
}

// text writes a name with its prefix.
func (n *naming) text(name contract.Name) string {
	if name.Space == "" {
		return name.Local
	}
	prefix := n.prefixes.Of(name.Space)
	n.spaces[prefix] = name.Space
	return prefix + ":" + name.Local
}

// typeName is the name of a pair of types, or "" where they are anonymous.
func (n *naming) typeName(old, new *contract.Type) string {
	switch {
	case new.Name.Local != "" && new.Name.Space != xsd:
		return n.text(new.Name)
	case old.Name.Local != "" && old.Name.Space != xsd:
		return n.text(old.Name)
	}
	return ""
}

const xsd = "http://www.w3.org/2001/XMLSchema"

// successors finds the namespaces that were renamed as a whole: gone from the
// new contract, while another came that declares mostly the same names.
func successors(old, new *contract.Contract) map[string]string {
	before, after := localNames(old), localNames(new)
	out, taken := map[string]string{}, map[string]bool{}
	for _, gone := range slices.Sorted(maps.Keys(before)) {
		if after[gone] != nil || gone == "" {
			continue
		}
		best, most := "", 0
		for _, come := range slices.Sorted(maps.Keys(after)) {
			if before[come] != nil || come == "" || taken[come] {
				continue
			}
			if n := shared(before[gone], after[come]); n > most {
				best, most = come, n
			}
		}
		if most*2 > len(before[gone]) {
			out[gone], taken[best] = best, true
		}
	}
	return out
}

func shared(a, b map[string]bool) int {
	n := 0
	for name := range a {
		if b[name] {
			n++
		}
	}
	return n
}

// localNames are the global components of each namespace.
func localNames(c *contract.Contract) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	add := func(name contract.Name, kind string) {
		if out[name.Space] == nil {
			out[name.Space] = map[string]bool{}
		}
		out[name.Space][kind+name.Local] = true
	}
	for e := range c.Elements() {
		add(e.Name, "element ")
	}
	for t := range c.Types() {
		add(t.Name, "type ")
	}
	return out
}

// list writes names for people, the first few of many.
func (n *naming) list(names []contract.Name) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = n.text(name)
	}
	return listed(words)
}

func listed(words []string) string {
	const most = 8
	if len(words) > most {
		return strings.Join(words[:most], ", ") + ", …"
	}
	return strings.Join(words, ", ")
}

func compareNames(a, b contract.Name) int {
	return cmp.Or(strings.Compare(a.Space, b.Space), strings.Compare(a.Local, b.Local))
}
