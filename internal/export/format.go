package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Maker begins a file. What the format cannot hold of the table is an invalid fault.
type Maker func(w io.Writer, t *Table, h *Head) (Writer, error)

// Format is a kind of file.
type Format struct {
	Name      string // as it is asked for
	Extension string
	MediaType string
	// Lists says that a row holds its children; otherwise the file has a row for each
	// child: see Flat.
	Lists bool
	Make  Maker
}

// Options are choices that formats leave.
type Options struct {
	Separator rune // of CSV; 0 means a comma
	Mark      bool // CSV begins with U+FEFF, by which Excel knows UTF-8
	Raw       bool // CSV has texts as they are: a spreadsheet may run them
}

// The names of formats.
const (
	FormatCSV     = "csv"
	FormatJSONL   = "jsonl"
	FormatXLSX    = "xlsx"
	FormatParquet = "parquet"
)

// Formats lists what can be asked for.
var Formats = []string{FormatCSV, FormatJSONL, FormatXLSX, FormatParquet}

// Find returns a format by its name.
func Find(name string, o Options) (*Format, error) {
	if !slices.Contains(Formats, name) {
		return nil, fault.New(fault.CodeExport, "the format is one of %s, not %q", strings.Join(Formats, ", "), name)
	}
	if name != FormatCSV && o != (Options{}) {
		return nil, fault.New(fault.CodeExport, "separator, bom and guard are of csv alone")
	}
	switch name {
	case FormatCSV:
		if err := o.check(); err != nil {
			return nil, err
		}
		return &Format{name, "csv", "text/csv; charset=utf-8; header=present", false, func(w io.Writer, t *Table, _ *Head) (Writer, error) { return NewCSV(w, t, o) }}, nil
	case FormatJSONL:
		return &Format{name, "jsonl", "application/jsonl", true, func(w io.Writer, t *Table, _ *Head) (Writer, error) { return NewJSONLines(w, t), nil }}, nil
	case FormatXLSX:
		return &Format{name, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", false, NewXLSX}, nil
	}
	return &Format{name, "parquet", "application/vnd.apache.parquet", true, NewParquet}, nil
}

// separators are those that no text of another column looks like.
const separators = ",;\t|"

func (o Options) check() error {
	if o.Separator != 0 && !strings.ContainsRune(separators, o.Separator) {
		return fault.New(fault.CodeExport, "the separator of csv is a comma, a semicolon, a tab or a bar, not %q", o.Separator)
	}
	return nil
}

// refused tells of a value that a format cannot hold: of which row it is the first
// columns say, which somebody who asked for them may read.
func refused(t *Table, row int64, column int, format string, args ...any) error {
	return fault.New(fault.CodeExportValue, "row %d, %s: %s", row, t.Columns[column].Name, fmt.Sprintf(format, args...))
}
