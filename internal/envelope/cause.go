package envelope

import (
	"errors"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Cause is the machine-readable part of a fault of this package: what a SOAP
// answer says beyond Sender and a sentence. It is the fault.Error's Cause, and
// found again with CauseOf.
type Cause struct {
	// Subcodes are names in the vocabulary of the header concerned, the general
	// one first, such as wsa:InvalidAddressingHeader, wsa:InvalidCardinality.
	Subcodes []document.Name
	// NotUnderstood names the header blocks of a MustUnderstand fault (SOAP 1.2
	// part 1 §5.4.8).
	NotUnderstood []document.Name
	// Detail is a serialised element, or several, in the place of this gateway's
	// own fault details: those of a fault that the contract declares.
	Detail []byte
	// Reason stands in the place of the fault's own sentence, and Action in that
	// of SOAP's action for faults, where they are not empty.
	Reason, Action string
	// Err is the cause behind this one, or nil.
	Err error
}

// Unwrap returns the cause behind.
func (c *Cause) Unwrap() error { return c.Err }

// Error renders the names, for the log.
func (c *Cause) Error() string {
	var names []string
	for _, n := range c.Subcodes {
		names = append(names, n.String())
	}
	for _, n := range c.NotUnderstood {
		names = append(names, "not understood: "+n.String())
	}
	if c.Detail != nil && c.Err == nil {
		names = append(names, "with a detail of its own")
	}
	if c.Err != nil {
		names = append(names, c.Err.Error())
	}
	return strings.Join(names, ", ")
}

// CauseOf returns the Cause in err's chain, or nil.
func CauseOf(err error) *Cause {
	c, _ := errors.AsType[*Cause](err)
	return c
}

// The subcodes in use: WSS 1.1 §12, WS-Addressing 1.0 SOAP binding §6.4.
var (
	subcodeSecurity    = document.Name{Space: NamespaceSecurity, Local: "InvalidSecurity"}
	subcodeToken       = document.Name{Space: NamespaceSecurity, Local: "InvalidSecurityToken"}
	subcodeUnsupported = document.Name{Space: NamespaceSecurity, Local: "UnsupportedSecurityToken"}
	subcodeFailed      = document.Name{Space: NamespaceSecurity, Local: "FailedAuthentication"}

	subcodeAddressing  = document.Name{Space: NamespaceAddressing, Local: "InvalidAddressingHeader"}
	subcodeCardinality = document.Name{Space: NamespaceAddressing, Local: "InvalidCardinality"}
	subcodeAddress     = document.Name{Space: NamespaceAddressing, Local: "InvalidAddress"}
	subcodeNoAddress   = document.Name{Space: NamespaceAddressing, Local: "MissingAddressInEPR"}
	subcodeAnonymous   = document.Name{Space: NamespaceAddressing, Local: "OnlyAnonymousAddressSupported"}
)
