package outbound

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// SOAP is the soap section of a channel: each delivery is a call of one operation
// of a partner's contract, and its body the message of that operation.
type SOAP struct {
	// Contract is the partner's WSDL and what of it is called:
	// wsdl/partner/partner.wsdl#Service.Port.Operation. The port says the version
	// of SOAP. The WSDL is read, and not served.
	Contract config.Path `yaml:"contract,required"`
	// URL is where the partner listens. Default: the address of the port.
	URL string `yaml:"url"`
	// Action is the SOAPAction. Default: the contract's.
	Action *string `yaml:"action"`
	// Addressing adds WS-Addressing headers: a MessageID that is the same at every
	// attempt, Action and To. Default: where the contract asks for them, and where
	// answers have to be signed.
	Addressing *bool `yaml:"addressing"`
	// Token sends user name and password as a wsse:UsernameToken with the password
	// as text. TLS only.
	Token Token `yaml:"token"`
	// Security signs requests and verifies answers.
	Security Security `yaml:"security"`
	// Faults say what becomes of a delivery that is answered with a fault, by the
	// name that the contract declares it by, or by its code (Client and Server in
	// SOAP 1.1, Sender and Receiver in 1.2): retry, park, or taken, where the fault
	// says that the partner has it already. Default: Server and Receiver are tried
	// again, any other is parked.
	Faults     map[string]string `yaml:"faults"`
	Connection `yaml:",inline"`
}

// Token is a user name with its password.
type Token struct {
	Username string        `yaml:"username"`
	Password config.Secret `yaml:"password"`
}

// What may become of a delivery that is answered with a fault.
const (
	faultRetry = "retry"
	faultPark  = "park"
	faultTaken = "taken"
)

// Effective returns the settings with every default filled in that does not come
// from the contract.
func (c SOAP) Effective() SOAP {
	c.Connection = c.Connection.withDefaults()
	return c
}

