package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// A sender may want its answer elsewhere than on its connection: WS-Addressing's
// ReplyTo and FaultTo. It goes to addresses alone that the configuration lists,
// for those who may cause something on their channel, and by the outbox: the
// sender's request is answered with nothing as soon as the answer is stored.

// maxReplyAddress is how long a listed address may be: it stands in the place of a
// delivery's routing key.
const maxReplyAddress = 1000

// destination is where an answer goes.
type destination struct {
	address string // as it is listed
	channel string
	blocks  string // the reference parameters
}

// replyAddress is an address that is listed.
type replyAddress struct{ address, channel string }

// ReplyURL reads a reply address: an absolute http or https URL with a host, and
// without credentials and fragment. The first result is what addresses are
// compared by: scheme and host in lower case, no port that goes without saying,
// everything else as written.
func ReplyURL(text string) (comparable string, u *url.URL, err error) {
	if len(text) > maxReplyAddress {
		return "", nil, fmt.Errorf("is longer than %d bytes", maxReplyAddress)
	}
	u, err = url.Parse(text)
	switch {
	case err != nil || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }):
		return "", nil, fmt.Errorf("is not a URL of printable ASCII")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", nil, fmt.Errorf("scheme %q, expected https", u.Scheme)
	case u.User != nil:
		return "", nil, fmt.Errorf("must hold no credentials")
	case u.Hostname() == "" || u.Opaque != "" || strings.Trim(strings.ToLower(u.Host), "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]") != "":
		return "", nil, fmt.Errorf("names no host")
	case strings.Contains(text, "#"):
		return "", nil, fmt.Errorf("takes no fragment")
	}
	host, _ := strings.CutSuffix(strings.ToLower(u.Host), map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	comparable = u.Scheme + "://" + strings.TrimSuffix(host, ":") + path
	if u.RawQuery != "" || u.ForceQuery {
		comparable += "?" + u.RawQuery
	}
	return comparable, u, nil
}

// listReplies gathers the addresses of all channels.
func (g *Generation) listReplies() error {
	g.replies = map[string]replyAddress{}
	for _, c := range g.Channels {
		for _, address := range c.Replies {
			key, _, err := ReplyURL(address)
			if err != nil {
				return fmt.Errorf("channel %s: the reply address %w", c.Name, err)
			}
			if other, taken := g.replies[key]; taken {
				return fmt.Errorf("the reply address %s is listed by channel %q and by channel %q", address, other.channel, c.Name)
			}
			g.replies[key] = replyAddress{address, c.Name}
		}
	}
	return nil
}

// listed implements envelope.Limits.
func (g *Generation) listed(address string) (string, bool) {
	if len(g.replies) == 0 {
		return "", false
	}
	key, _, err := ReplyURL(address)
	found, ok := g.replies[key]
	return found.address, ok && err == nil
}

// address decides where the answer goes. Whether the sender may name an address
// is known only now; until then every refusal goes back on the connection.
func (g *Gateway) address(ctx context.Context, p *passage) error {
	head := p.receipt.Head
	a := &head.Addressing
	reply, err := g.destination(ctx, p, a.ReplyTo, a.ReplyBlocks)
	if err != nil {
		return err
	}
	faults, err := g.destination(ctx, p, a.FaultTo, a.FaultBlocks)
	if err != nil {
		return err
	}
	if a.FaultTo == "" {
		faults = reply // core §3.4
	}
	switch {
	case reply == nil && faults == nil:
		return nil
	case a.MessageID == "":
		return head.LacksMessageID()
	case p.route.Mapping.Splits():
		return fault.New(fault.CodeAddressing, "the messages of route %s are split, and answered on the connection only", p.route.Name)
	}
	p.replyTo, p.faultTo = reply, faults
	if p.receipt.Operation.OneWay() {
		p.replyTo = nil
	}
	return nil
}

// destination is nil for the addresses that are none.
func (g *Gateway) destination(ctx context.Context, p *passage, address, blocks string) (*destination, error) {
	switch address {
	case "", envelope.AddressAnonymous, envelope.AddressNone:
		return nil, nil
	}
	key, _, err := ReplyURL(address)
	found, listed := p.generation.replies[key]
	if err != nil || !listed {
		return nil, fault.New(fault.CodeInternal, "").Because(fmt.Errorf("the address %q is listed no more", address))
	}
	if _, err := p.generation.Access.Authorize(p.identity, Cause, OnChannel(found.channel)); err != nil {
		return nil, err
	}
	return &destination{found.address, found.channel, blocks}, g.openReplies(ctx, found.channel)
}

// openReplies has the store take deliveries of a channel, once.
func (g *Gateway) openReplies(ctx context.Context, channel string) error {
	if _, open := g.repliesOpen.Load(channel); open {
		return nil
	}
	if g.poster == nil {
		return fault.New(fault.CodeInternal, "").Because(fmt.Errorf("the store posts nothing"))
	}
	if err := g.outage.during(ctx, func() error { return g.poster.OpenChannel(ctx, channel) }); err != nil {
		return err
	}
	g.repliesOpen.Store(channel, struct{}{})
	return nil
}

