package mappingtest

import (
	"flag"
	"strconv"
	"strings"
	"testing"
)

// Checks sets how many cases a property is tried with, unless the command line
// says so: -rapid.checks=5000.
func Checks(t *testing.T, n int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Value.Set(f.DefValue); err != nil {
			t.Error(err)
		}
	})
}

// features are what a mapping may have, with the text that shows it.
var features = map[string]string{
	"a value": "c0: 't:e", "a constant": "{value: ", "a default": "default: ", "absent: null": "absent: null", "a zone": "zone: ", "a row's column": ": $",
	"a look-up": "lookup: dbo.ref", "not_found: reject": "not_found: reject", "not_found: null": "not_found: null", "not_found: not_yet": "not_found: not_yet", "not_found: insert": "not_found: insert", "a key of two": ", j: ",
	"a code set": "{code_set: set", "a dated code set": "at: $message", "a table of codes": "{code_set: {", "a dated table of codes": "valid_from: ", "an end of codes": "valid_to: ",
	"unknown: null": "unknown: null", "unknown: keep": "unknown: keep", "unknown: not_yet": "unknown: not_yet", "unknown: a value": "unknown: {",
	"a sequence": "sequence: ", "a row beside": "as: side", "a key of a row's column": "code: $side/label", "a reference to a row beside": "beside: $side/id", "rows that refer to each other": "as: node", "two tables of an element": "as: copy", "two elements of a table": "as: extra",
	"three levels": "as: part", "a condition": "when: ", "a version": "version: ", "on_match: keep": "on_match: keep", "on_match: fail": "on_match: fail", "absent: delete": "absent: delete", "absent: delete_all": "absent: delete_all",
}

// Features counts the mappings that have each feature.
type Features map[string]int

// Count adds those of a case.
func (f Features) Count(c *Case) {
	for name, text := range features {
		if strings.Contains(c.YAML, text) {
			f[name]++
		}
	}
}

// Missing lists the features that no case had.
func (f Features) Missing() []string {
	var out []string
	for name := range features {
		if f[name] == 0 {
			out = append(out, name)
		}
	}
	return out
}
