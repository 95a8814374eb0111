package gateway

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// digest is what "the same body" is judged by.
func (p *passage) digest() Digest {
	d := digestOf(p.writer.mapping.Mapping, &p.input)
	if len(p.kept) == 0 || p.arrival.part != nil { // a part is the same in another message
		return d
	}
	// What the payload does not mention is the message's, too, in whatever order.
	hashes := make([][]byte, len(p.kept))
	for i, a := range p.kept {
		hashes[i] = a.Hash[:]
	}
	slices.SortFunc(hashes, bytes.Compare)
	return sha256.Sum256(append(d[:], bytes.Join(hashes, nil)...))
}

// digestOf is over the canonical payload element and the header blocks and
// properties that the mapping reads, not over the bytes on the wire.
func digestOf(m *mapping.Mapping, in *mapping.Input) Digest {
	buf := canonicals.Get().(*[]byte)
	canonical := appendPayload((*buf)[:0], m, in)
	for _, name := range m.Headers {
		if block := in.Header.Child(name); block.Exists() {
			canonical = document.AppendCanonical(canonical, block)
		}
	}
	for _, name := range m.Properties {
		if value, ok := in.Properties[name]; ok && !transient(name) {
			canonical = fmt.Appendf(canonical, "\n%q=%q", name, value)
		}
	}
	digest := sha256.Sum256(canonical)
	if cap(canonical) <= maxCanonical {
		*buf = canonical
		canonicals.Put(buf)
	}
	return digest
}

// canonicals are buffers for the form that is hashed and then forgotten: without
// them every message would pay for its growth. A large message's is not kept.
var canonicals = sync.Pool{New: func() any { return new([]byte) }}

const maxCanonical = 64 << 10

// appendPayload appends the payload element; of a part, that alone with what the
// mapping reads around it: the same part in another message is the same.
func appendPayload(dst []byte, m *mapping.Mapping, in *mapping.Input) []byte {
	if !in.Part.Exists() {
		return document.AppendCanonical(dst, in.Payload)
	}
	return m.AppendAround(document.AppendCanonical(dst, in.Part), in)
}
