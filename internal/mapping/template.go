package mapping

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// template is a body or reply as written. In it every plain key is output;
// instructions carry a dollar. One of from, constant, fields and items is set.
type template struct {
	node     *config.Node
	each     *expression
	when     *expression
	from     *expression
	constant *config.Node
	fields   []templateField
	items    []*template
}

type templateField struct {
	name string
	key  *config.Node
	*template
}

// UnmarshalNode reads a scalar as an expression, a map as an object or a list.
func (t *template) UnmarshalNode(n *config.Node) error {
	t.node = n
	switch n.Kind {
	case config.Map:
		return t.object(n)
	case config.List:
		return t.list(n)
	}
	t.from = &expression{}
	return t.from.UnmarshalNode(n)
}

func (t *template) list(n *config.Node) error {
	var faults config.Faults
	t.items = []*template{}
	for _, item := range n.Items() {
		child := &template{}
		faults.Add(required(item, child))
		t.items = append(t.items, child)
	}
	return faults.Err()
}

func (t *template) object(n *config.Node) error {
	var faults config.Faults
	for _, e := range n.Entries() {
		if strings.HasPrefix(e.Key, "$") {
			faults.Add(t.instruction(e))
			continue
		}
		f := templateField{e.Key, e.KeyNode, &template{}}
		faults.Add(required(e.Value, f.template))
		t.fields = append(t.fields, f)
	}
	if t.constant != nil && (len(t.fields) > 0 || t.each != nil) {
		faults.Add(n.Fault("$value stands alone or with $when"))
	}
	return faults.Err()
}

func (t *template) instruction(e config.Entry) error {
	switch e.Key {
	case "$each":
		t.each = &expression{}
		return required(e.Value, t.each)
	case "$when":
		t.when = &expression{}
		return required(e.Value, t.when)
	case "$value":
		t.constant = e.Value
		if e.Value.Kind == config.Map || e.Value.Kind == config.List {
			return e.Value.Fault("$value takes a constant, not %s", e.Value.Kind)
		}
		return nil
	}
	return e.KeyNode.Fault("there is no instruction %s; known are $each, $value, $when", e.Key)
}

// textTemplate is text with expressions in braces; {{ and }} stand for braces.
type textTemplate struct {
	node  *config.Node
	parts []textPart
}

// textPart is literal text or an expression.
type textPart struct {
	text string
	from *expression
}

// UnmarshalNode cuts the text at its braces.
func (t *textTemplate) UnmarshalNode(n *config.Node) error {
	if n.Kind != config.Scalar {
		return n.Fault("expected text, found %s", n.Kind)
	}
	t.node = n
	src := n.Text()
	for at := 0; at < len(src); {
		size, err := t.next(src, at)
		if err != nil {
			return err
		}
		at += size
	}
	return nil
}

// next takes one part and returns its length.
func (t *textTemplate) next(src string, at int) (int, error) {
	rest := src[at:]
	switch {
	case strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}"):
		t.parts = append(t.parts, textPart{text: rest[:1]})
		return 2, nil
	case rest[0] == '}':
		return 0, faultAt(t.node, &xpath.Fault{Offset: at, Message: "} without {; write }} for the character"})
	case rest[0] == '{':
		return t.hole(rest, at)
	}
	size := strings.IndexAny(rest, "{}")
	if size < 0 {
		size = len(rest)
	}
	t.parts = append(t.parts, textPart{text: rest[:size]})
	return size, nil
}

func (t *textTemplate) hole(rest string, at int) (int, error) {
	end := closingBrace(rest)
	if end < 0 {
		return 0, faultAt(t.node, &xpath.Fault{Offset: at, Message: "{ is not closed; write {{ for the character"})
	}
	parsed, f := xpath.Parse(rest[1:end])
	if f != nil {
		f.Offset += at + 1
		return 0, faultAt(t.node, f)
	}
	t.parts = append(t.parts, textPart{from: &expression{parsed, t.node, at + 1}})
	return end + 1, nil
}

// closingBrace finds the brace that closes the one at 0, past string literals.
func closingBrace(s string) int {
	var quote byte
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '}':
			return i
		}
	}
	return -1
}
