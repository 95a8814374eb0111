// Package view is about what can be searched: views declared over stored tables,
// the queries that may be asked of them, and what somebody sees of the answer. It
// knows nothing of SQL, HTTP or any text format of queries.
//
// A Declaration is read from a file. Against the tables as they are it becomes a
// View, which knows the type of every field and which indexes there are. A Query
// is what somebody asks of a View, whose values have the types of their fields.
// Restrict joins it with what that person may see; Plan finds the way through the
// indexes, or says which index is missing. A Source runs plans.
package view
