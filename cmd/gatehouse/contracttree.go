package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// shownTree is an operation's messages as trees; with --json its documented
// shape: members are added, never renamed.
type shownTree struct {
	Service   string            `json:"service,omitempty"`
	Operation string            `json:"operation,omitempty"`
	Prefixes  map[string]string `json:"prefixes"`
	Messages  []shownRoot       `json:"messages"`
}

type shownRoot struct {
	// Message is input, output, header of the input or output, fault <name>, or
	// element for a contract without services.
	Message string    `json:"message"`
	Tree    shownNode `json:"tree"`
}

// shownNode is one line of the tree.
type shownNode struct {
	// Kind is element, attribute, sequence, choice, all, any, or type: what
	// xsi:type may name.
	Kind string `json:"kind"`
	// Path is the XPath from the message's element, as in mappings; a group has
	// that of the element it is in.
	Path string `json:"path"`
	Name string `json:"name,omitempty"` // with its prefix
	Min  int    `json:"min"`
	Max  *int   `json:"max,omitempty"` // left out where it is unbounded
	Type string `json:"type,omitempty"`
	// Value says what text the element or attribute takes, in words.
	Value         string       `json:"value,omitempty"`
	Facets        *shownFacets `json:"facets,omitempty"`
	Nillable      bool         `json:"nillable,omitempty"`
	Abstract      bool         `json:"abstract,omitempty"`
	Mixed         bool         `json:"mixed,omitempty"`
	Default       *string      `json:"default,omitempty"`
	Fixed         *string      `json:"fixed,omitempty"`
	Substitutes   []string     `json:"substitutes,omitempty"`
	Documentation string       `json:"documentation,omitempty"`
	// Same is the path where the content, left out here, is drawn: the type is
	// recursive, or the tree would be too large.
	Same     string      `json:"same,omitempty"`
	Children []shownNode `json:"children,omitempty"`
}

// shownFacets are the facets of a simple type as the contract has them.
type shownFacets struct {
	Base           string     `json:"base"`
	Length         *int       `json:"length,omitempty"`
	MinLength      *int       `json:"min_length,omitempty"`
	MaxLength      *int       `json:"max_length,omitempty"`
	TotalDigits    *int       `json:"total_digits,omitempty"`
	FractionDigits *int       `json:"fraction_digits,omitempty"`
	MinInclusive   *string    `json:"min_inclusive,omitempty"`
	MaxInclusive   *string    `json:"max_inclusive,omitempty"`
	MinExclusive   *string    `json:"min_exclusive,omitempty"`
	MaxExclusive   *string    `json:"max_exclusive,omitempty"`
	Patterns       [][]string `json:"patterns,omitempty"`
	Enumeration    []string   `json:"enumeration,omitempty"`
}

func facetsShown(s *contract.Simple) *shownFacets {
	return &shownFacets{s.Builtin, s.Length, s.MinLength, s.MaxLength, s.TotalDigits, s.FractionDigits,
		s.MinInclusive, s.MaxInclusive, s.MinExclusive, s.MaxExclusive, s.Patterns, s.Enumeration}
}

// showTree prints the messages of one operation, or one element of a contract
// without services.
func showTree(out io.Writer, c *contract.Contract, file, name string, asJSON bool) error {
	t, err := treeShown(c, file, name)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, t)
	}
	return t.print(out)
}

func treeShown(c *contract.Contract, file, name string) (*shownTree, error) {
	prefixes := contract.NewPrefixes()
	t := &shownTree{}
	add := func(message string, el *contract.Element) {
		if el != nil {
			d := &treeDrawer{prefixes: prefixes, used: map[string]bool{}, first: map[*contract.Type]string{}, groups: map[*contract.Particle]bool{}}
			t.Messages = append(t.Messages, shownRoot{message, d.root(el)})
			for prefix := range d.used {
				if t.Prefixes == nil {
					t.Prefixes = map[string]string{}
				}
				t.Prefixes[prefix] = prefixes.Spaces()[prefix]
			}
		}
	}
	if len(c.Services) == 0 {
		el, err := elementByName(c, file, name)
		add("element", el)
		return t, err
	}
	s, o, err := operationByName(c, file, name)
	if err != nil {
		return nil, err
	}
	t.Service, t.Operation = s.Name, o.Name
	message := func(label string, m *contract.Message) {
		if m == nil {
			return
		}
		add(label, m.Element)
		for _, el := range m.Blocks() {
			add("header of the "+label, el)
		}
	}
	message("input", o.Input)
	message("output", o.Output)
	for _, f := range o.Faults {
		add("fault "+f.Name, f.Element)
	}
	return t, nil
}

