package odata

import "github.com/gatehouse/gatehouse/internal/view"

// Formats are the words for the formats of answers. Searches have the first alone.
var Formats = []string{formatJSON, "text", "csv", "svg"}

const formatJSON = "json"

// BindReport holds the request against a report of a view as whoever asks knows it:
// the condition is of the view's fields, the order of the report's columns. Who asks
// has to see all that the report names. The error is a *Refusal.
func (r *Request) BindReport(report *view.Report, seen *view.View) (*view.ReportQuery, error) {
	b := &binder{request: r, view: seen}
	for _, option := range []string{optSelect, optCount, optExpand, optSkipToken} {
		b.misplaced(option, "$filter, $orderby, $top, $format", "is of rows; a report has lines, all of them at once")
	}
	q := &view.ReportQuery{}
	b.at(optFilter, func() {
		if r.Filter != nil {
			q.Where = b.condition(r.Filter, false)
		}
	})
	if r.texts[optTop] != nil {
		q.Top = r.Top
	}
	b.view = &view.View{Name: report.Name, Fields: report.Columns()}
	for i := range b.view.Fields {
		b.view.Fields[i].Sort = true
	}
	b.at(optOrderBy, func() {
		for _, o := range b.order(r.OrderBy) {
			q.Order = append(q.Order, view.ReportOrder{Column: o.Field, Desc: o.Desc})
		}
	})
	b.unused()
	if err := refusal(b.complaints); err != nil {
		return nil, err
	}
	return q, nil
}

// misplaced complains about an option that is there, and has no meaning here.
func (b *binder) misplaced(option, expected, why string) {
	t := b.request.texts[option]
	if t == nil {
		return
	}
	c := t.wrong(0, "", expected, "%s", why)
	c.Position = 0
	b.complaints = append(b.complaints, c)
}

// inJSON complains about a format that reports alone have.
func (b *binder) inJSON() {
	if f := b.request.Format; f != "" && f != formatJSON {
		b.misplaced(optFormat, formatJSON, "rows are told in JSON; reports are in other formats too")
	}
}
