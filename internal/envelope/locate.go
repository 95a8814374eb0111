package envelope

import "github.com/gatehouse/gatehouse/internal/document"

// Located are the parts of an envelope by their place, with which signatures are
// compared.
type Located struct {
	Body     document.Node
	Security document.Node   // the one wsse:Security that is for us; none when there is none
	Blocks   []document.Node // the other header blocks that are for us
}

// Locate finds the parts of a complete envelope, and judges it as Peek does: what
// the Body is, and whom a block is for, is decided in one place. The error is a
// *fault.Error.
func Locate(t *document.Tree) (Located, error) {
	p := peek{head: &Head{Version: versionOf(t.Root().Name().Space)}, root: t.Root()}
	if p.root.Name().Local != "Envelope" {
		p.head.Version = 0
	}
	if err := p.envelope(); err != nil {
		return Located{}, err
	}
	if err := p.blocks(); err != nil {
		return Located{}, err
	}
	out := Located{Body: p.body}
	for i, b := range p.head.Blocks {
		switch {
		case !b.ForUs:
		case b.Name != nameSecurity:
			out.Blocks = append(out.Blocks, p.nodes[i])
		case out.Security.Exists():
			return Located{}, credentialsFault(p.nodes[i], "there is more than one Security header for this receiver", subcodeSecurity)
		default:
			out.Security = p.nodes[i]
		}
	}
	return out, nil
}
