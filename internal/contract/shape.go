package contract

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Shape is what is known of a Content before there is one: which parts it
// always has, may have, and may have several times.
type Shape struct {
	Name     string // as in Content
	Optional bool   // may be left out
	Repeated bool   // may occur any number of times, none included
	Nil      bool   // may be written as nil
	Value    bool   // has a text
	Attrs    []Shape
	Children []Shape
}

// CheckShape reports why a Content of that shape might not be writable as el:
// unknown names, required parts that are missing or may be, repetition where
// the contract allows none, text where it takes elements. Details have the path
// in el; there are none when AppendElement can only fail on values.
func CheckShape(el *Element, s Shape) []fault.Detail {
	c := &shapeCheck{}
	c.element(el, &s, "/"+el.Name.Local)
	return c.details
}

type shapeCheck struct {
	details []fault.Detail
	matcher matcher
}

func (c *shapeCheck) report(d fault.Detail) { c.details = append(c.details, d) }

func (c *shapeCheck) element(el *Element, s *Shape, path string) {
	t := el.Type
	if el.Abstract || t.Abstract {
		c.report(fault.Detail{Message: "the element or its type is abstract and cannot be written", Path: path})
	}
	if s.Nil && !el.Nillable {
		c.report(fault.Detail{Message: "the element may not be nil", Path: path, Doc: el.Doc})
	}
	c.attributes(t, s, path)
	switch {
	case t.Simple != nil && len(s.Children) > 0:
		c.report(fault.Detail{Message: "the element takes no child elements", Path: path, Found: s.Children[0].Name, Expected: t.Simple.Describe()})
	case t.Simple != nil && !s.Value && !s.Nil:
		c.report(fault.Detail{Message: "the element has no value", Path: path, Expected: t.Simple.Describe(), Doc: el.Doc})
	case t.Simple != nil:
	case s.Value && !t.Mixed:
		c.report(fault.Detail{Message: "the element takes no text", Path: path, Expected: childNames(t)})
	case !s.Nil || len(s.Children) > 0:
		c.children(t, s, path)
	}
}

func (c *shapeCheck) attributes(t *Type, s *Shape, path string) {
	for i := range s.Attrs {
		a := &s.Attrs[i]
		if !slices.ContainsFunc(t.Attributes, func(have *Attribute) bool { return goesBy(have.Name, a.Name) }) {
			c.report(fault.Detail{Message: "the contract has no such attribute", Path: path + "/@" + a.Name, Expected: attributeNames(t)})
		}
	}
	for _, a := range t.Attributes {
		if !a.Required || a.Fixed != nil {
			continue
		}
		i := slices.IndexFunc(s.Attrs, func(have Shape) bool { return goesBy(a.Name, have.Name) })
		switch d := (fault.Detail{Path: path + "/@" + a.Name.Local, Expected: a.Type.Describe(), Doc: a.Doc}); {
		case i < 0:
			d.Message = "a required attribute is missing"
			c.report(d)
		case s.Attrs[i].Optional:
			d.Message = "a required attribute may be missing"
			c.report(d)
		}
	}
}

func (c *shapeCheck) children(t *Type, s *Shape, path string) {
	seen := map[Name]int{}
	for i := range s.Children {
		child := &s.Children[i]
		el := childNamed(t, child.Name)
		if el == nil {
			c.report(fault.Detail{Message: "the contract has no such child element", Path: path + "/" + child.Name, Expected: childNames(t)})
			continue
		}
		declared, _ := t.Child(el.Name)
		seen[el.Name]++
		if declared.Max != Unbounded && (seen[el.Name] > declared.Max || child.Repeated) {
			c.report(fault.Detail{Message: "the element may occur more often than the contract allows", Path: path + "/" + child.Name, Expected: "at most " + count(declared.Max, "time"), Doc: el.Doc})
		}
		c.element(el, child, path+"/"+child.Name)
	}
	if t.Content != nil {
		c.required(t.Content, s, path)
	}
}

// required reports what p demands and the shape does not surely have. What is
// optional as a whole is only looked into when the shape has part of it.
func (c *shapeCheck) required(p *Particle, s *Shape, path string) {
	if c.matcher.optional(p) && !c.mentions(p, s) {
		return
	}
	switch p.Kind {
	case ElementParticle:
		c.requiredElement(p, s, path)
	case Choice:
		c.requiredChoice(p, s, path)
	case Sequence, All:
		for _, q := range p.Particles {
			c.required(q, s, path)
		}
	case AnyParticle:
		if p.Min > 0 {
			c.report(fault.Detail{Message: "the contract demands an element that it does not name", Path: path})
		}
	}
}

func (c *shapeCheck) requiredElement(p *Particle, s *Shape, path string) {
	if p.Min == 0 {
		return
	}
	certain, possible := false, false
	for i := range s.Children {
		if child := &s.Children[i]; particleGoesBy(p, child.Name) {
			possible = true
			certain = certain || !child.Optional && !child.Repeated
		}
	}
	d := fault.Detail{Message: "a required element is missing", Path: path + "/" + p.Element.Name.Local, Expected: holds(p.Element), Doc: p.Element.Doc}
	switch {
	case certain:
	case possible:
		d.Message = "a required element may be missing"
		c.report(d)
	default:
		c.report(d)
	}
}

// requiredChoice demands that the shape has part of one alternative, and looks
// into those it has.
func (c *shapeCheck) requiredChoice(p *Particle, s *Shape, path string) {
	any := false
	for _, q := range p.Particles {
		if !c.mentions(q, s) {
			continue
		}
		any = true
		if q.Kind != ElementParticle { // of single elements, which one comes is the shape's choice
			c.required(q, s, path)
		}
	}
	if !any {
		var names []string
		for _, el := range c.matcher.first(nil, p) {
			names = append(names, el.Name.Local)
		}
		c.report(fault.Detail{Message: "a required element is missing", Path: path, Expected: "one of " + listed(names)})
	}
}

// mentions reports whether the shape has a child that p would take.
func (c *shapeCheck) mentions(p *Particle, s *Shape) bool {
	if c.matcher.steps++; c.matcher.steps > maxSteps {
		return false
	}
	if p.Kind == ElementParticle {
		return slices.ContainsFunc(s.Children, func(child Shape) bool { return particleGoesBy(p, child.Name) })
	}
	return slices.ContainsFunc(p.Particles, func(q *Particle) bool { return c.mentions(q, s) })
}

func particleGoesBy(p *Particle, key string) bool {
	return goesBy(p.Element.Name, key) ||
		slices.ContainsFunc(p.Element.Substitutes, func(e *Element) bool { return goesBy(e.Name, key) })
}
