package gateway

import (
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/wsdl"
)

// TestRecognisedAndWritten: a message that was read when it was found valid, and is
// written anew for its attachments, is mapped as it is written.
func TestRecognisedAndWritten(t *testing.T) {
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../testdata/soap/order-full.xml")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`<o:Note>[^<]*<`).ReplaceAll(text, []byte("<o:Note>cid:drawing<"))
	head, err := envelope.Peek(text, envelope.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	drawing := &Attachment{Part: 1, ContentID: "drawing", Size: 1, Octets: []byte("x"), Hash: Digest{1}}
	g := &Gateway{processors: make(chan struct{}, 1)}
	p := &passage{xml: text, principal: &Principal{Identity: &Identity{}},
		arrival: &Arrival{Format: Envelope, Service: c.Services[0], Body: text, Attachments: []*Attachment{drawing}}}
	p.receipt.Operation, p.receipt.Head = c.Services[0].OperationNamed("SubmitOrder"), head
	defer p.release()
	if err := g.validate(t.Context(), p); err != nil || p.tree == nil {
		t.Fatalf("not recognised: %v", err)
	}
	if err := p.through(t.Context(), []stage{g.attach, g.read}); err != nil {
		t.Fatal(err)
	}
	if got, want := p.input.Payload.Text(), "cid:"+hex.EncodeToString(drawing.Hash[:]); !strings.Contains(got, want) {
		t.Errorf("the payload does not have %s:\n%s", want, got)
	}
}
