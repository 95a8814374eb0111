package odata

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

func TestAppendRow(t *testing.T) {
	whole := func(n int64) view.Value {
		return view.Value{Kind: mapping.IntegerColumn, Present: true, Int: n}
	}
	big := &mapping.ColumnType{Kind: mapping.IntegerColumn, Max: 1 << 60}
	lines := &Shape{Name: "lines", Members: []Member{{"no", big}}}
	s := &Shape{Members: []Member{{"a", big}, {`b"ä`, big}, {"c", big}}, Children: []*Shape{lines, {Name: "notes"}}}
	row := &view.Row{
		Values:   []view.Value{whole(1), view.Null, whole(3)},
		Seen:     []bool{false, true, true},
		Children: [][]view.Row{{{Values: []view.Value{whole(7)}}, {Values: []view.Value{whole(8)}}}, nil},
		Cut:      []bool{true, false},
	}
	for _, c := range []struct {
		name string
		wide bool
		row  *view.Row
		want string
	}{
		{"with children", false, row, `{"b\"ä":null,"c":3,"lines":[{"no":7},{"no":8}],"lines@gatehouse.hasMore":true,"notes":[]}`},
		{"with strings", true, row, `{"b\"ä":null,"c":"3","lines":[{"no":"7"},{"no":"8"}],"lines@gatehouse.hasMore":true,"notes":[]}`},
		{"nothing seen", false, &view.Row{Values: row.Values, Seen: make([]bool, 3)}, `{}`},
		{"children alone", false, &view.Row{Values: row.Values, Seen: make([]bool, 3), Children: [][]view.Row{nil, nil}}, `{"lines":[],"notes":[]}`},
	} {
		if got := string(AppendRow(nil, s, c.row, c.wide, 0)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	long := row.Children[0]
	for range 1000 {
		long = append(long, row.Children[0]...)
	}
	if got := AppendRow(nil, lines, &view.Row{Values: long[0].Values}, false, 4); len(got) == 0 {
		t.Error("the first row is not written")
	}
	row.Children[0] = long
	if got := AppendRow(nil, s, row, false, 1000); len(got) <= 1000 || len(got) > 5000 {
		t.Errorf("%d bytes with a bound of 1000, and a comma for each row behind it", len(got))
	}
}
