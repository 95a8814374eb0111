package contract

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// TestPublishedPolicy writes policies into a contract: beside the operation that
// has them, behind its documentation, and so that what is published loads again.
func TestPublishedPolicy(t *testing.T) {
	c, err := Load(os.DirFS("../../wsdl"), "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	mark := func(what string) string {
		return `<p:Policy xmlns:p="http://www.w3.org/ns/ws-policy"><x:` + what + ` xmlns:x="urn:x"/></p:Policy>`
	}
	at := Addresses{Document: "https://h/x", Policy: func(service, operation string) PublishedPolicy {
		if service != "OrderService" || operation != "SubmitOrder" {
			return PublishedPolicy{}
		}
		return PublishedPolicy{mark("Operation"), mark("Input"), mark("Output")}
	}}
	for _, query := range []string{"wsdl", "singlewsdl", "wsdl&soap=11"} {
		doc, err := c.Document(query, at)
		if err != nil {
			t.Fatal(err)
		}
		bindings := strings.Count(string(doc), "binding>") // end tags
		for _, what := range []string{"Operation", "Input", "Output"} {
			if got := strings.Count(string(doc), "<x:"+what); got != bindings || got == 0 {
				t.Errorf("%s: %d policies of the %s in %d bindings", query, got, what, bindings)
			}
		}
		if query != "singlewsdl" {
			continue
		}
		again, err := Load(fstest.MapFS{"a.wsdl": {Data: doc}}, "a.wsdl")
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		subjects := map[string]bool{}
		for _, u := range again.Policies {
			if u.Assertion.Space == "urn:x" {
				subjects[u.Assertion.Local+" "+strings.Fields(u.Subject)[0]] = true
			}
		}
		if !subjects["Operation operation"] || !subjects["Input input"] || !subjects["Output output"] {
			t.Errorf("what was published is read as %v", again.Policies)
		}
	}
	if doc, err := c.Document("wsdl", Addresses{Document: "https://h/x"}); err != nil || strings.Contains(string(doc), "urn:x") {
		t.Errorf("a policy that nobody asked for: %v", err)
	}
	var odd = []byte(`<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><binding name="b"><operation name="SubmitOrder"><documentation>d</documentation><input/><output name="o" /></operation></binding></definitions>`)
	got, err := withPolicies(odd, c, at.Policy)
	want := `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><binding name="b"><operation name="SubmitOrder"><documentation>d</documentation>` + mark("Operation") +
		`<input>` + mark("Input") + `</input><output name="o" >` + mark("Output") + `</output></operation></binding></definitions>`
	if err != nil || string(got) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
	}
}
