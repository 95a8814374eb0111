// Package feed keeps a copy of a view in a directory for a warehouse, in Parquet files that
// only ever become more: first all rows as they were at one position of the log, then, from
// position to position, the rows that have changed, and the keys of those that are gone.
//
// A manifest lists the files. It is replaced whole, after the file is on the disk, so that
// each stretch of the log is in exactly one file that it lists; what a process left behind
// that died in between is no part of the feed, and is removed by the next. Of several
// gateways one writes: whoever holds the lease.
//
// A file has each of its rows as it was when the file was written, so at its last position
// or later. Whoever brings the files in one after the other, by key, has the rows of the
// view as they are; a row may come again.
package feed
