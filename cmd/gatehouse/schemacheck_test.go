package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse/gatehouse/internal/config"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json") // which holds it against the meta-schema, too
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// instance reads YAML as the validator wants it.
func instance(t *testing.T, src []byte) any {
	t.Helper()
	text, err := yaml.YAMLToJSON(src)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// configurations are all that the repository holds, the README's among them.
func configurations(t *testing.T) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), ".") && strings.Trim(e.Name(), ".") != "" {
			return fs.SkipDir
		}
		if err != nil || e.IsDir() || e.Name() != "gatehouse.yaml" {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(readReadme(t), "```yaml\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("README.md shows no configuration")
	}
	found["README.md"] = []byte(text)
	return found
}

// TestSchemaTakesOurOwn has every configuration of the repository pass, and fail
// with a key misspelt anywhere.
func TestSchemaTakesOurOwn(t *testing.T) {
	compiled := compiledSchema(t)
	all := configurations(t)
	if len(all) < 2 || all["demo/gatehouse.yaml"] == nil && all["../../cmd/gatehouse/demo/gatehouse.yaml"] == nil {
		t.Fatalf("too few configurations: %d", len(all))
	}
	for name, src := range all {
		t.Run(name, func(t *testing.T) {
			value := instance(t, src)
			if err := compiled.Validate(value); err != nil {
				t.Error(err)
			}
			misspell(value, "", func(path string) {
				if compiled.Validate(value) == nil {
					t.Errorf("an unknown key in %s passes", path)
				}
			})
		})
	}
}

// misspell adds an unknown key to each object of a document in turn.
func misspell(value any, path string, try func(path string)) {
	switch v := value.(type) {
	case map[string]any:
		v["misspelt"] = "x"
		try(path)
		delete(v, "misspelt")
		for key, inner := range v {
			misspell(inner, path+"."+key, try)
		}
	case []any:
		for i, inner := range v {
			misspell(inner, fmt.Sprintf("%s[%d]", path, i), try)
		}
	}
}

// everything is a configuration with every section in it.
const everything = `
store: {driver: sqlite, path: a.db}
directory: {urls: ["ldaps://a"], tls: {}, pool: {}, user_search: {}, group_search: {}, account_state: {}, cache: {}, lockout_guard: {}, client_certificates: {by: [upn]}}
authentication: {tokens: [{issuer: "https://i", audience: [a], claim: sub, tls: {}}], digests: [{user: u, password: p}], signatures: {ca_file: c.pem}}
broker: {urls: ["amqps://a"], username: u, password: p, tls: {}}
contracts: [a.wsdl]
channels:
  c: {amqp: {exchange: e}, retry: {}}
  h: {http: {url: "https://h/", headers: {}, auth: {}, tls: {}}, retry: {}}
  s: {soap: {contract: "w.wsdl#S.P.O", token: {}, auth: {}, tls: {}, faults: {}, security: {sign: {cert_file: c, key_file: k}}}, retry: {}}
  a: {replies: {addresses: ["https://h/"], auth: {}, tls: {}}, retry: {}}
routes: [{route: r, mapping: m.yaml, from: [{amqp: {queue: q, sender: user_id}}, {soap: a/S.O, security: {reply: {cert_file: c, key_file: k}}}], retry: {}, on_error: {}, retention: {}}]
roles: {x: {members: [{group: g}], partner: p, limits: {rate: 5/s}}}
partners: {p: {limits: {rate: 5/s}}}
grants: [{role: x, may: send, on: route/r}]
soap: {}
relay: {}
search: {}
streams: {}
exports: {}
feeds: [{feed: f, view: v, directory: d, bucket: {s3: {endpoint: "https://s3", name: bbb, access_key: a, secret_key: s, tls: {}}, azure: {account: aaa, container: ccc, sas: s, tls: {}}}}]
retention: {}
attachments: {}
drift: {}
telemetry: {traces: {endpoint: "http://127.0.0.1:4318"}}
listen: {public: {address: ":1", tls: {cert_file: c, key_file: k, client_ca_file: c}}, operations: {tls: {cert_file: c, key_file: k, client_ca_file: c}}}
`

// TestSchemaConstraints holds every choice and every lower bound of the schema
// against what the configuration itself takes and refuses.
func TestSchemaConstraints(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal([]byte(schema), &root); err != nil {
		t.Fatal(err)
	}
	sqlserverToo := strings.Replace(everything, "{driver: sqlite, path: a.db}", "{driver: sqlserver, server: a, database: b, username: u, password: p, tls: {}, kerberos: {}}", 1)
	compiled := compiledSchema(t)
	checked := 0
	for _, fixture := range []string{everything, sqlserverToo} {
		if err := compiled.Validate(instance(t, []byte(fixture))); err != nil {
			t.Fatal(err)
		}
		w := &constraints{t: t, root: root, fixture: fixture, before: faultsOf(t, []byte(fixture))}
		w.walk(root, nil)
		checked += w.checked
	}
	if checked < 60 {
		t.Errorf("only %d constraints were found", checked)
	}
}

// constraints walks a schema beside a document that has all its sections.
type constraints struct {
	t       *testing.T
	root    map[string]any
	fixture string
	before  []string
	checked int
}

func (w *constraints) walk(schema map[string]any, path []any) {
	schema = w.resolve(schema, path)
	if allowed, ok := schema["enum"].([]any); ok {
		w.enumeration(path, allowed)
	}
	if schema["type"] == "integer" {
		w.refused(path, -1)
	}
	if ref, _ := schema["$ref"].(string); ref == "#/$defs/duration" || ref == "#/$defs/size" {
		w.refused(path, "-1s")
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		if w.otherKind(schema, path, name) {
			continue
		}
		w.walk(property.(map[string]any), append(slices.Clone(path), name))
	}
	if items, ok := schema["items"].(map[string]any); ok {
		w.walk(items, append(slices.Clone(path), 0))
	}
	if values, ok := schema["additionalProperties"].(map[string]any); ok {
		for name := range w.at(path).(map[string]any) {
			w.walk(values, append(slices.Clone(path), name))
		}
	}
}

