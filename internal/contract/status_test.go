package contract

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestDegradedSchema: a schema without a service is compiled too.
func TestDegradedSchema(t *testing.T) {
	const text = `<xs:schema xmlns:xs="` + nsXSD + `"><xs:element name="a"><xs:simpleType><xs:restriction base="xs:int"><xs:maxInclusive value="VALUE"/></xs:restriction></xs:simpleType></xs:element></xs:schema>`
	for value, want := range map[string]string{"1": "", "one": "a.xsd:1:"} {
		c, err := Load(fstest.MapFS{"a.xsd": {Data: []byte(strings.Replace(text, "VALUE", value, 1))}}, "a.xsd")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Degraded(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", value, got)
		}
	}
	if got := sample(t).Degraded(); got != "" {
		t.Errorf("the sample: %q", got)
	}
}

func TestLeadOut(t *testing.T) {
	const text = `<xs:schema xmlns:xs="` + nsXSD + `"><xs:include schemaLocation="LOCATION"/></xs:schema>`
	for location, want := range map[string]bool{"../b.xsd": true, "b.xsd": false, "http://x.example/b.xsd": false} {
		_, err := Load(fstest.MapFS{"a.xsd": {Data: []byte(strings.Replace(text, "LOCATION", location, 1))}}, "a.xsd")
		if faults, ok := err.(Faults); !ok || faults.LeadOut() != want {
			t.Errorf("%s: %v", location, err)
		}
	}
}
