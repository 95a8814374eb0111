package gateway

import (
	"context"
	"runtime"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Examiner judges messages of synchronous doors by their contract alone, with
// the steps and the faults that Accept has for them: nobody is authenticated and
// nothing is kept. It is safe for concurrent use.
type Examiner struct{ gateway *Gateway }

// NewExaminer returns an Examiner that reports at most maxFaults of one message;
// 0 means 50.
func NewExaminer(maxFaults int) *Examiner {
	return &Examiner{&Gateway{config: Config{MaxFaults: maxFaults}.withDefaults(), processors: make(chan struct{}, runtime.GOMAXPROCS(0)), now: time.Now}}
}

// unsigned refuses a signed message, since nobody here verifies it.
func unsigned(_ context.Context, p *passage) error {
	if p.receipt.Head.Signed {
		return notOffered(WaySignature, nil)
	}
	return nil
}

// Examined is a message that keeps its contract.
type Examined struct {
	tree *document.Tree
}

// Payload is the message in the form that mappings read: one element, literal.
func (e *Examined) Payload() document.Node {
	_, payload := envelope.Parts(e.tree)
	return payload
}

// Release gives the message's memory to the next one.
func (e *Examined) Release() { e.tree.Release() }

// Examine takes one message as far as its contract can judge it. The Receipt is
// never nil and has no reply; the error is a *fault.Error.
func (e *Examiner) Examine(ctx context.Context, a *Arrival) (*Examined, *Receipt, error) {
	g := e.gateway
	p := newPassage(a, g.now())
	for _, step := range []stage{g.peek, unsigned, g.dispatch, g.normalise, g.validate} {
		if err := step(ctx, p); err != nil {
			return nil, &p.receipt, fault.Of(p.located(err))
		}
	}
	if err := p.gather(); err != nil {
		return nil, &p.receipt, fault.Of(err)
	}
	tree, err := document.Read(p.xml)
	if err != nil { // the validator accepted these bytes
		return nil, &p.receipt, fault.New(fault.CodeInternal, "").Because(err)
	}
	return &Examined{tree}, &p.receipt, nil
}
