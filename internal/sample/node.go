package sample

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// The namespaces that samples need beside the contract's.
const (
	nsXSD = "http://www.w3.org/2001/XMLSchema"
	nsXSI = "http://www.w3.org/2001/XMLSchema-instance"
	nsXML = "http://www.w3.org/XML/1998/namespace"
)

// node is an element of a message before it is written.
type node struct {
	name   contract.Name
	decl   *contract.Element // nil: one that no schema declares
	typ    *contract.Type    // the one that xsi:type names, if it does
	via    *contract.Particle
	parent *node
	attrs  []attribute
	text   string
	kids   []*node
	needs  []string // namespaces that values in it name
	// gathers says that its children stand in the Body in its place: it is there
	// only where the message is sent without an envelope.
	gathers bool
}

type attribute struct {
	name  contract.Name
	value string
	decl  *contract.Attribute // nil: xsi's, or one that no schema declares
}

func (n *node) attr(name contract.Name) int {
	return slices.IndexFunc(n.attrs, func(a attribute) bool { return a.name == name })
}

func (n *node) nilled() bool { return n.attr(contract.Name{Space: nsXSI, Local: "nil"}) >= 0 }

// clone copies the tree; found is what became of one node of it.
func (n *node) clone(one *node) (out, found *node) {
	c := *n
	c.attrs, c.kids, c.needs = slices.Clone(n.attrs), nil, slices.Clone(n.needs)
	if n == one {
		found = &c
	}
	for _, k := range n.kids {
		kid, hit := k.clone(one)
		kid.parent = &c
		c.kids = append(c.kids, kid)
		if hit != nil {
			found = hit
		}
	}
	return &c, found
}

// walk calls f for the node and everything below, in document order.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, k := range n.kids {
		k.walk(f)
	}
}

// steps is the path of local names from the root, without positions.
func (n *node) steps() string {
	if n.parent == nil {
		return "/" + n.name.Local
	}
	return n.parent.steps() + "/" + n.name.Local
}

// path is the XPath by which the validator names the element.
func (n *node) path(p *prefixes) string {
	own := "/" + p.qname(n.name)
	if n.gathers {
		return ""
	}
	if n.parent == nil {
		return own
	}
	place, count := 0, 0
	for _, k := range n.parent.kids {
		if k.name == n.name {
			if count++; k == n {
				place = count
			}
		}
	}
	if count > 1 {
		own += fmt.Sprintf("[%d]", place)
	}
	return n.parent.path(p) + own
}

// prefixes gives every namespace of a message a prefix that can be read.
type prefixes struct {
	of    map[string]string
	taken map[string]bool
}

func newPrefixes() *prefixes {
	return &prefixes{
		of:    map[string]string{nsXSI: "xsi", nsXSD: "xs", nsXML: "xml", nsEnv11: "soap", nsEnv12: "soap"},
		taken: map[string]bool{"xsi": true, "xs": true, "xml": true, "soap": true, "xmlns": true},
	}
}

func (p *prefixes) prefix(space string) string {
	if known, ok := p.of[space]; ok {
		return known
	}
	base := prefixFrom(space)
	out := base
	for i := 2; p.taken[out]; i++ {
		out = fmt.Sprint(base, i)
	}
	p.of[space], p.taken[out] = out, true
	return out
}

func (p *prefixes) qname(name contract.Name) string {
	if name.Space == "" {
		return name.Local
	}
	return p.prefix(name.Space) + ":" + name.Local
}

// prefixFrom takes the last word of a namespace that is not its version.
func prefixFrom(space string) string {
	words := strings.FieldsFunc(strings.ToLower(space), func(r rune) bool { return r < 'a' || r > 'z' })
	for _, w := range slices.Backward(words) {
		if len(w) >= 3 && len(w) <= 20 && !slices.Contains([]string{"http", "https", "urn", "www", "com", "org", "net", "xsd", "wsdl", "schema", "schemas", "types", "xml", "asmx", "svc"}, w) && !strings.HasPrefix(w, "xml") {
			return w[:min(len(w), 10)]
		}
	}
	return "ns"
}
