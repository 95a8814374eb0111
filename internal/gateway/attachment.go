package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/encoded"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Attachment is what came with a message beside its envelope: a part of MTOM or
// of SOAP with Attachments.
type Attachment struct {
	Part      int    // its place in the message, from 1
	ContentID string // without angle brackets; empty when it has none
	MediaType string // as sent
	Charset   string // the parameter of MediaType; empty when it has none
	Size      int64
	Hash      Digest // of its octets
	Octets    []byte // nil when they are in Content alone
	Beginning []byte // the first of them, 64 KiB or more, when Octets is nil
	Content   Content
}

// Content is where the octets of one attachment are until it is known whether
// the message is taken, and afterwards, when it is.
type Content interface {
	// Octets reads all of them.
	Octets() ([]byte, error)
	// Keep has them outlive the process, under their hash. It is called before the
	// message that refers to them is committed; when that is not, they are swept.
	Keep(ctx context.Context) error
}

// Blobs is where the octets of attachments are kept, by hash. It is safe for
// concurrent use, also by several processes.
type Blobs interface {
	// Content returns the octets that a message was stored with. Nothing is read.
	Content(hash Digest) Content
	// Sweep removes what has not been kept anew for some time and what referred
	// does not return; it returns how many. Nothing that is kept while it runs, or
	// was shortly before, is removed.
	Sweep(ctx context.Context, referred func(context.Context, []Digest) (map[Digest]bool, error)) (removed int, err error)
}

// Attached is the part of the store that knows which blobs are referred to.
type Attached interface {
	// Attached returns those of the hashes that some message refers to.
	Attached(ctx context.Context, hashes []Digest) (map[Digest]bool, error)
}

// AttachmentRecord is what the ledger holds of an attachment.
type AttachmentRecord struct {
	Part      int    `json:"part"`
	ContentID string `json:"content_id,omitempty"`
	MediaType string `json:"media_type,omitempty"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
}

// maxWritten bounds a message with its attachments written out, in bytes.
const maxWritten = 16 << 20

// attached are the attachments as the contract judges them. Octets that are not
// at hand are judged by their number.
func (p *passage) attached() contract.Parts {
	if p.arrival.Attachments == nil {
		return nil
	}
	parts := contract.Parts{}
	for _, a := range p.beyond() {
		if a.ContentID != "" {
			parts[a.ContentID] = contract.Attachment{Octets: a.Octets, Size: a.Size}
		}
	}
	return parts
}

// attach writes the message as it is read, mapped and kept: what an xop:Include
// stands for in its place, or a reference to it by its hash where the mapping
// wants that; and references elsewhere by their hashes, too, so that a message
// says the same whatever its sender called its parts.
func (g *Gateway) attach(_ context.Context, p *passage) error {
	if len(p.beyond()) == 0 {
		return nil
	}
	if encoded.Takes(p.receipt.Operation) {
		return fault.New(fault.CodeMediaType, "a message in SOAP encoding cannot have attachments here")
	}
	defer g.processor(maxWritten)()
	included, err := contract.Included(p.xml)
	if err != nil {
		return err
	}
	parts, names := p.attached(), map[string]string{}
	for _, a := range p.beyond() {
		if !included[a.ContentID] || p.writer.mapping.Refers {
			p.kept = append(p.kept, a)
			names[a.ContentID] = hex.EncodeToString(a.Hash[:])
			continue
		}
		octets, err := a.atHand()
		if err != nil {
			return err
		}
		parts[a.ContentID] = contract.Attachment{Octets: octets, Size: a.Size}
	}
	delete(names, "")
	written, err := contract.Write(p.xml, parts, names, maxWritten)
	if err == nil && written.Changed() {
		p.become(written, written.XML)
	}
	return err
}

// beyond are the attachments without the one that is the message itself.
func (p *passage) beyond() []*Attachment {
	if p.main == nil {
		return p.arrival.Attachments
	}
	return slices.DeleteFunc(slices.Clone(p.arrival.Attachments), func(a *Attachment) bool { return a == p.main })
}

// atHand reads the octets that are to be written out, unless they are too many
// for that.
func (a *Attachment) atHand() ([]byte, error) {
	if a.Octets != nil || a.Content == nil || a.Size > maxWritten {
		return a.Octets, nil
	}
	octets, err := a.Content.Octets()
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	return octets, nil
}

// become changes the form that is validated and read: what was read is not it.
func (p *passage) become(o origin, xml []byte) {
	if p.origin != nil {
		o = &chained{o, p.origin}
	}
	p.origin, p.xml = o, xml
	p.close()
}

// chained is a form that was made of another one.
type chained struct{ origin, before origin }

// Locate implements origin.
func (c *chained) Locate(d fault.Detail) fault.Detail { return c.before.Locate(c.origin.Locate(d)) }

// keep has what the message refers to outlive the process: before the message is
// committed, so that nothing committed refers to what is not there.
func (g *Gateway) keep(ctx context.Context, p *passage) error {
	for _, a := range p.kept {
		if a.Content == nil {
			return fault.New(fault.CodeMediaType, "attachments that are not a value of the message are not taken here: nothing is configured to keep them (attachments: directory)")
		}
		err := a.Content.Keep(ctx)
		if p.arrival.repeats != nil && errors.Is(err, fs.ErrNotExist) { // later it is there no more than now
			return fault.New(fault.CodeIncomplete, "attachment %d of the message is not in the directory of attachments any more", a.Part)
		}
		if err != nil {
			return fault.New(fault.CodeUnkept, "").Because(err)
		}
		failpoint.Hit("attachment-kept")
	}
	if p.kept != nil {
		failpoint.Hit("attachments-kept")
	}
	return nil
}

// repeated is the arrival of a stored message that is processed again, with what
// it was sent with.
func (g *Gateway) repeated(r *Record, nonce, by string) (*Arrival, error) {
	a, err := r.again(nonce, by)
	if err != nil {
		return nil, err
	}
	for _, one := range r.Attachments {
		if g.config.Blobs == nil {
			return nil, fault.New(fault.CodeIncomplete, "the message has attachments, and no directory of attachments is configured")
		}
		var hash Digest
		if n, err := hex.Decode(hash[:], []byte(one.SHA256)); err != nil || n != len(hash) {
			return nil, fault.New(fault.CodeInternal, "").Because(fmt.Errorf("the hash of an attachment is %q: %w", one.SHA256, err))
		}
		a.Attachments = append(a.Attachments, &Attachment{Part: one.Part, ContentID: one.SHA256, MediaType: one.MediaType,
			Size: one.Size, Hash: hash, Content: g.config.Blobs.Content(hash)})
	}
	return a, nil
}

// reattach takes over what a stored message was sent with: it is written with
// references already.
func (p *passage) reattach() { p.kept = p.arrival.Attachments }

// sweep removes blobs that no message refers to.
func (p *purger) sweep(ctx context.Context) error {
	blobs := p.gateway.config.Blobs
	if blobs == nil {
		return nil
	}
	removed, err := blobs.Sweep(ctx, p.gateway.store.Attached)
	if removed > 0 {
		p.gateway.log.InfoContext(ctx, "attachments removed that no message refers to", "blobs", removed)
	}
	return err
}
