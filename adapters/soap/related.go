package soap

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Spool is where attachments are put until it is known whether they are kept.
type Spool interface {
	Spool() (Spooled, error)
}

// Spooled is one attachment on its way in.
type Spooled interface {
	io.Writer
	gateway.Content
	Sum() (gateway.Digest, int64)
	Discard() error
}

// KeepAttachments sets where large attachments are spooled. Without it they are
// held in memory, and the core keeps none. It is called before the handler serves.
func (h *Handler) KeepAttachments(s Spool) { h.spool = s }

const (
	typeRelated = "multipart/related"
	typeXOP     = "application/xop+xml"

	// smallPart is what is held in memory of an attachment that could be spooled.
	smallPart = 64 << 10
	// maxPartHeader bounds the headers of one part, and what stands before the
	// first one.
	maxPartHeader = 32 << 10
	// readAhead is more than mime/multipart reads past what it has been asked for.
	readAhead = 16 << 10
	// maxHeldParts is what the buffers of a large message in parts take, beside its
	// root.
	maxHeldParts = 128 << 10
	// maxBoundary is what RFC 2046 §5.1.1 allows.
	maxBoundary = 70
)

// related is a message in several parts (RFC 2387): MTOM, whose root says that it
// is XOP, or SOAP with Attachments.
type related struct {
	boundary, start string
	kind            string // the type of the root, without parameters
	version         envelope.Version
	action          string
}

// readRelated judges the Content-Type of a message in parts. MTOM names the
// envelope's type in start-info, which may have parameters of its own (SOAP 1.2
// MTOM §3.2; RFC 2387 §3.3).
func readRelated(m httpdoor.MediaType) (*related, error) {
	if m.Boundary == "" || len(m.Boundary) > maxBoundary {
		return nil, fault.New(fault.CodeMediaType, "multipart/related needs a boundary of 1 to %d characters", maxBoundary)
	}
	r := &related{boundary: m.Boundary, start: contentID(m.Start), version: envelope.V11, action: m.Action}
	kind, _ := httpdoor.ParseMediaType(m.Kind)
	info, _ := httpdoor.ParseMediaType(m.StartInfo)
	r.kind = kind.Essence
	inner := kind
	if kind.Essence == typeXOP {
		inner = info
	}
	if inner.Essence == "application/soap+xml" {
		r.version = envelope.V12
	}
	for _, action := range []string{info.Action, kind.Action} {
		if r.action == "" {
			r.action = action
		}
	}
	return r, nil
}

// contentID is an id without its angle brackets.
func contentID(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.Trim(s, " \t"), "<"), ">")
}

// parcel is a message in parts that has come in.
type parcel struct {
	root        []byte
	attachments []*gateway.Attachment
	spooled     []Spooled
}

// discard gives back what was spooled and not kept.
func (p *parcel) discard() error {
	var faults []error
	for _, s := range p.spooled {
		faults = append(faults, s.Discard())
	}
	return errors.Join(faults...)
}

// unpack reads a message in parts. Once a part is read it is hashed and, if
// large, spooled: memory holds the root, and small ones. req learns what the
// root's headers say.
func (x *exchange) unpack(in *httpdoor.Intake, req *request) (p *parcel, err error) {
	p = new(parcel)
	most := x.config.attachmentLimit()
	if x.R.ContentLength > most {
		return p, in.Larger(most)
	}
	wire, err := httpdoor.Decoder(x.R.Header, http.MaxBytesReader(x.W, x.R.Body, most))
	if err != nil {
		return p, err
	}
	m := &meter{src: wire, in: in, most: most, extend: func() { x.LimitArrival(x.config.BodyTimeout) }}
	if err := x.parts(p, m, req); err != nil {
		return p, in.Judge(err)
	}
	if p.root == nil {
		return p, fault.New(fault.CodeHTTP, "the message has no part with the Content-ID %q, which start= names as its root", httpdoor.Clip(req.related.start))
	}
	return p, nil
}

func (x *exchange) parts(p *parcel, m *meter, req *request) error {
	parts := multipart.NewReader(m, req.related.boundary)
	ids := map[string]bool{}
	for number := 0; ; number++ {
		m.heading(true)
		part, err := parts.NextRawPart()
		m.heading(false)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if number > x.config.MaxParts {
			return fault.New(fault.CodeTooLarge, "the message has more than %d attachments", x.config.MaxParts)
		}
		id := contentID(part.Header.Get("Content-Id"))
		if id != "" && ids[id] {
			return fault.New(fault.CodeHTTP, "two parts of the message have the Content-ID %q", httpdoor.Clip(id))
		}
		ids[id] = true
		octets, err := transferred(part.Header, part)
		if err != nil {
			return err
		}
		if root := req.related.start; root == "" && number == 0 || root != "" && root == id {
			err = x.root(p, m.in, part.Header, octets, req)
		} else {
			err = x.attachment(p, m.in, part.Header, octets)
		}
		if err != nil {
			return err
		}
	}
	// What follows the last boundary is nobody's, and counts.
	_, err := io.Copy(io.Discard, m)
	return err
}

// transferred undoes a part's transfer encoding (RFC 2045 §6).
func transferred(h textproto.MIMEHeader, src io.Reader) (io.Reader, error) {
	switch encoding := strings.ToLower(httpdoor.TrimBlanks(h.Get("Content-Transfer-Encoding"))); encoding {
	case "", "7bit", "8bit", "binary":
		return src, nil
	case "base64":
		return &textReader{base64.NewDecoder(base64.StdEncoding, src)}, nil
	case "quoted-printable":
		return &textReader{quotedprintable.NewReader(src)}, nil
	default:
		return nil, fault.New(fault.CodeEncoding, "the Content-Transfer-Encoding %q is not taken here", httpdoor.Clip(encoding))
	}
}

