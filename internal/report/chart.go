package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/view"
)

// chart is what a picture shows.
type chart struct {
	report *view.Report
	page   *view.Page
	panels []panel
	period int         // the group that goes to the right, or -1
	times  []time.Time // of the period, in order
	series []string    // what the other groups are called; one without a name where there are none
	cells  [][]int     // by series, then by time: the row, or -1
	bars   []int       // without a period: the rows that are drawn
	left   string      // what is left out
}

// panel is one measure.
type panel struct {
	name    string
	column  int
	stacked bool // its numbers add up over the series
}

func newChart(r *view.Report, page *view.Page) *chart {
	c := &chart{report: r, page: page}
	c.period = slices.IndexFunc(r.Group, func(g view.Group) bool { return g.By != view.Exactly })
	for i := range r.Measures {
		at := len(r.Group) + i
		if f := &page.Fields[at]; isNumber(&f.Type) && len(c.panels) < maxPanels {
			c.panels = append(c.panels, panel{f.Name, at, r.Measures[i].Of == view.Count})
		}
	}
	if c.period >= 0 {
		c.arrange()
		return c
	}
	for i := range page.Rows {
		if i == maxBars {
			c.left = fmt.Sprintf("Drawn are the first %d lines of %d.", i, page.Count)
			break
		}
		c.bars = append(c.bars, i)
	}
	if c.left == "" && int64(len(page.Rows)) < page.Count {
		c.left = fmt.Sprintf("Drawn are the first %d lines of %d.", len(page.Rows), page.Count)
	}
	return c
}

// name is what the groups of a row are called, without one of them.
func (c *chart) name(row int, without int) string {
	var out []string
	for i, g := range c.report.Group {
		if i != without {
			out = append(out, label(c.page.Rows[row].Values[i], g.By))
		}
	}
	return strings.Join(out, " / ")
}

// arrange puts the rows of periods into series. Those without a period cannot be
// placed; of many series the largest of the first measure are drawn.
func (c *chart) arrange() {
	total, unplaced := map[string]float64{}, 0
	for i, row := range c.page.Rows {
		at := row.Values[c.period]
		if !at.Present {
			unplaced++
			continue
		}
		name := c.name(i, c.period)
		if !slices.Contains(c.series, name) {
			c.series = append(c.series, name)
		}
		if len(c.panels) > 0 {
			total[name] += math.Abs(size(row.Values[c.panels[0].column]))
		}
		c.times = append(c.times, at.Instant)
	}
	slices.SortFunc(c.times, time.Time.Compare)
	c.times = slices.CompactFunc(c.times, time.Time.Equal)
	var left []string
	if n := len(c.times); n > maxPoints {
		c.times = c.times[n-maxPoints:]
		left = append(left, fmt.Sprintf("the last %d periods of %d", maxPoints, n))
	}
	slices.Sort(c.series)
	if n := len(c.series); n > maxSeries {
		slices.SortStableFunc(c.series, func(a, b string) int {
			return cmp.Compare(total[b], total[a])
		})
		c.series = c.series[:maxSeries]
		slices.Sort(c.series)
		left = append(left, fmt.Sprintf("the %d largest groups of %d", maxSeries, n))
	}
	if unplaced > 0 {
		left = append(left, fmt.Sprintf("%d lines less, which have no %s", unplaced, c.report.Group[c.period].Name))
	}
	if n := int64(len(c.page.Rows)); n < c.page.Count {
		left = append(left, fmt.Sprintf("%d lines of %d", n, c.page.Count))
	}
	if left != nil {
		c.left = "Drawn are " + listed(left) + "."
	}
	c.place()
}

// place finds the row of each series and time.
func (c *chart) place() {
	for range c.series {
		c.cells = append(c.cells, slices.Repeat([]int{-1}, len(c.times)))
	}
	for i, row := range c.page.Rows {
		at := row.Values[c.period]
		if !at.Present {
			continue
		}
		s := slices.Index(c.series, c.name(i, c.period))
		n, found := slices.BinarySearchFunc(c.times, at.Instant, time.Time.Compare)
		if s >= 0 && found {
			c.cells[s][n] = i
		}
	}
}

// says is the text of one value.
func (c *chart) says(row int, p panel) string {
	name := c.name(row, -1)
	if name != "" {
		name += ": "
	}
	return name + number(c.page.Rows[row].Values[p.column])
}

// value is the size of a value, and whether there is one.
func (c *chart) value(row int, p panel) (float64, bool) {
	if row < 0 {
		return 0, false
	}
	v := c.page.Rows[row].Values[p.column]
	return size(v), v.Present
}

// maxUpright is how many bars stand beside each other before they become lines.
const maxUpright = 120

// panel draws one measure.
func (c *chart) panel(d *drawing, p panel) {
	switch {
	case len(c.page.Rows) == 0:
		d.text(margin, d.y+8, "s", "There are no lines.")
		d.y += 20
	case len(c.report.Group) == 0:
		d.text(margin, d.y+22, "n", number(c.page.Rows[0].Values[p.column]))
		d.y += 34
	case c.period < 0:
		c.rightwards(d, p)
	case len(c.times) == 0:
		d.text(margin, d.y+8, "s", "No line has a period.")
		d.y += 20
	case len(c.series) == 1 || len(c.times)*len(c.series) > maxUpright:
		c.lines(d, p)
	default:
		c.upright(d, p)
	}
}

// scale goes from a lower to an upper end in steps that are 1, 2 or 5.
type scale struct{ low, high, step float64 }

func newScale(low, high float64) scale {
	low, high = min(low, 0), max(high, 0)
	if low == high {
		high = 1
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if (high-low)/(step*factor) <= 5 {
			step *= factor
			break
		}
	}
	return scale{math.Floor(low/step) * step, math.Ceil(high/step) * step, step}
}

