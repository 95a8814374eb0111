package sample

import (
	"fmt"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// verify lets the contract's validator judge a message; nil means that it keeps
// the contract, or that nobody can tell because the service is degraded.
func (m *Maker) verify(t *target, msg *Message) error {
	if m.service.Degraded() != "" {
		return nil
	}
	details, err := m.judge(t, msg)
	if err != nil {
		return fmt.Errorf("the sample that was made cannot be judged: %w", err)
	}
	if len(details) == 0 {
		return nil
	}
	return &Impossible{Path: details[0].Path, Reason: "what the type model allows there the validator refuses: " + details[0].String()}
}

// judge returns what the validator has against a message.
func (m *Maker) judge(t *target, msg *Message) ([]fault.Detail, error) {
	if t.kind == requestBody {
		details, _, err := m.service.Validate(msg.Envelope(Form{}), 0)
		return details, err
	}
	var out []fault.Detail
	for i, h := range msg.headers {
		details, err := m.alone(t.headers[i], h, msg.prefixes)
		if err != nil {
			return nil, err
		}
		out = append(out, details...)
	}
	if msg.payload == nil {
		return out, nil
	}
	details, err := m.alone(t.element, msg.payload, msg.prefixes)
	return append(out, details...), err
}

// alone judges one element that is no request: as the input of an operation that
// takes it.
func (m *Maker) alone(el *contract.Element, n *node, p *prefixes) ([]fault.Detail, error) {
	w := &writer{prefixes: p}
	w.element(n, 0)
	op := &contract.Operation{Name: el.Name.Local, Input: &contract.Message{Element: el}}
	details, _, err := m.service.ValidatePayload(op, w.dst, 0)
	return details, err
}
