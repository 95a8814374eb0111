package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// table is an AMQP field table (AMQP 0-9-1 §4.2.5.5, with RabbitMQ's types).
type table map[string]any

// decimal is the field type D, carried and never computed with.
type decimal struct {
	scale byte
	value uint32
}

var (
	errShort = errors.New("a field runs past its frame")
	errDeep  = errors.New("a table is nested too deeply")
)

const maxDepth = 32

// decoder reads primitives from one payload. The first error sticks; what is
// read after it is zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n < 0 || len(d.b) < n {
		if d.err == nil {
			d.err = errShort
		}
		return make([]byte, max(0, min(n, 8)))
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) u8() byte         { return d.take(1)[0] }
func (d *decoder) u16() uint16      { return binary.BigEndian.Uint16(d.take(2)) }
func (d *decoder) u32() uint32      { return binary.BigEndian.Uint32(d.take(4)) }
func (d *decoder) u64() uint64      { return binary.BigEndian.Uint64(d.take(8)) }
func (d *decoder) shortstr() string { return string(d.take(int(d.u8()))) }
func (d *decoder) longstr() string  { return string(d.take(int(d.u32()))) }
func (d *decoder) table() table     { return d.nested(0) }
func (d *decoder) method() methodID { return methodID(d.u32()) }
func (d *decoder) inner() *decoder  { return &decoder{b: d.take(int(d.u32())), err: d.err} }
func (d *decoder) more(depth int) bool {
	if depth > maxDepth && d.err == nil {
		d.err = errDeep
	}
	return d.err == nil && len(d.b) > 0
}

func (d *decoder) nested(depth int) table {
	in, t := d.inner(), table{}
	for in.more(depth) {
		key := in.shortstr()
		t[key] = in.value(depth)
	}
	d.err = in.err
	return t
}

func (d *decoder) array(depth int) []any {
	in := d.inner()
	var list []any
	for in.more(depth) {
		list = append(list, in.value(depth))
	}
	d.err = in.err
	return list
}

func (d *decoder) value(depth int) any {
	kind := d.u8()
	switch kind {
	case 'F':
		return d.nested(depth + 1)
	case 'A':
		return d.array(depth + 1)
	case 'S':
		return d.longstr()
	case 'x':
		return []byte(d.longstr())
	case 'T':
		return time.Unix(int64(d.u64()), 0).UTC()
	case 't':
		return d.u8() != 0
	case 'V':
		return nil
	}
	return d.number(kind)
}

func (d *decoder) number(kind byte) any {
	switch kind {
	case 'b':
		return int8(d.u8())
	case 'B':
		return d.u8()
	case 's':
		return int16(d.u16())
	case 'u':
		return d.u16()
	case 'I':
		return int32(d.u32())
	case 'i':
		return d.u32()
	case 'l':
		return int64(d.u64())
	case 'L':
		return d.u64()
	case 'f':
		return math.Float32frombits(d.u32())
	case 'd':
		return math.Float64frombits(d.u64())
	case 'D':
		return decimal{d.u8(), d.u32()}
	}
	if d.err == nil {
		d.err = fmt.Errorf("unknown field type %q", kind)
	}
	return nil
}

// encoder builds the arguments of a method, or a content header.
type encoder struct{ b []byte }

func (e *encoder) u8(v byte) *encoder    { e.b = append(e.b, v); return e }
func (e *encoder) u16(v uint16) *encoder { e.b = binary.BigEndian.AppendUint16(e.b, v); return e }
func (e *encoder) u32(v uint32) *encoder { e.b = binary.BigEndian.AppendUint32(e.b, v); return e }
func (e *encoder) u64(v uint64) *encoder { e.b = binary.BigEndian.AppendUint64(e.b, v); return e }

func (e *encoder) bool(v bool) *encoder {
	if v {
		return e.u8(1)
	}
	return e.u8(0)
}

// shortstr cuts what does not fit into 255 bytes: only reply texts can be so long.
func (e *encoder) shortstr(s string) *encoder {
	s = s[:min(len(s), 255)]
	e.b = append(append(e.b, byte(len(s))), s...)
	return e
}

func (e *encoder) longstr(s string) *encoder {
	e.u32(uint32(len(s)))
	e.b = append(e.b, s...)
	return e
}

func (e *encoder) table(t table) *encoder {
	in := &encoder{}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		in.shortstr(key).value(t[key])
	}
	return e.longstr(string(in.b))
}

func (e *encoder) value(v any) {
	switch v := v.(type) {
	case nil:
		e.u8('V')
	case bool:
		e.u8('t').bool(v)
	case string:
		e.u8('S').longstr(v)
	case []byte:
		e.u8('x').longstr(string(v))
	case time.Time:
		e.u8('T').u64(uint64(v.Unix()))
	case table:
		e.u8('F').table(v)
	case []any:
		e.array(v)
	default:
		e.number(v)
	}
}

func (e *encoder) array(list []any) {
	in := &encoder{}
	for _, v := range list {
		in.value(v)
	}
	e.u8('A').longstr(string(in.b))
}

func (e *encoder) number(v any) {
	switch v := v.(type) {
	case int8:
		e.u8('b').u8(byte(v))
	case byte:
		e.u8('B').u8(v)
	case int16:
		e.u8('s').u16(uint16(v))
	case uint16:
		e.u8('u').u16(v)
	case int32:
		e.u8('I').u32(uint32(v))
	case uint32:
		e.u8('i').u32(v)
	case int64:
		e.u8('l').u64(uint64(v))
	case uint64:
		e.u8('L').u64(v)
	case float32:
		e.u8('f').u32(math.Float32bits(v))
	case float64:
		e.u8('d').u64(math.Float64bits(v))
	case decimal:
		e.u8('D').u8(v.scale).u32(v.value)
	}
}

// integer reads a number of whatever width a client chose for an argument.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int8:
		return int64(v), true
	case byte:
		return int64(v), true
	case int16:
		return int64(v), true
	case uint16:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint32:
		return int64(v), true
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}
