package contract

import (
	"maps"
	"slices"
	"strings"
)

// inventor makes up elements that keep a contract, as far as it can: with
// whatever may be there, in whatever order, and values from a list.
type inventor struct {
	pick  func(n int) int // a number from 0 to n-1
	depth int
	size  int
	stuck bool // it found no value for a type, or no end
}

// limits of what is made up.
const (
	inventedDepth = 6 // past it only what must be there
	inventedSize  = 400
)

func (v *inventor) element(el *Element) Content {
	c := Content{Name: clark(el.Name), Attrs: map[string]string{}}
	v.depth++
	defer func() { v.depth-- }()
	if v.size++; v.size > inventedSize || v.depth > 40 || el.Abstract || el.Type.Abstract {
		v.stuck = true
		return c
	}
	for _, a := range el.Type.Attributes {
		if a.Required || v.pick(2) == 0 {
			c.Attrs[a.Name.String()] = v.fixed(a.Type, a.Fixed)
		}
	}
	switch {
	case el.Nillable && v.pick(4) == 0:
		c.Nil = true
	case el.Type.Simple != nil:
		text := v.fixed(el.Type.Simple, el.Fixed)
		c.Text = &text
	case el.Type.Content != nil:
		c.Children = v.particle(el.Type.Content)
	}
	return c
}

func (v *inventor) fixed(s *Simple, fixed *string) string {
	if fixed != nil {
		return *fixed
	}
	return v.value(s)
}

func (v *inventor) particle(p *Particle) []Content {
	times := p.Min
	if v.depth < inventedDepth && (p.Max == Unbounded || p.Max > p.Min) {
		times += v.pick(4)
		if p.Max != Unbounded {
			times = min(times, p.Max)
		}
	}
	var out []Content
	for range times {
		if v.stuck {
			break
		}
		out = append(out, v.once(p)...)
	}
	return out
}

func (v *inventor) once(p *Particle) []Content {
	switch p.Kind {
	case ElementParticle:
		return []Content{v.element(v.standIn(p.Element))}
	case Choice:
		if len(p.Particles) == 0 {
			return nil
		}
		return v.particle(p.Particles[v.pick(len(p.Particles))])
	case AnyParticle:
		v.stuck = v.stuck || p.Min > 0
		return nil
	}
	var out []Content
	for _, q := range p.Particles {
		out = append(out, v.particle(q)...)
	}
	return out
}

func (v *inventor) standIn(el *Element) *Element {
	if len(el.Substitutes) > 0 && (el.Abstract || v.pick(2) == 0) {
		return el.Substitutes[v.pick(len(el.Substitutes))]
	}
	return el
}

// inventions are values of all kinds; those that a type takes are its values.
var inventions = []string{
	"", "a", "ABC", "x y", " lead and trail ", "line\nbreak\r\n\ttab", `<&>"'\/`, "Ω😀\u2028", "PO-1002", "FI", "EUR", "a@b.example",
	"0", "1", "-1", "+7", "007", "5", "12", "12.50", "-0.001", ".5", "5.", "1e3", "1.5E-7", "INF", "NaN", "100000000000000000000000.5",
	"true", "false", "2026-03-02T09:30:00Z", "2026-03-02T11:29:00.250+02:00", "2026-03-16", "09:30:00", "P1DT2H", "2026", "2026-03", "--03", "---16", "--03-16",
	"AQID", "0aFF", "urn:x:1", "http://h/p?q=1#f", "en-GB", "name", "n1 n2", "1 2 3", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", strings.Repeat("9", 18),
	"00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}",
}

func (v *inventor) value(s *Simple) string {
	if len(s.Enumeration) > 0 {
		return s.Enumeration[v.pick(len(s.Enumeration))]
	}
	var fit []string
	for _, one := range inventions {
		if s.Check(one) == "" {
			fit = append(fit, one)
		}
	}
	if len(fit) == 0 {
		v.stuck = true
		return ""
	}
	return fit[v.pick(len(fit))]
}

// shuffled is a JSON text with the keys of its objects in another order. It
// takes the text apart in its own way.
func (v *inventor) shuffled(value any) string {
	switch value := value.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(value))
		var members []string
		for len(keys) > 0 {
			i := v.pick(len(keys))
			members = append(members, string(appendString(nil, keys[i]))+":"+v.shuffled(value[keys[i]]))
			keys = slices.Delete(keys, i, i+1)
		}
		return "{" + strings.Join(members, ", ") + "}"
	case []any:
		items := make([]string, len(value))
		for i := range value {
			items[i] = v.shuffled(value[i])
		}
		return "[" + strings.Join(items, " ,") + "]"
	}
	return plainJSON(value)
}
