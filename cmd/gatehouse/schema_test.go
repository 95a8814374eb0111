package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/adapters/outbound"
	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// TestSchema keeps schema.json equal to the configuration's structs and to what
// their comments say.
func TestSchema(t *testing.T) {
	const file = "schema.json"
	got := newSchemaWriter(t).write()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s does not agree with the configuration's structs; run go test ./cmd/gatehouse -run TestSchema -update (%v)", file, err)
	}
}

// member is one member of a JSON object that keeps its order.
type member struct {
	Name  string
	Value any
}

type object []member

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, part := range []any{m.Name, m.Value} {
			var text bytes.Buffer
			enc := json.NewEncoder(&text)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(part); err != nil {
				return nil, err
			}
			b.Write(bytes.TrimSpace(text.Bytes()))
			if j == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// schemaWriter makes a JSON Schema of a struct as config.Decode reads it.
type schemaWriter struct {
	t    *testing.T
	docs *docs
	defs object // by name of the struct, in the order they are met
}

func newSchemaWriter(t *testing.T) *schemaWriter {
	return &schemaWriter{t: t, docs: readDocs(t)}
}

func (w *schemaWriter) write() []byte {
	root := w.structure(reflect.ValueOf(project{}))[1:] // not what the type says of itself
	all := append(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "gatehouse.yaml"},
		{"description", "The configuration of a Gatehouse. Paths are found from the folder of the file."},
	}, root...)
	slices.SortFunc(w.defs, func(a, b member) int { return strings.Compare(a.Name, b.Name) })
	all = append(all, member{"$defs", w.defs})
	raw, err := all.MarshalJSON()
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		w.t.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}

// peculiar is the schema of a type that reads itself; nil for others.
func (w *schemaWriter) peculiar(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return w.refer("duration", object{{"description", "A duration such as 500ms, 3s, 10m or 24h."}, {"anyOf", []object{
			{{"type", "string"}, {"pattern", `^(0|\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`}},
			{{"const", 0}},
		}}})
	case reflect.TypeFor[config.ByteSize]():
		return w.refer("size", object{{"description", "A number of bytes, such as 65536, 64KiB, 10MiB or 1GiB."}, {"anyOf", []object{
			{{"type", "integer"}, {"minimum", 0}},
			{{"type", "string"}, {"pattern", `^[0-9]+ *(KiB|MiB|GiB)?$`}},
		}}})
	case reflect.TypeFor[config.Rate]():
		return w.refer("rate", object{{"description", "A rate such as 50/s, 1000/m or 20/h."}, {"type", "string"}, {"pattern", `^ *[0-9]+ */ *[smh] *$`}})
	case reflect.TypeFor[outbound.Status]():
		return w.refer("status", object{{"description", "An HTTP status such as 408, or a class of them such as 5xx."}, {"anyOf", []object{
			{{"type", "integer"}, {"minimum", 200}, {"maximum", 599}},
			{{"type", "string"}, {"pattern", `^([2-5][0-9][0-9]|[2-5](xx|XX))$`}},
		}}})
	case reflect.TypeFor[period]():
		return w.refer("period", object{{"description", "How long something is kept: 30d, 12h or forever."}, {"type", "string"},
			{"pattern", `^(forever|0*[1-9][0-9]*d|\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`}})
	case reflect.TypeFor[config.Path]():
		return w.refer("path", object{{"description", "The path of a file or folder, from the folder of this file."}, {"type", "string"}, {"minLength", 1}})
	case reflect.TypeFor[sqlserver.Encryption]():
		return object{}
	case reflect.TypeFor[amqp.Sender]():
		fixed := object{{"type", "object"}, {"properties", object{{"fixed", object{{"type", "string"}, {"minLength", 1}}}}}, {"required", []string{"fixed"}}, {"additionalProperties", false}}
		return object{{"anyOf", []object{{{"const", "user_id"}}, fixed}}}
	case reflect.TypeFor[restEndpoint]():
		operation := object{{"description", "system/Service.Operation"}, {"type", "string"}, {"minLength", 1}}
		key := object{{"description", "optional (default), or required: a request without an Idempotency-Key is refused then"}, {"enum", []string{"optional", required}}}
		whole := object{{"type", "object"}, {"properties", object{{"operation", operation}, {"idempotency_key", key}}}, {"required", []string{"operation"}}, {"additionalProperties", false}}
		return object{{"anyOf", []object{operation, whole}}}
	case reflect.TypeFor[verbs]():
		verb := object{{"enum", gateway.Verbs}}
		return object{{"anyOf", []object{verb, {{"type", "array"}, {"items", verb}, {"minItems", 1}}}}}
	case reflect.TypeFor[waysIn]():
		way := object{{"enum", gateway.AllWaysIn}}
		return object{{"anyOf", []object{way, {{"type", "array"}, {"items", way}, {"minItems", 1}}}}}
	case reflect.TypeFor[signedParts]():
		part := object{{"enum", wss.AllParts}}
		return object{{"anyOf", []object{{{"const", wss.Body}}, {{"type", "array"}, {"items", part}, {"contains", object{{"const", wss.Body}}}}}}}
	case reflect.TypeFor[rowFilters]():
		text := object{{"type", []string{"string", "integer", "number", "boolean"}}}
		return object{{"type", "object"}, {"minProperties", 1}, {"patternProperties", object{{"", object{{"anyOf", []object{text, {{"type", "array"}, {"items", text}, {"minItems", 1}}}}}}}}}
	case reflect.TypeFor[onErrorSection]():
		return w.onError()
	case reflect.TypeFor[storeSection]():
		return w.store()
	}
	return nil
}

