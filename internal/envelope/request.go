package envelope

import "github.com/gatehouse/gatehouse/internal/document"

// RequestHead is what a request says besides its payload. Its zero Version is
// written as SOAP 1.1. Empty WS-Addressing headers are not written.
type RequestHead struct {
	Version   Version
	Action    string // wsa:Action
	MessageID string // wsa:MessageID
	To        string // wsa:To
	// Token goes as a wsse:UsernameToken with its password as text (UsernameToken
	// Profile 1.1 §3.1); nil for none.
	Token *UsernameToken
}

const typePasswordText = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"

// AppendRequest appends an envelope with payload, serialised elements in UTF-8,
// in the Body. The reply is expected on the same connection, so there is no
// ReplyTo (WS-Addressing 1.0 core §3.2: its default is the anonymous address).
func AppendRequest(dst []byte, h RequestHead, payload []byte) []byte {
	dst = appendOpening(dst, h.Version)
	start := len(dst)
	dst = append(dst, "<soap:Header>"...)
	empty := len(dst)
	dst = appendAddressingHeader(dst, NamespaceAddressing, headerAction, h.Action)
	dst = appendAddressingHeader(dst, NamespaceAddressing, headerMessageID, h.MessageID)
	dst = appendAddressingHeader(dst, NamespaceAddressing, headerTo, h.To)
	dst = appendToken(dst, h.Token)
	if len(dst) == empty {
		dst = dst[:start]
	} else {
		dst = append(dst, "</soap:Header>"...)
	}
	dst = append(dst, "<soap:Body>"...)
	dst = append(dst, payload...)
	return append(dst, "</soap:Body></soap:Envelope>"...)
}

func appendToken(dst []byte, t *UsernameToken) []byte {
	if t == nil {
		return dst
	}
	dst = append(dst, `<wsse:Security soap:mustUnderstand="1" xmlns:wsse="`+NamespaceSecurity+`"><wsse:UsernameToken><wsse:Username>`...)
	dst = document.AppendText(dst, t.Username)
	dst = append(dst, `</wsse:Username><wsse:Password Type="`+typePasswordText+`">`...)
	dst = document.AppendText(dst, t.Password)
	return append(dst, "</wsse:Password></wsse:UsernameToken></wsse:Security>"...)
}
