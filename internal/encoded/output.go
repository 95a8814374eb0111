package encoded

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// output writes elements. All namespaces are declared by the outermost one,
// whose declarations are put in when it is complete; there is no default
// namespace, so that names without a prefix are in none.
type output struct {
	dst      []byte
	declared []declaration
	bySpace  map[string]string // the prefix for names
	taken    map[string]bool
	values   map[string]string // the prefix for values that are QNames
}

type declaration struct{ prefix, space string }

func (o *output) begin() {
	o.declared = o.declared[:0]
	o.bySpace, o.taken, o.values = map[string]string{}, map[string]bool{}, map[string]string{}
}

// declare puts the declarations into the start tag of the outermost element, at
// an offset, and returns how many bytes they are. Within a default namespace
// they end it.
func (o *output) declare(at int, within bool) int {
	var tag []byte
	if within {
		tag = append(tag, ` xmlns=""`...)
	}
	for _, d := range o.declared {
		tag = append(append(append(tag, " xmlns:"...), d.prefix...), `="`...)
		tag = append(document.AppendValue(tag, d.space), '"')
	}
	o.dst = slices.Insert(o.dst, at, tag...)
	return len(tag)
}

// prefix returns the prefix for names of a namespace: the wanted one where it
// is free.
func (o *output) prefix(space, wanted string) string {
	if space == document.NamespaceXML {
		return "xml"
	}
	p, ok := o.bySpace[space]
	if !ok {
		p = wanted
		for i := 1; p == "" || reserved(p) || o.taken[p]; i++ {
			p = "n" + strconv.Itoa(i)
		}
		o.bySpace[space] = p
		o.add(p, space)
	}
	return p
}

// valuePrefix returns the prefix for values. Those are compared when a message
// comes again, so they do not depend on the sender's prefixes.
func (o *output) valuePrefix(space string) string {
	p, ok := o.values[space]
	if !ok {
		p = "q" + strconv.Itoa(len(o.values)+1)
		o.values[space] = p
		o.add(p, space)
	}
	return p
}

func (o *output) add(prefix, space string) {
	o.taken[prefix] = true
	o.declared = append(o.declared, declaration{prefix, space})
}

// reserved reports whether a prefix is not to be chosen: those of XML, and those
// of values.
func reserved(prefix string) bool {
	return len(prefix) >= 3 && strings.EqualFold(prefix[:3], "xml") ||
		len(prefix) > 1 && prefix[0] == 'q' && prefix[1] >= '0' && prefix[1] <= '9'
}

func (o *output) name(name document.Name, wanted string) {
	if name.Space != "" {
		o.dst = append(append(o.dst, o.prefix(name.Space, wanted)...), ':')
	}
	o.dst = append(o.dst, name.Local...)
}

// end ends an element whose start tag ends at an offset.
func (o *output) end(name document.Name, content int) {
	if len(o.dst) == content {
		o.dst = append(o.dst[:content-1], "/>"...)
		return
	}
	o.dst = append(o.dst, "</"...)
	o.name(name, "")
	o.dst = append(o.dst, '>')
}

func (o *output) attribute(name document.Name, wanted, value string) {
	o.dst = append(o.dst, ' ')
	o.name(name, wanted)
	o.dst = append(document.AppendValue(append(o.dst, `="`...), value), '"')
}

// qname is an expanded name as a value.
func (o *output) qname(name document.Name) string {
	if name.Space == "" {
		return name.Local
	}
	if name.Space == document.NamespaceXML {
		return "xml:" + name.Local
	}
	return o.valuePrefix(name.Space) + ":" + name.Local
}

// requalified rewrites a value of qualified names, one or several, from the
// prefixes in scope at n to those of the output. What is no qualified name stays.
func (o *output) requalified(n document.Node, value string) string {
	words := strings.Fields(value)
	for i, word := range words {
		if name, ok := expand(n, word); ok {
			words[i] = o.qname(name)
		}
	}
	return strings.Join(words, " ")
}
