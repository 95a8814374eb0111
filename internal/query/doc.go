// Package query answers operations of a contract from views: SOAP queries. A request
// becomes a view.Query, whose page becomes the reply.
//
// What a query file says, package mapping compiles. Here it is held against a view as
// the tables have it (Query.On), its values become those of fields, and a Desk asks:
// it bounds the searches that are under way, seals where a page goes on, and writes
// the page as the document that the reply is made of. Whoever may read the view may
// ask, and sees by it what a search shows.
//
// The package knows nothing of SOAP, HTTP and SQL, and keeps nothing: a query may be
// asked again at any time.
package query
