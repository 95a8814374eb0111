// Package odata reads searches as OData 4.01 writes them in the query of an address
// (URL Conventions §5), holds them against a view, and seals where a page goes on.
//
// Taken are $filter, $select, $orderby, $top, $count, $expand, $skiptoken and $format,
// with their dollar or without; what of them is taken, docs/query.md says. Everything
// else is refused by name: an option that is overlooked would quietly restrict
// nothing. Complaints point to the byte.
//
// Parse makes a Request of the text, which knows nothing of any view. Bind makes a
// view.Query of it, whose values have the types of their fields. A field that whoever
// asks may not see is reported as one that does not exist is.
//
// The package knows nothing of HTTP and SQL, and its effort is bounded by the length
// of the text.
package odata
