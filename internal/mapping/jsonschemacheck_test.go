package mapping_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

func compiledSchema(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
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

// instance reads YAML as the validator wants it; what is no YAML is an error.
func instance(src []byte) (any, error) {
	text, err := yaml.YAMLToJSON(src)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
}

// TestSchemasTakeOurOwn has every mapping and code set of the repository pass,
// and fail with a key misspelt anywhere.
func TestSchemasTakeOurOwn(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{"mapping": compiledSchema(t, mapping.FileSchema()), "code_set": compiledSchema(t, mapping.CodeSetSchema())}
	found := map[string]int{}
	try := func(name string, src []byte) {
		value, err := instance(src)
		if err != nil {
			return // a file of another kind
		}
		top, _ := value.(map[string]any)
		for key, s := range schemas {
			if top[key] == nil {
				continue
			}
			found[key]++
			if err := s.Validate(value); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			misspell(value, func(path string) {
				if s.Validate(value) == nil {
					t.Errorf("%s: the schema takes a wrong key at %s", name, path)
				}
			})
		}
	}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".yaml" && filepath.Ext(path) != ".txtar" {
			return err
		}
		src, err := os.ReadFile(path)
		if filepath.Ext(path) == ".yaml" {
			try(path, src)
			return err
		}
		for _, f := range txtar.Parse(src).Files {
			if !wrongOnPurpose(f) {
				try(path+" "+f.Name, f.Data)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	try("right", []byte(right))
	try("orderStatus", []byte(orderStatus))
	for name, src := range forms {
		try(name, []byte(right+src))
	}
	if found["mapping"] < 12+len(forms) || found["code_set"] < 2 {
		t.Errorf("too few files: %v", found)
	}
}

// wrongOnPurpose reports files of a script that are there to be refused.
func wrongOnPurpose(f txtar.File) bool {
	_, notMapping := mapping.Parse(f.Name, f.Data)
	_, notCodes := mapping.ParseCodeSet(f.Name, f.Data)
	return notMapping != nil && notCodes != nil
}

// misspell calls try with each key of fixed name wrong in turn.
func misspell(value any, try func(path string)) {
	free := []string{"namespaces", "business_keys", "columns", "where", "insert", "reply", "body"}
	var walk func(v any, path string)
	walk = func(v any, path string) {
		switch v := v.(type) {
		case []any:
			for i := range v {
				walk(v[i], fmt.Sprintf("%s[%d]", path, i))
			}
		case map[string]any:
			last := path[strings.LastIndexByte(path, '.')+1:]
			for key, child := range v {
				if slices.Contains([]string{"reply", "body"}, key) {
					continue // every plain key is output
				}
				walk(child, path+"."+key)
				if slices.Contains(free, last) {
					continue
				}
				delete(v, key)
				v[key+"_"] = child
				try(path + "." + key)
				delete(v, key+"_")
				v[key] = child
			}
		}
	}
	walk(value, "")
}

// forms are ways to write things that the files of the repository may not have;
// each is added to the right mapping.
var forms = map[string]string{
	"faults": "faults:\n  - {fault: F, on: [invalid, exists], reason: 'no {.}', body: {A: {$when: a, $value: null}, B: [{$each: b, c: .}]}}\n  - {fault: F, on: conflict, when: true(), body: .}\n",
}

// TestSchemaRefusesWrongForms: of the wrong mappings, the schema refuses all that
// do not have the form of one; syntax of expressions is not its business.
func TestSchemaRefusesWrongForms(t *testing.T) {
	s := compiledSchema(t, mapping.FileSchema())
	syntax := []string{"open brace", "lone brace", "unclosed string", "missing operand", "minus in a name", "two comparisons", "digits", "not yet: function", "regular expression",
		"dollar brace", "double equals", "sql not equal", "&&", "ternary", "hash in value", // and of YAML what other readers allow:
		"anchor", "merge key"}
	refused := 0
	for _, tt := range slices.Concat(wrong, habits) {
		src := []byte(strings.Replace(right, tt.old, tt.new, 1))
		value, err := instance(src)
		sees := err != nil || s.Validate(value) != nil
		if sees {
			refused++
		}
		_, parse := mapping.Parse("m.yaml", src)
		if parse != nil && !sees && !slices.Contains(syntax, tt.name) {
			t.Errorf("%s: the schema takes what Parse does not: %v", tt.name, parse)
		}
	}
	for name, edit := range map[string][2]string{
		"match and sequence":      {"match: [customer_no]", "match: [customer_no]\n    sequence: {column: id, name: crm.n}"},
		"on_match without match":  {"match: [customer_no]", "on_match: keep"},
		"a word":                  {"match: [customer_no]", "match: [customer_no]\n    on_match: ignore"},
		"insert without its word": {"column: id}", "column: id, insert: {}}"},
		"word without its insert": {"column: id}", "column: id, not_found: insert}"},
		"a period's end alone":    {"status: o:Order/o:Status", "status: {code_set: {table: a.b, code: c, value: v, valid_to: t}, from: o:Order/o:Status}"},
		"original with a body":    {"    body: {no:", "    format: original\n    body: {no:"},
		"xml without an element":  {"    body: {no:", "    format: xml\n    body: {no:"},
		"no body":                 {"    body: {no: o:Order/o:OrderNumber}\n", ""},
		"column without source":   {"country: o:Order/o:Customer/o:Country", "country: {zone: UTC}"},
		"a list in a column":      {"country: o:Order/o:Customer/o:Country", "country: {value: [1]}"},
	} {
		value, err := instance([]byte(strings.Replace(right, edit[0], edit[1], 1)))
		if err != nil || !strings.Contains(right, edit[0]) {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Validate(value) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
	if refused < 20 {
		t.Errorf("of %d wrong mappings the schema refuses %d only", len(wrong)+len(habits), refused)
	}
	t.Logf("of %d wrong mappings the schema refuses %d", len(wrong)+len(habits), refused)
}

// TestSchemaRefusesWrongCodeSets does so for code sets.
func TestSchemaRefusesWrongCodeSets(t *testing.T) {
	s := compiledSchema(t, mapping.CodeSetSchema())
	for _, edit := range [][2]string{
		{"owner: sales operations\n", ""}, {"value: NEW", "value: null"}, {"value: NEW", "value: [a]"}, {"code: DRAFT, ", ""},
		{"2026-01-01", "01.01.2026"}, {"valid_to", "valid_until"}, {"codes:\n", "code:\n"},
	} {
		value, err := instance([]byte(strings.Replace(orderStatus, edit[0], edit[1], 1)))
		if err != nil || !strings.Contains(orderStatus, edit[0]) {
			t.Fatalf("%q: %v", edit, err)
		}
		if s.Validate(value) == nil {
			t.Errorf("%q: the schema takes it", edit)
		}
	}
}

// TestSchemaWords holds the words of the schema against those that the compiler
// takes, which it names when it is given another.
func TestSchemaWords(t *testing.T) {
	var root struct {
		Defs map[string]struct {
			Properties map[string]struct{ Enum []*string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(mapping.FileSchema()), &root); err != nil {
		t.Fatal(err)
	}
	c := loadContract(t)
	for _, tt := range []struct{ owner, key, old, new string }{
		{"rowRule", "on_match", "match: [customer_no]", "match: [customer_no]\n    on_match: $"},
		{"rowRule", "on_missing", "match: [customer_no]", "match: [customer_no]\n    on_missing: $"},
		{"rowRule", "absent", "match: [order_id, line_no]", "match: [order_id, line_no]\n        absent: $"},
		{"lookupRule", "not_found", "column: id}", "column: id, not_found: $}"},
		{"publishRule", "format", "    body: {no:", "    format: $\n    body: {no:"},
	} {
		var words []string
		for _, word := range root.Defs[tt.owner].Properties[tt.key].Enum {
			if word != nil {
				words = append(words, *word)
			}
		}
		if len(words) < 3 {
			t.Fatalf("%s has the words %q", tt.key, words)
		}
		want := fmt.Sprintf(`"nonsense" is none of %s and %s`, strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
		src := strings.Replace(right, tt.old, strings.Replace(tt.new, "$", "nonsense", 1), 1)
		if got := judge(c, src, business()); !strings.Contains(got, want) {
			t.Errorf("%s: the compiler says %q, and the schema has %q", tt.key, got, words)
		}
	}
}
