package envelope

import (
	"bytes"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Unpacked is an envelope made of one whose Body was a manifest: the same header,
// and the message itself in the Body.
type Unpacked struct {
	XML []byte

	header, message piece
	places          *document.Origin // of the message's own part
}

// piece is an element that stands elsewhere than it came.
type piece struct {
	line, column         int // where it stands
	wasLine, wasColumn   int // where it stood
	tag, grown           int // columns before which nothing was added, and how many were
	lastLine, lastColumn int // where it ends
}

// Unpack puts the document that a message consists of in the place of the
// manifest. src is the envelope that x was read from, and message the document, in
// UTF-8; places tells where its places stood in the bytes received. Nothing that
// src declares holds in message. The error is a *fault.Error with places of
// message.
func (x *Exchange) Unpack(src, message []byte, places *document.Origin) (*Unpacked, error) {
	outer, err := document.Read(src)
	if err != nil {
		return nil, syntaxFault(err)
	}
	defer outer.Release()
	u := &Unpacked{places: places}
	root, err := u.message.rootOf(message)
	if err != nil {
		return nil, err
	}
	dst := appendOpening(make([]byte, 0, len(src)+len(message)), V11)
	if header, _ := Parts(outer); header.Exists() {
		u.header.wasLine, u.header.wasColumn = header.Position()
		standalone := document.AppendStandalone(nil, header)
		u.header.tag, u.header.grown = 1+len(header.QName()), len(standalone)-len(header.Source())
		dst = u.header.put(dst, standalone)
	}
	dst = u.message.put(append(dst, "<soap:Body>"...), root)
	u.XML = append(dst, "</soap:Body></soap:Envelope>"...)
	return u, nil
}

// rootOf returns the root element of a document and notes where it stands. The
// whole of the document is looked at, and no tree is made of it.
func (p *piece) rootOf(message []byte) ([]byte, error) {
	s := document.NewScanner(message, document.Limits{})
	var begin, after, depth int
	for {
		kind, err := s.Next()
		if err != nil {
			return nil, messageFault(err)
		}
		switch kind {
		case document.StartElement:
			if depth++; depth == 1 {
				begin, _ = s.Span()
				p.wasLine, p.wasColumn = s.Position()
			}
		case document.EndElement:
			if depth--; depth == 0 {
				_, after = s.Span()
			}
		case document.EndDocument:
			return message[begin:after], nil
		}
	}
}

// messageFault is what is wrong with a document that is the message itself.
func messageFault(err error) error {
	f := fault.Of(syntaxFault(err))
	if f.Code == fault.CodeHeadTooLarge {
		f = fault.New(fault.CodeTooLarge, "").With(f.Details...)
	}
	return f
}

// put appends an element and notes where.
func (p *piece) put(dst, element []byte) []byte {
	p.line, p.column = end(dst)
	dst = append(dst, element...)
	p.lastLine, p.lastColumn = end(dst)
	return dst
}

// end is the position that follows a text.
func end(text []byte) (line, column int) {
	return bytes.Count(text, []byte("\n")) + 1, len(text) - bytes.LastIndexByte(text, '\n')
}

// Locate puts a detail found in XML where it is in what was received.
func (u *Unpacked) Locate(d fault.Detail) fault.Detail {
	if u.header.holds(d) {
		return u.header.moved(d)
	}
	if u.message.holds(d) {
		d = u.message.moved(d)
		d.Column = u.places.Column(d.Line, d.Column)
	}
	return d
}

func (p *piece) holds(d fault.Detail) bool {
	after := d.Line > p.line || d.Line == p.line && d.Column >= p.column
	before := d.Line < p.lastLine || d.Line == p.lastLine && d.Column < p.lastColumn
	return after && before
}

func (p *piece) moved(d fault.Detail) fault.Detail {
	if d.Line == p.line {
		offset := d.Column - p.column
		if offset >= p.tag {
			offset = max(p.tag, offset-p.grown)
		}
		d.Column = p.wasColumn + offset
	}
	d.Line += p.wasLine - p.line
	return d
}
