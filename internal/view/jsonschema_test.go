package view

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse/gatehouse/mappings"
)

var update = flag.Bool("update", false, "write the schemas anew")

type schema = map[string]any

// about says what each key is for, by the type that has it. What stands in docs/views.md
// and docs/reports.md is told here in one sentence.
var about = map[string]string{
	"viewFile.view":       "The name that the view is asked for by: GET /api/<view>.",
	"viewFile.looks_at":   "How many rows a query that no index serves may look at for a page.",
	"viewFile.live":       "true: a stream of its changes can be had, and feeds can be of it.",
	"liveRule.rowversion": "The rowversion column of the table, by which it is found what others write.",
	"viewFile.filter":     "The fields that conditions can be of; an index has to serve each.",
	"viewFile.sort":       "The fields that can be ordered by; an index has to serve each.",
	"tableRule.doc":       "A sentence for those who read the view.",
	"tableRule.from":      "The table, as schema.table.",
	"tableRule.key":       "The fields of a unique index: what a row is known by.",
	"tableRule.join":      "Tables that foreign keys of this one refer to, by the names that columns are named by.",
	"tableRule.fields":    "The fields, in the order in which they are answered.",
	"tableRule.children":  "Rows of other tables that refer to this one's, by the names that $expand asks for.",
	"childFile.by":        "The columns of the foreign key by which the rows refer to their parent.",
	"joinRule.by":         "The columns of the foreign key that is followed.",
	"fieldRule.column":    "The column, of the table or as join.column; without it the one of the field's name.",
	"fieldRule.class":     "Only grants that name the class show the field.",
	"fieldRule.doc":       "A sentence for those who read the view.",

	"reportFile.report":   "The name that the report is asked for by: GET /api/<report>.",
	"reportFile.doc":      "A sentence for those who read the report.",
	"reportFile.of":       "The view whose rows are counted.",
	"reportFile.group":    "What the rows of a line have in common.",
	"reportFile.measures": "What is told of the rows of each line.",
	"reportFile.rows":     "How many rows the report may read; without it 100000.",
	"reportFile.scans":    "true: it may read rows that no index bounds.",
	"groupRule.field":     "A field of the view.",
	"groupRule.by":        "The period that moments and days are put into.",
	"groupRule.as":        "Another name for what is grouped by.",
}

// forms are the types of keys whose Go type does not say them.
var forms = map[string]schema{
	"viewFile.view": identifier, "reportFile.report": identifier, "reportFile.of": identifier, "groupRule.as": identifier, "groupRule.field": identifier,
	"viewFile.filter": fieldList(0), "viewFile.sort": fieldList(0), "tableRule.key": fieldList(1),
	"viewFile.looks_at": {"type": "integer", "minimum": 1, "maximum": maxLooks},
	"reportFile.rows":   {"type": "integer", "minimum": 1, "maximum": maxReportRows},
	"tableRule.from":    {"type": "string", "pattern": `^[^.]+\.[^.]+$`},
	"fieldRule.column":  {"type": "string", "minLength": 1},
	"fieldRule.class":   {"enum": ClassNames},
	"groupRule.by":      {"enum": periodNames[Exactly+1:]},
}

var identifier = schema{"type": "string", "pattern": nameForm.String()}

func fieldList(least int) schema {
	return schema{"type": "array", "items": identifier, "uniqueItems": true, "minItems": least}
}

// schemaWriter makes JSON Schema of the types that a file is decoded into.
type schemaWriter struct {
	t    *testing.T
	defs schema // by name of the type
	told map[string]bool
}

// TestFileSchemas keeps the schemas equal to the structs that files are read into. A key
// that has no sentence in about, and one of a type that nobody has told how to write,
// fail it.
func TestFileSchemas(t *testing.T) {
	told := map[string]bool{}
	for _, f := range []struct {
		file, have, title string
		root              reflect.Type
	}{
		{"view.schema.json", viewSchema, "view", reflect.TypeFor[viewFile]()},
		{"report.schema.json", reportSchema, "report", reflect.TypeFor[reportFile]()},
	} {
		w := &schemaWriter{t, schema{}, told}
		root := w.structure(f.root)
		root["$schema"], root["title"], root["$defs"] = "https://json-schema.org/draft/2020-12/schema", "Gatehouse "+f.title, w.defs
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(root); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(f.file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if out.String() != f.have {
			t.Errorf("%s does not agree with the structs; run go test ./internal/view -run TestFileSchemas -update", f.file)
		}
	}
	for key := range about {
		if !told[key] {
			t.Errorf("about tells of %s, and there is no such key", key)
		}
	}
}

// structure is the schema of a struct that config.Decode reads.
func (w *schemaWriter) structure(t reflect.Type) schema {
	properties, required := schema{}, []string(nil)
	w.fields(t, properties, &required)
	out := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		out["required"] = required
	}
	return out
}

func (w *schemaWriter) fields(t reflect.Type, properties schema, required *[]string) {
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if options == "inline" {
			w.fields(field.Type, properties, required)
			continue
		}
		if name == "" {
			continue
		}
		key := t.Name() + "." + name
		if about[key] == "" {
			w.t.Errorf("%s has no sentence in about: say what the key is for, here and in docs", key)
		}
		w.told[key] = true
		property := schema{"description": about[key]}
		maps.Copy(property, w.property(key, field.Type))
		properties[name] = property
		if options == "required" {
			*required = append(*required, name)
		}
	}
}

