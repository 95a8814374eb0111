// Package mapping turns a message into rows, publications and a reply, as a
// mapping file says. It parses the file, resolves every path against the
// contract, compiles it, checks it against the tables, and applies it to
// messages. It does no I/O: it knows neither databases nor brokers, only the
// data that a store and a channel are given.
package mapping

import (
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// Mapping is a compiled mapping: immutable, safe for concurrent use.
type Mapping struct {
	Name     string
	Version  string // 12 hexadecimal digits: of the file's SHA-256, or with its code sets'
	File     string
	Contract *contract.Contract
	Service  *contract.Service
	// Operation is the one whose input the mapping takes.
	Operation *contract.Operation
	Tables    []Table
	Returns   []Return
	Channels  []string // the channels it may publish to, each once
	// Headers names the header blocks that the mapping reads, and Properties the
	// AMQP properties and headers.
	Headers    []document.Name
	Properties []string
	// NamedByTransport says that the mapping reads what the sender called the
	// message in its transport, $message/messageId.
	NamedByTransport bool
	HasIdentity      bool // the file names an identity
	// Waits says that a look-up may have the message wait for what it refers to.
	Waits bool
	// Faults are the rules that answer with faults of the contract, in order.
	Faults []FaultRule
	// Strict says that no narrowing is allowed.
	Strict bool
	// Refers says that the mapping reads attachments as references, cid: and the
	// SHA-256 of their octets, and not as values.
	Refers bool
	// Warnings are what its author should look at though the mapping compiles.
	Warnings []config.Fault
	// Live are the tables of which the store notes what is written; see Living.
	Live []LiveTable
	// Noting are the subjects of all tables that the configuration has noted, also by
	// other mappings, in their order.
	Noting []string

	split        *splitProgram // nil: a message is one
	identity     *xpath.Program
	anonymous    bool // identity: none
	keys         []keyProgram
	ordering     *xpath.Program
	top          []int        // the steps of Tables without a parent
	programs     []rowProgram // for each of Tables
	publications []*publication
	reply        *replyProgram
	limits       [][]limit                       // for each of Tables and its Columns; nil until checked
	places       map[*xpath.Program]config.Fault // where each expression stands
	watch        xpath.Watch                     // nil: nobody looks
	answers      []*faultProgram
}

// Principal is what a mapping may know of the sender.
type Principal struct{ Login, DN, Partner string }

// MessageFacts is what the gateway itself knows of the message.
type MessageFacts struct {
	ID         string
	ReceivedAt time.Time
	MessageID  string // wsa:MessageID or AMQP message-id; empty when there is none
}

// Input is one message to be mapped.
type Input struct {
	Payload    document.Node     // the Body's child
	Part       document.Node     // of a mapping that splits: the part in Payload, which has no other
	Number     int               // the place of Part in the message as it came, from 1
	Header     document.Node     // the SOAP Header, or none
	Properties map[string]string // AMQP properties and headers
	Principal  Principal
	Message    MessageFacts
}

// item is the context item of everything but the reply.
func (in *Input) item() document.Node {
	if in.Part.Exists() {
		return in.Part
	}
	return in.Payload
}

// place is file:line:column of an expression.
func (m *Mapping) place(p *xpath.Program) string {
	at := m.places[p]
	return fmt.Sprintf("%s:%d:%d", at.File, at.Line, at.Column)
}
