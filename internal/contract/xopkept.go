package contract

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// restored is a payload with a value in the place of each reference that Write
// has put where the contract has octets. Places after it in its line differ.
func (s *Service) restored(op *Operation, payload []byte, parts Parts) ([]byte, error) {
	tree, err := document.Read(payload)
	if err != nil {
		return nil, unreadable(err)
	}
	defer tree.Release()
	a := &attached{explainer: explainer{service: s, operation: op}, source: payload, parts: parts}
	a.references(tree.Root())
	return a.logical(), nil
}

func (a *attached) references(n document.Node) {
	if n.FirstChild().Exists() {
		for c := range n.Children() {
			a.references(c)
		}
		return
	}
	id, ok := strings.CutPrefix(strings.TrimSpace(n.Text()), "cid:")
	part, known := a.parts[id]
	if !ok || !known {
		return
	}
	if simple := octetType(a.typeOf(n)); simple != nil && !lookedAt(simple) && simple.checkLength(part.size(), "byte") == "" {
		_, from, to, _ := n.Span()
		a.edits = append(a.edits, substitution{from: from, to: to, text: standIn(simple, nil)})
	}
}
