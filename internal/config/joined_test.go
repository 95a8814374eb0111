package config

import "testing"

// A colon inside plain text of a flow list is text, as the specification has it.
func TestColonInFlowList(t *testing.T) {
	for src, want := range map[string][]string{
		"a: {urls: [ldaps://dc1.corp:636, ldaps://dc2.corp:636]}": {"ldaps://dc1.corp:636", "ldaps://dc2.corp:636"},
		"a: {urls: [t:text, 1]}":                                  {"t:text", "1"},
		"a: {urls: [x:y:z]}":                                      {"x:y:z"},
		"a: {urls: [ 'q:1' , \"r:2\" ]}":                          {"q:1", "r:2"},
		"a: {urls: [http://h:80/p?q=1]}":                          {"http://h:80/p?q=1"},
	} {
		root, err := Parse("test.yaml", []byte(src))
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		items := root.Get("a").Get("urls").Items()
		if len(items) != len(want) {
			t.Errorf("%s: %d items, want %d", src, len(items), len(want))
			continue
		}
		for i, item := range items {
			if item.Kind != Scalar || item.Text() != want[i] {
				t.Errorf("%s: item %d is a %s %q, want %q", src, i, item.Kind, item.Text(), want[i])
			}
		}
	}
	for _, src := range []string{"a: {list: [{k: v}]}", "a: {list: [k: v]}"} {
		root, err := Parse("test.yaml", []byte(src))
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		if item := root.Get("a").Get("list").Items()[0]; item.Kind != Map || item.Get("k").Text() != "v" {
			t.Errorf("%s: %s", src, item.Kind)
		}
	}
}
