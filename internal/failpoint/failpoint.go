// Package failpoint marks the places where a crash test may kill the process.
//
// Without the build tag "crash" a failpoint compiles to nothing. With it, the
// environment variable GATEHOUSE_CRASH_AT names the failpoint that kills the
// process, as NAME or NAME:COUNT for the COUNT-th time it is reached. The
// package knows nothing of what happens around the places it marks.
package failpoint
