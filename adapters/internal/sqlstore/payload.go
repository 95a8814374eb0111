package sqlstore

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Packing says how a kept payload is packed.
type Packing uint8

// The packings; their numbers are stored.
const (
	Plain Packing = 0
	Gzip  Packing = 1
)

// packWorth is the size, in bytes, below which packing is not tried: a message of
// 300 bytes would be a quarter smaller, one of 600 is by more than two fifths. 2 KB of
// XML become two fifths, 20 KB less than a fifth (BenchmarkPack), in three quarters of
// the time that the standard library takes. zstd would save another sixth of 20 KB; a
// node of an earlier version could not read it.
const packWorth = 512

// replyWorth is the same for replies, which are read each time a message is
// repeated: packing pays for the few that are large.
const replyWorth = 4096

// packer compresses payloads; it is safe for concurrent use.
type packer struct{ writers sync.Pool }

// pack compresses src when that saves at least an eighth of it.
func (p *packer) pack(src []byte) (Packing, []byte) {
	if len(src) < packWorth {
		return Plain, src
	}
	buf := bytes.NewBuffer(make([]byte, 0, len(src)/2))
	w, _ := p.writers.Get().(*gzip.Writer)
	if w == nil {
		w, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	}
	defer p.writers.Put(w)
	w.Reset(buf)
	// A bytes.Buffer takes everything, so neither call can fail.
	w.Write(src)
	w.Close()
	if buf.Len() > len(src)-len(src)/8 {
		return Plain, src
	}
	return Gzip, buf.Bytes()
}

// unpack returns the payload as it was.
func unpack(p Packing, body []byte) ([]byte, error) {
	switch p {
	case Plain:
		return body, nil
	case Gzip:
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("unpacking a payload: %w", err)
		}
		return io.ReadAll(r)
	}
	return nil, fmt.Errorf("unpacking a payload: unknown packing %d", p)
}

// gzipMagic is how packed bytes begin (RFC 1952 §2.3.1). No reply does: it is XML;
// nor does what is kept beside a payload: it is JSON.
const gzipMagic = "\x1f\x8b"

// KeptReply is the reply as the ledger keeps it: packed when it is large.
func (it *Item) KeptReply() []byte {
	if len(it.Reply) < replyWorth {
		return it.Reply
	}
	_, kept := it.store.packer.pack(it.Reply)
	return kept
}

// KeptBeside is what is kept beside the payload of a message that is stored. What
// is held has its properties with it.
func (it *Item) KeptBeside() []byte {
	if it.hold != nil {
		return nil
	}
	return it.Beside
}

// unpackText returns a reply, or what is kept beside a payload, as it was.
func unpackText(kept []byte) ([]byte, error) {
	if !bytes.HasPrefix(kept, []byte(gzipMagic)) {
		return kept, nil
	}
	return unpack(Gzip, kept)
}
