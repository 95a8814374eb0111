// Package gateway is the core: what happens to a message between a door and
// the store, and between the store and a channel.
//
// accept.go is the place to begin, and conclude.go where a message ends whose sender
// waits. A message is prepared in parallel (peek,
// route, authenticate, authorize, normalise, validate, read, map), committed in a
// lane (lane.go: batches that share one transaction of the Store), and what it
// publishes is carried to its channels by the relay (relay.go). access.go
// decides who may do what; generation.go is the immutable configuration that a
// message finishes on; ports.go declares what the core asks of adapters.
//
// The package refuses to know SOAP over HTTP, LDAP, AMQP and SQL: doors hand
// it arrivals, adapters implement its interfaces, and package cmd joins them.
package gateway
