package export

import "encoding/binary"

// thrift writes structs of the compact protocol of Apache Thrift, in which Parquet tells
// of itself. Fields are written in the order of their numbers.
type thrift struct {
	out  []byte
	last []int16 // the field before, for each open struct
}

// The types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

func (t *thrift) field(id int16, kind byte) {
	top := len(t.last) - 1
	delta := id - t.last[top]
	t.last[top] = id
	t.out = append(t.out, byte(delta)<<4|kind) // no struct of Parquet leaves out fifteen fields
}

// begin opens a struct that is an element of a list, or the whole.
func (t *thrift) begin() { t.last = append(t.last, 0) }

func (t *thrift) end() {
	t.out = append(t.out, 0)
	t.last = t.last[:len(t.last)-1]
}

// within writes a field that is a struct.
func (t *thrift) within(id int16, write func()) {
	t.field(id, thriftStruct)
	t.begin()
	write()
	t.end()
}

func (t *thrift) empty(id int16) { t.within(id, func() {}) }

func (t *thrift) int32(id int16, v int) {
	t.field(id, thriftI32)
	t.out = binary.AppendVarint(t.out, int64(v))
}

func (t *thrift) int64(id int16, v int64) {
	t.field(id, thriftI64)
	t.out = binary.AppendVarint(t.out, v)
}

func (t *thrift) byte(id int16, v byte) {
	t.field(id, thriftByte)
	t.out = append(t.out, v)
}

func (t *thrift) bool(id int16, v bool) {
	if v {
		t.field(id, thriftTrue)
		return
	}
	t.field(id, thriftFalse)
}

func (t *thrift) text(id int16, s string) {
	t.field(id, thriftBinary)
	t.binary(s)
}

func (t *thrift) binary(s string) {
	t.out = append(binary.AppendUvarint(t.out, uint64(len(s))), s...)
}

// list writes the head of a field that is a list; its elements follow.
func (t *thrift) list(id int16, kind byte, n int) {
	t.field(id, thriftList)
	if n < 15 {
		t.out = append(t.out, byte(n)<<4|kind)
		return
	}
	t.out = binary.AppendUvarint(append(t.out, 0xF0|kind), uint64(n))
}
