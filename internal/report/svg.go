package report

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/view"
)

// The measures of a picture, in pixels.
const (
	across  = 760 // its width
	margin  = 24
	plot    = 210 // the height of a panel whose values go upwards
	rowHigh = 24  // of a bar that goes to the right
)

// The most that is drawn. What is left out is said.
const (
	maxPanels = 4
	maxBars   = 40  // that go to the right
	maxPoints = 400 // of a period
	maxSeries = 8
)

// Both schemes of colours have a contrast of 4.5 with the ground for texts, and of 3
// for what is drawn (WCAG 2.2 §1.4.3, §1.4.11).
const style = `text{font:12px system-ui,-apple-system,"Segoe UI","Liberation Sans",sans-serif;fill:#1c2330}
.b{font-weight:600}.h{font-size:16px;font-weight:600}.s{fill:#566072}.n{font-size:26px;font-weight:600}.r{text-anchor:end}.m{text-anchor:middle}
.p{fill:#fff}.g{stroke:#e3e6ec}.a{stroke:#8a93a3}
.f0{fill:#2367b0}.f1{fill:#c25a0c}.f2{fill:#157a55}.f3{fill:#8b47b5}.f4{fill:#8f7110}.f5{fill:#b6254c}.f6{fill:#24808f}.f7{fill:#667085}
.l{fill:none;stroke-width:2;stroke-linejoin:round}.l0{stroke:#2367b0}.l1{stroke:#c25a0c}.l2{stroke:#157a55}.l3{stroke:#8b47b5}.l4{stroke:#8f7110}.l5{stroke:#b6254c}.l6{stroke:#24808f}.l7{stroke:#667085}
@media (prefers-color-scheme:dark){text{fill:#e7eaf0}.s{fill:#a4adbd}.p{fill:#13171f}.g{stroke:#2a303c}.a{stroke:#6f7888}
.f0{fill:#6aaef5}.f1{fill:#f39a4e}.f2{fill:#4cc394}.f3{fill:#c792ea}.f4{fill:#d8b84a}.f5{fill:#f27d9a}.f6{fill:#5fc4d4}.f7{fill:#a0a9b8}
.l0{stroke:#6aaef5}.l1{stroke:#f39a4e}.l2{stroke:#4cc394}.l3{stroke:#c792ea}.l4{stroke:#d8b84a}.l5{stroke:#f27d9a}.l6{stroke:#5fc4d4}.l7{stroke:#a0a9b8}}
`

// SVG draws the lines: bars that go to the right for groups, a line for periods, and
// for periods of each group bars side by side, which are put on top of each other where
// they are numbers of rows. Each measure that is a number has a panel, four at most. The
// picture has neither scripts nor anything from elsewhere; its description has the
// numbers too. The same lines make the same bytes.
func SVG(r *view.Report, page *view.Page) []byte {
	c := newChart(r, page)
	d := &drawing{}
	c.head(d)
	for _, panel := range c.panels {
		d.y += 14
		d.text(margin, d.y+12, "b", panel.name)
		d.y += 30
		c.panel(d, panel)
	}
	if len(c.panels) == 0 {
		d.text(margin, d.y+16, "s", "There is nothing to draw: no measure is a number.")
		d.y += 30
	}
	return c.whole(d)
}

// drawing is the inside of a picture in the making.
type drawing struct {
	b strings.Builder
	y float64 // what is drawn ends here
}

// px writes a place.
func px(f float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.1f", f), "0"), ".")
}

func escaped(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err) // a Builder takes everything
	}
	return b.String()
}

func (d *drawing) text(x, y float64, class, text string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	fmt.Fprintf(&d.b, "<text x=\"%s\" y=\"%s\"%s>%s</text>\n", px(x), px(y), class, escaped(text))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&d.b, "<path class=\"%s\" d=\"M%s %sL%s %s\"/>\n", class, px(x1), px(y1), px(x2), px(y2))
}

// bar is a rectangle that says what it stands for.
func (d *drawing) bar(x, y, w, h float64, series int, says string) {
	fmt.Fprintf(&d.b, "<rect class=\"f%d\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>\n", series%maxSeries, px(x), px(y), px(max(w, 0.5)), px(max(h, 0.5)), escaped(says))
}

