package contract

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// nsXOP is the namespace of the element that stands for an attachment's octets.
const nsXOP = "http://www.w3.org/2004/08/xop/include"

// Parts are the attachments that came with a message, without its root, by
// content id, which is written without its angle brackets and not escaped
// (RFC 2392). They are read and never changed.
type Parts map[string]Attachment

// Attachment is one of them.
type Attachment struct {
	Octets []byte
	// Size counts when Octets is nil: the octets are kept elsewhere, and only their
	// number is judged.
	Size int64
}

func (p Attachment) size() int {
	if p.Octets != nil {
		return len(p.Octets)
	}
	return int(p.Size)
}

// apart reports whether the octets are not at hand.
func (p Attachment) apart() bool { return p.Octets == nil && p.Size > 0 }

// ValidateWith is ValidateFor an envelope that attachments came with (XOP 1.0 §3.2): each
// xop:Include counts as the base64Binary value of its attachment, and the facets
// of its type are judged on that. Places are those of the envelope as it came.
//
// What an xop:Include must be is a detail where it is not: alone in an element of
// type xs:base64Binary, with a cid: reference to one of the parts. Nothing is ever
// fetched. With nil parts every xop:Include is refused as one whose attachments
// did not come. A part that nothing refers to is nobody's fault. Where the
// contract itself declares the element xop:Include, it is an element like any.
func (s *Service) ValidateWith(op *Operation, envelope []byte, parts Parts, limit int) (details []fault.Detail, more int, err error) {
	if err := crowded(envelope); err != nil {
		return nil, 0, err
	}
	if !mentionsXOP(envelope) {
		return s.validate(op, envelope, limit)
	}
	tree, err := document.Read(envelope)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	defer tree.Release()
	if err := notEnvelope(tree.Root()); err != nil {
		return nil, 0, err
	}
	a := &attached{explainer: explainer{service: s, operation: op}, source: envelope, parts: parts}
	a.walk(tree.Root())
	if a.unlike {
		return nil, 0, fault.New(fault.CodeTooLarge, "an attachment is too large to be held against the contract's pattern or enumeration")
	}
	if a.size >= maxStandIns {
		return nil, 0, fault.New(fault.CodeTooLarge, "the values of the message's attachments come to more than %d bytes", maxStandIns)
	}
	if details, more, err = s.validate(op, a.logical(), 0); err != nil {
		return nil, 0, a.relocated(err)
	}
	for _, d := range details {
		a.details = append(a.details, a.restored(d))
	}
	a.more += more
	details, more = a.limited(limit)
	return details, more, nil
}

// mentionsXOP is the quick look that spares all others the rest.
func mentionsXOP(message []byte) bool { return bytes.Contains(message, []byte(nsXOP)) }

// attached makes the logical form of a message, in which text stands for each
// xop:Include. That text is no longer than the element wherever it can be, and
// filled up with blanks, so that places stay.
type attached struct {
	explainer
	source []byte
	parts  Parts
	edits  []substitution
	size   int  // of all text put in
	unlike bool // text would be looked at that is not at hand
}

// substitution is text in the place of one xop:Include.
type substitution struct {
	from, to int    // of the element, in the source
	text     []byte // what stands there instead
	// line is where the element ends; from column on, after the text, the rest
	// of it is shifted by that many bytes.
	line, column, shift int
}

func (a *attached) walk(n document.Node) {
	for c := range n.Children() {
		if c.Name() == (Name{Space: nsXOP, Local: "Include"}) && !a.declares(n) {
			a.include(n, c)
			continue
		}
		a.walk(c)
	}
}

// declares reports whether the contract has xop:Include among the children of n.
func (a *attached) declares(n document.Node) bool {
	t := a.typeOf(n)
	if t == nil {
		return false
	}
	_, ok := t.Child(Name{Space: nsXOP, Local: "Include"})
	return ok
}

// typeOf returns the type that an element has by the contract, or nil.
func (a *attached) typeOf(n document.Node) *Type {
	if t := a.namedType(n); t != nil {
		return t
	}
	if el := a.declaration(n); el != nil {
		return el.Type
	}
	return nil
}

// include judges one xop:Include and puts text in its place.
func (a *attached) include(parent, n document.Node) {
	s := octetType(a.typeOf(parent))
	part, wrong := a.part(n)
	switch {
	case wrong.Message != "":
		a.report(n, wrong)
	case parent.FirstChild() != n || n.NextSibling().Exists() || parent.HasText():
		a.report(n, fault.Detail{Message: "xop:Include is not alone in its element", Found: quoted(n) + " beside other content", Expected: quoted(n) + " and nothing else"})
	case s == nil && !a.service.gated && !a.anything(parent):
		a.report(n, fault.Detail{Message: "an attachment cannot stand here", Found: quoted(n), Expected: a.expectedText(parent)})
	case s != nil && part.apart() && lookedAt(s):
		a.unlike = true
	case s != nil:
		a.judgeOctets(parent, s, part.size())
	}
	if a.size < maxStandIns {
		a.replace(n, standIn(s, part.Octets))
	}
}

// lookedAt reports whether a value's text is judged, not its length alone.
func lookedAt(s *Simple) bool { return len(s.Enumeration) > 0 || len(s.Patterns) > 0 }

