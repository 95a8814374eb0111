package sqlstore

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// deflater packs a short text into gzip (RFC 1952) as one block of deflate's fixed
// codes (RFC 1951 §3.2.6). Codes made for the text, as compress/flate makes them, take
// two thirds of its time at 2 KB. Without them our samples take 7 to 16 % more room; 2 KB
// of which much are digits that do not repeat, a third more. Whoever reads gzip reads it.
// It is for one goroutine at a time.
type deflater struct {
	codes [286]code       // of literals, the end of the block (256) and lengths
	seen  [1 << 11]uint16 // where four bytes with this hash were last, plus 1
	out   []byte
	bits  uint64 // that wait for being written, the first one lowest
	count uint   // of bits
}

// code is a Huffman code, its first bit lowest.
type code struct {
	bits uint16
	size uint8
}

// deflateMost is the longest text, in bytes, for which a deflater is the better
// choice: codes of its own pay for a longer one. Its positions fit into 16 bits, and
// every distance into deflate's window.
const deflateMost = 4 << 10

const (
	blockEnd     = 256
	firstLength  = 257
	shortestCopy = 4 // a match of three may be no shorter than what it replaces
	longestCopy  = 258
	distanceBits = 5
)

func newDeflater() *deflater {
	d := new(deflater)
	for i := range d.codes {
		switch {
		case i < 144:
			d.codes[i] = newCode(0x30+i, 8)
		case i < 256:
			d.codes[i] = newCode(0x190+i-144, 9)
		case i < 280:
			d.codes[i] = newCode(i-256, 7)
		default:
			d.codes[i] = newCode(0xc0+i-280, 8)
		}
	}
	return d
}

func newCode(value, size int) code {
	return code{bits.Reverse16(uint16(value)) >> (16 - size), uint8(size)}
}

// pack returns src, of at most deflateMost bytes, as gzip.
func (d *deflater) pack(src []byte) []byte {
	const header, frame = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff", 32 // of the fastest method, no system named
	d.out = append(make([]byte, 0, len(src)/2+frame), header...)
	clear(d.seen[:])
	d.put(0b011, 3) // the last block, fixed codes
	for at := 0; at < len(src); {
		from, n := d.match(src, at)
		if n == 0 {
			d.symbol(int(src[at]))
			at++
			continue
		}
		d.length(n)
		d.distance(at - from)
		d.pass(src, at+1, at+n)
		at += n
	}
	d.symbol(blockEnd)
	d.flush()
	out := binary.LittleEndian.AppendUint32(d.out, crc32.ChecksumIEEE(src))
	d.out = nil
	return binary.LittleEndian.AppendUint32(out, uint32(len(src)))
}

// match finds what stands at a position where it stood before: from where, and how
// many bytes of it; 0 when it did not.
func (d *deflater) match(src []byte, at int) (from, n int) {
	if at+shortestCopy > len(src) {
		return 0, 0
	}
	word := binary.LittleEndian.Uint32(src[at:])
	seen := &d.seen[slot(word)]
	from = int(*seen) - 1
	*seen = uint16(at + 1)
	if from < 0 || binary.LittleEndian.Uint32(src[from:]) != word {
		return 0, 0
	}
	most := min(len(src)-at, longestCopy)
	for n = shortestCopy; n < most && src[from+n] == src[at+n]; n++ {
	}
	return from, n
}

// pass notes what stands at the positions of a copy: other copies begin within it.
func (d *deflater) pass(src []byte, at, end int) {
	for end = min(end, len(src)-shortestCopy+1); at < end; at++ {
		d.seen[slot(binary.LittleEndian.Uint32(src[at:]))] = uint16(at + 1)
	}
}

// slot is where seen has four bytes: eleven bits of their product with 2^32 divided by the
// golden ratio.
func slot(word uint32) uint32 { return word * 2654435761 >> 21 }

func (d *deflater) symbol(s int) {
	c := d.codes[s]
	d.put(uint64(c.bits), uint(c.size))
}

// length writes how long a copy is: a code, and how far behind the code's first length.
func (d *deflater) length(n int) {
	n -= 3
	switch {
	case n == longestCopy-3:
		d.symbol(firstLength + 28)
	case n < 8:
		d.symbol(firstLength + n)
	default:
		extra := bits.Len(uint(n)) - 3
		d.symbol(firstLength + 4*(extra+1) + n>>extra&3)
		d.put(uint64(n&(1<<extra-1)), uint(extra))
	}
}

// distance writes how far back a copy begins, in the same manner.
func (d *deflater) distance(n int) {
	n--
	if n < 4 {
		d.distanceCode(n)
		return
	}
	extra := bits.Len(uint(n)) - 2
	d.distanceCode(2*(extra+1) + n>>extra&1)
	d.put(uint64(n&(1<<extra-1)), uint(extra))
}

func (d *deflater) distanceCode(c int) {
	d.put(uint64(bits.Reverse8(uint8(c))>>(8-distanceBits)), distanceBits)
}

// put adds bits, at most 16, the first one lowest.
func (d *deflater) put(b uint64, count uint) {
	d.bits |= b << d.count
	if d.count += count; d.count >= 48 {
		d.out = binary.LittleEndian.AppendUint64(d.out, d.bits)
		d.out = d.out[:len(d.out)-2]
		d.bits >>= 48
		d.count -= 48
	}
}

// flush writes what waits, filled up to a whole byte.
func (d *deflater) flush() {
	for ; d.count > 0; d.count -= min(d.count, 8) {
		d.out = append(d.out, byte(d.bits))
		d.bits >>= 8
	}
	d.bits = 0
}