// operationByName finds OPERATION or SERVICE.OPERATION; what is named must be one.
func operationByName(c *contract.Contract, file, name string) (*contract.Service, *contract.Operation, error) {
	type found struct {
		s *contract.Service
		o *contract.Operation
	}
	var all []found
	var known []string
	for _, s := range c.Services {
		for _, o := range s.Operations {
			known = append(known, o.Name)
			if name == o.Name || name == s.Name+"."+o.Name {
				all = append(all, found{s, o})
			}
		}
	}
	switch len(all) {
	case 0:
		return nil, nil, usageError{fmt.Errorf("%s has no operation %q%s", file, name, didYouMean(name, known))}
	case 1:
		return all[0].s, all[0].o, nil
	}
	return nil, nil, usageError{fmt.Errorf("%s has operation %q %d times: name it %s.%s", file, name, len(all), all[0].s.Name, name)}
}

func elementByName(c *contract.Contract, file, name string) (*contract.Element, error) {
	var out *contract.Element
	var known []string
	for el := range c.Elements() {
		known = append(known, el.Name.Local)
		if el.Name.Local == name || el.Name.String() == name {
			if out != nil && el.Name.String() != name {
				return nil, usageError{fmt.Errorf("%s has element %q in several namespaces: name it %s", file, name, out.Name)}
			}
			out = el
		}
	}
	if out == nil {
		return nil, usageError{fmt.Errorf("%s has no element %q%s", file, name, didYouMean(name, known))}
	}
	return out, nil
}

// maxNodes is how many lines a tree has before what was drawn already is only
// referred to.
const maxNodes = 2000

// treeDrawer draws one message. A type within itself is referred to; any other
// is drawn wherever it occurs as long as the tree is small, and once from then on,
// so that a tree is never larger than the model.
type treeDrawer struct {
	prefixes *contract.Prefixes
	used     map[string]bool
	within   []*contract.Type
	first    map[*contract.Type]string // type → where it was drawn first
	groups   map[*contract.Particle]bool
	nodes    int
}

func (d *treeDrawer) name(n contract.Name) string {
	if n.Space != "" {
		d.used[d.prefixes.Of(n.Space)] = true
	}
	return d.prefixes.Name(n)
}

func (d *treeDrawer) root(el *contract.Element) shownNode {
	return d.element(el, 1, 1, ".")
}

// element draws an element whose path is given.
func (d *treeDrawer) element(el *contract.Element, least, most int, path string) shownNode {
	d.nodes++
	n := shownNode{Kind: "element", Path: path, Name: d.name(el.Name), Min: least, Max: bounded(most),
		Nillable: el.Nillable, Abstract: el.Abstract, Default: el.Default, Fixed: el.Fixed, Documentation: el.Doc}
	for _, s := range el.Substitutes {
		n.Substitutes = append(n.Substitutes, d.name(s.Name))
	}
	d.content(&n, el.Type)
	return n
}

func bounded(most int) *int {
	if most == contract.Unbounded {
		return nil
	}
	return &most
}

// content draws what a type holds, below n.
func (d *treeDrawer) content(n *shownNode, t *contract.Type) {
	if t.Name.Local != "" {
		n.Type = d.name(t.Name)
	}
	n.Mixed = t.Mixed && t.Simple == nil
	n.Abstract = n.Abstract || t.Abstract
	if t.Simple != nil {
		n.Value, n.Facets = t.Simple.Describe(), facetsShown(t.Simple)
	}
	if t.Name.Space == xsdNamespace || len(t.Attributes) == 0 && t.Content == nil && len(t.Derived) == 0 {
		return
	}
	where, drawn := d.first[t]
	if drawn && (slices.Contains(d.within, t) || d.nodes > maxNodes) {
		n.Same = where
		return
	}
	if !drawn {
		d.first[t] = n.Path
	}
	d.within = append(d.within, t)
	for _, a := range t.Attributes {
		n.Children = append(n.Children, d.attribute(a, n.Path))
	}
	if t.Content != nil {
		d.particles(n, t.Content, n.Path, true)
	}
	d.within = d.within[:len(d.within)-1]
	for _, other := range t.Derived {
		if other.Simple == nil {
			n.Children = append(n.Children, d.derived(other, n.Path))
		}
	}
}

const xsdNamespace = "http://www.w3.org/2001/XMLSchema"

func (d *treeDrawer) derived(t *contract.Type, path string) shownNode {
	d.nodes++
	one := 1
	n := shownNode{Kind: "type", Path: path, Name: d.name(t.Name), Max: &one, Documentation: t.Doc}
	if where, drawn := d.first[t]; drawn {
		n.Same, n.Type = where, n.Name
		return n
	}
	d.first[t] = path
	d.within = append(d.within, t)
	for _, a := range t.Attributes {
		n.Children = append(n.Children, d.attribute(a, path))
	}
	if t.Content != nil {
		d.particles(&n, t.Content, path, true)
	}
	d.within = d.within[:len(d.within)-1]
	return n
}