// choices are the keys that take one of a few values: what Validate checks.
// TestSchemaConstraints holds them against it.
var choices = map[string][]any{
	keyOf[ldap.TLS]("min_version"):           {"1.2", "1.3", 1.2, 1.3},
	keyOf[config.TLS]("min_version"):         {"1.2", "1.3", 1.2, 1.3},
	keyOf[tlsSection]("min_version"):         {"1.2", "1.3", 1.2, 1.3},
	keyOf[tlsSection]("client_certificates"): {"required", "optional"},
	keyOf[ldap.UserSearch]("scope"):          {"sub", "one"},
	keyOf[ldap.GroupSearch]("strategy"):      {"auto", "member_of", "search", "recursive", "in_chain", "token_groups"},
	keyOf[soap.Config]("fault_status_12"):    {400, 500},
	keyOf[channelSection]("on_parked"):       {"hold", "skip"},
	keyOf[outbound.HTTP]("method"):           {"POST", "PUT", "PATCH"},
	keyOf[outbound.Connection]("proxy"):      {"environment"},
	keyOf[amqp.Endpoint]("queue_type"):       {"quorum", "classic"},
	keyOf[sqlserver.Connection]("encrypt"):   {"strict", true, false, "true", "false", "disable"},
	keyOf[sqlserver.Connection]("authentication"): {"sql", "ntlm", "kerberos", "windows", "ActiveDirectoryDefault", "ActiveDirectoryManagedIdentity",
		"ActiveDirectoryWorkloadIdentity", "ActiveDirectoryServicePrincipal"},
	keyOf[sqlserver.TLS]("min_version"): {"1.2", "1.3", 1.2, 1.3},
}

// either are the structs of which exactly one key is given.
var either = map[reflect.Type][]string{
	reflect.TypeFor[memberSection]():   {"group", "user"},
	reflect.TypeFor[endpointSection](): {"soap", "rest", "amqp"},
	reflect.TypeFor[channelSection]():  {"amqp", "http", "soap", "replies"},
}

func keyOf[T any](key string) string { return reflect.TypeFor[T]().String() + "." + key }

func (w *schemaWriter) onError() object {
	var properties object
	for _, kind := range slices.Sorted(maps.Keys(actions)) {
		properties = append(properties, member{kind, object{{"enum", actions[kind]}, {"default", actions[kind][0]}}})
	}
	return object{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}
}

// store is one of the drivers' sections.
func (w *schemaWriter) store() object {
	var kinds []object
	for _, driver := range []struct {
		name   string
		config reflect.Value
	}{{"sqlite", reflect.ValueOf(sqlite.Config{})}, {"sqlserver", reflect.ValueOf(sqlserver.Config{})}} {
		name := w.define(driver.config, func(properties *object, required *[]string) {
			(*properties)[0] = member{"driver", object{{"const", driver.name}}}
			*properties = append(*properties, member{"migrations", append(w.describe(reflect.TypeFor[storeSection](), "Migrations"), w.of(reflect.ValueOf(config.Path("")))...)})
			*required = append(*required, "driver")
		})
		kinds = append(kinds, object{{"$ref", name}})
	}
	return object{{"oneOf", kinds}}
}

// of is the schema of a value's type; the value is what it has by default.
func (w *schemaWriter) of(v reflect.Value) object {
	t := v.Type()
	if schema := w.peculiar(t); schema != nil {
		return schema
	}
	if _, ok := v.Interface().(inOrder); ok {
		element, _ := t.Elem().FieldByName("Value")
		return object{{"type", "object"}, {"additionalProperties", w.of(reflect.Zero(element.Type))}}
	}
	if w.readsText(t) {
		return object{{"type", "string"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return w.of(reflect.Zero(t.Elem()))
		}
		return w.of(v.Elem())
	case reflect.Struct:
		return object{{"$ref", w.define(v, nil)}}
	case reflect.Slice:
		return object{{"type", "array"}, {"items", w.of(reflect.Zero(t.Elem()))}}
	case reflect.Map:
		return object{{"type", "object"}, {"additionalProperties", w.of(reflect.Zero(t.Elem()))}}
	case reflect.String:
		return text
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Float64:
		return object{{"type", "number"}}
	case reflect.Int:
		return object{{"type", "integer"}, {"minimum", 0}}
	}
	w.t.Fatalf("config.Decode reads a %s, and this test does not know how to write its schema", t)
	return nil
}

// readsText reports whether the type reads a scalar by itself. One that reads a
// node in a way of its own has to be listed as peculiar.
func (w *schemaWriter) readsText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[config.Unmarshaler]()) && !isSection(t) {
		w.t.Fatalf("%s reads itself: say in peculiar what it takes", t)
	}
	return p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// isSection reports whether a type's keys are its fields'.
