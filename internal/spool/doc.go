// Package spool keeps files that take a while to make, in a directory of one process: jobs
// that wait, are made, and are fetched as often as somebody likes until they are too old.
// It knows nothing of what is in the files.
//
// A file appears under its name when it is whole: it is written beside it, with its hash,
// brought to the disk and renamed. A job whose process died is made anew under the same
// id.
package spool
