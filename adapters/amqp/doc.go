// Package amqp publishes deliveries to an AMQP 0-9-1 broker such as RabbitMQ,
// with confirms.
//
// A delivery counts as taken only when the broker has acknowledged it and has
// not returned it. Everything else is unknown and is published again by whoever
// asks next, with the same message-id. The package knows nothing of the outbox,
// of retries or of parking: it answers for one call at a time. It never declares
// exchanges or queues unless it is told to (Declare, for the demo).
//
// # Epochs
//
// One session is one connection and one channel, and is thrown away whole after
// any trouble. The library's own recovery (Config.Recovery) is never used: it
// carries delivery tags over to the next connection, where they mean other
// messages.
//
// # Quirks of brokers and of the library
//
//   - Without the mandatory flag a message that no queue wants is acknowledged
//     and dropped. With it, basic.return precedes the acknowledgement.
//   - A missing exchange (404), a missing permission (403) and a message that is
//     too large (406) close the channel; every confirm that was pending then
//     reads as a nack, as it does after a lost connection. Only the reason of the
//     closing says which, and never which message it was: those in flight are
//     sent again one at a time to find the culprit.
//   - Under a memory or disk alarm RabbitMQ says connection.blocked and reads no
//     further: a write then hangs past every context. Writes have a deadline, and
//     the end of the context closes the link. A hanging write also keeps the
//     library from minding its read deadline: after one and a half heartbeats it
//     gives up the connection itself, however alive the broker is.
//   - A string property of more than 255 bytes makes the library kill its
//     connection, so such a delivery is refused before it is sent.
//   - RabbitMQ answers a wrong password by hanging up, after two seconds, unless
//     the client announces authentication_failure_close, which the library
//     cannot. A link cut in that moment looks the same.
package amqp
