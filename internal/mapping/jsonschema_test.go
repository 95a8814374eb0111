package mapping

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/config"
)

var update = flag.Bool("update", false, "write the schemas anew")

// TestFileSchemas keeps the schemas equal to the structs that files are read
// into. A key that has no sentence in about, and one of a type that nobody has
// told how to write, fail it.
func TestFileSchemas(t *testing.T) {
	for _, f := range []struct {
		file, have, title string
		root              reflect.Type
	}{
		{"mapping.schema.json", fileSchema, "mapping file", reflect.TypeFor[File]()},
		{"codeset.schema.json", codeSetSchema, "code set", reflect.TypeFor[codeFile]()},
		{"query.schema.json", querySchema, "query file", reflect.TypeFor[QueryFile]()},
	} {
		w := &schemaWriter{t: t, defs: schema{}, outcomes: answerable}
		if f.root == reflect.TypeFor[QueryFile]() {
			w.outcomes = unanswered
		}
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
			t.Errorf("%s does not agree with the structs; run go test ./internal/mapping -run TestFileSchemas -update", f.file)
		}
	}
	for key := range about {
		if !told[key] {
			t.Errorf("about tells of %s, and there is no such key", key)
		}
	}
}

var told = map[string]bool{} // the keys of about that were used

type schema = map[string]any

// schemaWriter makes JSON Schema of the types that a file is decoded into.
type schemaWriter struct {
	t        *testing.T
	defs     schema    // by name of the type
	outcomes []outcome // that a fault of the file may answer
}

