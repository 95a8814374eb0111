package contract

import (
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// ValidateAnswer checks what an operation answered, without its envelope: a
// document in UTF-8 whose root is the operation's output element. It answers as
// ValidatePayload does, and is meant for the answers of others' services. A
// degraded service's answers are checked for their root alone.
func (s *Service) ValidateAnswer(op *Operation, payload []byte, limit int) (details []fault.Detail, more int, err error) {
	if op.Output == nil || op.Output.Element == nil {
		return nil, 0, nil
	}
	if err := crowded(payload); err != nil {
		return nil, 0, err
	}
	tree, err := document.Read(payload)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	defer tree.Release()
	el := op.Output.Element
	if root := tree.Root(); root.Name() != el.Name {
		line, column := root.Position()
		return []fault.Detail{{Message: "the root element is not the answer of operation " + op.Name, Path: root.Path(), Line: line, Column: column,
			Found: root.Name().String(), Expected: el.Name.String()}}, 0, nil
	}
	if s.gated && !s.modelled {
		return nil, 0, nil
	}
	var verdict error
	if !s.gated {
		if verdict = s.engineOf(op).Validate(payload); verdict == nil {
			return nil, 0, nil
		}
	}
	x, err := s.judge(tree, verdict, func(x *explainer) { x.element(tree.Root(), el) })
	if err != nil {
		return nil, 0, err
	}
	details, more = x.limited(limit)
	return details, more, nil
}
