package sqlstore

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"sync"
)

// Packing says how a kept payload is packed.
type Packing uint8

// The packings; their numbers are stored.
const (
	Plain Packing = 0
	Gzip  Packing = 1
)

// packWorth is the size, in bytes, below which packing is not tried: a gzip
// header and trailer alone take 18.
const packWorth = 256

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