// about says what each key is for, by the type that has it. What stands in
// docs/mapping.md is told here in one sentence.
var about = map[string]string{
	"File.mapping":                  "The mapping's name; also the event type of publications that name none.",
	"File.contract":                 "The message that is mapped: path/to.wsdl#Operation.",
	"File.namespaces":               "Prefixes for expressions and element names. An unprefixed name is a name in no namespace.",
	"File.split":                    "A path from the payload element to elements that may occur several times: each is a message of its own.",
	"File.strict":                   "true: what the contract allows and a column does not take is a fault of the mapping.",
	"File.attachments_by_reference": "true: an attachment is read as a reference, cid: and the SHA-256 of its octets, and not as a value.",
	"File.identity":                 "An expression, or none. What makes a repeat a repeat. Without it: wsa:MessageID or the AMQP message-id. With none every message is new.",
	"File.business_keys":            "Names to expressions: what the message can be searched by.",
	"File.ordering_key":             "An expression; messages of one key leave in order. Without it the identity is the key.",
	"File.rows":                     "The rows that the message makes, in the order in which they are written.",
	"File.publish":                  "What is published of the message.",
	"File.reply":                    "What is answered; required for an operation with an output.",
	"File.faults":                   "What is answered in the place of a reply, and when: faults that the contract declares.",

	"rowRule.table":      "The table, as schema.table.",
	"rowRule.as":         "A name for the row: with order, other rows, the reply and publications name its columns as in $order/id.",
	"rowRule.each":       "A path: one row for each element that it leads to. Expressions of this rule and its children begin there.",
	"rowRule.when":       "A condition: the row and its children are made only if it is true.",
	"rowRule.match":      "The natural key: columns of this rule, with a unique index on exactly these. Without it the row is always inserted.",
	"rowRule.on_match":   "When the row is stored already: update the columns whose source is present, keep it as it is, or fail as a conflict.",
	"rowRule.on_missing": "When the row is not stored: insert it, reject the message, or have it wait (not_yet).",
	"rowRule.absent":     "Stored children that the message has no longer: keep, delete (a message without any child is refused), or delete_all.",
	"rowRule.version":    "Guards the row and everything below it: an older message is superseded.",
	"rowRule.sequence":   "Instead of match: the number by which the row is known.",
	"rowRule.columns":    "Columns to what they are filled with.",
	"rowRule.children":   "Rows that belong to this one.",

	"versionRule.column": "The column that the version is stored in.",
	"versionRule.from":   "An expression: the version of the message.",
	"drawRule.column":    "The column that takes the number. It needs a unique index.",
	"drawRule.name":      "The sequence, as schema.name.",

	"columnKeys.from":     "An expression.",
	"columnKeys.value":    "A constant, typed by its YAML form: 5, 1.5, true, null, '5'.",
	"columnKeys.$value":   "The same as value.",
	"columnKeys.zone":     "The time zone of a dateTime that has none, such as Europe/Helsinki or UTC.",
	"columnKeys.default":  "A constant in place of an absent source.",
	"columnKeys.truncate": "true: text or bytes that are too long for the column are cut to fit.",
	"columnKeys.absent":   "null: an absent source sets NULL, on update too.",

	"lookupRule.lookup":    "The table that is looked into, as schema.table.",
	"lookupRule.where":     "Columns of that table to expressions. They need a unique index.",
	"lookupRule.column":    "The column whose value is taken.",
	"lookupRule.not_found": "When there is no such row: reject the message, take NULL, have the message wait (not_yet), or insert the row.",
	"lookupRule.insert":    "With not_found: insert, the other columns of the row that is made; {} for none.",

	"codeColumn.code_set": "The name of a code set, whose file is codes/<name>.yaml beside the mapping; or a table of codes.",
	"codeColumn.from":     "An expression: the code.",
	"codeColumn.at":       "An expression: the day or moment at which the code is meant. Required where some code has a period.",
	"codeColumn.unknown":  "When nobody knows the code: reject the message, have it wait (not_yet), take null, keep the column as it is, or take a value.",
	"codeColumn.absent":   "null: an absent source sets NULL, on update too.",

	"codeTable.table":      "The table of codes, as schema.table.",
	"codeTable.code":       "The column that holds the code.",
	"codeTable.value":      "The column that holds what it stands for.",
	"codeTable.valid_from": "The column that says from when; NULL leaves the period open.",
	"codeTable.valid_to":   "The column that says until when: of a date the last day, of a time the first moment after.",

	"publishRule.channel":     "The channel, as gatehouse.yaml names it.",
	"publishRule.type":        "The type of the event; without it the mapping's name.",
	"publishRule.when":        "A condition: published only if it is true.",
	"publishRule.routing_key": "Text with expressions in braces, as in order.{o:Order/o:Currency}; {{ and }} are braces.",
	"publishRule.format":      "json, xml (typed by a contract element), or original: the payload element as it came.",
	"publishRule.element":     "With format: xml, the global element of the contract that is written.",
	"publishRule.body":        "What is written. Every plain key is output; instructions carry a dollar.",

	"faultRule.fault":  "The name of a fault that the contract declares for the operation.",
	"faultRule.on":     "The outcomes that the rule answers in the gateway's place: one or several.",
	"faultRule.when":   "A condition. Without on it refuses the message; with on it narrows the rule.",
	"faultRule.reason": "Text with expressions in braces: the sentence for people.",
	"faultRule.body":   "The fault's element, written as a reply is.",

	"QueryFile.query":      "The query's name.",
	"QueryFile.contract":   "The operation that is answered: path/to.wsdl#Operation.",
	"QueryFile.namespaces": "Prefixes for expressions and element names. An unprefixed name is a name in no namespace, as those of $page are.",
	"QueryFile.view":       "The view that is asked, as its file calls it.",
	"QueryFile.key":        "Instead of where: the fields of the view's key to expressions. The query is of one row; where there is none, it is refused as not_found.",
	"QueryFile.where":      "Conditions, joined by and. One whose value is absent from the request is left out.",
	"QueryFile.order":      "Fields that the view may be sorted by, each with desc behind it where the order falls.",
	"QueryFile.page":       "How many rows an answer has, and behind which it goes on.",
	"QueryFile.count":      "true: $page/count and $page/at_least tell how many rows there are.",
	"QueryFile.expand":     "How many rows of a child each row has at most.",
	"QueryFile.reply":      "What is answered, made of $page.",
	"QueryFile.faults":     "What is answered in the place of a reply, and when: faults that the contract declares.",

	"conditionRule.field":       "A field of the view that conditions can be of.",
	"conditionRule.eq":          "Equal to this; where that is xsi:nil or null, without a value.",
	"conditionRule.ne":          "Not equal to this, or without a value; where that is xsi:nil or null, with any value.",
	"conditionRule.gt":          "Greater than this.",
	"conditionRule.ge":          "Greater than this, or equal.",
	"conditionRule.lt":          "Less than this.",
	"conditionRule.le":          "Less than this, or equal.",
	"conditionRule.in":          "Equal to any of these.",
	"conditionRule.starts_with": "A text that begins with this one.",
	"conditionRule.contains":    "A text that has this one in it.",
	"conditionRule.when":        "A condition on the request: left out unless it is true.",

	"pageRule.rows":    "An expression: how many rows the request wants.",
	"pageRule.default": "How many rows a page has when the request does not say; 20.",
	"pageRule.most":    "How many rows a page has at most, whatever the request says; 100.",
	"pageRule.after":   "An expression: the token that $page/next gave with the page before.",

	"expandRule.rows":   "How many rows of the child each row has at most.",
	"expandRule.expand": "The same of its children.",

	"template.$each":  "A path: one object or element for each element that it leads to.",
	"template.$when":  "A condition: left out unless it is true.",
	"template.$value": "A constant; null is null in JSON and xsi:nil in XML.",

	"codeFile.code_set":    "The name of the code set, which is its file's name.",
	"codeFile.owner":       "Who can add a code; every refusal of a code names them.",
	"codeFile.description": "What the codes are about.",
	"codeFile.codes":       "The codes; values are of one type.",
	"codeRule.code":        "The code as messages have it.",
	"codeRule.value":       "What it stands for, typed by its YAML form.",
	"codeRule.valid_from":  "The first day on which the code has this value, such as 2026-01-01.",
	"codeRule.valid_to":    "The last day on which the code has this value.",
	"codeRule.comment":     "For people.",
}

