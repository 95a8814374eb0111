package rest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Describe adds nothing to the public document: what fields there are is for those
// who may see them.
func (v *Views) Describe(*Document) {}

// DescribeTo adds the views that whoever asks may read, with the fields that he may
// see.
func (v *Views) DescribeTo(x *Exchange, d *Document) error {
	x.Ways = v.askers.SearchWays()
	asker, err := v.asker(x)
	if err != nil {
		return err
	}
	_, views, err := v.searches.Open(x.R.Context())
	if err != nil {
		return err
	}
	viewer := asker.Viewer(query.Finder(views))
	if v.messages != nil {
		l := v.messages.of(asker)
		if windows, err := l.Sight(MessagesName); err == nil {
			v.describe(x, d, l.view.Seen(windows))
		}
	}
	for _, of := range views {
		if windows, err := viewer.Sight(of.Name); err == nil { // else it is not his
			v.describe(x, d, of.Seen(windows))
		}
	}
	return nil
}

// describe adds a view as somebody sees it.
func (v *Views) describe(x *Exchange, d *Document, seen *view.View) {
	d.Schemas.Schemas[schemaName(seen)] = d.row(seen)
	d.Paths[Root+seen.Name] = Path{"get": d.searching(x, seen)}
	d.Paths[Root+seen.Name+"/"+keyTemplate(seen)] = Path{"get": d.readingOne(x, seen)}
}

func schemaName(v *view.View) string { return "view." + strings.ReplaceAll(v.Name, "/", ".") }

func keyTemplate(v *view.View) string {
	var parts []string
	for _, i := range v.Key {
		parts = append(parts, "{"+v.Fields[i].Name+"}")
	}
	return strings.Join(parts, ",")
}

// named lists the fields that can be seen.
func named(v *view.View) (out []*view.Field) {
	for i := range v.Fields {
		if v.Fields[i].Name != "" {
			out = append(out, &v.Fields[i])
		}
	}
	return out
}

// row is the schema of a row. No member is required: what may not be seen of a row
// is left out.
func (d *Document) row(v *view.View) object {
	properties := object{}
	for _, f := range named(v) {
		properties[f.Name] = fieldSchema(f)
	}
	for i := range v.Children {
		c := &v.Children[i]
		if c.Name == "" {
			continue
		}
		d.Schemas.Schemas[schemaName(c.View)] = d.row(c.View)
		properties[c.Name] = object{"type": "array", "description": joined(c.View.Doc, "there when $expand names it"), "items": object{"$ref": schemasPrefix + schemaName(c.View)}}
	}
	out := object{"type": "object", "properties": properties}
	if v.Doc != "" {
		out["description"] = v.Doc
	}
	return out
}

// fieldSchema is the schema of a field's values.
func fieldSchema(f *view.Field) object {
	t := &f.Type
	out := object{"description": joined(f.Doc, odata.Describe(t)), "examples": []json.RawMessage{exampleOf(t)}}
	kind := "string"
	switch t.Kind {
	case mapping.IntegerColumn:
		kind = "integer"
		out["minimum"], out["maximum"] = t.Min, t.Max
		if odata.Wide(t) {
			out["format"] = "int64"
		}
	case mapping.DecimalColumn:
		kind, out["format"] = "number", "decimal"
	case mapping.FloatColumn:
		kind, out["format"] = "number", "double"
	case mapping.BoolColumn:
		kind = "boolean"
	case mapping.DateTimeColumn:
		out["format"] = "date-time"
	case mapping.DateColumn:
		out["format"] = "date"
	case mapping.TimeColumn:
		out["format"] = "time"
	case mapping.BytesColumn:
		out["format"] = "base64url"
	default:
		if t.UUID {
			out["format"] = "uuid"
		} else if t.Length > 0 {
			out["maxLength"] = t.Length
		}
	}
	out["type"] = kind
	if t.Nullable || f.Join >= 0 {
		out["type"] = []string{kind, "null"}
	}
	if f.Class != view.Open {
		out["x-class"] = f.Class.String()
	}
	return out
}

// exampleOf is a value of a type, as a row has it.
func exampleOf(t *mapping.ColumnType) json.RawMessage {
	v := view.Value{Kind: t.Kind, Present: true, Text: "text", Int: 1, Float: 1.5, Bytes: []byte{1, 2, 3}, Instant: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)}
	switch {
	case t.UUID:
		v.Text = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
	case t.Kind == mapping.StringColumn && t.Length > 0 && t.Length < len(v.Text):
		v.Text = v.Text[:t.Length]
	case t.Kind == mapping.DecimalColumn:
		v.Text = "0"
		if t.Precision > t.Scale {
			v.Text = "1"
		}
		if t.Scale > 0 {
			v.Text += "." + strings.Repeat("0", t.Scale-1) + "5"
		}
	case t.Kind == mapping.TimeColumn:
		v.Text = "09:30:00"
	}
	return odata.AppendJSON(nil, v, t, false)
}

// joined joins two sentences, of which the first may be missing.
func joined(doc, more string) string {
	if doc == "" {
		return more
	}
	return strings.TrimSuffix(doc, ".") + "; " + more
}

