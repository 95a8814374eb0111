package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The frame types and the end octet of AMQP 0-9-1 §4.2.3.
const (
	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
	frameEnd       = 0xCE
)

// frameMax is the largest frame offered in connection.tune, in bytes, with its
// seven octets of head and one of end.
const frameMax = 131072

const frameOverhead = 8

type frame struct {
	kind    byte
	channel uint16
	payload []byte
}

// readFrame reads one frame; its payload is the caller's.
func readFrame(r io.Reader) (frame, error) {
	var head [7]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{kind: head[0], channel: binary.BigEndian.Uint16(head[1:])}
	size := binary.BigEndian.Uint32(head[3:])
	if size > frameMax-frameOverhead {
		return f, fmt.Errorf("frame of %d bytes, more than the %d negotiated", size, frameMax)
	}
	f.payload = make([]byte, size+1)
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return f, err
	}
	if f.payload[size] != frameEnd {
		return f, errors.New("frame without its end octet")
	}
	f.payload = f.payload[:size]
	return f, nil
}

func appendFrame(dst []byte, kind byte, channel uint16, payload []byte) []byte {
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint16(dst, channel)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	dst = append(dst, payload...)
	return append(dst, frameEnd)
}

// methodID is class and method in one number (AMQP 0-9-1 §4.2.4).
type methodID uint32

func method(class, id uint32) methodID { return methodID(class<<16 | id) }

func (m methodID) class() uint16 { return uint16(m >> 16) }
func (m methodID) id() uint16    { return uint16(m) }

// ok is the method that answers m: the next one, save for exchange.unbind.
func (m methodID) ok() methodID {
	if m == exchangeUnbind {
		return method(40, 51)
	}
	return m + 1
}

// replyError closes a channel, or with hard the connection (AMQP 0-9-1 §1.2).
type replyError struct {
	code uint16
	text string
	hard bool
}

func (e *replyError) Error() string { return e.text }

func soft(code uint16, format string, args ...any) error {
	return &replyError{code: code, text: fmt.Sprintf(format, args...)}
}

func hard(code uint16, format string, args ...any) error {
	return &replyError{code: code, text: fmt.Sprintf(format, args...), hard: true}
}

// asReply turns whatever a frame led to into what the client is told.
func asReply(err error) *replyError {
	if e, ok := errors.AsType[*replyError](err); ok {
		return e
	}
	return &replyError{code: 502, text: "SYNTAX_ERROR - " + err.Error(), hard: true}
}