// words are the keys that take one of a few words: what compiler.choose is given.
// The property that the words are these is held by TestSchemaWords.
var words = map[string][]any{
	"rowRule.on_match":     {"update", "keep", "fail"},
	"rowRule.on_missing":   {"insert", "reject", "not_yet"},
	"rowRule.absent":       {"keep", "delete", "delete_all"},
	"lookupRule.not_found": {"reject", "null", nil, "not_yet", "insert"},
	"publishRule.format":   {"json", "original", "xml"},
}

// rules are what a struct wants of its keys together.
var rules = map[string][]schema{
	"rowRule": {
		{"not": has("match", "sequence")},
		needs("on_match", "match"), needs("on_missing", "match"), needs("version", "match"),
		{"not": schema{"required": []string{"on_match", "on_missing"}, "properties": schema{"on_match": schema{"const": "fail"}, "on_missing": schema{"enum": []any{"reject", "not_yet"}}}}},
	},
	"columnKeys": {
		{"oneOf": []schema{has("from"), has("value"), has("$value")}},
		needs("zone", "from"), needs("default", "from"), needs("absent", "from"), needs("truncate", "from"),
		{"not": has("default", "absent")},
	},
	"lookupRule": {{
		"if":   schema{"required": []string{"not_found"}, "properties": schema{"not_found": schema{"const": "insert"}}},
		"then": has("insert"),
		"else": schema{"not": has("insert")},
	}},
	"codeTable": {needs("valid_to", "valid_from")},
	"publishRule": {
		{"if": with("format", "original"), "then": schema{"not": has("body")}, "else": has("body")},
		{"if": with("format", "xml"), "then": has("element"), "else": schema{"not": has("element")}},
	},
	"QueryFile":     {{"not": has("key", "where")}, {"not": has("key", "order")}, {"not": has("key", "page")}, {"not": has("key", "count")}},
	"conditionRule": {{"anyOf": []schema{has("eq"), has("ne"), has("gt"), has("ge"), has("lt"), has("le"), has("in"), has("starts_with"), has("contains")}}},
	"faultRule":     {{"anyOf": []schema{has("when"), has("on")}}},
}

