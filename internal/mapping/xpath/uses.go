package xpath

import "slices"

// Use is one thing that an expression reads, known before any message. One of
// Shape and Field is set.
type Use struct {
	// Shape is the node, with its ancestors up to the payload element or the
	// header block's container.
	Shape *Shape
	// Variable and Field name a value of a record, as in $order/id.
	Variable, Field string
	// Condition says that the node only decides: it stands in a predicate, or in
	// the test of if.
	Condition bool
	// Whole says that the text of all that is in the node is read: string() of an
	// element with child elements.
	Whole bool
}

// Uses returns everything that the expression may read, in the order of its
// text, equal things once. The slice is shared: do not change it.
func (p *Program) Uses() []Use { return p.uses }

// uses notes what a part of the expression reads.
func (c *compiler) uses(u Use) {
	if !slices.ContainsFunc(c.program.uses, u.same) {
		c.program.uses = append(c.program.uses, u)
	}
}

// same reports whether two uses are of one declaration at one place.
func (u Use) same(o Use) bool {
	return u.Condition == o.Condition && u.Whole == o.Whole && u.Variable == o.Variable && u.Field == o.Field && u.Shape.same(o.Shape)
}

func (s *Shape) same(o *Shape) bool {
	for s != nil && o != nil && s != o {
		if s.Element != o.Element || s.Attribute != o.Attribute || len(s.Blocks) != len(o.Blocks) {
			return false
		}
		s, o = s.Parent, o.Parent
	}
	return s == o
}

// judged makes conditions of what was read since the mark.
func (c *compiler) judged(mark int) {
	for i := mark; i < len(c.program.uses); i++ {
		c.program.uses[i].Condition = true
	}
}

// Seen is what one evaluation of an expression came to.
type Seen uint8

// What evaluations come to.
const (
	SeenNothing Seen = iota // no item, or one that is xsi:nil
	SeenValue               // at least one item
	SeenTrue
	SeenFalse
	SeenFault
)

// Watch is told of every evaluation of a whole expression, as it ends. It must
// not keep the frame.
type Watch func(p *Program, f *Frame, s Seen)

// saw tells the frame's watch of an evaluation.
func (p *Program) saw(f *Frame, s Seen, err error) {
	if err != nil {
		s = SeenFault
	}
	f.Watch(p, f, s)
}

func seenWhether(some bool) Seen {
	if some {
		return SeenValue
	}
	return SeenNothing
}
