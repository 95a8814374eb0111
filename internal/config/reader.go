package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader turns the parser's tree into nodes and collects what is refused.
type reader struct {
	file   string
	origin *origin
	faults Faults
}

func (r *reader) refuse(n ast.Node, path, message string) *Node {
	f := fault(r.file, n.GetToken(), message)
	f.Path = path
	r.faults = append(r.faults, f)
	return r.node(Null, n.GetToken(), path)
}

func (r *reader) node(k Kind, tk *token.Token, path string) *Node {
	f := fault(r.file, tk, "")
	return &Node{Kind: k, File: r.file, Line: max(f.Line, 1), Column: max(f.Column, 1), origin: r.origin, path: path}
}

func (r *reader) document(f *ast.File) *Node {
	var root *Node
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if root != nil {
			r.refuse(d.Body, "", "a file holds one document; this is a second one")
			break
		}
		root = r.value(d.Body, "")
	}
	if root == nil {
		root = r.node(Null, nil, "")
	}
	return root
}

func (r *reader) value(n ast.Node, path string) *Node {
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(n.GetToken(), n.Values, path)
	case *ast.MappingValueNode:
		return r.mapping(n.GetToken(), []*ast.MappingValueNode{n}, path)
	case *ast.SequenceNode:
		return r.list(n, path)
	case *ast.LiteralNode:
		return r.block(n, path)
	case *ast.AnchorNode, *ast.AliasNode:
		return r.refuse(n, path, "anchors and aliases are not allowed; write the value where it is used")
	case *ast.TagNode:
		return r.refuse(n, path, "tags are not allowed")
	case *ast.DirectiveNode:
		return r.refuse(n, path, "directives are not allowed")
	case *ast.MappingKeyNode:
		return r.refuse(n, path, "a key without a value")
	case ast.ScalarNode:
		return r.scalar(n.GetToken(), path)
	case nil:
		return r.node(Null, nil, path)
	}
	return r.refuse(n, path, "this is not a value")
}

// mapping reads a map. Its place is that of its first key, or of its brace.
func (r *reader) mapping(tk *token.Token, values []*ast.MappingValueNode, path string) *Node {
	m := r.node(Map, tk, path)
	first := make(map[string]*Node, len(values))
	for _, v := range values {
		key := r.key(v.Key, path)
		if key == nil {
			continue
		}
		key.path = joinPath(path, key.text)
		if before := first[key.text]; before != nil {
			r.faults = append(r.faults, key.Fault("the key %q is given twice; first in line %d", key.text, before.Line))
			continue
		}
		first[key.text] = key
		m.entries = append(m.entries, Entry{Key: key.text, KeyNode: key, Value: r.value(v.Value, key.path)})
	}
	if len(m.entries) > 0 && tk.Type != token.MappingStartType {
		m.Line, m.Column = m.entries[0].KeyNode.Line, m.entries[0].KeyNode.Column
	}
	return m
}

// key reads a key; nil when it is refused.
func (r *reader) key(k ast.MapKeyNode, path string) *Node {
	switch k := k.(type) {
	case *ast.MergeKeyNode:
		r.refuse(k, path, "merge keys are not allowed; write the keys where they are used")
		return nil
	case *ast.AnchorNode, *ast.AliasNode:
		r.refuse(k, path, "anchors and aliases are not allowed")
		return nil
	case *ast.TagNode:
		r.refuse(k, path, "tags are not allowed")
		return nil
	case *ast.MappingKeyNode:
		r.refuse(k, path, `a key is written "key: value", without a question mark`)
		return nil
	}
	n := r.scalar(k.GetToken(), path)
	if n.Kind == Null { // a key spelled null or ~ is that word
		n.Kind, n.typ, n.text = Scalar, String, k.GetToken().Value
	}
	return n
}

func (r *reader) list(s *ast.SequenceNode, path string) *Node {
	l := r.node(List, s.GetToken(), path)
	l.items = make([]*Node, len(s.Values))
	for i, v := range s.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		if text, first := joined(v); first != nil {
			l.items[i] = r.scalar(first, at)
			l.items[i].text, l.items[i].typ = text, String
			continue
		}
		l.items[i] = r.value(v, at)
	}
	return l
}

// joined undoes a mistake of the parser: in a flow list it takes plain text
// with a colon inside, such as ldaps://dc1:636, for a map of one key, although a
// colon ends a key only before a blank (YAML 1.2.2 §7.3.3). It returns the text
// and its first token, or nil when v is something else.
func joined(v ast.Node) (string, *token.Token) {
	m, ok := v.(*ast.MappingNode)
	if !ok || len(m.Values) != 1 || m.GetToken().Type == token.MappingStartType {
		return "", nil
	}
	pair := m.Values[0]
	if _, scalar := pair.Value.(ast.ScalarNode); !scalar {
		return "", nil
	}
	key, colon, value := pair.Key.GetToken(), pair.Start, pair.Value.GetToken()
	adjacent := colon.Position.Line == value.Position.Line && colon.Position.Column+1 == value.Position.Column
	if !adjacent || quoted(key) || quoted(value) {
		return "", nil
	}
	return key.Value + ":" + value.Value, key
}

func quoted(tk *token.Token) bool {
	return tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType
}

func (r *reader) block(n *ast.LiteralNode, path string) *Node {
	b := r.node(Scalar, n.Start, path)
	b.style, b.text = Block, n.Value.Value
	return b
}

func (r *reader) scalar(tk *token.Token, path string) *Node {
	s := r.node(Scalar, tk, path)
	s.text = tk.Value
	switch tk.Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		s.style = Quoted
	default:
		s.typ = coreType(s.text)
	}
	if s.typ == NullType {
		s.Kind = Null
	}
	return s
}

var (
	intForm   = regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`)
	floatForm = regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// coreType is the tag resolution of the core schema (YAML 1.2.2 §10.3.2). The
// parser's own would take 1_000, 0b1 and 007 as numbers.
func coreType(text string) Type {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return NullType
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Bool
	}
	switch {
	case intForm.MatchString(text):
		return Int
	case floatForm.MatchString(text):
		return Float
	}
	return String
}

// joinPath adds a key to a path; a key that would be read as several is quoted.
func joinPath(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]\" ") {
		key = fmt.Sprintf("%q", key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
