package contract

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// mutation is one thing done to a valid message, and where: the bytes of the
// element whose content or start tag was changed, in the message as it is now.
type mutation struct {
	what     string
	message  []byte
	from, to int
}

// mutator breaks messages, one thing at a time.
type mutator struct {
	pick    func(n int) int
	types   []Name // of the contract
	message []byte
	all     []document.Node // the elements of the Body
}

// mutate breaks one element of the Body, or leaves ok unset where it has nothing
// to break.
func (m *mutator) mutate(message []byte) (mutation, bool) {
	tree, err := document.Read(message)
	if err != nil {
		return mutation{}, false
	}
	defer tree.Release()
	m.message, m.all = message, nil
	m.collect(bodyChild(tree.Root()))
	at := m.all[m.pick(len(m.all))]
	one := mutations[m.pick(len(mutations))]
	return m.apply(one, message, at)
}

func (m *mutator) collect(n document.Node) {
	m.all = append(m.all, n)
	for c := range n.Children() {
		m.collect(c)
	}
}

func bodyChild(root document.Node) document.Node {
	return root.Child(Name{Space: root.Name().Space, Local: "Body"}).FirstChild()
}

// span is where an element stands in the message.
func span(message []byte, n document.Node) (from, to int) {
	line, column := n.Position()
	from = int(newLines(message)[line-1]) + column - 1
	return from, from + len(n.Source())
}

// change is a kind of mutation: it returns the element's new text, and whether
// the fault is the parent's to have rather than the element's own.
type change struct {
	name   string
	parent bool
	apply  func(m *mutator, n document.Node, src string) (string, bool)
}

func (m *mutator) apply(one change, message []byte, n document.Node) (mutation, bool) {
	from, to := span(message, n)
	changed, ok := one.apply(m, n, string(message[from:to]))
	if !ok || one.parent && n == bodyChild(rootOf(n)) {
		return mutation{}, false
	}
	out := mutation{what: one.name + " at " + n.Path(), from: from, to: from + len(changed)}
	out.message = fmt.Appendf(nil, "%s%s%s", message[:from], changed, message[to:])
	if p := n.Parent(); p.Exists() {
		out.from, out.to = span(message, p)
		out.to += len(out.message) - len(message)
	}
	return out, true
}

// tag splits an element's text into its start tag and what follows it.
func tag(src string) (start, rest string) {
	var quote byte
	for i := range len(src) {
		switch c := src[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return src[:i+1], src[i+1:]
		}
	}
	return src, ""
}

// withAttribute adds to the start tag.
func withAttribute(src, attribute string) string {
	name := strings.IndexAny(src, " />\t\r\n")
	return src[:name] + " " + attribute + src[name:]
}

// leafValue is the place of the text of an element that has nothing else.
func leafValue(n document.Node, src string) (from, to int, ok bool) {
	start, rest := tag(src)
	if n.FirstChild().Exists() || strings.HasSuffix(start, "/>") {
		return 0, 0, false
	}
	return len(start), len(start) + strings.LastIndex(rest, "</"), true
}

var badValues = []string{"", " ", "x", "-1", "0", "1e400", "2026-13-45", "maybe", "a@b@c", "\u00e4", strings.Repeat("9", 300), "q:name", "]]", "1 x", "24:00:01", "P", "=A"}

