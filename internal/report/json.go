package report

import (
	"strconv"

	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// JSON writes the lines as a search writes rows, with how many there are. wide says
// that numbers which a double does not hold are strings.
func JSON(page *view.Page, wide bool) []byte {
	out := append([]byte(`{"@odata.count":`), strconv.FormatInt(page.Count, 10)...)
	out = append(out, `,"value":[`...)
	shape := odata.ShapeOf(page.Fields, nil, nil)
	for n := range page.Rows {
		if n > 0 {
			out = append(out, ',')
		}
		out = odata.AppendRow(out, shape, &page.Rows[n], wide, 0)
	}
	return append(out, "]}\n"...)
}
