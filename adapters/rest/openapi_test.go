package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestDocument reads the OpenAPI document as a client would: its schemas compile, its
// examples keep them, and whoever has it is not sent it again.
func TestDocument(t *testing.T) {
	_, url := serve(t, testConfig(), newFakeCore(t))
	get := func(path string, changes ...string) came {
		req := request(t, url, "", append([]string{"Authorization", "Content-Type"}, changes...)...)
		req.Method, req.URL.Path = http.MethodGet, path
		return send(t, req)
	}
	a := get("/api/openapi.json")
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("answered %d %s", a.StatusCode, a.Header)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	document := value.(map[string]any)
	if document["openapi"] != "3.1.0" || at(document, "info", "version") != "abc" || at(document, "servers").([]any)[0].(map[string]any)["url"] != url {
		t.Errorf("begins %.300s", a.body)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, place := range []string{"/paths/~1api~1submit-order/post/requestBody", "/paths/~1api~1submit-order/post/responses/200", "/paths/~1api~1notify-shipment/post/requestBody"} {
		media := at(document, strings.Split(strings.ReplaceAll(place[1:], "~1", "\x00"), "/")...).(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)
		schema, err := compiler.Compile("openapi.json#" + place + "/content/application~1json/schema")
		if err != nil {
			t.Fatal(err)
		}
		for name, example := range media["examples"].(map[string]any) {
			examples++
			if err := schema.Validate(example.(map[string]any)["value"]); err != nil {
				t.Errorf("%s, %s: %v", place, name, err)
			}
		}
	}
	if examples != 6 {
		t.Errorf("%d examples", examples)
	}
	problems, err := compiler.Compile("openapi.json#/components/schemas/Problem")
	if err != nil {
		t.Fatal(err)
	}
	wrong := send(t, request(t, url, `{"Headr": 1}`))
	problem, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong.body))
	if err != nil || problems.Validate(problem) != nil {
		t.Errorf("%v: %s", problems.Validate(problem), wrong.body)
	}
	if key := at(document, "paths", "\x00api\x00notify-shipment", "post", "parameters").([]any)[0].(map[string]any); key["name"] != "Idempotency-Key" || key["required"] != true {
		t.Errorf("the key is %v", key)
	}
	if again := get("/api/openapi.json", "If-None-Match: "+a.Header.Get("ETag")); again.StatusCode != 304 || again.body != "" {
		t.Errorf("asked again, answered %d", again.StatusCode)
	}
	if other := get("/api/openapi.json", "Accept: application/xml"); other.StatusCode != 406 {
		t.Errorf("as XML, answered %d", other.StatusCode)
	}
	if index := get("/api"); index.StatusCode != 200 || !strings.Contains(index.body, url+"/api/submit-order") {
		t.Errorf("the index is %d %s", index.StatusCode, index.body)
	}
}

// at follows names down a document; a NUL in one stands for a slash.
func at(value any, names ...string) any {
	for _, name := range names {
		value = value.(map[string]any)[strings.ReplaceAll(name, "\x00", "/")]
	}
	return value
}

// TestProblemMembers keeps the schema and the struct together.
func TestProblemMembers(t *testing.T) {
	var own map[string]struct {
		Properties map[string]json.RawMessage
	}
	if err := json.Unmarshal(ownSchemas, &own); err != nil {
		t.Fatal(err)
	}
	whole, err := json.Marshal(Problem{Type: "t", Title: "t", Status: 1, Detail: "d", Instance: "i", Code: "c", Kind: "k", Mender: "m", Message: "m", Outcome: "o",
		Errors: []Place{{}}, More: 1, Fault: &Declared{Detail: json.RawMessage("{}")}})
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(whole))
	var members map[string]json.RawMessage
	if err := dec.Decode(&members); err != nil {
		t.Fatal(err)
	}
	for name := range members {
		if _, described := own["Problem"].Properties[name]; !described {
			t.Errorf("%s is not described", name)
		}
	}
	if len(members) != len(own["Problem"].Properties) {
		t.Errorf("%d members, %d described", len(members), len(own["Problem"].Properties))
	}
}
