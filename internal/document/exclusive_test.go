package document

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAppendExclusive has the cases of Exclusive XML Canonicalization 1.0 §2 to §4
// and Canonical XML 1.0 §3, as far as they are of documents without a DTD.
func TestAppendExclusive(t *testing.T) {
	cases := []struct{ name, src, path, prefixes, want string }{
		{"used namespaces alone", `<a:r xmlns:a="u:a" xmlns:b="u:b" xmlns:c="u:c"><b:x a:k="1"><c:y/><b:y/></b:x></a:r>`, "x", "",
			`<b:x xmlns:a="u:a" xmlns:b="u:b" a:k="1"><c:y xmlns:c="u:c"></c:y><b:y></b:y></b:x>`},
		{"inclusive prefixes", `<r xmlns="u:d" xmlns:a="u:a" xmlns:b="u:b"><b:x><y/></b:x></r>`, "x", "a #default missing",
			`<b:x xmlns="u:d" xmlns:a="u:a" xmlns:b="u:b"><y></y></b:x>`},
		{"inclusive prefix bound anew", `<r xmlns:a="u:a"><x><y xmlns:a="u:2"><a:z/></y><a:w/></x></r>`, "x", "a",
			`<x xmlns:a="u:a"><y xmlns:a="u:2"><a:z></a:z></y><a:w></a:w></x>`},
		{"no namespace within one", `<r xmlns="u:d"><x><y xmlns=""><z xmlns="u:d"/></y></x></r>`, "x", "",
			`<x xmlns="u:d"><y xmlns=""><z xmlns="u:d"></z></y></x>`},
		{"siblings declare each", `<r xmlns:a="u:a"><x><a:y/><a:y/></x></r>`, "x", "",
			`<x><a:y xmlns:a="u:a"></a:y><a:y xmlns:a="u:a"></a:y></x>`},
		{"attributes by namespace", `<r xmlns:b="u:1" xmlns:a="u:2"><x z="1" a:k="2" b:k="3" y="4" xml:lang="en"/></r>`, "x", "",
			`<x xmlns:a="u:2" xmlns:b="u:1" y="4" z="1" xml:lang="en" b:k="3" a:k="2"></x>`},
		{"white space and line ends", "<r><x a='1&#10;2\t3&#13;\"'>\r\n a\rb&#13; <!-- c --> &gt;</x></r>", "x", "",
			"<x a=\"1&#xA;2 3&#xD;&quot;\">\n a\nb&#xD;  &gt;</x>"},
		{"sections and references", `<r><x><![CDATA[<&>]]>&#x20AC;&apos;</x></r>`, "x", "", "<x>&lt;&amp;&gt;€'</x>"},
		{"instructions stay", `<r><x><?a?><?b  c d ?></x></r>`, "x", "", `<x><?a?><?b c d ?></x>`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tree := read(t, c.src)
			var prefixes []string
			for _, p := range strings.Fields(c.prefixes) {
				prefixes = append(prefixes, strings.TrimPrefix(p, "#default"))
			}
			if got := string(AppendExclusive(nil, tree.Root().FirstChild(), prefixes)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestExclusiveAgrees holds it against what libxml2 made of elements of random
// documents, that nest prefixes in every way.
func TestExclusiveAgrees(t *testing.T) {
	text, err := os.ReadFile("testdata/exclusive.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Src      string
		Element  int // its place in document order
		Prefixes []string
		Want     string
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 300 {
		t.Fatalf("there are %d cases only", len(cases))
	}
	for i, c := range cases {
		tree := read(t, c.Src)
		if got := string(AppendExclusive(nil, tree.at(int32(c.Element)), c.Prefixes)); got != c.Want {
			t.Errorf("case %d, element %d with %q of %s\ngot  %s\nwant %s", i, c.Element, c.Prefixes, c.Src, got, c.Want)
		}
	}
}

// TestExclusiveIsBounded has the prefixes and attributes that cost the most.
func TestExclusiveIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("<r")
	for i := range 4000 {
		b.WriteString(" xmlns:p" + strconv.Itoa(i) + `="u:` + strconv.Itoa(i) + `"`)
	}
	b.WriteString(">")
	for i := range 100000 {
		b.WriteString("<p" + strconv.Itoa(i%4000) + `:x a="1"/>`)
	}
	b.WriteString("</r>")
	tree := read(t, b.String())
	start := time.Now()
	got := AppendExclusive(nil, tree.Root(), []string{"p0", "p3999", ""})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%d bytes took %v", b.Len(), took)
	}
	if len(got) < 100000*len(`<p0:x xmlns:p0="u:0" a="1"></p0:x>`) {
		t.Errorf("%d bytes only", len(got))
	}
}
