package contract

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// editable is a file of a contract as a tree that can be changed.
//
// Two things would not survive the way through etree: character references,
// which it resolves and writes as the bare character, so that a line break in a
// pattern would become a blank; and names that only the fifth edition of XML 1.0
// allows, which it refuses. Both stand in the tree as a mark of plain letters
// and are put back when it is written.
type editable struct {
	doc  *etree.Document
	mark string // occurs nowhere in the file itself
}

// parseEditable parses a well-formed file in UTF-8.
func parseEditable(src []byte) (*editable, error) { return parseMarked(src, absent(src, "_x")) }

// parseMarked is parseEditable with a mark that occurs in no file that parts will be
// exchanged with.
func parseMarked(src []byte, mark string) (*editable, error) {
	e := &editable{doc: etree.NewDocument(), mark: mark}
	e.doc.ReadSettings.PreserveCData = true
	src = bytes.TrimPrefix(src, []byte(byteOrderMark))
	if refused := refusedInNames(src); len(refused) > 0 || bytes.Contains(src, []byte("&#")) {
		src = e.disguise(src, refused)
	}
	if err := e.doc.ReadFromBytes(src); err != nil {
		return nil, err
	}
	return e, nil
}

// absent returns a name that begins with stem and occurs nowhere in src.
func absent(src []byte, stem string) string {
	for i := 0; ; i++ {
		if name := fmt.Sprintf("%s%d_", stem, i); !bytes.Contains(src, []byte(name)) {
			return name
		}
	}
}

// refusedInNames returns the characters of src that encoding/xml, whose tables
// are those of the fourth edition, does not take in a name.
func refusedInNames(src []byte) map[rune]bool {
	var out map[rune]bool
	known := map[rune]bool{}
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		i += size
		if r < utf8.RuneSelf || known[r] {
			continue
		}
		known[r] = true
		if _, err := xml.NewDecoder(strings.NewReader("<a" + string(r) + "/>")).RawToken(); err != nil {
			if out == nil {
				out = map[rune]bool{}
			}
			out[r] = true
		}
	}
	return out
}

// disguise puts marks in the place of some characters, and of the beginnings of
// character references.
func (e *editable) disguise(src []byte, refused map[rune]bool) []byte {
	out := make([]byte, 0, len(src)+len(src)/8)
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		switch {
		case r == '&' && bytes.HasPrefix(src[i:], []byte("&#")):
			out = append(append(out, e.mark...), "r_"...)
			size = len("&#")
		case refused[r]:
			out = fmt.Appendf(append(out, e.mark...), "%x_", r)
		default:
			out = append(out, src[i:i+size]...)
		}
		i += size
	}
	return out
}

// reveal puts back what the marks in a text stand for.
func (e *editable) reveal(text []byte) []byte {
	if !bytes.Contains(text, []byte(e.mark)) {
		return text
	}
	return regexp.MustCompile(e.mark+"(r|[0-9a-f]+)_").ReplaceAllFunc(text, func(found []byte) []byte {
		code := string(found[len(e.mark) : len(found)-1])
		if code == "r" {
			return []byte("&#")
		}
		r, err := strconv.ParseUint(code, 16, 32)
		if err != nil {
			return found
		}
		return utf8.AppendRune(nil, rune(r))
	})
}

// value returns an attribute without a prefix with nothing in it marked, or "".
func (e *editable) value(n *etree.Element, local string) string {
	v := plain(n, local)
	if !strings.Contains(v, e.mark) {
		return v
	}
	references := regexp.MustCompile(e.mark + "r_x?[0-9a-fA-F]+;")
	v = references.ReplaceAllStringFunc(v, func(found string) string {
		return html.UnescapeString("&#" + found[len(e.mark)+len("r_"):])
	})
	return string(e.reveal([]byte(v)))
}

// bytes writes the tree.
func (e *editable) bytes() ([]byte, error) {
	out, err := e.doc.WriteToBytes()
	return e.reveal(out), err
}

// plain returns an attribute without a prefix, or "".
func plain(n *etree.Element, local string) string {
	v, _ := attributeOf(n, "", local)
	return v
}

// attributeOf returns the attribute with that prefix; etree's own look-up takes any
// prefix for none.
func attributeOf(n *etree.Element, prefix, local string) (string, bool) {
	for i := range n.Attr {
		if n.Attr[i].Space == prefix && n.Attr[i].Key == local {
			return n.Attr[i].Value, true
		}
	}
	return "", false
}

// is reports whether an element has that expanded name.
func is(n *etree.Element, name Name) bool {
	return n.Tag == name.Local && n.NamespaceURI() == name.Space
}
