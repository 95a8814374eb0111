package httpdoor

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// SmallBody is what is read of a body before it needs a place among the large
// ones: a slow sender of a small message keeps nobody waiting.
const SmallBody = 64 << 10

// bodyReader reads request bodies within limits of size, time and number.
type bodyReader struct {
	max     int64         // bytes, on the wire and decoded
	timeout time.Duration // for the whole body; the connection's deadline enforces it
	large   *budget       // of bodies past SmallBody
}

// Intake is one body on its way in, and what it occupies until release.
type Intake struct {
	*bodyReader
	taken int64 // of the budget for large bodies
}

func (b *bodyReader) intake() *Intake { return &Intake{bodyReader: b} }

// Release gives back what the body occupied.
func (in *Intake) Release() {
	in.large.free(in.taken)
	in.taken = 0
}

// Read returns the whole body with its content encoding undone.
func (in *Intake) Read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > in.max {
		return nil, in.tooLarge()
	}
	decoded, err := Decoder(r.Header, http.MaxBytesReader(w, r.Body, in.max))
	if err != nil {
		return nil, err
	}
	body, err := in.ReadAll(decoded, sizeHint(r))
	if err != nil {
		return nil, in.Judge(err)
	}
	return body, nil
}

// sizeHint is how many bytes to expect: a Content-Length is believed only as
// far as bytes arrive, so that one header line does not cost megabytes.
func sizeHint(r *http.Request) int64 {
	if r.ContentLength < 0 || r.Header.Get("Content-Encoding") != "" {
		return 4 << 10
	}
	return r.ContentLength
}

// ReadAll reads src to its end. Past SmallBody it takes from the budget
// of the large bodies.
func (in *Intake) ReadAll(src io.Reader, expected int64) ([]byte, error) {
	buf := make([]byte, 0, min(expected, SmallBody)+1) // one more: the end is found without growing
	held := int64(0)
	for {
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > in.max:
			return nil, in.tooLarge()
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		case len(buf) < cap(buf):
			continue
		}
		size := grow(buf, expected, in.max)
		if size > SmallBody+1 {
			if err := in.Place(size - held); err != nil {
				return nil, err
			}
			held = size
		}
		buf = append(make([]byte, 0, size), buf...)
	}
}

// Place takes more of the budget, before the memory is.
func (in *Intake) Place(more int64) error {
	if !in.large.take(more) {
		return fault.New(fault.CodeBusy, "")
	}
	in.taken += more
	return nil
}

// grow returns twice the size of buf, or what is expected or allowed at most.
func grow(buf []byte, expected, most int64) int64 {
	size := 2 * int64(cap(buf))
	if expected >= int64(cap(buf)) {
		size = min(size, expected+1)
	}
	return min(size, most+1)
}

func (b *bodyReader) tooLarge() error { return b.Larger(b.max) }

func (b *bodyReader) Larger(most int64) error {
	return fault.New(fault.CodeTooLarge, "the message is larger than %d bytes, the most this endpoint takes", most)
}

// Judge turns what reading a body can end in into a fault.
func (b *bodyReader) Judge(err error) error {
	var (
		f        *fault.Error
		tooLarge *http.MaxBytesError
		corrupt  flate.CorruptInputError
	)
	switch {
	case errors.As(err, &f):
		return err
	case errors.As(err, &tooLarge):
		return b.Larger(tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.New(fault.CodeSlow, "the request's body did not arrive within %v", b.timeout).Because(err)
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, zlib.ErrHeader), errors.Is(err, zlib.ErrChecksum), errors.Is(err, zlib.ErrDictionary):
		return fault.New(fault.CodeEncoding, "the body is not what its Content-Encoding says").Because(err)
	default:
		return fault.New(fault.CodeHTTP, "the request's body ended early or is malformed").Because(err)
	}
}

// Decoder undoes one content encoding (RFC 9110 §8.4.1). More than one, or
// another, is refused: each layer multiplies what a small body can grow to.
func Decoder(h http.Header, wire io.Reader) (io.Reader, error) {
	encoding := strings.ToLower(TrimBlanks(strings.Join(h.Values("Content-Encoding"), ",")))
	switch encoding {
	case "", "identity":
		return wire, nil
	case "gzip", "x-gzip":
		return &lazyReader{open: func() (io.Reader, error) { return gzip.NewReader(wire) }}, nil
	case "deflate":
		return &lazyReader{open: func() (io.Reader, error) { return inflater(wire) }}, nil
	default:
		return nil, fault.New(fault.CodeMediaType, "the Content-Encoding %q is not taken here; send gzip, deflate or none", Clip(encoding))
	}
}

// lazyReader opens a decompressor at the first read, so that a fault in its
// header is met where all the others are.
type lazyReader struct {
	open func() (io.Reader, error)
	src  io.Reader
}

func (l *lazyReader) Read(p []byte) (int, error) {
	if l.src == nil {
		src, err := l.open()
		if err != nil {
			return 0, noEOF(err)
		}
		l.src = src
	}
	return l.src.Read(p)
}

// noEOF makes the end within a compressed stream's header an early one.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// inflater reads deflate: a zlib stream by the letter of RFC 9110 §8.4.1.2,
// a bare deflate stream from senders that took the name literally. The first
// two bytes tell them apart (RFC 1950 §2.2).
func inflater(wire io.Reader) (io.Reader, error) {
	src := bufio.NewReader(wire)
	head, err := src.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0F == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(src)
	}
	return flate.NewReader(src), nil
}
