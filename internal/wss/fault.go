package wss

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// The subcodes in use (WSS 1.1 §12).
var (
	invalidSecurity      = wsse("InvalidSecurity")
	invalidToken         = wsse("InvalidSecurityToken")
	unsupportedToken     = wsse("UnsupportedSecurityToken")
	unsupportedAlgorithm = wsse("UnsupportedAlgorithm")
	failedCheck          = wsse("FailedCheck")
	unavailableToken     = wsse("SecurityTokenUnavailable")
	expired              = wsu("MessageExpired")
)

// refuse is the fault about one element. found is what stands there, or empty.
func refuse(n document.Node, subcode document.Name, message, found string) error {
	code := fault.CodeSignature
	if subcode == expired {
		code = fault.CodeMessageExpired
	}
	d := fault.Detail{Message: message}
	if n.Exists() {
		d.Path = n.Path()
		d.Line, d.Column = n.Position()
	}
	const shown = 200
	if len(found) > shown {
		found = strings.ToValidUTF8(found[:shown], "") + "…"
	}
	d.Found = strings.Clone(found)
	return fault.New(code, "").With(d).Because(&envelope.Cause{Subcodes: []document.Name{subcode}})
}

// because adds what the operator alone reads.
func because(err, cause error) error {
	if c := envelope.CauseOf(err); c != nil {
		c.Err = cause
	}
	return err
}