// textReader tells a part that breaks its encoding apart from a body that ends.
type textReader struct{ src io.Reader }

func (r *textReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) || err != nil && strings.HasPrefix(err.Error(), "quotedprintable:") {
		err = fault.New(fault.CodeEncoding, "a part of the message is not what its Content-Transfer-Encoding says").Because(err)
	}
	return n, err
}

// root reads the envelope. Its own headers say what it is; where they are missing
// it is what the message's type parameter says.
func (x *exchange) root(p *parcel, in *httpdoor.Intake, h textproto.MIMEHeader, src io.Reader, req *request) (err error) {
	kind := h.Get("Content-Type")
	if kind == "" {
		kind = req.related.kind
	}
	m, ok := httpdoor.ParseMediaType(kind)
	inner := m.Essence
	if inner == typeXOP {
		x.optimised = true
		said, _ := httpdoor.ParseMediaType(m.Kind)
		if inner = said.Essence; inner == "" {
			inner = req.related.version.MediaType()
		}
		if req.action == "" {
			req.action = said.Action
		}
	}
	switch {
	case ok && inner == envelope.V11.MediaType():
		req.version = envelope.V11
	case ok && inner == envelope.V12.MediaType():
		req.version = envelope.V12
	default:
		return fault.New(fault.CodeMediaType, "the root of the message has the Content-Type %q; it must be text/xml, application/soap+xml or application/xop+xml", httpdoor.Clip(kind))
	}
	x.version = req.version
	if req.charset = m.Charset; req.action == "" {
		req.action = m.Action
	}
	if p.root, err = in.ReadAll(src, smallPart); p.root == nil {
		p.root = []byte{}
	}
	return err
}

// attachment reads any other part.
func (x *exchange) attachment(p *parcel, in *httpdoor.Intake, h textproto.MIMEHeader, src io.Reader) error {
	kind, _ := httpdoor.ParseMediaType(h.Get("Content-Type"))
	a := &gateway.Attachment{Part: len(p.attachments) + 1, ContentID: contentID(h.Get("Content-Id")), MediaType: h.Get("Content-Type"), Charset: kind.Charset}
	p.attachments = append(p.attachments, a)
	most := int64(x.config.MaxAttachmentBytes)
	if x.spool == nil {
		most = min(most, int64(x.config.MaxBodyBytes))
	}
	limited := &io.LimitedReader{R: src, N: most + 1}
	var spooled Spooled
	if x.spool != nil {
		var err error
		if spooled, err = x.spool.Spool(); err != nil {
			return fault.New(fault.CodeUnkept, "").Because(err)
		}
		p.spooled = append(p.spooled, spooled)
	}
	var small bytes.Buffer
	held := int64(smallPart)
	if spooled == nil {
		held = most
	}
	if err := spread(in, &small, spooled, limited, held); err != nil {
		return err
	}
	if limited.N <= 0 {
		return fault.New(fault.CodeTooLarge, "an attachment is larger than %d bytes, the most this endpoint takes", most)
	}
	if spooled == nil {
		if a.Octets = small.Bytes(); a.Octets == nil {
			a.Octets = []byte{}
		}
		a.Hash, a.Size = sha256.Sum256(a.Octets), int64(len(a.Octets))
		return nil
	}
	a.Content = spooled
	a.Beginning = small.Bytes()
	if a.Hash, a.Size = spooled.Sum(); a.Size <= held {
		a.Octets, a.Beginning = append([]byte{}, small.Bytes()...), nil
	}
	return nil
}

// spread writes what comes to the spool, when there is one, and the beginning of
// it to memory, as far as the budget of large bodies goes.
func spread(in *httpdoor.Intake, small *bytes.Buffer, spooled Spooled, src io.Reader, held int64) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := src.Read(buf)
		if keep := min(int64(n), held-int64(small.Len())); keep > 0 {
			if full := in.Place(2 * keep); full != nil { // a buffer grows by copying
				return full
			}
			small.Write(buf[:keep])
		}
		if spooled != nil {
			if _, failed := spooled.Write(buf[:n]); failed != nil {
				return fault.New(fault.CodeUnkept, "").Because(failed)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// meter bounds a message in parts: all of it, what stands between the parts, and
// the time that each of its mebibytes takes.
type meter struct {
	src    io.Reader
	in     *httpdoor.Intake
	most   int64
	read   int64
	marked int64
	placed bool
	room   int64 // for headers; negative while there is no such bound
	extend func()
}

// heading says that what is read next is no part's content.
func (m *meter) heading(begins bool) {
	if m.room = -1; begins {
		m.room = maxPartHeader + readAhead
	}
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.src.Read(p)
	m.read += int64(n)
	if m.room >= 0 {
		if m.room -= int64(n); m.room < 0 {
			return n, fault.New(fault.CodeTooLarge, "the headers of a part are larger than %d bytes", maxPartHeader)
		}
	}
	if m.read > m.most {
		return n, m.in.Larger(m.most)
	}
	if m.read > httpdoor.SmallBody && !m.placed {
		m.placed = true
		if err := m.in.Place(maxHeldParts); err != nil {
			return n, err
		}
	}
	const stretch = 1 << 20
	if m.read-m.marked >= stretch {
		m.marked = m.read
		m.extend()
	}
	return n, err
}
