package contract

import (
	"bytes"
	"testing"
)

// TestPublishedSpellings demands that a reference which needed a look around
// leads to its file when it is published, too.
func TestPublishedSpellings(t *testing.T) {
	c := archived(t, "spellings")
	got, err := c.Document("wsdl", Addresses{Document: "http://gw/x"})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := bytes.Count(got, []byte("http://gw/x?xsd=types%2Fa.xsd")), bytes.Count(got, []byte("http://gw/x?xsd=types%2Fb%2520c.xsd")); a != 4 || b != 1 {
		t.Errorf("%d and %d references in\n%s", a, b, got)
	}
}
