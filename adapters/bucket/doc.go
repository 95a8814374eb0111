// Package bucket brings the files of a feed to an object store: one that speaks S3 (AWS,
// MinIO, Ceph), or Azure Blob Storage.
//
// A file is spooled to a local one first, and brought from there: one of up to 16 MiB by
// one request, a larger one in parts of that size or more, which are read from the spool
// as they are sent and hashed beforehand, so that the store refuses what it did not get as
// it was. The file is there when the last request of it is answered; one that was given up
// is aborted, or found by Names and removed.
//
// A manifest is replaced by a request with a condition, If-Match or If-None-Match. What
// follows from that is thought through in internal/feed; here it is only made sure that
// the store obeys. One that takes no notice of conditions answers as if it did, so before
// the first file it is tried, with a file of its own.
//
// Requests are tried three times, within their timeout. No redirect is followed: whatever
// the store sends the gateway to, files and credentials would go there too. Nothing that
// an answer says is read past a bound. Credentials are read from their files again for
// each round.
//
// The package refuses to know what a feed is, and who may write one.
package bucket
