package broker

import (
	"crypto/rand"
	"strings"
)

// directReply is the pseudo-queue by which a client takes replies without having
// a queue: it consumes from it without acknowledgements, names it as reply-to,
// and whoever publishes to the name that the broker puts in its place reaches
// the client's channel.
const directReply = "amq.rabbitmq.reply-to"

// consumeReplies subscribes the channel to its replies.
func (ch *channel) consumeReplies(tag string, noAck bool) error {
	if !noAck {
		return soft(406, "PRECONDITION_FAILED - reply consumer cannot acknowledge")
	}
	if ch.replyConsumer != "" {
		return soft(406, "PRECONDITION_FAILED - reply consumer already set")
	}
	ch.replyConsumer, ch.replyKey = tag, directReply+"."+rand.Text()
	ch.conn.broker.replies[ch.replyKey] = ch
	return nil
}

func (ch *channel) forgetReplies() {
	delete(ch.conn.broker.replies, ch.replyKey)
	ch.replyConsumer, ch.replyKey = "", ""
}

// nameReplies puts the channel's own name in the place of the pseudo-queue's.
func (ch *channel) nameReplies(p *properties) error {
	if p.text[propReplyTo] != directReply {
		return nil
	}
	if ch.replyConsumer == "" {
		return soft(406, "PRECONDITION_FAILED - fast reply consumer does not exist")
	}
	p.text[propReplyTo] = ch.replyKey
	return nil
}

// reply hands a message to the channel that waits for it, if there is one. It is
// no queue: a mandatory message is returned all the same.
func (b *Broker) reply(key string, p *properties, body []byte) {
	if !strings.HasPrefix(key, directReply+".") {
		return
	}
	if ch := b.replies[key]; ch != nil {
		ch.tag++
		args := (&encoder{}).shortstr(ch.replyConsumer).u64(ch.tag).bool(false).shortstr("").shortstr(key)
		ch.sendContent(basicDeliver, args, p, body)
	}
}
