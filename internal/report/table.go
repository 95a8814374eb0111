package report

import (
	"encoding/csv"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// period is what the values of a column are counted in.
func period(r *view.Report, column int) view.Period {
	if column < len(r.Group) {
		return r.Group[column].By
	}
	return view.Exactly
}

// Text writes a table whose columns are aligned, numbers to the right. What a terminal
// would obey is replaced.
func Text(r *view.Report, page *view.Page) []byte {
	lines := [][]string{nil}
	widths := make([]int, len(page.Fields))
	for i, f := range page.Fields {
		lines[0], widths[i] = append(lines[0], f.Name), width(f.Name)
	}
	for _, row := range page.Rows {
		var line []string
		for i, v := range row.Values {
			text := label(v, period(r, i))
			if !v.Present && i >= len(r.Group) {
				text = "-"
			}
			line, widths[i] = append(line, text), max(widths[i], width(text))
		}
		lines = append(lines, line)
	}
	var b strings.Builder
	for n, line := range lines {
		aligned(&b, page.Fields, line, widths)
		if n == 0 {
			for i := range line {
				line[i] = strings.Repeat("-", widths[i])
			}
			aligned(&b, page.Fields, line, widths)
		}
	}
	fmt.Fprintf(&b, "%s\n", counted(page))
	return []byte(b.String())
}

func aligned(b *strings.Builder, fields []view.Field, line []string, widths []int) {
	var out strings.Builder
	for i, text := range line {
		pad := strings.Repeat(" ", widths[i]-width(text))
		if i > 0 {
			out.WriteString("  ")
		}
		if isNumber(&fields[i].Type) {
			out.WriteString(pad + text)
		} else {
			out.WriteString(text + pad)
		}
	}
	b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
}

// counted says how many lines there are.
func counted(page *view.Page) string {
	lines := "lines"
	if page.Count == 1 {
		lines = "line"
	}
	if int64(len(page.Rows)) < page.Count {
		return fmt.Sprintf("%d of %d %s", len(page.Rows), page.Count, lines)
	}
	return fmt.Sprintf("%d %s", page.Count, lines)
}

// CSV writes the lines as RFC 4180 has it, with the names of the columns first. A
// period is its first day, null is empty. A text that a spreadsheet would calculate has
// an apostrophe before it.
func CSV(page *view.Page) []byte {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	write := func(line []string) {
		if err := w.Write(line); err != nil {
			panic(err) // a Builder takes everything
		}
	}
	var names []string
	for _, f := range page.Fields {
		names = append(names, f.Name)
	}
	write(names)
	for _, row := range page.Rows {
		line := make([]string, len(row.Values))
		for i, v := range row.Values {
			if !v.Present {
				continue
			}
			line[i] = odata.Format(v)
			if v.Kind == mapping.StringColumn && line[i] != "" && strings.ContainsRune("=+-@\t\r", rune(line[i][0])) {
				line[i] = "'" + line[i]
			}
		}
		write(line)
	}
	w.Flush()
	return []byte(b.String())
}
