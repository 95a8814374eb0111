// Package sqlview runs the plans of package view on the SQL stores: it writes a
// plan as one statement, reads the answer, and fetches the children of a page with
// one statement for each level.
//
// A page is chosen by its keys first. Each branch of a plan is a seek in the index
// that the plan names, which reads as many rows as the page needs; the branches are
// merged, each row once; only then are the rows themselves read, what they refer to,
// and what may be seen of them:
//
//	SELECT … FROM (
//	  SELECT key … FROM (branch UNION ALL branch …) GROUP BY key ORDER BY … limit
//	) AS p JOIN table ON key LEFT JOIN referred … ORDER BY …
//
// The index is named in the text, so that neither statistics nor the values of the
// parameters can make the database read the whole table: an index that is gone is
// an error, and not a slow answer. Values are parameters, each as the type of its
// column, for a column that has to be converted is not sought in. A field that may
// not be seen of a row is null when it leaves the database.
//
// The package knows the words of no dialect and no driver: see Dialect. It does not
// know who asks.
package sqlview