// rendering adds the reply to what the mapping publishes, so that one transaction
// takes both.
func (p *passage) rendering(render func([]mapping.Value) (*mapping.Rendered, error)) func([]mapping.Value) (*mapping.Rendered, error) {
	if p.replyTo == nil {
		return render
	}
	to, receipt := p.replyTo, p.receipt
	return func(stored []mapping.Value) (*mapping.Rendered, error) {
		out, err := render(stored)
		if err != nil {
			return nil, err
		}
		receipt.Reply = out.Reply
		reply, err := to.reply(&receipt, receipt.ID)
		if err != nil {
			return nil, fault.New(fault.CodeInternal, "").Because(err)
		}
		out.Publications = append(out.Publications, *reply)
		return out, nil
	}
}

// reply is the reply to a message, in the ledger as of, as it goes out.
func (d *destination) reply(r *Receipt, of ID) (*mapping.Publication, error) {
	payload, err := r.Payload()
	if err != nil {
		return nil, err
	}
	p := d.publication(r, of)
	head := r.Head.Reply(r.Operation.OutputAction, "")
	d.direct(&head, p)
	p.Body = envelope.AppendReply(nil, head, payload)
	return p, nil
}

// fault is a fault as it goes out.
func (d *destination) fault(r *Receipt, of ID, f *fault.Error) *mapping.Publication {
	p := d.publication(r, of)
	answer := envelope.NewFault(envelope.Sender, f, r.Head, of.String())
	d.direct(&answer.Head, p)
	p.Body = envelope.AppendFault(nil, r.Head.Version, answer)
	return p
}

// publication has a wire id that is the same whenever the same request is
// answered: the receiver knows a repeat by it.
func (d *destination) publication(r *Receipt, of ID) *mapping.Publication {
	sum := sha256.New()
	for _, part := range []string{of.String(), d.address, d.blocks, r.Head.Addressing.MessageID, r.Head.Addressing.Space, r.Head.Version.Namespace()} {
		fmt.Fprintf(sum, "%d %s\n", len(part), part)
	}
	return &mapping.Publication{
		Channel: d.channel, RoutingKey: d.address, ContentType: r.Head.Version.MediaType(),
		WireID: hex.EncodeToString(sum.Sum(nil)[:16]),
	}
}

// direct writes where the answer goes into its head.
func (d *destination) direct(h *envelope.ReplyHead, p *mapping.Publication) {
	id := uuid.Must(uuid.Parse(p.WireID))
	h.MessageID, h.To, h.Blocks = "urn:uuid:"+id.String(), d.address, d.blocks
	p.Type = h.Action
}

// replyElsewhere sees to it that a positive answer is in the outbox, when it does
// not go back on the connection. That of a message stored just now is; that of
// one stored before goes out again, unless it still waits there.
func (g *Gateway) replyElsewhere(ctx context.Context, p *passage) error {
	if p.replyTo == nil {
		return nil
	}
	if p.receipt.Status == Duplicate {
		reply, err := p.replyTo.reply(&p.receipt, p.receipt.MessageID)
		if err != nil {
			return fault.New(fault.CodeInternal, "").Because(err)
		}
		if err := g.post(ctx, p, p.receipt.MessageID, reply, nil); err != nil {
			return err
		}
	}
	p.receipt.Elsewhere = true
	return nil
}

// faultsElsewhere reports whether a fault goes to an address of its own. What may
// succeed when it is sent again, and what is ours, is told on the connection:
// nothing has come to an end.
func (p *passage) faultsElsewhere(f *fault.Error) bool {
	return p.faultTo != nil && f != nil && !f.Kind().Retryable() && f.Kind() != fault.Internal
}

// faultElsewhere posts the fault of a message whose sender wants it elsewhere;
// then there is none for the connection.
func (g *Gateway) faultElsewhere(ctx context.Context, p *passage, err error) error {
	f := fault.Of(err)
	if err == nil || !p.faultsElsewhere(f) {
		return err
	}
	of, refusal := p.receipt.ID, new(Refusal)
	if p.receipt.Status == Superseded {
		of, refusal = p.receipt.MessageID, nil
	} else {
		*refusal = p.refusal(f)
	}
	if failed := g.post(ctx, p, of, p.faultTo.fault(&p.receipt, of, f), refusal); failed != nil {
		if refusal != nil {
			g.refusals.add(*refusal)
		}
		return fault.Of(failed)
	}
	p.receipt.MessageID, p.receipt.Elsewhere = of, true
	return nil
}

// postTimeout bounds how long an answer may take to be stored.
const postTimeout = 10 * time.Second

// post puts an answer into the outbox, also when the caller has left.
func (g *Gateway) post(ctx context.Context, p *passage, of ID, publication *mapping.Publication, refusal *Refusal) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postTimeout)
	defer cancel()
	posting := &Posting{MessageID: of, OrderingKey: cmp.Or(p.ordering, of.String()), Correlation: p.receipt.Head.Addressing.MessageID, TraceParent: p.traceParent(), Refusal: refusal, Publication: *publication}
	_, err := observed(ctx, g.outage, func() (bool, error) { return g.poster.Post(ctx, posting) })
	if err == nil {
		g.relay.wake([]string{publication.Channel})
	}
	return err
}
