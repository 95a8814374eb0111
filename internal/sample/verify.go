package sample

import (
	"fmt"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// verify lets the contract's validator judge a message; no refusal means that it
// keeps the contract, or that nobody can tell because the service is degraded.
func (m *Maker) verify(t *target, msg *Message) (refusal *Impossible, err error) {
	if m.service.Degraded() != "" {
		return nil, nil
	}
	details, err := m.judge(t, msg)
	if err != nil {
		return nil, fmt.Errorf("the sample that was made cannot be judged: %w", err)
	}
	if len(details) == 0 {
		return nil, nil
	}
	return &Impossible{Path: details[0].Path, Reason: "what the type model allows there the validator refuses: " + details[0].String()}, nil
}

// judge returns what the validator has against a message.
func (m *Maker) judge(t *target, msg *Message) ([]fault.Detail, error) {
	if t.kind == requestBody {
		details, _, err := m.service.ValidateFor(t.op, msg.Envelope(Form{}), 0)
		return details, err
	}
	var out []fault.Detail
	for i, h := range msg.headers {
		details, err := m.alone(t.op, t.headers[i], h, msg.prefixes)
		if err != nil {
			return nil, err
		}
		out = append(out, details...)
	}
	if msg.payload == nil {
		return out, nil
	}
	details, err := m.alone(t.op, t.element, msg.payload, msg.prefixes)
	return append(out, details...), err
}

// alone judges one element of an operation that is no request: as the input of
// an operation that is otherwise the same.
func (m *Maker) alone(of *contract.Operation, el *contract.Element, n *node, p *prefixes) ([]fault.Detail, error) {
	whole := *n
	whole.gathers = false
	w := &writer{prefixes: p}
	w.element(&whole, 0)
	turned := *of
	turned.Input = &contract.Message{Element: el}
	details, _, err := m.service.ValidatePayload(&turned, w.dst, 0)
	return details, err
}
