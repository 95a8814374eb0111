package odata

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// null is written for a value that there is not; kinds are written from one on.
const null = 0

func appendMark(out []byte, m *view.Mark) []byte {
	out = binary.AppendUvarint(out, uint64(len(m.Values)))
	for _, v := range m.Values {
		out = appendValue(out, v)
	}
	out = binary.AppendUvarint(out, uint64(len(m.By)))
	for _, o := range m.By {
		desc := byte(0)
		if o.Desc {
			desc = 1
		}
		out = append(binary.AppendUvarint(out, uint64(len(o.Field))), o.Field...)
		out = append(out, desc)
	}
	return out
}

func appendValue(out []byte, v view.Value) []byte {
	if !v.Present {
		return append(out, null)
	}
	out = append(out, byte(v.Kind)+1)
	switch v.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		return binary.AppendVarint(out, v.Int)
	case mapping.FloatColumn:
		return binary.BigEndian.AppendUint64(out, math.Float64bits(v.Float))
	case mapping.DateTimeColumn, mapping.DateColumn:
		out = binary.AppendVarint(out, v.Instant.Unix())
		return binary.AppendUvarint(out, uint64(v.Instant.Nanosecond()))
	case mapping.BytesColumn:
		return append(binary.AppendUvarint(out, uint64(len(v.Bytes))), v.Bytes...)
	}
	return append(binary.AppendUvarint(out, uint64(len(v.Text))), v.Text...)
}

// maxMarks bounds the values of a place: those of an order and a key.
const maxMarks = 256

// readMark reads what appendMark has written, all of it.
func readMark(in []byte) (*view.Mark, bool) {
	r := reader{in: in}
	n := r.number()
	if n > maxMarks {
		return nil, false
	}
	m := &view.Mark{}
	for range n {
		m.Values = append(m.Values, r.value())
	}
	if n = r.number(); n > maxMarks {
		return nil, false
	}
	for range n {
		m.By = append(m.By, view.OrderedBy{Field: string(r.octets()), Desc: r.number() == 1})
	}
	return m, !r.bad && len(r.in) == 0
}

// reader reads on until something is wrong.
type reader struct {
	in  []byte
	bad bool
}

// took notes that so many bytes have been read; none or fewer means that they were
// not what they should be.
func (r *reader) took(n int) {
	if n <= 0 || n > len(r.in) {
		r.bad, r.in = true, nil
		return
	}
	r.in = r.in[n:]
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.in)
	r.took(n)
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.in)
	r.took(n)
	return v
}

func (r *reader) octets() []byte {
	n := r.number()
	if r.bad || n > uint64(len(r.in)) {
		r.bad, r.in = true, nil
		return nil
	}
	out := r.in[:n]
	r.in = r.in[n:]
	return out
}

func (r *reader) value() view.Value {
	if len(r.in) == 0 || r.in[0] == null {
		r.took(1)
		return view.Null
	}
	v := view.Value{Kind: mapping.ColumnKind(r.in[0] - 1), Present: true}
	r.took(1)
	switch v.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		v.Int = r.signed()
	case mapping.FloatColumn:
		if len(r.in) >= 8 {
			v.Float = math.Float64frombits(binary.BigEndian.Uint64(r.in))
		}
		r.took(8)
	case mapping.DateTimeColumn, mapping.DateColumn:
		seconds, nanos := r.signed(), r.number()
		v.Instant = time.Unix(seconds, int64(nanos%1e9)).UTC()
	case mapping.BytesColumn:
		v.Bytes = append([]byte{}, r.octets()...)
	case mapping.StringColumn, mapping.DecimalColumn, mapping.TimeColumn:
		v.Text = string(r.octets())
	default:
		r.bad = true
	}
	return v
}