// Validate reports every fault of the section at once that is one without the
// contract too.
func (c SOAP) Validate() error {
	var (
		faults []error
		u      *url.URL
	)
	if c.URL != "" {
		var err error
		if u, err = validURL(c.URL); err != nil {
			faults = append(faults, fmt.Errorf("url: %w", err))
		}
	}
	if (c.Token.Username == "") != c.Token.Password.IsZero() {
		faults = append(faults, errors.New("token: username and password need each other"))
	}
	if u != nil && !config.Confidential(u) && c.Token.Username != "" {
		faults = append(faults, errors.New("token: a password goes over https only, or to this machine"))
	}
	if c.Action != nil && (strings.ContainsAny(*c.Action, `"\`) || !printable(*c.Action)) {
		faults = append(faults, errors.New("action: holds a quote, a backslash or a control character"))
	}
	if c.Security.AnswersSignedBy != "" && c.Addressing != nil && !*c.Addressing {
		faults = append(faults, errors.New("addressing: a signed answer says by WS-Addressing which request it is the answer to; leave addressing out, or security.answers_signed_by"))
	}
	for name, what := range c.Faults {
		if !slices.Contains([]string{faultRetry, faultPark, faultTaken}, what) {
			faults = append(faults, fmt.Errorf("faults: %s: %q, expected retry, park or taken", name, what))
		}
	}
	return errors.Join(append(faults, c.Connection.validate(u))...)
}

// Partner is an operation of a partner's contract, at one of its ports.
type Partner struct {
	Contract  *contract.Contract
	Service   *contract.Service
	Port      *contract.Port
	Operation *contract.Operation
}

// File is the path of the WSDL, and Operation what of it is called.
func (c SOAP) File() string {
	file, _, _ := strings.Cut(string(c.Contract), "#")
	return file
}

// Find finds the operation in the contract, and checks that it can be called.
func (c SOAP) Find(in *contract.Contract) (*Partner, error) {
	_, reference, _ := strings.Cut(string(c.Contract), "#")
	var known []string
	var found *Partner
	for _, s := range in.Services {
		for i := range s.Ports {
			for _, op := range s.Operations {
				name := s.Name + "." + s.Ports[i].Name + "." + op.Name
				known = append(known, name)
				if name == reference {
					found = &Partner{in, s, &s.Ports[i], op}
				}
			}
		}
	}
	if found == nil {
		return nil, fmt.Errorf("contract: %s has no %q%s", in.Path, reference, nearest(reference, known))
	}
	return found, errors.Join(found.callable(), c.fits(found))
}

func nearest(reference string, known []string) string {
	if near := config.Nearest(reference, known); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(known) > 8 {
		known = append(known[:8:8], "…")
	}
	return "; after the # stands Service.Port.Operation, one of " + strings.Join(known, ", ")
}

func (p *Partner) callable() error {
	op := p.Operation
	switch {
	case op.Unsupported != "":
		return fmt.Errorf("contract: operation %s cannot be called: %s", op.Name, op.Unsupported)
	case op.Style == contract.RPCEncoded || op.Input.Use == contract.Encoded:
		return fmt.Errorf("contract: operation %s is rpc/encoded, which is not written", op.Name)
	case op.Input.Element == nil || op.Input.Gathered:
		return fmt.Errorf("contract: the input of operation %s is not one element", op.Name)
	}
	for _, h := range op.Input.Headers {
		if h.Required {
			return fmt.Errorf("contract: operation %s demands the header block %s, which is not written", op.Name, h.Part)
		}
	}
	return nil
}

// fits holds the section against the contract.
func (c SOAP) fits(p *Partner) error {
	var faults []error
	names := p.codes()
	for _, f := range p.Operation.Faults {
		names = append(names, f.Name)
	}
	for name := range c.Faults {
		if !slices.Contains(names, name) {
			faults = append(faults, fmt.Errorf("faults: operation %s declares no fault %q; there are %s", p.Operation.Name, name, strings.Join(names, ", ")))
		}
	}
	u, err := validURL(c.address(p))
	switch {
	case err != nil && c.URL == "":
		faults = append(faults, fmt.Errorf("url: the contract's own address %w; give one", err))
	case err == nil && c.URL == "":
		faults = append(faults, c.Connection.validate(u))
		if !config.Confidential(u) && c.Token.Username != "" {
			faults = append(faults, errors.New("token: the contract's own address is http, and a password goes over https only; give url"))
		}
	}
	return errors.Join(faults...)
}

func (p *Partner) codes() []string {
	if p.Port.SOAP12 {
		return []string{"Receiver", "Sender"}
	}
	return []string{"Server", "Client"}
}

func (c SOAP) address(p *Partner) string { return cmp.Or(c.URL, strings.TrimSpace(p.Port.Address)) }

// addressed reports whether requests carry WS-Addressing headers.
func (c SOAP) addressed(p *Partner) bool {
	if c.Addressing != nil {
		return *c.Addressing
	}
	return c.Security.AnswersSignedBy != "" || slices.ContainsFunc(p.Contract.Policies, func(u contract.PolicyUse) bool {
		return !u.Optional && (u.Assertion.Local == "UsingAddressing" || u.Assertion.Local == "Addressing")
	})
}

// NewSOAP makes the publisher of the SOAP channel called name. Close it.
func NewSOAP(name string, c SOAP, p *Partner, concurrency int, now func() time.Time) (*Publisher, error) {
	if err := errors.Join(c.Validate(), p.callable(), c.fits(p)); err != nil {
		return nil, err
	}
	guard, err := c.Security.load()
	if err != nil {
		return nil, err
	}
	how := &operator{guard: guard, now: now, config: c, partner: p, address: c.address(p), addressed: c.addressed(p), version: envelope.V11, action: p.Operation.Action11}
	if p.Port.SOAP12 {
		how.version, how.action = envelope.V12, p.Operation.Action12
	}
	if c.Action != nil {
		how.action = *c.Action
	}
	return newPublisher(name, c.Connection, how, concurrency, now)
}

// operator is the SOAP channel's way of calling.
type operator struct {
	config    SOAP
	partner   *Partner
	address   string
	version   envelope.Version
	action    string
	addressed bool
	guard     guard
	now       func() time.Time
}

func (o *operator) request(ctx context.Context, d *gateway.Delivery) (*http.Request, error) {
	head := envelope.RequestHead{Version: o.version}
	if o.addressed {
		head.Action, head.MessageID, head.To = cmp.Or(o.partner.Operation.InputAction, o.action), urn(d.WireID), o.address
	}
	if t := o.config.Token; t.Username != "" {
		password, _ := t.Password.Fresh() // a file that is away for a moment leaves the value before
		head.Token = &envelope.UsernameToken{Username: t.Username, Password: password.Reveal()}
	}
	if err := o.takes(d); err != nil {
		return nil, err
	}
	const frame = 2 << 10
	body, err := o.guard.sign(envelope.AppendRequest(make([]byte, 0, len(d.Body)+frame), head, d.Body), o.now())
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	setDelivery(req.Header, d)
	req.Header.Set("Idempotency-Key", d.WireID)
	parameters := map[string]string{"charset": "utf-8"}
	switch {
	case o.version == envelope.V11:
		req.Header.Set("SOAPAction", `"`+o.action+`"`)
	case o.action != "":
		parameters["action"] = o.action
	}
	req.Header.Set("Content-Type", mime.FormatMediaType(o.version.MediaType(), parameters))
	req.Header.Set("Accept", o.version.MediaType())
	return req, o.config.Auth.apply(req)
}

// takes refuses what was published for another channel, or for another contract:
// what waited when the configuration changed.
func (o *operator) takes(d *gateway.Delivery) error {
	tree, err := document.ReadUntil(d.Body, document.Limits{}, func(document.Node) bool { return true })
	if err != nil {
		return fmt.Errorf("the body is no XML: %w", err)
	}
	defer tree.Release()
	if want := o.partner.Operation.Input.Element.Name; !tree.Root().Is(want) {
		return fmt.Errorf("the body is %s, and operation %s takes %s", tree.Root().Name(), o.partner.Operation.Name, want)
	}
	return nil
}

// urn is the delivery's id as a URI. The ids are 16 bytes of a digest, which is
// all that a urn:uuid needs to be the same every time.
func urn(wireID string) string {
	raw, err := hex.DecodeString(wireID)
	if err != nil || len(raw) != 16 {
		return "urn:gatehouse:delivery:" + url.PathEscape(wireID)
	}
	return "urn:uuid:" + uuid.UUID(raw).String()
}
