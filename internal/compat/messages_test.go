package compat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// sampler makes random messages of a contract, with everything that a schema
// lets a sender do: xsi:type, substitutes, nil, white space around values.
type sampler struct {
	*rand.Rand
	c     *contract.Contract
	b     strings.Builder
	size  int
	stuck bool
}

const messageNamespaces = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:test" xmlns:xs="http://www.w3.org/2001/XMLSchema"`

// message is an envelope around a random element, or "" where none was found.
func (s *sampler) message(e *contract.Element) string {
	s.b.Reset()
	s.size, s.stuck = 0, false
	s.b.WriteString(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>`)
	s.element(e, 0, messageNamespaces)
	s.b.WriteString(`</e:Body></e:Envelope>`)
	if s.stuck {
		return ""
	}
	return s.b.String()
}

func (s *sampler) chance(percent int) bool { return s.IntN(100) < percent }

func qname(n contract.Name) string {
	switch n.Space {
	case "":
		return n.Local
	case "urn:test":
		return "t:" + n.Local
	}
	return "xs:" + n.Local
}

func (s *sampler) element(e *contract.Element, depth int, attrs string) {
	if s.size++; s.size > 300 || depth > 12 {
		s.stuck = true
		return
	}
	t := e.Type
	if t.Abstract || s.chance(15) {
		options := slices.DeleteFunc(append([]*contract.Type{t}, t.Derived...), func(t *contract.Type) bool { return t.Abstract || t.Name.Local == "" || t.Simple != nil })
		if len(options) == 0 && t.Abstract {
			s.stuck = true
			return
		}
		if len(options) > 0 {
			t = options[s.IntN(len(options))]
			attrs += ` xsi:type="` + qname(t.Name) + `"`
		}
	}
	isNil := e.Nillable && s.chance(40)
	if isNil {
		attrs += ` xsi:nil="true"`
	}
	s.b.WriteString("<" + qname(e.Name) + " " + attrs)
	s.attributes(t)
	s.b.WriteString(">")
	switch {
	case isNil:
	case t.Simple != nil:
		s.text(e, t.Simple)
	default:
		if t.Mixed && s.chance(50) {
			s.b.WriteString("text")
		}
		if t.Content != nil {
			s.particle(t.Content, depth+1)
		}
	}
	s.b.WriteString("</" + qname(e.Name) + ">")
}

func (s *sampler) attributes(t *contract.Type) {
	for _, a := range t.Attributes {
		if a.Required || s.chance(60) {
			value := ""
			if a.Fixed != nil {
				value = *a.Fixed
			} else {
				value = s.value(a.Type)
			}
			fmt.Fprintf(&s.b, ` %s="%s"`, qname(a.Name), value)
		}
	}
	if t.AnyAttr && s.chance(60) {
		s.b.WriteString(` xmlns:z="urn:z" z:other="1"`)
	}
}

func (s *sampler) text(e *contract.Element, t *contract.Simple) {
	switch {
	case (e.Fixed != nil || e.Default != nil) && s.chance(50):
	case e.Fixed != nil:
		s.b.WriteString(*e.Fixed)
	default:
		s.b.WriteString(s.value(t))
	}
}

var values = []string{
	"", "A", "B", "C", "AB", "a b", "a", "ABCDEFGHIJKL", "abcdefghijklmnop", "ABC", "x  y", "1", "0", "2", "12", "-1", "-5", "9", "1.0", "1.5", "2.0", "01", "+1", "123", "11", "15", "100000", "1.25", "0.001", "14.5", "15.75",
	"true", "false", "2020-06-01", "2024-01-01", "2033-02-01", "2024-01-01T00:00:00", "2020-01-01T10:00:00Z", "2040-01-01", "0A", "0A0B0C0D0E", "1 2", "A B C", "INF", "1e2", "12345", "99",
}

func (s *sampler) value(t *contract.Simple) string {
	var fit []string
	for _, v := range append(values, t.Enumeration...) {
		if t.Check(v) == "" {
			fit = append(fit, v)
		}
	}
	if len(fit) == 0 {
		s.stuck = true
		return ""
	}
	v := fit[s.IntN(len(fit))]
	if t.WhiteSpace == "collapse" && s.chance(20) {
		v = " " + v + "  "
	}
	return v
}

func (s *sampler) particle(p *contract.Particle, depth int) {
	times := p.Min
	if depth < 6 && (p.Max == contract.Unbounded || p.Max > p.Min) {
		times += s.IntN(3)
		if p.Max != contract.Unbounded {
			times = min(times, p.Max)
		}
	}
	for range times {
		if s.stuck {
			return
		}
		s.once(p, depth)
	}
}

func (s *sampler) once(p *contract.Particle, depth int) {
	switch p.Kind {
	case contract.ElementParticle:
		e := p.Element
		if n := len(e.Substitutes); n > 0 && (e.Abstract || s.chance(50)) {
			e = e.Substitutes[s.IntN(n)]
		}
		if e.Abstract {
			s.stuck = true
			return
		}
		s.element(e, depth, "")
	case contract.AnyParticle:
		s.b.WriteString(`<z:any xmlns:z="urn:z"><z:in/></z:any>`)
	case contract.Choice:
		if len(p.Particles) == 0 {
			s.stuck = true
			return
		}
		s.particle(p.Particles[s.IntN(len(p.Particles))], depth)
	case contract.All:
		for _, i := range s.Perm(len(p.Particles)) {
			s.particle(p.Particles[i], depth)
		}
	default:
		for _, q := range p.Particles {
			s.particle(q, depth)
		}
	}
}
