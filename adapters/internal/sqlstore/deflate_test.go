package sqlstore

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// restores fails unless compress/gzip, which checks length and CRC-32, reads what a
// deflater writes.
func restores(t *testing.T, d *deflater, src []byte) {
	t.Helper()
	packed := d.pack(src)
	got, err := unpack(Gzip, packed)
	if err != nil || !bytes.Equal(got, src) {
		t.Fatalf("%d bytes come back as %d: %v", len(src), len(got), err)
	}
	if most := len(src)*9/8 + 32; len(packed) > most {
		t.Fatalf("%d bytes become %d", len(src), len(packed))
	}
}

// TestDeflater packs with one deflater, as a pool's is used: every byte, every length and
// distance of a copy, and what does not repeat.
func TestDeflater(t *testing.T) {
	d := newDeflater()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	noise := make([]byte, deflateMost)
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(noise); i++ {
		noise[i] = byte(r.Uint32())
	}
	for _, src := range [][]byte{nil, {0}, []byte("abc"), []byte("abcd"), every, append(every, every...), noise,
		bytes.Repeat([]byte{'x'}, deflateMost), []byte(strings.Repeat("<o:Line>", deflateMost/8)), sampleXML(2000)} {
		restores(t, d, src)
	}
	for n := 4; n <= longestCopy+3; n++ {
		restores(t, d, append(noise[:n:n], noise[:n]...))
	}
	for gap := range deflateMost - 2*longestCopy {
		if gap < 40 || bitsEnd(gap) {
			restores(t, d, append(noise[:gap+8:gap+8], noise[:8]...))
		}
	}
}

// bitsEnd reports whether n is about where the code of a distance changes.
func bitsEnd(n int) bool {
	n += 8
	for p := 2; p <= deflateMost; p *= 2 {
		if d := n - p; -2 <= d && d <= 2 || d >= p/2-2 && d <= p/2+2 {
			return true
		}
	}
	return false
}

func FuzzDeflater(f *testing.F) {
	f.Add([]byte("aaaaaaaaaaaaaaaab"))
	f.Add(sampleXML(600))
	d := newDeflater()
	f.Fuzz(func(t *testing.T, src []byte) {
		restores(t, d, src[:min(len(src), deflateMost)])
	})
}