func (d *treeDrawer) attribute(a *contract.Attribute, path string) shownNode {
	d.nodes++
	least, one := 0, 1
	if a.Required {
		least = 1
	}
	n := shownNode{Kind: "attribute", Name: "@" + d.name(a.Name), Min: least, Max: &one, Default: a.Default, Fixed: a.Fixed,
		Documentation: a.Doc, Value: a.Type.Describe(), Facets: facetsShown(a.Type)}
	n.Path = below(path, n.Name)
	if a.Type.Name.Local != "" {
		n.Type = d.name(a.Type.Name)
	}
	return n
}

func below(path, step string) string {
	if path == "." {
		return step
	}
	return path + "/" + step
}

// particles draws a content model below n. A sequence that stands alone, or in
// another, is no line of its own.
func (d *treeDrawer) particles(n *shownNode, p *contract.Particle, path string, plain bool) {
	switch p.Kind {
	case contract.ElementParticle:
		n.Children = append(n.Children, d.element(p.Element, p.Min, p.Max, below(path, d.name(p.Element.Name))))
		return
	case contract.AnyParticle:
		d.nodes++
		n.Children = append(n.Children, shownNode{Kind: "any", Path: path, Min: p.Min, Max: bounded(p.Max), Value: wildcardWords(p.Any)})
		return
	}
	if plain && p.Kind == contract.Sequence && p.Min == 1 && p.Max == 1 {
		for _, q := range p.Particles {
			d.particles(n, q, path, true)
		}
		return
	}
	d.nodes++
	group := shownNode{Kind: map[contract.ParticleKind]string{contract.Sequence: "sequence", contract.Choice: "choice", contract.All: "all"}[p.Kind],
		Path: path, Min: p.Min, Max: bounded(p.Max)}
	if d.groups[p] && d.nodes > maxNodes {
		group.Same = path
	} else {
		d.groups[p] = true
		for _, q := range p.Particles {
			d.particles(&group, q, path, p.Kind == contract.Sequence)
		}
	}
	n.Children = append(n.Children, group)
}

func wildcardWords(w *contract.Wildcard) string {
	spaces := make([]string, len(w.Namespaces))
	for i, ns := range w.Namespaces {
		if spaces[i] = ns; ns == "" {
			spaces[i] = "no namespace"
		}
	}
	switch list := strings.Join(spaces, " or "); {
	case w.Not && list == "":
		return "any element (" + w.Process + ")"
	case w.Not:
		return "any element not of " + list + " (" + w.Process + ")"
	default:
		return "any element of " + list + " (" + w.Process + ")"
	}
}

// print renders the trees for people.
func (t *shownTree) print(out io.Writer) error {
	for i, m := range t.Messages {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s\n", m.Message)
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		m.Tree.print(w, 1)
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if len(t.Prefixes) > 0 {
		fmt.Fprintln(out)
	}
	for _, prefix := range slices.Sorted(maps.Keys(t.Prefixes)) {
		fmt.Fprintf(out, "%s = %s\n", prefix, t.Prefixes[prefix])
	}
	return nil
}

// groupWords are what groups are called, which are no steps of a path.
var groupWords = map[string]string{"sequence": "<together>", "choice": "<one of>", "all": "<in any order>", "any": "<anything>"}

func (n *shownNode) print(w io.Writer, depth int) {
	label := n.Name
	switch {
	case n.Kind == "type":
		label = "[@xsi:type='" + n.Name + "']"
	case groupWords[n.Kind] != "":
		label = groupWords[n.Kind]
	}
	occurs, words := n.occurs(), n.words()
	if n.Kind == "type" {
		occurs = ""
	}
	line := strings.Repeat("  ", depth) + label + "\t" + occurs + "\t" + words
	fmt.Fprintln(w, strings.TrimRight(line, "\t"))
	for i := range n.Children {
		n.Children[i].print(w, depth+1)
	}
}

func (n *shownNode) occurs() string {
	switch {
	case n.Max == nil:
		return strconv.Itoa(n.Min) + "..*"
	case *n.Max == n.Min:
		return strconv.Itoa(n.Min)
	}
	return fmt.Sprintf("%d..%d", n.Min, *n.Max)
}

// words says everything about a line but its name and cardinality.
func (n *shownNode) words() string {
	var out []string
	add := func(set bool, format string, args ...any) {
		if set {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(n.Type != "" && n.Kind != "type", "%s", n.Type)
	add(n.Value != "", "%s", n.Value)
	add(n.Nillable, "may be nil")
	add(n.Abstract, "abstract")
	add(n.Mixed, "text in between")
	if n.Fixed != nil {
		add(true, "fixed %q", *n.Fixed)
	}
	if n.Default != nil {
		add(true, "default %q", *n.Default)
	}
	add(len(n.Substitutes) > 0, "or %s in its place", strings.Join(n.Substitutes, ", "))
	add(n.Same != "", "as drawn at %s", n.Same)
	text := strings.Join(out, "; ")
	if n.Documentation != "" {
		text += " — " + n.Documentation
	}
	return strings.TrimSpace(text)
}
