package contract

import (
	"fmt"

	"github.com/beevik/etree"
)

// movePolicies appends the policies that other elements refer to by their id
// (WS-Policy 1.5 Attachment §4). One that is there already is not repeated; one
// whose id another has gets a new one.
func (b *bundle) movePolicies(from, root *etree.Element) {
	there := scopeOf(root)
	taken := map[string]*etree.Element{}
	for id, e := range policies(root) {
		taken[id] = e
	}
	for id, e := range policies(from) {
		same := taken[id]
		if same != nil && written(same) == written(e) {
			continue
		}
		unique := id
		for i := 2; taken[unique] != nil; i++ {
			unique = fmt.Sprintf("%s%d", id, i)
		}
		if unique != id {
			rename(from, id, unique)
		}
		taken[unique] = e
		moved(e, root, there)
	}
}

// policies yields the policies of a WSDL that have an id, in order.
func policies(root *etree.Element) func(func(string, *etree.Element) bool) {
	return func(yield func(string, *etree.Element) bool) {
		for _, e := range root.ChildElements() {
			if space := e.NamespaceURI(); e.Tag != "Policy" || space != nsPolicy && space != nsPolicy15 {
				continue
			}
			for i := range e.Attr {
				if a := &e.Attr[i]; a.Key == "Id" && !yield(a.Value, e) {
					return
				}
			}
		}
	}
}

// rename gives a policy another id, and the references in the same WSDL.
func rename(e *etree.Element, id, unique string) {
	for i := range e.Attr {
		switch a := &e.Attr[i]; {
		case a.Key == "Id" && a.Value == id:
			a.Value = unique
		case a.Key == "URI" && a.Value == "#"+id:
			a.Value = "#" + unique
		}
	}
	for _, c := range e.ChildElements() {
		rename(c, id, unique)
	}
}

func written(e *etree.Element) string {
	doc := etree.NewDocumentWithRoot(e.Copy())
	text, err := doc.WriteToString()
	if err != nil { // a strings.Builder takes everything
		return ""
	}
	return text
}
