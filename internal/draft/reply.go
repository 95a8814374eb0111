package draft

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

var idName = regexp.MustCompile(`(?i)(^|[a-z_])id(entifier)?$`)

// reply writes a template that satisfies the contract: the values of a valid
// reply, and where the request has one of the same name and type, that.
func (b *builder) reply(o Options, op *contract.Operation, top *table) (string, error) {
	if op.Output == nil {
		return "", nil
	}
	if op.Output.Element == nil || op.Output.Element.Type == nil {
		return "", fmt.Errorf("the operation %s answers with an empty Body, which a mapping cannot give", op.Name)
	}
	tree, err := document.Read(o.Reply)
	if err != nil {
		return "", fmt.Errorf("the sample of the reply: %w", err)
	}
	defer tree.Release()
	r := &replier{builder: b, top: top, plain: o.Plain}
	if t := op.Output.Element.Type; isValue(t) && !r.compound(tree.Root(), t) {
		return "  $value: " + strconv.Quote(tree.Root().Text()) + "  # TODO decide\n", nil
	}
	r.content(tree.Root(), op.Output.Element.Type, "  ")
	if r.w.Len() == 0 {
		return "  {}\n", nil
	}
	return r.w.String(), nil
}

type replier struct {
	*builder
	top   *table
	plain bool
	w     strings.Builder
}

// content writes attributes and children of an element.
func (r *replier) content(n document.Node, t *contract.Type, margin string) {
	for _, a := range t.Attributes {
		if value, ok := n.Attr(a.Name); ok {
			r.field("@"+a.Name.Local, value, a.Type, margin)
		}
	}
	done := map[document.Name]bool{}
	for c := range n.Children() {
		child, ok := t.Child(c.Name())
		if !ok || done[c.Name()] {
			continue
		}
		done[c.Name()] = true
		name, el := r.childName(t, child.Element), child.Element
		switch {
		case c.Nil():
			fmt.Fprintf(&r.w, "%s%s: {$value: null}\n", margin, name)
		case el.Type == nil:
		case isValue(el.Type) && !r.compound(c, el.Type):
			r.field(name, c.Text(), el.Type.Simple, margin)
		default:
			before := r.w.Len()
			fmt.Fprintf(&r.w, "%s%s:\n", margin, name)
			inner := r.w.Len()
			if r.content(c, el.Type, margin+"  "); r.w.Len() == inner {
				kept := r.w.String()[:before]
				r.w.Reset()
				r.w.WriteString(kept)
				fmt.Fprintf(&r.w, "%s%s: {}\n", margin, name)
			}
		}
	}
}

// compound reports whether an element that is a value has attributes to write as
// well: the template cannot say both.
func (r *replier) compound(n document.Node, t *contract.Type) bool {
	for _, a := range t.Attributes {
		if _, ok := n.Attr(a.Name); ok {
			return t.Simple == nil
		}
	}
	return t.Simple == nil && !t.Mixed
}

// childName is the key of a child: with its prefix where local names collide.
func (r *replier) childName(t *contract.Type, el *contract.Element) string {
	for _, c := range t.Children() {
		if c.Element.Name.Local == el.Name.Local && c.Element.Name != el.Name {
			return strconv.Quote(r.prefixes.name(el.Name))
		}
	}
	return el.Name.Local
}

// field writes one value.
func (r *replier) field(name, value string, s *contract.Simple, margin string) {
	key := name
	if strings.HasPrefix(name, "@") {
		key = strconv.Quote(name)
	}
	if !r.plain {
		if l := r.same(strings.TrimPrefix(name, "@"), s); l != nil {
			fmt.Fprintf(&r.w, "%s%s: %s\n", margin, key, scalar(l.at.path))
			return
		}
		if idName.MatchString(name) && len(r.top.match) > 0 && takesNumbers(s) {
			fmt.Fprintf(&r.w, "%s%s: $%s/id  # TODO decide\n", margin, key, r.top.as)
			return
		}
	}
	fmt.Fprintf(&r.w, "%s%s: {$value: %s}  # TODO decide\n", margin, key, strconv.Quote(value))
}

// same is a value of the request of that name and type, which is always there.
func (r *replier) same(name string, s *contract.Simple) *leaf {
	for _, l := range r.top.leaves {
		if l.at.names[len(l.at.names)-1] == name && !l.at.optional && l.simple != nil && l.simple == s {
			return l
		}
	}
	return nil
}

// takesNumbers reports whether any row's number is a value of the type.
func takesNumbers(s *contract.Simple) bool {
	if s == nil || s.Variety != contract.Atomic || len(s.Patterns)+len(s.Enumeration) > 0 || s.Length != nil || s.MinLength != nil {
		return false
	}
	return xpath.ClassOf(s) == xpath.Integer && s.Check("9000000000000") == "" || xpath.ClassOf(s) == xpath.String && s.Check("9000000000000") == ""
}
