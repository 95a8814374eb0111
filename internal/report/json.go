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
	for n, row := range page.Rows {
		if n > 0 {
			out = append(out, ',')
		}
		for i, v := range row.Values {
			out = append(out, map[bool]byte{true: '{', false: ','}[i == 0])
			out = append(odata.AppendString(out, page.Fields[i].Name), ':')
			out = odata.AppendJSON(out, v, &page.Fields[i].Type, wide)
		}
		out = append(out, '}')
	}
	return append(out, "]}\n"...)
}
