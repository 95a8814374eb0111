package sample

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/wsdl"
)

// TestSchemas holds the JSON twins of samples against the JSON Schemas of their
// elements. The validator is another's.
func TestSchemas(t *testing.T) {
	valid := 0
	for _, c := range own(t) {
		valid += schemas(t, c)
	}
	if valid < 300 {
		t.Errorf("%d messages were valid", valid)
	}
	t.Logf("%d messages were valid", valid)
}

func TestCorpusSchemas(t *testing.T) {
	valid := 0
	corpus(t, func(c *contract.Contract) { valid += schemas(t, c) })
	t.Logf("%d messages were valid", valid)
}

// schemas checks the messages of a contract and counts them.
func schemas(t *testing.T, c *contract.Contract) (valid int) {
	t.Helper()
	for _, s := range c.Services {
		m := New(c, s)
		for _, o := range s.Operations {
			if o.Unsupported != "" {
				continue
			}
			for _, d := range directions(o) {
				el := elementOf(o, d)
				if el == nil {
					continue
				}
				compiled := compiledSchema(t, el)
				for _, opt := range options(10) {
					opt.Declared = true
					msg, err := m.Message(o, d.Direction, opt)
					if err != nil {
						continue // TestOwn tells
					}
					text, err := msg.JSON()
					if err != nil {
						continue // there is no twin of it
					}
					if err := holds(compiled, text); err != nil {
						if opt.Mode == Random && untold(err, text) {
							continue
						}
						t.Errorf("%s#%s.%s %s, mode %d, seed %d: %v\n%.2000s", c.Path, s.Name, o.Name, d.name, opt.Mode, opt.Seed, err, text)
						return valid
					}
					valid++
				}
			}
		}
	}
	return valid
}

// untold reports whether a message is one of those that the schemas leave out:
// with simple types by @xsi:type, or numbers in a form that JSON has only as text.
func untold(err error, text []byte) bool {
	return bytes.Contains(text, []byte(`"@xsi:type"`)) || strings.Contains(err.Error(), "got string, want number") ||
		strings.Contains(err.Error(), "got string, want integer") || strings.Contains(err.Error(), "got string, want boolean")
}

func elementOf(o *contract.Operation, d direction) *contract.Element {
	switch {
	case d.Reply:
		return o.Output.Element
	case d.Fault == "":
		return o.Input.Element
	}
	for _, f := range o.Faults {
		if f.Name == d.Fault {
			return f.Element
		}
	}
	return nil
}

func compiledSchema(t *testing.T, el *contract.Element) *jsonschema.Schema {
	t.Helper()
	j := contract.NewJSONSchemas("#/$defs/")
	root := append(contract.JSONSchema{{Name: "$schema", Value: "https://json-schema.org/draft/2020-12/schema"}}, j.Element(el)...)
	root = append(root, contract.JSONKeyword{Name: "$defs", Value: j.Schemas})
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("twin.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("twin.json") // which holds it against the meta-schema, too
	if err != nil {
		t.Fatalf("%s: %v\n%.3000s", el.Name, err, text)
	}
	return compiled
}

func holds(s *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return errors.Join(errors.New("no JSON"), err)
	}
	return s.Validate(value)
}

// TestSchemaRefuses shows that the schemas are no empty promise.
func TestSchemaRefuses(t *testing.T) {
	c := loaded(t, wsdl.FS, "orders/orders.wsdl")
	s := compiledSchema(t, c.Services[0].OperationNamed("SubmitOrder").Input.Element)
	msg, err := New(c, c.Services[0]).Message(c.Services[0].OperationNamed("SubmitOrder"), Direction{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := msg.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := holds(s, text); err != nil {
		t.Fatal(err)
	}
	change := func(f func(order map[string]any)) []byte {
		var v map[string]any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		f(v["Order"].(map[string]any))
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, wrong := range map[string][]byte{
		"a member too many":     change(func(o map[string]any) { o["Colour"] = "red" }),
		"one too few":           change(func(o map[string]any) { delete(o, "OrderNumber") }),
		"no such status":        change(func(o map[string]any) { o["Status"] = "LOST" }),
		"no array":              change(func(o map[string]any) { o["Lines"] = map[string]any{"Line": 1} }),
		"a number for a text":   change(func(o map[string]any) { o["OrderNumber"] = 1 }),
		"a text that is longer": change(func(o map[string]any) { o["OrderNumber"] = string(bytes.Repeat([]byte("9"), 500)) }),
	} {
		if holds(s, wrong) == nil {
			t.Errorf("%s is valid: %s", name, wrong)
		}
	}
}