func has(keys ...string) schema { return schema{"required": keys} }

func needs(key, other string) schema {
	return schema{"dependentRequired": schema{key: []string{other}}}
}

func with(key, value string) schema {
	return schema{"required": []string{key}, "properties": schema{key: schema{"const": value}}}
}

// structure is the schema of a struct that config.Decode reads.
func (w *schemaWriter) structure(t reflect.Type) schema {
	properties, required := schema{}, []string(nil)
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		key := t.Name() + "." + name
		if about[key] == "" {
			w.t.Errorf("%s has no sentence in about: say what the key is for, here and in docs/mapping.md", key)
		}
		told[key] = true
		property := schema{"description": about[key]}
		maps.Copy(property, w.property(key, field.Type))
		properties[name] = property
		if options == "required" {
			required = append(required, name)
		}
	}
	out := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		out["required"] = required
	}
	if all := rules[t.Name()]; all != nil {
		out["allOf"] = all
	}
	return out
}

// property is the schema of one key.
func (w *schemaWriter) property(key string, t reflect.Type) schema {
	if all := words[key]; all != nil {
		return schema{"enum": all}
	}
	switch key {
	case "File.contract", "QueryFile.contract":
		return schema{"type": "string", "pattern": "^[^#]+#.+$"}
	case "pageRule.default", "pageRule.most", "expandRule.rows":
		return schema{"type": "integer", "minimum": 1, "maximum": 1000}
	case "columnKeys.truncate":
		return schema{"type": "boolean"}
	case "columnKeys.absent", "codeColumn.absent":
		return schema{"type": "null"}
	case "codeColumn.unknown":
		value := schema{"type": "object", "properties": schema{"value": scalar(false)}, "required": []string{"value"}, "additionalProperties": false}
		return schema{"anyOf": []schema{{"enum": []any{"reject", "not_yet", "keep", "null", nil}}, value}}
	case "columnKeys.value", "columnKeys.$value":
		return scalar(true)
	case "columnKeys.default", "codeRule.value":
		return scalar(false)
	case "codeRule.valid_from", "codeRule.valid_to":
		return schema{"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
	}
	return w.of(key, t)
}

// scalar is a constant.
func scalar(null bool) schema {
	types := []string{"string", "number", "boolean"}
	if null {
		types = append(types, "null")
	}
	return schema{"type": types}
}

func object(of schema) schema {
	return schema{"type": "object", "additionalProperties": of, "minProperties": 1}
}

// of is the schema of a type; those that read themselves are told here.
func (w *schemaWriter) of(key string, t reflect.Type) schema {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	expr := schema{"type": []string{"string", "number"}, "minLength": 1}
	switch t {
	case reflect.TypeFor[word]():
		return scalar(false)
	case reflect.TypeFor[expression](), reflect.TypeFor[identity]():
		return w.define("expression", func() schema { return expr })
	case reflect.TypeFor[namedExpressions]():
		return object(w.of(key, reflect.TypeFor[expression]()))
	case reflect.TypeFor[tableRule]():
		return w.define("table", func() schema { return schema{"type": "string", "pattern": `^[^.]+\.[^.]+$`} })
	case reflect.TypeFor[textTemplate]():
		return scalar(false)
	case reflect.TypeFor[columnRule]():
		return w.define("operand", w.operand)
	case reflect.TypeFor[expandRules]():
		return object(schema{"anyOf": []schema{w.named(reflect.TypeFor[expandRule]()), {"type": "null"}}})
	case reflect.TypeFor[columnRules]():
		if key == "QueryFile.key" {
			return object(w.of(key, reflect.TypeFor[columnRule]()))
		}
		return object(w.define("column", w.column))
	case reflect.TypeFor[stubRules]():
		columns := object(w.define("column", w.column))
		delete(columns, "minProperties")
		return columns
	case reflect.TypeFor[codeSource]():
		return schema{"anyOf": []schema{{"type": "string", "pattern": `^[^/\\.]+$`}, w.named(reflect.TypeFor[codeTable]())}}
	case reflect.TypeFor[outcomes]():
		one := schema{"enum": outcomeWords(w.outcomes)}
		return schema{"anyOf": []schema{one, {"type": "array", "items": one, "minItems": 1}}}
	case reflect.TypeFor[template]():
		return w.define("body", w.template)
	case reflect.TypeFor[map[string]string]():
		return schema{"type": "object", "additionalProperties": schema{"type": "string"}}
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[config.Unmarshaler]()) && !slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("yaml") != "" }) {
		w.t.Fatalf("%s: %s reads itself: say here what it takes", key, t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Slice:
		return schema{"type": "array", "items": w.of(key, t.Elem())}
	case reflect.Struct:
		return w.named(t)
	}
	w.t.Fatalf("%s: nobody has told how to write the schema of %s", key, t)
	return nil
}

