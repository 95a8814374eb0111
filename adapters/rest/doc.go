// Package rest is the JSON-over-HTTP door: POST /api/<route> takes the JSON twin of
// a contract's message and answers with the twin of its reply; what is wrong is a
// problem document (RFC 9457). The same order by SOAP and by this door is one
// message.
//
// The package owns what is HTTP and JSON about it: media types, the
// Idempotency-Key, status codes, the OpenAPI document. What it has in common with
// the SOAP door on the same listener is httpdoor's. It refuses to know what a
// message means: the JSON text goes to the core as it came.
//
// Others add what is found below /api/ beside routes: see Resource.
//
// The OpenAPI document and the index are public, as a WSDL is. Nothing answers to
// pages of other sites: there are no CORS headers, and application/json is a type
// that no form can send.
package rest
