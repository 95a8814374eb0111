package contract

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// group is operations of a service that one engine serves: no two of them mean
// different elements by one name, or begin alike and go on differently.
type group struct {
	operations []*Operation
	declared   map[Name]*Element   // what stands in the Body, and its wrappers
	bodies     map[Name]*Operation // by the Body's first child
}

func newGroup() *group { return &group{declared: map[Name]*Element{}, bodies: map[Name]*Operation{}} }

// maxGroups bounds the engines of a service, each of which holds all schemas.
const maxGroups = 16

// group divides the operations that are served. There is always one group.
func (s *Service) group() {
	s.groups = []*group{newGroup()}
	for _, o := range s.Operations {
		if o.Unsupported != "" {
			continue
		}
		i := slices.IndexFunc(s.groups, func(g *group) bool { return g.takes(o) })
		if i < 0 && len(s.groups) == maxGroups {
			o.unsupported("its Body begins like those of %d other operations and goes on differently", maxGroups)
			body := o.Input.bodyName()
			s.byBody[body] = slices.DeleteFunc(s.byBody[body], func(other *Operation) bool { return other == o })
			continue
		}
		if i < 0 {
			i = len(s.groups)
			s.groups = append(s.groups, newGroup())
		}
		s.groups[i].add(o)
	}
}

// needs are the elements that an engine must know for the operation.
func (o *Operation) needs() []*Element { return append(o.Input.body(), o.Input.Element) }

func (g *group) takes(o *Operation) bool {
	for _, el := range o.needs() {
		if other := g.declared[el.Name]; other != nil && other != el {
			return false
		}
	}
	like := g.bodies[o.Input.bodyName()]
	return like == nil || slices.Equal(like.Input.body(), o.Input.body())
}

func (g *group) add(o *Operation) {
	g.operations = append(g.operations, o)
	g.bodies[o.Input.bodyName()] = o
	for _, el := range o.needs() {
		g.declared[el.Name] = el
	}
}

// body is the content model of the Body: the input of one of the operations.
func (g *group) body() string {
	dst := []byte(`<xs:choice`)
	if g.bodies[Name{}] != nil {
		dst = append(dst, ` minOccurs="0"`...)
	}
	dst = append(dst, '>')
	for _, name := range slices.SortedFunc(maps.Keys(g.bodies), compareNames) {
		if name == (Name{}) {
			continue
		}
		in := g.bodies[name].Input.body()
		if len(in) == 1 {
			dst = appendElementReference(dst, name)
			continue
		}
		dst = append(dst, `<xs:sequence>`...)
		for _, el := range in {
			dst = appendElementReference(dst, el.Name)
		}
		dst = append(dst, `</xs:sequence>`...)
	}
	return string(append(dst, `</xs:choice>`...))
}

func appendElementReference(dst []byte, name Name) []byte {
	if name.Space == "" {
		return fmt.Appendf(dst, `<xs:element ref="%s"/>`, name.Local)
	}
	dst = append(document.AppendValue(append(dst, `<xs:element xmlns:b="`...), name.Space), '"')
	return fmt.Appendf(dst, ` ref="b:%s"/>`, name.Local)
}