var mutations = []change{
	{"left out", true, func(_ *mutator, _ document.Node, _ string) (string, bool) { return "", true }},
	{"twice", true, func(_ *mutator, _ document.Node, src string) (string, bool) { return src + src, true }},
	{"an unknown element before", true, func(_ *mutator, _ document.Node, src string) (string, bool) { return "<Unheard-of/>" + src, true }},
	{"an unknown element after", true, func(_ *mutator, _ document.Node, src string) (string, bool) {
		return src + `<u:x xmlns:u="urn:unheard-of">1</u:x>`, true
	}},
	{"text before", true, func(_ *mutator, _ document.Node, src string) (string, bool) { return "text" + src, true }},
	{"misspelt", true, func(_ *mutator, n document.Node, src string) (string, bool) {
		name := n.QName()
		end := "</" + name
		wrong := name + "z"
		out := "<" + wrong + src[1+len(name):]
		if i := strings.LastIndex(out, end); i >= 0 && strings.TrimSpace(out[i+len(end):]) == ">" {
			out = out[:i] + "</" + wrong + out[i+len(end):]
		}
		return out, true
	}},
	{"in another namespace", true, func(_ *mutator, n document.Node, src string) (string, bool) {
		prefix, _ := document.SplitQName(n.QName())
		if prefix == "" {
			return withAttribute(src, `xmlns="urn:other"`), !strings.Contains(src[:strings.IndexByte(src, '>')], "xmlns=")
		}
		return withAttribute(src, `xmlns:`+prefix+`="urn:other"`), !strings.Contains(src[:strings.IndexByte(src, '>')], "xmlns:"+prefix+"=")
	}},
	{"two children swapped", false, func(m *mutator, n document.Node, src string) (string, bool) {
		var all []document.Node
		for c := range n.Children() {
			all = append(all, c)
		}
		if len(all) < 2 {
			return "", false
		}
		i := m.pick(len(all) - 1)
		a, b := all[i], all[i+1]
		from, _ := span(m.message, n)
		af, at := span(m.message, a)
		bf, bt := span(m.message, b)
		return src[:af-from] + src[bf-from:bt-from] + src[at-from:bf-from] + src[af-from:at-from] + src[bt-from:], true
	}},
	{"a child of another element in it", false, func(m *mutator, n document.Node, src string) (string, bool) {
		other := m.all[m.pick(len(m.all))]
		start, rest := tag(src)
		if strings.HasSuffix(start, "/>") || other == n || len(other.Source()) > 4000 {
			return "", false
		}
		if prefix, _ := document.SplitQName(other.QName()); prefix != "" {
			if here, ok := n.NamespaceFor(prefix); !ok || here != other.Name().Space {
				return "", false
			}
		}
		return start + "<" + other.QName() + "/>" + rest, true
	}},
	{"of a type of the contract", false, func(m *mutator, n document.Node, src string) (string, bool) {
		if _, said := n.Attr(Name{Space: nsXSI, Local: "type"}); said || len(m.types) == 0 {
			return "", false
		}
		name := m.types[m.pick(len(m.types))]
		return withAttribute(src, `xmlns:ty="`+name.Space+`" xmlns:i="`+nsXSI+`" i:type="ty:`+name.Local+`"`), name.Space != ""
	}},
	{"another value", false, func(m *mutator, n document.Node, src string) (string, bool) {
		from, to, ok := leafValue(n, src)
		if !ok {
			return "", false
		}
		return src[:from] + badValues[m.pick(len(badValues))] + src[to:], true
	}},
	{"an element in it", false, func(_ *mutator, n document.Node, src string) (string, bool) {
		from, _, ok := leafValue(n, src)
		if !ok {
			return "", false
		}
		return src[:from] + "<Unheard-of/>" + src[from:], true
	}},
	{"emptied", false, func(_ *mutator, n document.Node, src string) (string, bool) {
		start, _ := tag(src)
		if strings.HasSuffix(start, "/>") {
			return "", false
		}
		return start + "</" + n.QName() + ">", true
	}},
	{"an unknown attribute", false, func(_ *mutator, _ document.Node, src string) (string, bool) {
		return withAttribute(src, `unheard-of="1"`), true
	}},
	{"an unknown attribute of a namespace", false, func(_ *mutator, _ document.Node, src string) (string, bool) {
		return withAttribute(src, `xmlns:u="urn:unheard-of" u:a="1"`), true
	}},
	{"an attribute that xsi has not", false, func(_ *mutator, _ document.Node, src string) (string, bool) {
		return withAttribute(src, `xmlns:i="`+nsXSI+`" i:unheard-of="1"`), true
	}},
	{"an attribute left out or changed", false, func(m *mutator, n document.Node, src string) (string, bool) {
		start, rest := tag(src)
		var names []string
		for name := range n.Attrs() {
			if name.Space == "" {
				names = append(names, name.Local)
			}
		}
		if len(names) == 0 {
			return "", false
		}
		name := names[m.pick(len(names))]
		i := strings.Index(start, " "+name+`="`)
		j := i + len(name) + 3
		end := j + strings.IndexByte(start[j:], '"')
		if m.pick(2) == 0 {
			return start[:i] + start[end+1:] + rest, true
		}
		return start[:j] + badValues[m.pick(len(badValues))] + start[end:] + rest, true
	}},
	{"nil", false, func(m *mutator, n document.Node, src string) (string, bool) {
		if _, said := n.Attr(Name{Space: nsXSI, Local: "nil"}); said {
			return "", false
		}
		return withAttribute(src, `xmlns:i="`+nsXSI+`" i:nil="`+[]string{"true", "1", "0", "maybe", ""}[m.pick(5)]+`"`), true
	}},
	{"of another type", false, func(m *mutator, n document.Node, src string) (string, bool) {
		if _, said := n.Attr(Name{Space: nsXSI, Local: "type"}); said {
			return "", false
		}
		return withAttribute(src, `xmlns:x="`+nsXSD+`" xmlns:i="`+nsXSI+`" i:type="`+[]string{"x:int", "x:string", "unheard-of", "x:unheard-of", "y:z", "", "a b", "x:anyType"}[m.pick(8)]+`"`), true
	}},
}
