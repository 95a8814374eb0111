// Package operations is the door for people and monitoring: health, readiness
// and metrics for whoever asks, and an HTTP API of JSON below /api/v1/ for
// operators, whom the directory knows and the grants allow.
//
// The package owns what is HTTP about it, and one rule: an operator sees and
// does what a grant names, and nothing is told of the rest. What an act does to
// a message is the core's business.
//
// The API is not for pages of other sites: nothing answers to cross-origin
// requests, and what changes something takes application/json only, which no
// form can send.
package operations
