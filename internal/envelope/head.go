package envelope

import "github.com/gatehouse/gatehouse/internal/document"

// Head is what an envelope says before its payload. It keeps nothing of the
// bytes it was read from.
type Head struct {
	Version   Version
	Operation document.Name // the Body's first child; zero when the Body is empty
	Blocks    []Block       // all header blocks, in order
	Token     *UsernameToken
	// Addressing holds the WS-Addressing headers that are for us.
	Addressing Addressing
	// TraceParent is the value of a traceparent block, when it is well-formed
	// (W3C Trace Context §3.2.2), or empty.
	TraceParent string
	// MessageID and Queue are what SAP's exchange headers say: the id that a sender
	// keeps when it sends again (sap:Main), and the queue in whose order messages
	// are to be processed (sap:ReliableMessaging). Empty when absent.
	MessageID, Queue string
}

// Block is one header block.
type Block struct {
	Name           document.Name
	MustUnderstand bool
	Role           string // the actor of SOAP 1.1 or the role of 1.2 as written; empty when absent
	ForUs          bool   // whether the ultimate receiver plays that role
}

// UsernameToken holds the credentials of a wsse:UsernameToken with a password
// in clear (WSS UsernameToken Profile 1.0 §3.1). Neither is empty nor holds
// control characters.
type UsernameToken struct{ Username, Password string }

// String hides the password, and the name with it: a head may be logged.
func (UsernameToken) String() string { return "UsernameToken ***" }

// GoString does the same for %#v.
func (t UsernameToken) GoString() string { return t.String() }

// Addressing holds the message addressing properties of WS-Addressing 1.0 §3
// that a reply depends on, white space trimmed. ReplyTo and FaultTo are the
// addresses alone, and always the anonymous one, the none one, or empty.
type Addressing struct {
	Action, MessageID, To, ReplyTo, FaultTo, RelatesTo string
	// Used reports whether the sender sent any header of WS-Addressing: only
	// who did may be answered with one.
	Used bool
}

// The addresses that stand for a connection and for nowhere (WS-Addressing 1.0 §2.1).
const (
	AddressAnonymous = NamespaceAddressing + "/anonymous"
	AddressNone      = NamespaceAddressing + "/none"
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