// example is a row with every field that may be seen.
func example(v *view.View) json.RawMessage {
	out := []byte("{")
	for i, f := range named(v) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(odata.AppendString(out, f.Name), ':')
		out = append(out, exampleOf(&f.Type)...)
	}
	return append(out, '}')
}

// searching describes GET /api/<view>.
func (d *Document) searching(x *Exchange, v *view.View) *Operation {
	page := object{"type": "object", "required": []string{"value"}, "properties": object{
		"value":                     object{"type": "array", "items": object{"$ref": schemasPrefix + schemaName(v)}},
		"@odata.nextLink":           object{"type": "string", "format": "uri-reference", "description": "the next page, relative to the address of this one; missing on the last one"},
		"@odata.count":              object{"type": "integer", "description": "how many rows there are, when $count asks for it"},
		"@gatehouse.countIsAtLeast": object{"type": "boolean", "description": "there are more than the count says"},
	}}
	row := example(v)
	return &Operation{
		ID: "search-" + v.Name, Summary: "Search " + v.Name, Description: v.Doc, Tags: []string{"views"},
		Parameters: searchParameters(v),
		Responses: map[string]Response{
			"200": {Description: "a page of rows", Headers: tagged, Content: map[string]Media{mediaJSON: {Schema: page, Examples: map[string]Example{"page": {Value: json.RawMessage(`{"value":[` + string(row) + `]}`)}}}}},
			"304": {Description: "the page is the one that the caller has"}, "default": Failures(),
		},
		Security: Secured(x.Ways),
		fields:   fieldRows(v),
	}
}

var tagged = map[string]Returned{"ETag": {"of the answer, for If-None-Match", object{"type": "string"}}}

// readingOne describes GET /api/<view>/<key>.
func (d *Document) readingOne(x *Exchange, v *view.View) *Operation {
	o := &Operation{
		ID: "read-" + v.Name, Summary: "Read one of " + v.Name, Tags: []string{"views"},
		Responses: map[string]Response{
			"200": {Description: "the row", Headers: tagged, Content: map[string]Media{mediaJSON: {Schema: object{"$ref": schemasPrefix + schemaName(v)}, Examples: map[string]Example{"row": {Value: example(v)}}}}},
			"304": {Description: "the row is as the caller has it"}, "default": Failures(),
		},
		Security: Secured(x.Ways),
	}
	for _, i := range v.Key {
		f := &v.Fields[i]
		o.Parameters = append(o.Parameters, Parameter{Name: f.Name, In: "path", Required: true, Description: joined(f.Doc, "a comma or a slash is written as an escape"), Schema: fieldSchema(f)})
	}
	for _, p := range searchParameters(v) {
		if p.Name == "$select" || p.Name == "$expand" {
			o.Parameters = append(o.Parameters, p)
		}
	}
	return o
}

// searchParameters are the options of a search.
func searchParameters(v *view.View) []Parameter {
	text := object{"type": "string"}
	list := func(of func(*view.Field) bool) string {
		var names []string
		for _, f := range named(v) {
			if of(f) {
				names = append(names, f.Name)
			}
		}
		return strings.Join(names, ", ")
	}
	query := func(name, description string, schema any) Parameter {
		return Parameter{Name: name, In: "query", Description: description, Schema: schema}
	}
	out := []Parameter{}
	if fields := list(func(f *view.Field) bool { return f.Filter }); fields != "" {
		out = append(out, query("$filter", "a condition (OData 4.01): eq, ne, gt, ge, lt, le, in, startswith, contains, and, or, not; of "+fields, text))
	}
	if fields := list(func(f *view.Field) bool { return f.Sort }); fields != "" {
		out = append(out, query("$orderby", "fields with asc or desc, of "+fields, text))
	}
	out = append(out,
		query("$select", "the fields of the answer: "+list(func(*view.Field) bool { return true }), text),
		query("$top", "how many rows a page has", object{"type": "integer", "minimum": 1, "maximum": odata.MaxTop, "default": odata.DefaultTop}),
		query("$count", "whether rows are counted", object{"type": "boolean", "default": false}))
	var children []string
	for _, c := range v.Children {
		if c.Name != "" {
			children = append(children, c.Name)
		}
	}
	if children != nil {
		out = append(out, query("$expand", fmt.Sprintf("children: %s; such as %s($top=5)", strings.Join(children, ", "), children[0]), text))
	}
	return append(out, query("$skiptoken", "where a page begins: as @odata.nextLink has it", text))
}

// fieldRow is a line of the table of fields that people read.
type fieldRow struct{ Name, Type, Uses, Class, Doc string }

func fieldRows(v *view.View) (out []fieldRow) {
	for _, f := range named(v) {
		var uses []string
		if f.Filter {
			uses = append(uses, "$filter")
		}
		if f.Sort {
			uses = append(uses, "$orderby")
		}
		class := ""
		if f.Class != view.Open {
			class = f.Class.String()
		}
		out = append(out, fieldRow{f.Name, odata.Describe(&f.Type), strings.Join(uses, ", "), class, f.Doc})
	}
	for _, c := range v.Children {
		if c.Name != "" {
			out = append(out, fieldRow{Name: c.Name, Type: "rows of " + c.View.Name, Uses: "$expand", Doc: c.View.Doc})
		}
	}
	return out
}