func isSection(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for field := range t.Fields() {
		if _, _, tagged := tag(field); tagged {
			return true
		}
	}
	return false
}

// refer writes the schema of a scalar once and returns the reference to it.
func (w *schemaWriter) refer(name string, schema object) object {
	if !slices.ContainsFunc(w.defs, func(m member) bool { return m.Name == name }) {
		w.defs = append(w.defs, member{name, schema})
	}
	return object{{"$ref", "#/$defs/" + name}}
}

// text is a field of text: numbers need no quotes.
var text = object{{"type", []string{"string", "number"}}}

// define writes the schema of a struct once and returns the reference to it.
func (w *schemaWriter) define(v reflect.Value, add func(*object, *[]string)) string {
	name := strings.TrimSuffix(strings.TrimPrefix(v.Type().String(), "main."), "Section")
	if !slices.ContainsFunc(w.defs, func(m member) bool { return m.Name == name }) {
		at := len(w.defs)
		w.defs = append(w.defs, member{name, nil}) // it may refer to itself
		w.defs[at].Value = w.structureWith(v, add)
	}
	return "#/$defs/" + name
}

func (w *schemaWriter) structure(v reflect.Value) object { return w.structureWith(v, nil) }

func (w *schemaWriter) structureWith(v reflect.Value, add func(*object, *[]string)) object {
	var (
		properties object
		required   []string
		conditions []object
	)
	w.fields(filled(v), &properties, &required, &conditions)
	if add != nil {
		add(&properties, &required)
	}
	if keys := either[v.Type()]; keys != nil {
		var one []object
		for _, key := range keys {
			one = append(one, object{{"required", []string{key}}})
		}
		conditions = append(conditions, object{{"oneOf", one}})
	}
	var out object
	if about := w.docs.ofType(v.Type()); about != "" {
		out = object{{"description", about}}
	}
	out = append(out, object{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}...)
	if required != nil {
		out = append(out, member{"required", required})
	}
	if conditions != nil {
		out = append(out, member{"allOf", conditions})
	}
	return out
}

// fields writes the properties of a struct and of those inlined in it.
func (w *schemaWriter) fields(v reflect.Value, properties *object, required *[]string, conditions *[]object) {
	t := v.Type()
	for field, value := range v.Fields() {
		name, options, tagged := tag(field)
		about := func() object { return w.describe(t, field.Name) }
		switch {
		case !tagged:
		case options == "inline":
			w.fields(filled(value), properties, required, conditions)
		case field.Type == reflect.TypeFor[config.Secret]():
			file := name + "_file"
			*properties = append(*properties,
				member{name, w.secret(about())},
				member{file, append(object{{"description", "The file that " + name + " is in; one newline at its end is cut."}}, w.of(reflect.ValueOf(config.Path("")))...)})
			*conditions = append(*conditions, object{{"not", object{{"required", []string{name, file}}}}})
			if options == "required" {
				*conditions = append(*conditions, object{{"anyOf", []object{{{"required", []string{name}}}, {{"required", []string{file}}}}}})
			}
		default:
			*properties = append(*properties, member{name, telling(about(), w.property(t.String()+"."+name, value))})
			if options == "required" {
				*required = append(*required, name)
			}
		}
	}
}

// telling joins a description and a schema, but for a comment that only gives
// the default.
func telling(about, schema object) object {
	isDefault := func(m member) bool { return m.Name == "default" }
	if about != nil && !strings.Contains(about[0].Value.(string), " ") && slices.ContainsFunc(schema, isDefault) {
		return schema
	}
	return append(about, schema...)
}

// secret is the schema of a secret that stands in the file itself.
func (w *schemaWriter) secret(about object) object {
	const environment = "Written ${NAME} it is taken from the environment."
	if about == nil {
		return append(object{{"description", environment}}, text...)
	}
	return append(object{{"description", about[0].Value.(string) + " " + environment}}, text...)
}

// property is the schema of one key, with its choices and its default.
func (w *schemaWriter) property(key string, v reflect.Value) object {
	schema := w.of(v)
	if allowed := choices[key]; allowed != nil {
		schema = object{{"enum", allowed}}
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return schema
		}
		v = v.Elem()
	}
	if machine[key] || v.IsZero() && v.Kind() != reflect.Bool {
		return schema
	}
	switch value := v.Interface().(type) {
	case time.Duration:
		return append(schema, member{"default", durationText(value)})
	case config.ByteSize:
		return append(schema, member{"default", value.String()})
	case string, int, bool, float64:
		return append(schema, member{"default", value})
	}
	return schema
}

// machine are keys whose default depends on the machine.
var machine = map[string]bool{keyOf[sqlite.Config]("readers"): true}

// describe is what the source says of a field.
func (w *schemaWriter) describe(t reflect.Type, field string) object {
	text := w.docs.of(t, field)
	if text == "" {
		return nil
	}
	return object{{"description", text}}
}
