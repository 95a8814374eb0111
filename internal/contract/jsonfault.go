package contract

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// complaints are why a JSON text is no twin.
type complaints struct {
	list    []complaint
	more    int             // past maxDetails
	faulty  map[string]bool // pointers to values that the XML does not have as they are
	wrapped bool            // the element's name is a key of the text
}

// complaint is a detail and the offset that it is about.
type complaint struct {
	fault.Detail
	at int
}

// complain adds what say has to say of the text at an offset; past maxDetails it is
// only counted.
func (c *complaints) complain(at int, say func() fault.Detail) {
	if len(c.list) >= maxDetails {
		c.more++
		return
	}
	c.list = append(c.list, complaint{say(), at})
}

// refuse complains about a value that the XML will lack, in whole or in part.
func (c *jsonConverter) refuse(id int32, at int, say func() fault.Detail) {
	c.complain(at, func() fault.Detail {
		d, whole := say(), c.pointer(id)
		if d.Path == "" {
			d.Path = whole
		}
		if c.faulty == nil {
			c.faulty = map[string]bool{}
		}
		c.faulty[whole] = true
		return d
	})
}

// answersFor reports whether a value, or one that it is part of, is complained
// about already.
func (c *complaints) answersFor(pointer string) bool {
	for {
		if c.faulty[pointer] {
			return true
		}
		i := strings.LastIndexByte(pointer, '/')
		if i < 0 {
			return false
		}
		pointer = pointer[:i]
	}
}

// details are the complaints with their places.
func (c *jsonConverter) details() []fault.Detail {
	lines := newLines(c.src)
	out := make([]fault.Detail, len(c.list))
	for i, one := range c.list {
		out[i] = one.Detail
		out[i].Line, out[i].Column = lines.position(one.at)
	}
	return out
}

// wrongKind complains about a value of the wrong kind.
func (c *jsonConverter) wrongKind(id int32, wanted func() string, doc string) {
	c.refuse(id, c.at(id), func() fault.Detail {
		return fault.Detail{Message: "the JSON value is of the wrong kind", Found: c.found(id), Expected: wanted(), Doc: doc}
	})
}

// wanted says in words which JSON value the element takes.
func (e *Element) wanted() string {
	t := e.Type
	switch {
	case t.valueOnly():
		return t.Simple.wanted()
	case t.Mixed && len(t.Children()) == 0:
		return "a string"
	case t.Mixed:
		return "a string, or an object with " + keyWords(t)
	}
	return "an object with " + keyWords(t)
}

// keyWords lists the keys of a type's objects.
func keyWords(t *Type) string {
	keys := keysOf(t)
	switch len(keys) {
	case 0:
		return "no keys"
	case 1:
		return "the key " + keys[0]
	}
	return "the keys " + listed(keys)
}

func keysOf(t *Type) []string {
	l := t.layout()
	keys := slices.Clone(l.attributes)
	for _, s := range l.slots {
		if !s.element.Abstract {
			keys = append(keys, s.key)
		}
	}
	if t.Simple != nil {
		keys = append(keys, keyValue)
	}
	return keys
}

// unknownKey complains about a key that the type has no use for.
func (m *jsonMembers) unknownKey(at int32) {
	m.complain(m.keyAt(at), func() fault.Detail {
		key := string(m.key(at))
		return fault.Detail{Message: m.whyUnknown(key), Path: m.pointer(at), Found: quote(key), Expected: keyWords(m.t)}
	})
}

func (m *jsonMembers) whyUnknown(key string) string {
	attribute := strings.HasPrefix(key, "@")
	switch near := config.Nearest(key, keysOf(m.t)); {
	case m.id == 0 && key == m.rootName:
		m.wrapped = true
		return "the text is the content of " + key + " already; it does not repeat that name"
	case near != "":
		return "the key is not known here; did you mean " + strconv.Quote(near) + "?"
	case attribute && m.t.AnyAttr:
		return "the contract allows any attribute here, but those that it does not name cannot be sent as JSON"
	case !attribute && m.t.Open():
		return "the contract allows any element here, but those that it does not name cannot be sent as JSON"
	}
	return "the key is not known here"
}

// found says in words what a value is.
func (t *jsonText) found(id int32) string {
	v := &t.values[id]
	switch raw := t.src[v.start:v.end]; v.kind {
	case jsonObject:
		return "an object"
	case jsonArray:
		return "an array"
	case jsonString:
		return quote(string(raw))
	case jsonNumber:
		return "the number " + shorten(string(raw))
	default:
		return string(raw)
	}
}

// at is the offset at which a value begins; that of a string is its quote.
func (t *jsonText) at(id int32) int {
	v := &t.values[id]
	if v.kind == jsonString {
		return int(v.start) - 1
	}
	return int(v.start)
}

// keyAt is the offset of a member's key.
func (t *jsonText) keyAt(id int32) int { return int(t.values[id].key) - 1 }

// pointer returns the JSON Pointer of a value (RFC 6901); keys longer than any
// of a contract are cut.
func (t *jsonText) pointer(id int32) string {
	return string(t.appendPointer(nil, id))
}

func (t *jsonText) appendPointer(dst []byte, id int32) []byte {
	v := &t.values[id]
	if v.parent == none {
		return dst
	}
	dst = append(t.appendPointer(dst, v.parent), '/')
	if t.values[v.parent].kind == jsonArray {
		return strconv.AppendInt(dst, int64(v.index), 10)
	}
	return append(dst, pointerEscapes.Replace(cut(string(t.key(id))))...)
}

// pointerEscapes is RFC 6901 §3.
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// cut shortens a key that no contract has.
func cut(key string) string {
	if len(key) <= 1024 {
		return key
	}
	return shorten(key)
}
