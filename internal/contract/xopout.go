package contract

import (
	"encoding/base64"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Octets are a value of a message that is sent beside it.
type Octets struct {
	ContentID string
	Octets    []byte
}

// Extract returns a payload with an xop:Include in the place of each value of
// type xs:base64Binary that has at least so many octets (XOP 1.0 §3.1), and
// those octets. The n-th, from 0, gets the content id that id returns for it. A
// payload whose root is not el is returned as it is.
func Extract(payload []byte, el *Element, least int, id func(n int) string) ([]byte, []Octets) {
	if el == nil || len(payload) < base64.StdEncoding.EncodedLen(least) {
		return payload, nil
	}
	tree, err := document.Read(payload)
	if err != nil || tree.Root().Name() != el.Name {
		if err == nil {
			tree.Release()
		}
		return payload, nil
	}
	defer tree.Release()
	x := extracting{payload: payload, least: least, id: id}
	x.walk(tree.Root(), el.Type)
	if len(x.found) == 0 {
		return payload, nil
	}
	return append(x.out, payload[x.at:]...), x.found
}

type extracting struct {
	payload []byte
	least   int
	id      func(int) string
	out     []byte
	at      int
	found   []Octets
}

func (x *extracting) walk(n document.Node, t *Type) {
	if t == nil {
		return
	}
	if octetType(t) != nil {
		x.value(n)
		return
	}
	for c := range n.Children() {
		if el, ok := t.Child(c.Name()); ok {
			x.walk(c, el.Element.Type)
		}
	}
}

// value takes out what is large enough and in canonical form: anything else would
// come back as other text (XOP 1.0 §2.1).
func (x *extracting) value(n document.Node) {
	text := n.Text()
	if n.FirstChild().Exists() || base64.StdEncoding.DecodedLen(len(text)) < x.least || strings.ContainsAny(text, " \t\r\n") {
		return
	}
	octets, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(octets) < x.least {
		return
	}
	id := x.id(len(x.found))
	_, from, to, _ := n.Span()
	x.out = append(append(x.out, x.payload[x.at:from]...), `<xop:Include xmlns:xop="`+nsXOP+`" href="cid:`+id+`"/>`...)
	x.at = to
	x.found = append(x.found, Octets{id, octets})
}
