// Package feed keeps a copy of a view for a warehouse, in Parquet files that only ever
// become more: first all rows as they were at one position of the log, then, from position
// to position, the rows that have changed, and the keys of those that are gone.
//
// A file has each of its rows as it was when the file was written, so at its last position
// or later. Whoever brings the files in one after the other, by key, has the rows of the
// view as they are; a row may come again.
//
// A feed knows its directory or bucket as a Place. It refuses to know what is behind one.
//
// # One manifest
//
// A manifest lists the files, and what it does not list is no part of the feed. A file is
// there, whole, before it is listed, and the manifest is replaced whole, so each stretch of
// the log is in exactly one file that is listed, wherever a process dies. Of several
// gateways one writes: whoever holds the lease.
//
// A lease alone is not enough. A process can be held up anywhere, for longer than its lease
// lasts, and go on without having noticed: its clock may have stood still with it. A
// request can arrive long after its sender gave it up. An object store knows no renaming,
// and a list of what is there may be old. So:
//
//   - The manifest is replaced only where it is still the one that was read (If-Match, or
//     If-None-Match where there was none). Of two writers that read the same, one wins; the
//     other's file is left over. What a list says is never taken for what the feed has.
//   - The manifest has the fence of the lease in it, a number that rises with every holder.
//     Nobody goes on from a manifest of a later holder. So once a holder has replaced the
//     manifest, no earlier one ever will.
//   - No name is used twice: it has the fence and a random number in it. A file that comes
//     late, or again, takes the place of no other.
//   - What is left over is removed only by who has just replaced the manifest, by that very
//     manifest, and only where the fence in its name is not a later one. By then no earlier
//     holder can list it any more, and what a later one is bringing stays.
//   - Where the answer to a replacing is lost, or denies it, the manifest is read again: if
//     it is the one that was sent, to the byte, it was replaced. If it is not, the file
//     stays, since the request may still arrive; should it, its condition holds or it does
//     not, as for any other writer.
//
// A directory has no operation that compares and replaces. There the look at the manifest
// and its renaming are two steps, and between these the lease alone keeps writers apart.
package feed
