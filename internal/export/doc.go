// Package export writes the rows of a view as files: CSV, JSON Lines, XLSX and Parquet. It
// knows what each format can hold and
// what it cannot, and refuses what would not be read back as it was stored; it knows
// nothing of HTTP, of where files are, nor of how rows are found.
//
// A file is written as rows come. Memory is that of some rows, however many there are.
package export
