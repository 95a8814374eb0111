package outbound

import (
	"bytes"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// judge tells replies from faults by the Body, not by the status. An answer that
// breaks the contract is a warning: the partner has worked on the message. A
// page that is no envelope is the word of something in between, and proves
// nothing.
func (o *operator) judge(a *answered) verdict {
	success := a.status/100 == 2
	empty := len(bytes.TrimSpace(a.body)) == 0
	switch {
	case success && a.broken != nil:
		return notTaken("the answer was cut off")
	case success && o.guard.verifier != nil && (a.longer || empty && !o.partner.Operation.OneWay()):
		return notTaken("HTTP %d, and no signed answer", a.status)
	case success && a.longer:
		return verdict{warning: "the answer is too large to be looked at"}
	case success && empty && o.partner.Operation.OneWay():
		return verdict{}
	case success && empty && a.status != http.StatusAccepted:
		return verdict{warning: "the answer is empty, and the contract has one"}
	case success && empty:
		return verdict{warning: "the partner accepted the message and did not answer it"}
	}
	body := o.decoded(a)
	answer, err := envelope.ReadAnswer(body)
	if err == nil {
		if unsigned := o.guard.verify(body, urn(a.delivery), a.now); unsigned != nil {
			return notTaken("HTTP %d, and an answer that is not signed as it has to be: %s", a.status, shown(unsigned.Error()))
		}
	}
	switch {
	case err == nil && answer.Fault != nil:
		return o.ofFault(a, answer)
	case !success:
		return ofStatus(a, retried)
	case err != nil && o.partner.Operation.OneWay():
		return verdict{warning: "a one-way message was answered with something that is no SOAP: " + shown(err.Error())}
	case err != nil:
		return notTaken("HTTP %d, and no SOAP answer: %s", a.status, shown(err.Error()))
	}
	return o.ofReply(answer)
}

// decoded is the body in UTF-8, or as it is where it is not what it says.
func (o *operator) decoded(a *answered) []byte {
	_, parameters, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		parameters = nil
	}
	text, _, err := document.Decode(a.body, parameters["charset"])
	if err != nil {
		return a.body
	}
	return text
}

func (o *operator) ofReply(answer *envelope.Answer) verdict {
	op := o.partner.Operation
	switch {
	case answer.Payload == nil && (op.OneWay() || op.Output.Element == nil):
		return verdict{}
	case answer.Payload == nil:
		return verdict{warning: "the Body of the answer is empty, and the contract has one"}
	case op.OneWay():
		return verdict{}
	}
	details, _, err := o.partner.Service.ValidateAnswer(op, answer.Payload, 1)
	switch {
	case err != nil:
		return verdict{warning: "the answer cannot be held against the contract: " + shown(err.Error())}
	case len(details) > 0:
		return verdict{warning: "the answer breaks the contract: " + shown(details[0].String())}
	}
	return verdict{}
}

// everyones are fault codes that say nothing of the message: any other would have
// been answered with them.
var everyones = []string{"VersionMismatch", "MustUnderstand", "FailedAuthentication", "FailedCheck", "SecurityTokenUnavailable", "UnsupportedSecurityToken", "InvalidSecurityToken"}

// ofFault classes a fault: by the name it is declared by, by its code, and as a
// refusal where neither says anything.
func (o *operator) ofFault(a *answered, answer *envelope.Answer) verdict {
	f := answer.Fault
	code, _, _ := strings.Cut(f.Code.Local, ".") // SOAP 1.1 §4.4.1: Client.Authentication
	name := o.declared(f)
	what := o.config.Faults[name]
	if what == "" {
		what = o.config.Faults[code]
	}
	words := "the partner answers with fault " + shown(f.Code.Local)
	if name != "" {
		words += " (" + name + ")"
	}
	words += ": " + shown(f.Reason)
	wait := retryAfter(a.header, a.now)
	switch {
	case what == faultTaken:
		return verdict{warning: words}
	case what == faultRetry:
		return notTaken("%s", words).after(wait)
	case what == faultPark:
		return refuses("%s", words)
	case a.status == http.StatusServiceUnavailable || slices.Contains(everyones, code) || slices.Contains(everyones, f.Subcode):
		return unavailable("%s", words).after(wait)
	case ownCode(f.Code, answer.Version) && (code == "Server" || code == "Receiver"):
		return notTaken("%s", words).after(wait)
	}
	return refuses("%s", words)
}

// declared is the name that the contract declares a fault by, or nothing.
func (o *operator) declared(f *envelope.ReceivedFault) string {
	for _, d := range o.partner.Operation.Faults {
		if d.Element != nil && d.Element.Name == f.Entry {
			return d.Name
		}
	}
	return ""
}

// ownCode reports whether a code is one that SOAP defines. Some stacks leave its
// prefix out.
func ownCode(code document.Name, v envelope.Version) bool {
	return code.Space == v.Namespace() || code.Space == ""
}
