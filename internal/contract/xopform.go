package contract

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Written is a message with its attachments written out: the form that is read,
// mapped and kept. The zero value of everything but XML says that it is the
// message as it came.
type Written struct {
	XML    []byte
	source []byte
	edits  []rewording
}

// rewording is one place of a message that is written otherwise.
type rewording struct {
	from, to int // in the source
	text     []byte
}

// Inline returns a message with each xop:Include replaced by the base64 of its
// attachment (XOP 1.0 §3.2). It is for messages that ValidateWith has found
// nothing wrong with. The result is the message itself when it has no
// xop:Include; past max bytes, and for octets that are not at hand, the error is
// a *fault.Error of kind too_large.
func Inline(message []byte, parts Parts, max int) ([]byte, error) {
	w, err := Write(message, parts, nil, max)
	if err != nil {
		return nil, err
	}
	return w.XML, nil
}

// Write returns a message with its attachments written out. An xop:Include whose
// attachment has a name is replaced by a reference, cid: and that name; any other
// by the base64 of its attachment. References elsewhere in the message (SOAP with
// Attachments, WS-I Attachments Profile 1.0 §4.4) to parts that have names are
// written with those, so that a message says the same however its sender named
// its parts. It is for messages that ValidateWith has found nothing wrong with.
// Past max bytes, and for octets that are not at hand, the error is a
// *fault.Error of kind too_large.
func Write(message []byte, parts Parts, names map[string]string, max int) (*Written, error) {
	if len(parts) == 0 || !bytes.Contains(message, []byte("cid:")) && !mentionsXOP(message) {
		return &Written{XML: message}, nil
	}
	tree, err := document.Read(message)
	if err != nil {
		return nil, unreadable(err)
	}
	defer tree.Release()
	w := writing{message: message, parts: parts, names: names, size: len(message), max: max}
	if err := w.walk(tree.Root()); err != nil {
		return nil, err
	}
	w.refer(w.at, len(message))
	return w.written(), nil
}

// Included tells which content ids the xop:Include elements of a message name.
func Included(message []byte) (map[string]bool, error) {
	if !mentionsXOP(message) {
		return nil, nil
	}
	tree, err := document.Read(message)
	if err != nil {
		return nil, unreadable(err)
	}
	defer tree.Release()
	found := map[string]bool{}
	collectIncluded(found, tree.Root())
	return found, nil
}

func collectIncluded(found map[string]bool, n document.Node) {
	for c := range n.Children() {
		if c.Name() != (Name{Space: nsXOP, Local: "Include"}) {
			collectIncluded(found, c)
			continue
		}
		href, _ := c.Attr(Name{Local: "href"})
		if id, ok := ContentID(href); ok {
			found[strings.Clone(id)] = true
		}
	}
}

// writing collects the edits of one message, in its order.
type writing struct {
	message []byte
	parts   Parts
	names   map[string]string
	edits   []rewording
	at      int // how far the message was looked through for references
	size    int
	max     int
}

func (w *writing) walk(n document.Node) error {
	for c := range n.Children() {
		if c.Name() != (Name{Space: nsXOP, Local: "Include"}) {
			if err := w.walk(c); err != nil {
				return err
			}
			continue
		}
		if err := w.include(c); err != nil {
			return err
		}
	}
	return nil
}

// include replaces one xop:Include, unless it is an element that the contract
// declares.
func (w *writing) include(n document.Node) error {
	href, _ := n.Attr(Name{Local: "href"})
	id, isCID := ContentID(href)
	part, known := w.parts[id]
	if !isCID || !known {
		return nil
	}
	from, _, _, to := n.Span()
	w.refer(w.at, from)
	w.at = to
	if name := w.names[id]; name != "" {
		w.edits = append(w.edits, rewording{from, to, []byte("cid:" + name)})
		return nil
	}
	if w.size += base64.StdEncoding.EncodedLen(part.size()); w.size > w.max || part.apart() {
		return fault.New(fault.CodeTooLarge, "the message is larger than %d bytes with its attachments written out", w.max)
	}
	w.edits = append(w.edits, rewording{from, to, base64.StdEncoding.AppendEncode(nil, part.Octets)})
	return nil
}

// refer renames the references between two places. One ends where an attribute's
// value or a text does, or with a blank.
func (w *writing) refer(from, to int) {
	for from < to && len(w.names) > 0 {
		i := bytes.Index(w.message[from:to], []byte("cid:"))
		if i < 0 {
			return
		}
		from += i
		end := from + len("cid:")
		for end < to && !strings.ContainsRune("\"'<> \t\r\n", rune(w.message[end])) {
			end++
		}
		if name := w.names[plainID(string(w.message[from+len("cid:"):end]))]; name != "" {
			w.edits = append(w.edits, rewording{from, end, []byte("cid:" + name)})
		}
		from = end
	}
}

// plainID is a content id as it stands in a message: without the escapes of XML
// and of URLs (RFC 2392 §2).
func plainID(s string) string {
	s = plainText.Replace(s)
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

var plainText = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'")

func (w *writing) written() *Written {
	if len(w.edits) == 0 {
		return &Written{XML: w.message}
	}
	out, at := make([]byte, 0, w.size), 0
	for _, e := range w.edits {
		out = append(append(out, w.message[at:e.from]...), e.text...)
		at = e.to
	}
	return &Written{XML: append(out, w.message[at:]...), source: w.message, edits: w.edits}
}

// Changed reports whether anything is written otherwise than it came.
func (w *Written) Changed() bool { return len(w.edits) > 0 }

// Locate translates a detail about XML into one about the message as it came.
func (w *Written) Locate(d fault.Detail) fault.Detail {
	if d.Line < 1 || len(w.edits) == 0 {
		return d
	}
	at := offsetOf(w.XML, d.Line, d.Column)
	shift := 0
	for _, e := range w.edits {
		if at < e.from+shift {
			break
		}
		if at < e.from+shift+len(e.text) { // within what was put in
			at = e.from + shift
			break
		}
		shift += len(e.text) - (e.to - e.from)
	}
	d.Line, d.Column = newLines(w.source).position(min(at-shift, len(w.source)))
	return d
}

// offsetOf is where a line's column stands.
func offsetOf(text []byte, line, column int) int {
	starts := newLines(text)
	if line > len(starts) {
		return len(text)
	}
	return min(int(starts[line-1])+column-1, len(text))
}
