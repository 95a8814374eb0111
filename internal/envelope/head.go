package envelope

import (
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Head is what an envelope says before its payload. It keeps nothing of the
// bytes it was read from.
type Head struct {
	Version   Version
	Operation document.Name // the Body's first child; zero when the Body is empty
	Blocks    []Block       // all header blocks, in order
	Token     *UsernameToken
	// Signed says that the Security block holds a signature. Nobody has verified it:
	// whoever goes on with the message has to, or to refuse it.
	Signed bool
	// Addressing holds the WS-Addressing headers that are for us.
	Addressing Addressing
	// TraceParent is the value of a traceparent block, when it is well-formed
	// (W3C Trace Context §3.2.2), or empty.
	TraceParent string
	// MessageID and Queue are what SAP's exchange headers say: the id that a sender
	// keeps when it sends again (sap:Main), and the queue in whose order messages
	// are to be processed (sap:ReliableMessaging). Empty when absent.
	MessageID, Queue string
	// Exchange is set for a message in SAP's own protocol: the Body holds a manifest,
	// and what is to be processed is a part beside the envelope. Operation is the
	// manifest's name then.
	Exchange *Exchange
}

// Block is one header block.
type Block struct {
	Name           document.Name
	MustUnderstand bool
	Role           string // the actor of SOAP 1.1 or the role of 1.2 as written; empty when absent
	ForUs          bool   // whether the ultimate receiver plays that role
}

// UsernameToken holds the credentials of a wsse:UsernameToken (WSS UsernameToken
// Profile 1.0 §3.1). Name and password are never empty nor hold control
// characters.
type UsernameToken struct {
	Username string
	// Password is in clear or, when Digest is set, the twenty bytes of
	// SHA-1(Nonce + Created + password).
	Password string
	Digest   bool
	// Nonce is decoded, and empty when there is none. Of a digest there always is
	// one, and a Created.
	Nonce string
	// Created is as it stands in the message, and empty when it is not there; At
	// is when that was, in UTC.
	Created string
	At      time.Time
}

// String hides the password, and the name with it: a head may be logged.
func (UsernameToken) String() string { return "UsernameToken ***" }

// GoString does the same for %#v.
func (t UsernameToken) GoString() string { return t.String() }

// Addressing holds the message addressing properties of WS-Addressing 1.0 §3
// that a reply depends on, white space trimmed. ReplyTo and FaultTo are the
// addresses alone: the anonymous one, the none one, one that Limits.Listed
// knows, in its words, or empty. Those of the submission of August 2004 are read
// the same.
type Addressing struct {
	Action, MessageID, To, ReplyTo, FaultTo, RelatesTo string
	// ReplyBlocks and FaultBlocks are the reference parameters of ReplyTo and
	// FaultTo, as the header blocks that they become in a message to a listed
	// address (core §3.4).
	ReplyBlocks, FaultBlocks string
	// Space is the namespace of the headers.
	Space string
	// Used reports whether the sender sent any header of WS-Addressing: only
	// who did may be answered with one.
	Used bool
}

// The addresses that stand for a connection and for nowhere (WS-Addressing 1.0 §2.1).
const (
	AddressAnonymous = NamespaceAddressing + "/anonymous"
	AddressNone      = NamespaceAddressing + "/none"

	anonymous2004 = NamespaceAddressing2004 + "/role/anonymous"
)

// Limits bound what Peek looks at, and say what else is understood.
type Limits struct {
	// Bytes is how far into the envelope the Body's first child must begin.
	// Zero: 64 KiB.
	Bytes int
	// Depth is how deep elements may be nested before it. Zero: 32.
	Depth int
	// Understands reports whether a header block is one that the operation
	// declares, so that mustUnderstand on it is met. Nil: only WS-Security and
	// WS-Addressing are understood.
	Understands func(head *Head, block document.Name) bool `yaml:"-"`
	// Listed returns a reply address as it is listed for somebody, and whether it
	// is. Nil: none is.
	Listed func(address string) (string, bool) `yaml:"-"`
}

const (
	defaultBytes = 64 << 10
	defaultDepth = 32
)

func (l Limits) document() document.Limits {
	d := document.Limits{Bytes: l.Bytes, Depth: l.Depth}
	if d.Bytes <= 0 {
		d.Bytes = defaultBytes
	}
	if d.Depth <= 0 {
		d.Depth = defaultDepth
	}
	return d
}