// ticks are the values that an axis shows.
func (s scale) ticks() (out []float64) {
	for i := 0; i <= int(math.Round((s.high-s.low)/s.step)); i++ {
		out = append(out, math.Round(s.low/s.step+float64(i))*s.step)
	}
	return out
}

// of is the part of the way that a value lies at.
func (s scale) of(f float64) float64 { return (f - s.low) / (s.high - s.low) }

// rightwards draws a bar for each row.
func (c *chart) rightwards(d *drawing, p panel) {
	low, high, wide, numbers := 0.0, 0.0, 0, 0
	for _, i := range c.bars {
		f, _ := c.value(i, p)
		low, high = min(low, f), max(high, f)
		wide = max(wide, width(clipped(c.name(i, -1), 30)))
		numbers = max(numbers, width(number(c.page.Rows[i].Values[p.column])))
	}
	s := scale{low: low, high: high} // which no axis shows
	if low == high {
		s.high = 1
	}
	left := margin + 7.2*float64(wide) + 10
	room := across - margin - 7*float64(numbers) - 10 - left
	zero := left + room*s.of(0)
	for n, i := range c.bars {
		f, there := c.value(i, p)
		y := d.y + rowHigh*float64(n)
		d.text(left-8, y+16, "r", clipped(c.name(i, -1), 30))
		end := left + room*s.of(f)
		if there {
			d.bar(min(zero, end), y+4, math.Abs(end-zero), rowHigh-8, 0, c.says(i, p))
		}
		d.text(max(zero, end)+6, y+16, "", number(c.page.Rows[i].Values[p.column]))
	}
	bottom := d.y + rowHigh*float64(len(c.bars))
	d.line(zero, d.y, zero, bottom, "a")
	d.y = bottom + 6
}

// frame draws the axes of a panel whose values go upwards, and tells where things are.
func (c *chart) frame(d *drawing, s scale) (left, room float64, up func(float64) float64) {
	wide := 0
	for _, tick := range s.ticks() {
		wide = max(wide, width(brief(tick, s.step)))
	}
	left = margin + 7.2*float64(wide) + 8
	room = across - margin - left
	top := d.y
	up = func(f float64) float64 { return top + plot*(1-s.of(f)) }
	for _, tick := range s.ticks() {
		class := "g"
		if tick == 0 {
			class = "a"
		}
		d.line(left, up(tick), left+room, up(tick), class)
		d.text(left-8, up(tick)+4, "r s", brief(tick, s.step))
	}
	d.y += plot
	return left, room, up
}

// periods writes the names of as many periods as there is room for.
func (c *chart) periods(d *drawing, at func(int) float64) {
	by := c.report.Group[c.period].By
	wide := 7.2*float64(width(c.periodName(0, by))) + 14
	last := math.Inf(-1)
	for i := range c.times {
		x := at(i)
		if x-last < wide {
			continue
		}
		last = x
		half := wide/2 - 7
		d.text(min(max(x, margin+half), across-margin-half), d.y+18, "m s", c.periodName(i, by))
	}
	d.y += 26
}

func (c *chart) periodName(i int, by view.Period) string {
	for _, rows := range c.cells {
		if rows[i] >= 0 {
			return label(c.page.Rows[rows[i]].Values[c.period], by)
		}
	}
	return ""
}

// bounds are the least and the greatest value of a panel.
func (c *chart) bounds(p panel, stacked bool) (low, high float64) {
	for t := range c.times {
		sum := 0.0
		for _, rows := range c.cells {
			f, _ := c.value(rows[t], p)
			sum += f
			low, high = min(low, f), max(high, f)
		}
		if stacked {
			high = max(high, sum)
		}
	}
	return low, high
}

// lines draws a line for each series, through the periods that it has.
func (c *chart) lines(d *drawing, p panel) {
	left, room, up := c.frame(d, newScale(c.bounds(p, false)))
	since := func(i int) float64 { return float64(c.times[i].Unix() - c.times[0].Unix()) }
	span := since(len(c.times) - 1)
	at := func(i int) float64 {
		if span == 0 {
			return left + room/2
		}
		return left + 10 + (room-20)*since(i)/span
	}
	for s, rows := range c.cells {
		var points [][2]float64
		for i, row := range rows {
			if f, ok := c.value(row, p); ok {
				points = append(points, [2]float64{at(i), up(f)})
			}
		}
		if len(points) > 1 {
			d.path(points, s)
		}
		for i, row := range rows {
			if f, ok := c.value(row, p); ok && len(c.times) <= maxUpright {
				d.dot(at(i), up(f), s, c.says(row, p))
			}
		}
	}
	c.periods(d, at)
}

// upright draws bars for each period: on top of each other, or side by side.
func (c *chart) upright(d *drawing, p panel) {
	left, room, up := c.frame(d, newScale(c.bounds(p, p.stacked)))
	slot := room / float64(len(c.times))
	block := min(slot*0.76, 30*float64(len(c.series)))
	if p.stacked {
		block = min(slot*0.7, 64)
	}
	at := func(i int) float64 { return left + slot*(float64(i)+0.5) }
	for i := range c.times {
		sum, each := 0.0, block/float64(len(c.series))
		for s, rows := range c.cells {
			f, ok := c.value(rows[i], p)
			if !ok {
				continue
			}
			if p.stacked {
				d.bar(at(i)-block/2, up(sum+f), block, up(sum)-up(sum+f)-1, s, c.says(rows[i], p))
				sum += f
				continue
			}
			d.bar(at(i)-block/2+each*float64(s), min(up(f), up(0)), each-1, math.Abs(up(f)-up(0)), s, c.says(rows[i], p))
		}
	}
	c.periods(d, at)
}
