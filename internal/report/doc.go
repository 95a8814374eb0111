// Package report writes the answer of a report for people: as a table of plain text,
// as CSV, and as a chart in SVG. It knows nothing of how the lines came about, nor of
// who reads them.
package report