// property is the schema of one key; types that read themselves are told here.
func (w *schemaWriter) property(key string, t reflect.Type) schema {
	if form := forms[key]; form != nil {
		return form
	}
	named := func(name string, of schema) schema { // entries by name
		w.defs[name] = of
		return schema{"type": "object", "propertyNames": identifier, "additionalProperties": schema{"$ref": "#/$defs/" + name}}
	}
	switch t {
	case reflect.TypeFor[columnNames]():
		column := schema{"type": "string", "minLength": 1}
		return schema{"anyOf": []schema{column, {"type": "array", "items": column, "minItems": 1}}}
	case reflect.TypeFor[liveRule]():
		column := schema{"type": "object", "properties": schema{"rowversion": schema{"type": "string", "minLength": 1, "description": about["liveRule.rowversion"]}},
			"required": []string{"rowversion"}, "additionalProperties": false}
		w.told["liveRule.rowversion"] = true
		return schema{"anyOf": []schema{{"type": "boolean"}, column}}
	case reflect.TypeFor[joinRules]():
		w.defs["join"] = w.structure(reflect.TypeFor[joinRule]())
		return schema{"type": "object", "additionalProperties": schema{"$ref": "#/$defs/join"}, "maxProperties": maxJoins}
	case reflect.TypeFor[fieldRules]():
		field := w.structure(reflect.TypeFor[fieldRule]())
		field["type"] = []string{"object", "null"}
		out := named("field", field)
		out["propertyNames"] = schema{"pattern": nameForm.String(), "not": schema{"enum": reservedNames}}
		out["minProperties"], out["maxProperties"] = 1, maxFields
		return out
	case reflect.TypeFor[childRules]():
		if w.defs["child"] != nil { // it has children itself
			return named("child", w.defs["child"].(schema))
		}
		w.defs["child"] = schema{}
		return named("child", w.structure(reflect.TypeFor[childFile]()))
	case reflect.TypeFor[[]*groupRule]():
		return schema{"type": "array", "items": schema{"anyOf": []schema{identifier, w.structure(reflect.TypeFor[groupRule]())}}}
	case reflect.TypeFor[measureRules]():
		measured := schema{}
		for _, word := range aggregateNames[Count+1:] {
			measured[word] = identifier
		}
		out := named("measure", schema{"anyOf": []schema{{"const": aggregateNames[Count]},
			{"type": "object", "properties": measured, "additionalProperties": false, "minProperties": 1, "maxProperties": 1}}})
		out["minProperties"] = 1
		return out
	}
	switch t.Kind() {
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.String:
		return schema{"type": "string"}
	}
	w.t.Fatalf("%s: nobody has told how to write the schema of %s", key, t)
	return nil
}

// TestSchemasAgree holds that the schemas take the sample's files, and refuse those that
// Parse refuses for their form, and no others of these.
func TestSchemasAgree(t *testing.T) {
	schemas := map[bool]*jsonschema.Schema{false: compiled(t, viewSchema), true: compiled(t, reportSchema)}
	files, err := fs.Glob(mappings.FS, "views/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		src, err := fs.ReadFile(mappings.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, schemas, string(src), true)
	}
	const v, r = "view: a\nfrom: s.a\nkey: [no]\nfields: {no: {}, at: }\n", "report: r\nof: a\nmeasures: {n: count}\n"
	for _, good := range []string{
		v, v + "looks_at: 5\nlive: true\nfilter: [no]\nsort: []\n", v + "join: {c: {by: [x, y]}}\n",
		v + "children: {b: {from: s.b, by: a_id, key: [n], fields: {n: {class: secret}}, children: {c: {from: s.c, by: x, key: [n], fields: {n: {doc: d}}}}}}\n",
		r, r + "group: [no, {field: at, by: week, as: w}]\nrows: 10\nscans: true\n", "report: r\nof: a\nmeasures: {n: {sum: no}, m: {distinct: at}}\n",
	} {
		agree(t, schemas, good, true)
	}
	for _, bad := range []string{
		v + "filtr: [no]\n", v + "looks_at: 0\n", v + "looks_at: many\n", v + "live: perhaps\n", v + "filter: [no, no]\n", v + "join: {c: {}}\n", v + "join: {c: {by: []}}\n",
		"view: A b\nfrom: s.a\nkey: [no]\nfields: {no: {}}\n", "view: a\nfrom: a\nkey: [no]\nfields: {no: {}}\n", "view: a\nfrom: s.a\nkey: []\nfields: {no: {}}\n",
		"view: a\nfrom: s.a\nfields: {no: {}}\n", "view: a\nfrom: s.a\nkey: [no]\nfields: {}\n", "view: a\nfrom: s.a\nkey: [no]\nfields: {no: {}, and: {}}\n",
		"view: a\nfrom: s.a\nkey: [no]\nfields: {no: {class: public}}\n", "view: a\nfrom: s.a\nkey: [no]\nfields: {no: {colunm: x}}\n",
		v + "children: {b: {from: s.b, key: [n], fields: {n: {}}}}\n",
		"report: r\nof: a\n", "report: r\nof: a\nmeasures: {}\n", "report: r\nof: a\nmeasures: {n: sum}\n", "report: r\nof: a\nmeasures: {n: {sum: no, min: no}}\n",
		"report: r\nof: a\nmeasures: {n: {count: no}}\n", r + "group: [{by: week}]\n", r + "group: [{field: at, by: hour}]\n", r + "rows: 0\n", r + "view: a\n",
	} {
		agree(t, schemas, bad, false)
	}
}

func compiled(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	out, err := c.Compile("schema.json") // which holds it against the meta-schema, too
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func agree(t *testing.T, schemas map[bool]*jsonschema.Schema, src string, good bool) {
	t.Helper()
	text, err := yaml.YAMLToJSON([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, report := value.(map[string]any)["report"]
	_, parsed := Parse("view.yaml", []byte(src))
	said := schemas[report].Validate(value)
	if (parsed == nil) != good || (said == nil) != good {
		t.Errorf("%s\nParse says %v, the schema %v", src, parsed, said)
	}
}