// define writes a schema once and returns the reference to it.
func (w *schemaWriter) define(name string, make func() schema) schema {
	if w.defs[name] == nil {
		w.defs[name] = schema{} // it may refer to itself
		w.defs[name] = make()
	}
	return schema{"$ref": "#/$defs/" + name}
}

func (w *schemaWriter) named(t reflect.Type) schema {
	return w.define(t.Name(), func() schema { return w.structure(t) })
}

// column is what columnRule.UnmarshalNode tells apart, in its order.
func (w *schemaWriter) column() schema {
	return schema{
		"if": schema{"type": "object"}, "else": w.of("column", reflect.TypeFor[expression]()),
		"then": schema{
			"if": has("code_set"), "then": w.named(reflect.TypeFor[codeColumn]()),
			"else": schema{"if": has("lookup"), "then": w.named(reflect.TypeFor[lookupRule]()), "else": w.named(reflect.TypeFor[columnKeys]())},
		},
	}
}

// operand is what a field of a view is compared with: a column without the forms
// that write.
func (w *schemaWriter) operand() schema {
	keys := w.structure(reflect.TypeFor[columnKeys]())
	properties := maps.Clone(keys["properties"].(schema))
	delete(properties, "truncate")
	delete(properties, "absent")
	return schema{"if": schema{"type": "object"}, "else": w.of("operand", reflect.TypeFor[expression]()), "then": schema{
		"type": "object", "properties": properties, "additionalProperties": false,
		"allOf": []schema{{"oneOf": []schema{has("from"), has("value"), has("$value")}}, needs("zone", "from"), needs("default", "from")},
	}}
}

// template is what template.UnmarshalNode reads.
func (w *schemaWriter) template() schema {
	self, expr := schema{"$ref": "#/$defs/body"}, w.of("template", reflect.TypeFor[expression]())
	instructions := schema{}
	for name, value := range map[string]schema{"$each": expr, "$when": expr, "$value": scalar(true)} {
		told["template."+name] = true
		instructions[name] = schema{"description": about["template."+name]}
		maps.Copy(instructions[name].(schema), value)
	}
	object := schema{"type": "object", "properties": instructions, "patternProperties": schema{"^[^$]": self}, "additionalProperties": false,
		"if": has("$value"), "then": schema{"propertyNames": schema{"enum": []string{"$value", "$when"}}}}
	return schema{"if": schema{"type": "object"}, "then": object,
		"else": schema{"anyOf": []schema{{"type": "array", "items": self}, expr}}}
}
