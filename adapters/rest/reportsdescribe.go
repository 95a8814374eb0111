package rest

import (
	"encoding/json"
	"strings"

	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Describe adds nothing to the public document, as Views does.
func (r *Reports) Describe(*Document) {}

// DescribeTo adds the reports of which whoever asks sees all that they name.
func (r *Reports) DescribeTo(x *Exchange, d *Document) error {
	x.Ways = r.views.askers.SearchWays()
	asker, err := r.views.asker(x)
	if err != nil {
		return err
	}
	_, reports, views, err := r.reporting.OpenReports(x.R.Context())
	if err != nil {
		return err
	}
	viewer := asker.Viewer(query.Finder(views))
	for _, of := range reports {
		windows, err := viewer.Sight(of.View.Name)
		if err != nil || of.Shown(windows) != nil {
			continue // it is not his
		}
		d.Paths[Root+of.Name] = Path{"get": d.reporting(x, of, of.View.Seen(windows))}
	}
	return nil
}

// reporting describes GET /api/<report>.
func (d *Document) reporting(x *Exchange, r *view.Report, seen *view.View) *Operation {
	line := &view.View{Name: r.Name, Doc: r.Doc, Fields: r.Columns()}
	for i := range line.Fields {
		line.Fields[i].Sort = true
		line.Fields[i].Filter = false
		if i < len(r.Group) && r.Group[i].By != view.Exactly {
			line.Fields[i].Doc = joined(line.Fields[i].Doc, "the first day of the "+r.Group[i].By.String())
		}
	}
	name := "report." + r.Name
	d.Schemas.Schemas[name] = d.row(line)
	lines := object{"type": "object", "required": []string{"value", "@odata.count"}, "properties": object{
		"value":        object{"type": "array", "items": object{"$ref": schemasPrefix + name}},
		"@odata.count": object{"type": "integer", "description": "how many lines there are without $top"},
	}}
	content := map[string]Media{mediaJSON: {Schema: lines, Examples: map[string]Example{"lines": {Value: json.RawMessage(`{"@odata.count":1,"value":[` + string(example(line)) + `]}`)}}}}
	for _, f := range reportForms[1:] {
		content[f.accepts] = Media{Schema: object{"type": "string"}}
	}
	o := &Operation{
		ID: "report-" + r.Name, Summary: "Report " + r.Name, Description: r.Doc, Tags: []string{"reports"},
		Responses: map[string]Response{
			"200": {Description: "the lines", Headers: tagged, Content: content},
			"304": {Description: "the lines are those that the caller has"}, "default": Failures(),
		},
		Security: Secured(x.Ways),
		fields:   fieldRows(line),
	}
	for _, p := range searchParameters(seen) {
		if p.Name == "$filter" {
			p.Description += "; of the rows that are counted"
			o.Parameters = append(o.Parameters, p)
		}
	}
	for _, p := range searchParameters(line) {
		if p.Name == "$orderby" {
			o.Parameters = append(o.Parameters, p)
		}
	}
	o.Parameters = append(o.Parameters,
		Parameter{Name: "$top", In: "query", Description: "how many lines are told; all without", Schema: object{"type": "integer", "minimum": 1, "maximum": odata.MaxTop}},
		Parameter{Name: "$format", In: "query", Description: "the form of the answer, in place of Accept: " + strings.Join(odata.Formats, ", "), Schema: object{"type": "string", "enum": odata.Formats}})
	return o
}