// dashes tell lines apart without colours.
var dashes = []string{"", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 2", "6 2 1 2 1 2"}

// path is a line through points.
func (d *drawing) path(points [][2]float64, series int) {
	var b strings.Builder
	for i, p := range points {
		b.WriteString(map[bool]string{true: "M", false: "L"}[i == 0] + px(p[0]) + " " + px(p[1]))
	}
	dash := ""
	if series > 0 {
		dash = ` stroke-dasharray="` + dashes[series%maxSeries] + `"`
	}
	fmt.Fprintf(&d.b, "<path class=\"l l%d\"%s d=\"%s\"/>\n", series%maxSeries, dash, b.String())
}

func (d *drawing) dot(x, y float64, series int, says string) {
	fmt.Fprintf(&d.b, "<circle class=\"f%d\" cx=\"%s\" cy=\"%s\" r=\"3.5\"><title>%s</title></circle>\n", series%maxSeries, px(x), px(y), escaped(says))
}

// head is the title, what the picture is of, and the legend.
func (c *chart) head(d *drawing) {
	d.text(margin, margin+12, "h", c.title())
	d.y = margin + 20
	if c.report.Doc != "" {
		d.y += 18
		d.text(margin, d.y-4, "s", clipped(inert(c.report.Doc), 110))
	}
	if c.left != "" {
		d.y += 18
		d.text(margin, d.y-4, "s", c.left)
	}
	if len(c.series) < 2 || len(c.panels) == 0 {
		return
	}
	x := float64(margin)
	d.y += 20
	for i, s := range c.series {
		text := clipped(s, 24)
		w := 24 + 7.2*float64(width(text))
		if x+w > across-margin {
			x, d.y = margin, d.y+18
		}
		fmt.Fprintf(&d.b, "<rect class=\"f%d\" x=\"%s\" y=\"%s\" width=\"11\" height=\"11\"/>\n", i, px(x), px(d.y-10))
		d.text(x+16, d.y, "", text)
		x += w + 8
	}
	d.y += 4
}

// whole puts the picture together.
func (c *chart) whole(d *drawing) []byte {
	high := px(d.y + margin)
	id := c.report.Name
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%s\" viewBox=\"0 0 %d %s\" role=\"img\" aria-labelledby=\"%s-title %s-desc\">\n", across, high, across, high, id, id)
	fmt.Fprintf(&b, "<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n", id, escaped(c.title()), id, escaped(c.describe()))
	b.WriteString("<style>" + style + "</style>\n<rect class=\"p\" width=\"100%\" height=\"100%\"/>\n")
	b.WriteString(d.b.String() + "</svg>\n")
	return []byte(b.String())
}

// title is what the picture is of: measures by groups.
func (c *chart) title() string {
	var of, by []string
	for _, p := range c.panels {
		of = append(of, p.name)
	}
	for _, g := range c.report.Group {
		by = append(by, g.Name)
	}
	out := c.report.Name
	if of != nil {
		out += ": " + listed(of)
	}
	if by != nil {
		out += " by " + listed(by)
	}
	return out
}

func listed(words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " and " + words[n]
	}
	return strings.Join(words, "")
}

// maxDescribed is how many lines the description tells.
const maxDescribed = 60

// describe tells the lines in words, for those who see no picture.
func (c *chart) describe() string {
	var b strings.Builder
	b.WriteString(counted(c.page) + ".")
	for n, row := range c.page.Rows {
		if n == maxDescribed {
			fmt.Fprintf(&b, " And %d more.", len(c.page.Rows)-n)
			break
		}
		var words, values []string
		for i, v := range row.Values {
			switch {
			case i < len(c.report.Group):
				words = append(words, label(v, c.report.Group[i].By))
			case slices.ContainsFunc(c.panels, func(p panel) bool { return p.column == i }):
				values = append(values, c.page.Fields[i].Name+" "+number(v))
			}
		}
		b.WriteString(" " + strings.Join(append(words, strings.Join(values, ", ")), ", ") + ".")
	}
	return b.String()
}
