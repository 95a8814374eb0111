// Package failpoint marks the places where a crash test may kill the process.
//
// Without the build tag "crash" a failpoint compiles to nothing. With it, the
// environment variable GATEHOUSE_CRASH_AT names the failpoint that kills the
// process:
//
//	NAME         the first time it is reached
//	NAME:COUNT   the COUNT-th time
//	NAME=VALUE   the first time it is reached with that value (HitFor)
//
// When GATEHOUSE_CRASH_WHEN names a file, nothing counts before that file is
// there: whoever watches the process decides when its time has come.
//
// The package knows nothing of what happens around the places it marks.
package failpoint
