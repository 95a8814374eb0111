// Package amqp connects the gateway to an AMQP 0-9-1 broker such as RabbitMQ: it
// publishes deliveries with confirms, and takes messages from queues to the core.
//
// A delivery counts as taken only when the broker has acknowledged it and has
// not returned it. Everything else is unknown and is published again by whoever
// asks next, with the same message-id. A message of a queue is acknowledged only
// when the core has committed it, be it stored or parked.
//
// The package knows nothing of the outbox, of mappings or of the parking lot. It
// never declares exchanges or queues unless it is told to (Config.Declare, and
// Declare for the demo).
//
// # Epochs
//
// One session is one connection and one channel, and is thrown away whole after
// any trouble. The library's own recovery (Config.Recovery) is never used: it
// carries delivery tags over to the next connection, where they mean other
// messages.
//
// # What a consumer keeps
//
// Order: messages are prepared in parallel and submitted in delivery order;
// acknowledged is the prefix that is committed. When one cannot be committed,
// nothing behind it is begun, what is under way is waited for, and the rest is
// tried again in its order, from memory.
//
// Messages: nothing is ever rejected or requeued one by one. What cannot be
// committed waits, in hand for a while, then on the broker, until database and
// directory are back. It is given back once in an outage, since quorum queues
// count that against a message.
//
// Neighbours: a message that was redelivered though this process did not have it
// in hand may be what another process died over. It is taken alone, and what is
// behind it waits.
//
// # Quirks of brokers and of the library
//
//   - Without the mandatory flag a message that no queue wants is acknowledged
//     and dropped. With it, basic.return precedes the acknowledgement.
//   - A direct reply (amq.rabbitmq.reply-to.*) goes to no queue: with the
//     mandatory flag it is delivered and returned as well.
//   - A missing exchange (404), a missing permission (403) and a message that is
//     too large (406) close the channel; every confirm that was pending then
//     reads as a nack, as it does after a lost connection. Only the reason of the
//     closing says which, and never which message it was: those in flight are
//     sent again one at a time to find the culprit.
//   - Under a memory or disk alarm RabbitMQ says connection.blocked and reads no
//     further: a write then hangs past every context. Writes have a deadline, and
//     the end of the context closes the link. A hanging write also keeps the
//     library from minding its read deadline: after one and a half heartbeats it
//     gives up the connection itself, however alive the broker is. Consumers and
//     publishers therefore share no connection.
//   - A string property of more than 255 bytes makes the library kill its
//     connection, so such a delivery is refused before it is sent.
//   - RabbitMQ answers a wrong password by hanging up, after two seconds, unless
//     the client announces authentication_failure_close, which the library
//     cannot. A link cut in that moment looks the same.
//   - When a queue is deleted its consumers are told (basic.cancel), and their
//     channel stays open, silent for ever.
//   - When a consumer unsubscribes, RabbitMQ hands a quorum queue with a single
//     active consumer on at once, though messages are unacknowledged (3.10): the
//     next consumer would overtake them. Closing the channel puts them back first.
//   - A queue's arguments can be read only from the words of a refused
//     declaration, one at a time. x-max-age, which only streams know, is not
//     compared, and keeps the declaration from ever making a queue.
package amqp
