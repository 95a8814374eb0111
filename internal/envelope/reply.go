package envelope

import (
	"cmp"

	"github.com/gatehouse/gatehouse/internal/document"
)

const (
	declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	// actionFault is the Action of a fault that SOAP or this gateway defines,
	// actionAddressingFault that of one about WS-Addressing itself (SOAP
	// binding §6). The submission of 2004 has the second for both.
	actionFault           = "/soap/fault"
	actionAddressingFault = "/fault"
)

// ReplyHead is what an answer says besides its payload. Its zero Version is
// written as SOAP 1.1. Clients that sent no WS-Addressing headers refuse an
// answer with some, so they are written only when Addressed; empty ones never.
type ReplyHead struct {
	Version   Version
	Action    string // wsa:Action
	MessageID string // wsa:MessageID of the answer
	RelatesTo string // wsa:MessageID of the request
	Addressed bool   // whether the request used WS-Addressing
	Space     string // the namespace of the request's addressing; empty: that of version 1.0
	// To and Blocks are of an answer that goes to an address of its own: the
	// address, and the header blocks that are its reference parameters.
	To     string
	Blocks string
}

// Reply returns the head of the answer to h. Action and messageID are used only
// when the request used WS-Addressing.
func (h *Head) Reply(action, messageID string) ReplyHead {
	r := ReplyHead{Version: h.Version}
	if h.Addressing.Used {
		r.Addressed, r.Action, r.MessageID, r.RelatesTo, r.Space = true, action, messageID, h.Addressing.MessageID, h.Addressing.Space
	}
	return r
}

// AppendReply appends an envelope with payload, serialised elements in UTF-8,
// usually one, in the Body. An empty payload makes an empty Body.
func AppendReply(dst []byte, h ReplyHead, payload []byte) []byte {
	dst = appendOpening(dst, h.Version)
	if h.Addressed {
		dst = append(dst, "<soap:Header>"...)
		dst = appendAddressing(dst, h)
		dst = append(dst, "</soap:Header>"...)
	}
	dst = append(dst, "<soap:Body>"...)
	dst = append(dst, payload...)
	return append(dst, "</soap:Body></soap:Envelope>"...)
}

func appendOpening(dst []byte, v Version) []byte {
	if v != V12 {
		v = V11
	}
	dst = append(dst, declaration+`<soap:Envelope xmlns:soap="`...)
	dst = append(dst, v.Namespace()...)
	return append(dst, `">`...)
}

func appendAddressing(dst []byte, h ReplyHead) []byte {
	space := cmp.Or(h.Space, NamespaceAddressing)
	dst = appendAddressingHeader(dst, space, headerAction, h.Action)
	dst = appendAddressingHeader(dst, space, headerMessageID, h.MessageID)
	dst = appendAddressingHeader(dst, space, headerRelatesTo, h.RelatesTo)
	dst = appendAddressingHeader(dst, space, headerTo, h.To)
	return append(dst, h.Blocks...)
}

func appendAddressingHeader(dst []byte, space, local, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(dst, "<wsa:"...), local...)
	dst = append(dst, ` xmlns:wsa="`+space+`">`...)
	dst = document.AppendText(dst, value)
	return append(append(append(dst, "</wsa:"...), local...), '>')
}
