// Package live tells those who listen which rows of views have changed, in the order
// of the commits.
//
// The log is the audit trail's: each transaction of a lane has an entry there, and
// under its number stands what was written of live tables. A Hub reads it once for all
// who listen, and only while somebody does. A Stream is somebody's place in the log:
// what changed behind it is read as it is now, as far as he may see it, and he can
// come back to any place that he was given.
//
// The package knows no HTTP and no SQL.
package live