// otherKind reports whether a key is one of several of which the document has
// another.
func (w *constraints) otherKind(schema map[string]any, path []any, name string) bool {
	conditions, _ := schema["allOf"].([]any)
	for _, c := range conditions {
		kinds, _ := c.(map[string]any)["oneOf"].([]any)
		for _, kind := range kinds {
			if slices.Contains(kind.(map[string]any)["required"].([]any), any(name)) {
				section, _ := w.at(path).(map[string]any)
				return section[name] == nil
			}
		}
	}
	return false
}

// resolve follows references to structs, and takes the alternative that the
// document is of.
func (w *constraints) resolve(schema map[string]any, path []any) map[string]any {
	if kinds, ok := schema["oneOf"].([]any); ok {
		driver := w.at(append(slices.Clone(path), "driver"))
		for _, kind := range kinds {
			candidate := w.resolve(kind.(map[string]any), path)
			if candidate["properties"].(map[string]any)["driver"].(map[string]any)["const"] == driver {
				return candidate
			}
		}
		w.t.Fatalf("%v: no schema for the driver %v", path, driver)
	}
	ref, _ := schema["$ref"].(string)
	name, ok := strings.CutPrefix(ref, "#/$defs/")
	if !ok || slices.Contains([]string{"duration", "size", "path"}, name) {
		return schema
	}
	return w.root["$defs"].(map[string]any)[name].(map[string]any)
}

// at is what the document has at a path; every section is there.
func (w *constraints) at(path []any) any {
	var value any
	if err := yaml.Unmarshal([]byte(w.fixture), &value); err != nil {
		w.t.Fatal(err)
	}
	for _, step := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[step.(string)]
		case []any:
			value = v[step.(int)]
		default:
			w.t.Fatalf("%v: the test's configuration lacks the section", path)
		}
	}
	return value
}

func (w *constraints) enumeration(path []any, allowed []any) {
	for _, value := range allowed {
		if n, ok := value.(float64); ok && n == math.Trunc(n) {
			value = int(n) // JSON has no whole numbers
		}
		w.checked++
		quoted, _ := json.Marshal(value)
		for _, f := range w.with(path, value) {
			if !slices.Contains(w.before, f) && (strings.Contains(f, string(quoted)+" is n") || strings.Contains(f, "expected")) {
				w.t.Errorf("%v: %v is allowed by the schema: %s", path, value, f)
			}
		}
	}
	w.refused(path, "misspelt")
}

func (w *constraints) refused(path []any, value any) {
	w.checked++
	if got := w.with(path, value); len(got) <= len(w.before) {
		w.t.Errorf("%v: %v is refused by the schema, and not by the configuration", path, value)
	}
}

// with is what is wrong with the document when one value is another.
func (w *constraints) with(path []any, value any) []string {
	var doc any
	if err := yaml.Unmarshal([]byte(w.fixture), &doc); err != nil {
		w.t.Fatal(err)
	}
	at := doc
	for _, step := range path[:len(path)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[step.(string)]
		case []any:
			at = v[step.(int)]
		}
	}
	switch v := at.(type) {
	case map[string]any:
		v[path[len(path)-1].(string)] = value
	case []any:
		v[path[len(path)-1].(int)] = value
	default:
		w.t.Fatalf("%v: the test's configuration lacks the section", path)
	}
	src, err := yaml.Marshal(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	return faultsOf(w.t, src)
}

// faultsOf lists what is wrong with a configuration, without positions.
func faultsOf(t *testing.T, src []byte) []string {
	t.Helper()
	root, err := config.Parse("gatehouse.yaml", src)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	p := &project{file: "gatehouse.yaml", dir: ".", root: root}
	var faults config.Faults
	faults.Add(root.Decode(p))
	faults.Add(p.check(root))
	var out []string
	for _, f := range faults {
		out = append(out, f.Path+": "+f.Message)
	}
	return out
}

// TestEffectiveIsAConfiguration has what config show prints read again: it is
// the same configuration, with nothing left to fill in.
func TestEffectiveIsAConfiguration(t *testing.T) {
	for _, src := range []string{everything, strings.Replace(everything, "{driver: sqlite, path: a.db}", "{driver: sqlserver, server: a, database: b, username: u, password: hunter2}", 1)} {
		shown := effectiveOf(t, src)
		if strings.Contains(shown, "hunter2") || !strings.Contains(shown, `"***"`) {
			t.Errorf("a secret is shown, or none:\n%s", shown)
		}
		if err := compiledSchema(t).Validate(instance(t, []byte(shown))); err != nil {
			t.Error(err)
		}
		if again := effectiveOf(t, shown); again != shown {
			t.Errorf("read again it is another one:\n%s\n%s", shown, again)
		}
		for _, line := range []string{"heartbeat: 10s", "lease_ttl: 15s", "max_body_bytes: 10MiB", "shards: 4", "address: 127.0.0.1:8444", "for: 24h", "strategy: auto", "sample: 1"} {
			if !strings.Contains(shown, " "+line+"\n") && !strings.Contains(shown, " "+line+".0\n") {
				t.Errorf("%q is not in it:\n%s", line, shown)
			}
		}
	}
}

func effectiveOf(t *testing.T, src string) string {
	t.Helper()
	root, err := config.Parse("gatehouse.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	p := &project{}
	if err := root.Decode(p); err != nil {
		t.Fatal(err)
	}
	return p.effective()
}