// part finds the attachment of an xop:Include.
func (a *attached) part(n document.Node) (part Attachment, wrong fault.Detail) {
	href, ok := n.Attr(Name{Local: "href"})
	id, isCID := ContentID(href)
	switch {
	case !ok:
		return part, fault.Detail{Message: "xop:Include names no attachment", Found: quoted(n) + " without href", Expected: `href="cid:…" with the Content-ID of an attachment`}
	case !isCID:
		return part, fault.Detail{Message: "xop:Include refers to something other than an attachment, and nothing is ever fetched", Found: quote(href), Expected: "cid: and the Content-ID of an attachment"}
	case a.parts == nil:
		return part, fault.Detail{Message: "the message refers to an attachment, and no attachments came with it", Found: quote(href), Expected: "the value itself, in base64"}
	}
	part, ok = a.parts[id]
	if !ok {
		return part, fault.Detail{Message: "the message refers to an attachment that did not come with it", Found: quote(href), Expected: a.attachments()}
	}
	return part, wrong
}

// ContentID returns the content id that a cid: URL names (RFC 2392 §2).
func ContentID(href string) (string, bool) {
	href = strings.Trim(href, " \t\r\n")
	if len(href) < 5 || !strings.EqualFold(href[:4], "cid:") {
		return "", false
	}
	id := href[4:]
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	return id, true
}

// attachments lists the content ids there are.
func (a *attached) attachments() string {
	if len(a.parts) == 0 {
		return "no attachment at all"
	}
	ids := make([]string, 0, len(a.parts))
	for id := range a.parts {
		ids = append(ids, shorten(id))
	}
	slices.Sort(ids)
	if len(ids) == 1 {
		return "cid:" + ids[0]
	}
	return "cid: and one of " + listed(ids)
}

// octetType returns a type's simple type when its values are octets in base64.
func octetType(t *Type) *Simple {
	if t == nil || t.Simple == nil || t.Simple.Variety != Atomic || t.Simple.Primitive != "base64Binary" {
		return nil
	}
	return t.Simple
}

// anything reports whether an element's type takes whatever there is, or is not
// known at all: the attachment's base64 is text among others there.
func (a *attached) anything(n document.Node) bool {
	t := a.typeOf(n)
	if t == nil {
		return !isEnvelopePart(n)
	}
	return t.Name == xsdName("anyType") || t.Simple != nil && t.Simple.Builtin == "anySimpleType"
}

func (a *attached) expectedText(n document.Node) string {
	el := a.declaration(n)
	if el == nil {
		return "what the contract declares here"
	}
	if t := a.namedType(n); t != nil && t.Simple != nil {
		return t.Simple.Describe()
	}
	return a.typeWords(n, el)
}

// judgeOctets judges the facets of length, for which the octets need no text.
func (a *attached) judgeOctets(parent document.Node, s *Simple, n int) {
	if reason := s.checkLength(n, "byte"); reason != "" {
		d := fault.Detail{Message: "the attachment " + reason, Found: "an attachment of " + count(n, "byte"), Expected: s.Describe()}
		if el := a.declaration(parent); el != nil {
			d.Doc = el.doc()
		}
		a.report(parent, d)
	}
}

// standIn is the text that the engine sees: the value itself where a pattern or
// an enumeration looks at it, else the shortest that the facets of length take.
func standIn(s *Simple, octets []byte) []byte {
	if s == nil {
		return nil
	}
	if lookedAt(s) {
		return base64.StdEncoding.AppendEncode(nil, octets)
	}
	n := 0
	switch {
	case s.Length != nil:
		n = *s.Length
	case s.MinLength != nil:
		n = *s.MinLength
	}
	// What is past the engine's largest token need not be that long: it is refused.
	return base64.StdEncoding.AppendEncode(nil, make([]byte, min(n, maxStandIn)))
}

// maxStandIn is more octets than the engine takes in one value; maxStandIns is
// how much text may stand for all attachments of a message.
const (
	maxStandIn  = 8 << 20
	maxStandIns = 32 << 20
)

// replace notes text for one element, padded to its length and its lines.
func (a *attached) replace(n document.Node, text []byte) {
	from, _, _, to := n.Span()
	old := a.source[from:to]
	e := substitution{from: from, to: to}
	e.line, e.column = endOf(n, old)
	if e.text = append(blank(old), text...); !bytes.ContainsAny(old, "\r\n") {
		e.text = append(text, blank(old[min(len(old), len(text)):])...)
	}
	e.shift = len(e.text) - len(old)
	a.size += len(text)
	a.edits = append(a.edits, e)
}

// endOf returns the line and column after an element written as src.
func endOf(n document.Node, src []byte) (line, column int) {
	line, column = n.Position()
	starts := newLines(src)
	if last := len(starts) - 1; last > 0 {
		return line + last, len(src) - int(starts[last]) + 1
	}
	return line, column + len(src)
}

// logical is the message with all edits made.
func (a *attached) logical() []byte {
	var out []byte
	at := 0
	for _, e := range a.edits {
		out = append(append(out, a.source[at:e.from]...), e.text...)
		at = e.to
	}
	return append(out, a.source[at:]...)
}

// restored moves a detail of the logical message to its place in the source.
func (a *attached) restored(d fault.Detail) fault.Detail {
	shift, moved := 0, 0
	for _, e := range a.edits {
		if e.line != d.Line {
			continue
		}
		if shift += e.shift; d.Column >= e.column+shift {
			moved = shift
		}
	}
	d.Column -= moved
	if value, padded := strings.CutSuffix(strings.TrimSuffix(d.Found, `"`), "…"); padded && strings.HasSuffix(value, "  ") {
		d.Found = strings.TrimRight(value, " ") + `"`
	}
	return d
}

func (a *attached) relocated(err error) error {
	f := fault.Of(err)
	for i := range f.Details {
		f.Details[i] = a.restored(f.Details[i])
	}
	return f
}
