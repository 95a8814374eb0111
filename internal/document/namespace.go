package document

// binding is one namespace declaration. Bindings are only ever appended, so
// that a node can look up prefixes as long as its tree lives.
type binding struct {
	prefix string // empty for the default namespace
	space  int32  // index into namespaces.spaces
	outer  int32  // the next binding in scope outside this one, or none
	shadow int32  // the binding of the same prefix that this one hides, or none
}

const none = -1

// The spaces every document knows.
const (
	spaceNone int32 = iota
	spaceXML
)

// few is how many bindings and namespaces are searched one by one; most
// documents have no more. Past it, maps keep the search from becoming quadratic.
const few = 16

// namespaces resolves prefixes while a document is read and afterwards.
type namespaces struct {
	spaces   []string
	spaceIDs map[string]int32 // used once there are more than few spaces
	bindings []binding
	scope    int32            // innermost binding in scope, or none
	active   map[string]int32 // prefix → its binding in scope; used from few bindings on

	// memo is the prefix resolved last; most names share their neighbour's.
	memo      string
	memoSpace int32
	memoValid bool
}

func (n *namespaces) reset() {
	if n.spaceIDs == nil {
		n.spaceIDs = make(map[string]int32)
		n.active = make(map[string]int32)
	}
	clear(n.spaceIDs)
	clear(n.active)
	clear(n.spaces)
	clear(n.bindings)
	n.spaces = append(n.spaces[:0], "", NamespaceXML)
	n.bindings = n.bindings[:0]
	n.scope = none
	n.memo, n.memoValid = "", false
}

// intern numbers a namespace.
func (n *namespaces) intern(uri string) int32 {
	if len(n.spaces) <= few {
		for id, space := range n.spaces {
			if space == uri {
				return int32(id)
			}
		}
	} else if id, ok := n.spaceIDs[uri]; ok {
		return id
	}
	n.spaces = append(n.spaces, uri)
	if len(n.spaces) > few {
		n.index()
	}
	return int32(len(n.spaces) - 1)
}

// index brings spaceIDs up to date.
func (n *namespaces) index() {
	for id := len(n.spaceIDs); id < len(n.spaces); id++ {
		n.spaceIDs[n.spaces[id]] = int32(id)
	}
}

// declare brings a binding into scope. outer is the scope of the parent
// element; a second declaration of one prefix on one element is reported false.
func (n *namespaces) declare(prefix, uri string, outer int32) bool {
	shadow := n.binding(prefix)
	if shadow > outer {
		return false
	}
	id := int32(len(n.bindings))
	n.bindings = append(n.bindings, binding{prefix: prefix, space: n.intern(uri), outer: n.scope, shadow: shadow})
	n.scope = id
	n.memoValid = false
	switch {
	case len(n.bindings) == few:
		n.activate()
	case len(n.bindings) > few:
		n.active[prefix] = id
	}
	return true
}

// activate fills active with what is in scope.
func (n *namespaces) activate() {
	for b := n.scope; b != none; b = n.bindings[b].outer {
		if _, hidden := n.active[n.bindings[b].prefix]; !hidden {
			n.active[n.bindings[b].prefix] = b
		}
	}
}

// binding returns the binding of a prefix that is in scope, or none.
func (n *namespaces) binding(prefix string) int32 {
	if len(n.bindings) >= few {
		if b, ok := n.active[prefix]; ok {
			return b
		}
		return none
	}
	b := n.scope
	for b != none && n.bindings[b].prefix != prefix {
		b = n.bindings[b].outer
	}
	return b
}

// leave takes every binding inside outer out of scope.
func (n *namespaces) leave(outer int32) {
	if n.scope == outer {
		return
	}
	n.memoValid = false
	if len(n.bindings) < few {
		n.scope = outer
		return
	}
	for n.scope != outer {
		b := &n.bindings[n.scope]
		if b.shadow == none {
			delete(n.active, b.prefix)
		} else {
			n.active[b.prefix] = b.shadow
		}
		n.scope = b.outer
	}
}

// resolve finds the namespace of an element's prefix. The empty prefix always
// resolves; an attribute without prefix must not be asked about here.
func (n *namespaces) resolve(prefix string) (int32, bool) {
	if n.memoValid && prefix == n.memo {
		return n.memoSpace, true
	}
	space, ok := n.lookUp(prefix)
	if ok {
		n.memo, n.memoSpace, n.memoValid = prefix, space, true
	}
	return space, ok
}

func (n *namespaces) lookUp(prefix string) (int32, bool) {
	if b := n.binding(prefix); b != none {
		return n.bindings[b].space, true
	}
	switch prefix {
	case "":
		return spaceNone, true
	case "xml":
		return spaceXML, true
	}
	return spaceNone, false
}

// at resolves a prefix in the scope of a node that was read earlier.
func (n *namespaces) at(scope int32, prefix string) (string, bool) {
	for ; scope != none; scope = n.bindings[scope].outer {
		if n.bindings[scope].prefix == prefix {
			return n.spaces[n.bindings[scope].space], true
		}
	}
	switch prefix {
	case "":
		return "", true
	case "xml":
		return NamespaceXML, true
	}
	return "", false
}

// checkBinding applies the constraints on reserved names (Namespaces in XML
// 1.0 §3) and on empty bindings (§5). It returns what is wrong, or nothing.
func checkBinding(prefix, uri string) string {
	switch {
	case prefix == "xmlns":
		return "the prefix xmlns must not be declared"
	case prefix == "xml" && uri != NamespaceXML:
		return "the prefix xml must not be bound to another namespace"
	case prefix != "xml" && uri == NamespaceXML:
		return "only the prefix xml may be bound to the XML namespace"
	case uri == NamespaceXMLNS:
		return "the namespace of namespace declarations must not be bound"
	case prefix != "" && uri == "":
		return "a prefix must not be bound to the empty namespace"
	}
	return ""
}
