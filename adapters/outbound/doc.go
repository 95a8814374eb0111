// Package outbound calls partners: a channel of HTTP posts each delivery as it
// is, a channel of SOAP calls an operation of the partner's contract with it, a
// channel of replies carries answers to the addresses that messages name.
//
// A Publisher makes one attempt for each delivery and judges the answer; when to
// try again, and when to give up, is the relay's. Deliveries of one ordering key
// go out one after the other, each only when the one before was taken; different
// keys at the same time, as many as the channel's concurrency says.
//
// What an answer means is decided by one question: was it this message, or would
// every other one have fared the same? fault.CodeNotPublishable says that the
// partner refuses this one for good, fault.CodeNotTaken that it failed alone and
// may be tried again, fault.CodeChannelUnavailable that nobody is there, or that
// the configuration is wrong, so that no message is to blame.
//
// The package follows no redirect, asks no proxy unless told to, sends passwords
// over TLS only, and never lets a message choose the host, but from a list. It knows nothing of
// SQL, of mappings and of other channels.
package outbound
