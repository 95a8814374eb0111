package gateway

import (
	"crypto/sha256"
	"fmt"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// digest is what "the same body" is judged by.
func (p *passage) digest() Digest { return digestOf(p.writer.mapping.Mapping, &p.input) }

// digestOf is over the canonical payload element and the header blocks and
// properties that the mapping reads, not over the bytes on the wire.
func digestOf(m *mapping.Mapping, in *mapping.Input) Digest {
	canonical := canonicalOf(m, in)
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
	return sha256.Sum256(canonical)
}

// canonicalOf is the payload element; of a part, that alone with what the mapping
// reads around it: the same part in another message is the same.
func canonicalOf(m *mapping.Mapping, in *mapping.Input) []byte {
	if !in.Part.Exists() {
		return document.AppendCanonical(nil, in.Payload)
	}
	return m.AppendAround(document.AppendCanonical(nil, in.Part), in)
}
