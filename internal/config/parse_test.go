package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

func parse(t *testing.T, src string) *config.Node {
	t.Helper()
	n, err := config.Parse("f.yaml", []byte(src))
	if err != nil {
		t.Fatalf("Parse(%.60q): %v", src, err)
	}
	return n
}

func TestParseKeepsOrderPlaceAndForm(t *testing.T) {
	n := parse(t, "b: x\na:\n  - 'q''q'\n  - |\n    lit\n    two\n  - {k: \"v\\t\", e}\nc.d: [1]\n")
	var keys []string
	for _, e := range n.Entries() {
		keys = append(keys, fmt.Sprintf("%s@%d:%d", e.Key, e.KeyNode.Line, e.KeyNode.Column))
	}
	if got, want := strings.Join(keys, " "), "b@1:1 a@2:1 c.d@8:1"; got != want {
		t.Errorf("keys %s, want %s", got, want)
	}
	items := n.Get("a").Items()
	for _, c := range []struct {
		node         *config.Node
		text         string
		style        config.Style
		source, path string
	}{
		{n.Get("b"), "x", config.Plain, "f.yaml:1:4", "b"},
		{items[0], "q'q", config.Quoted, "f.yaml:3:5", "a[0]"},
		{items[1], "lit\ntwo\n", config.Block, "f.yaml:4:5", "a[1]"},
		{items[2].Get("k"), "v\t", config.Quoted, "f.yaml:7:9", "a[2].k"},
		{n.Get("c.d").Items()[0], "1", config.Plain, "f.yaml:8:7", `"c.d"[0]`},
	} {
		if c.node.Text() != c.text || c.node.Style() != c.style || c.node.Source() != c.source || c.node.Path() != c.path {
			t.Errorf("node %q style %d at %s %s, want %q style %d at %s %s", c.node.Text(), c.node.Style(), c.node.Source(),
				c.node.Path(), c.text, c.style, c.source, c.path)
		}
	}
	if !items[2].Get("e").IsNull() || n.Get("zzz") != nil || !n.Get("zzz").Get("y").IsNull() {
		t.Error("a missing or empty value is not null")
	}
}

func TestCoreSchema(t *testing.T) {
	for text, want := range map[string]config.Type{
		"x": config.String, "yes": config.String, "no": config.String, "on": config.String, "1_000": config.String,
		"0b1": config.String, "12:30:00": config.String, "2024-01-01": config.String, "1.2.3": config.String,
		"o:A/o:B * 2": config.String, "$order/id": config.String, "'1'": config.String, `"true"`: config.String, "''": config.String,
		"1": config.Int, "-17": config.Int, "+3": config.Int, "007": config.Int, "0x1F": config.Int, "0o17": config.Int,
		"12345678901234567890123": config.Int,
		"1.5":                     config.Float, "1e3": config.Float, ".5": config.Float, ".inf": config.Float, "-.INF": config.Float, ".nan": config.Float,
		"true": config.Bool, "False": config.Bool, "~": config.NullType, "null": config.NullType, "": config.NullType,
	} {
		if got := parse(t, "k: "+text+"\n").Get("k").Type(); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	deep := func(unit string, n int) string { return "a: " + strings.Repeat(unit, n) }
	var block strings.Builder
	for i := range 200 {
		fmt.Fprintf(&block, "%sk:\n", strings.Repeat(" ", i))
	}
	for name, c := range map[string]struct{ src, want string }{
		"duplicate":         {"a: 1\nb: 2\n'a': 3\n", `f.yaml:3:1: a: the key "a" is given twice; first in line 1`},
		"duplicate, nested": {"x: {a: 1, a: 2}\n", `f.yaml:1:11: x.a: the key "a" is given twice`},
		"anchor":            {"a: &x 1\n", "f.yaml:1:4: a: anchors and aliases are not allowed"},
		"alias":             {"a: &x 1\nb: *x\n", "f.yaml:2:4: b: anchors and aliases"},
		"merge":             {"b:\n  <<: {a: 1}\n", "f.yaml:2:3: b: merge keys are not allowed"},
		"tag":               {"a: !!str 1\n", "f.yaml:1:4: a: tags are not allowed"},
		"own tag":           {"a: !x {b: 1}\n", "tags are not allowed"},
		"directive":         {"%YAML 1.2\n---\na: 1\n", "directives are not allowed"},
		"documents":         {"a: 1\n---\nb: 2\n", "this is a second one"},
		"question mark":     {"? z\n: 5\n", "without a question mark"},
		"tab":               {"a:\n\tb: 1\n", "f.yaml:2:1: "},
		"unclosed list":     {"a: [1\n", "f.yaml:1:4: "},
		"unclosed quote":    {"a: 'x\n", "f.yaml:1:4: "},
		"indentation":       {"a: 1\n b: 2\n", "f.yaml:1:4: "},
		"reserved":          {"a: @x\n", "f.yaml:1:4: '@' is a reserved character"},
		"NUL":               {"a: x\x00y\n", `f.yaml:1:5: the control character '\x00'`},
		"escape character":  {"a: \x1b[31m\n", `f.yaml:1:4: the control character '\x1b'`},
		"lone return":       {"a: 1\rb: 2\n", `f.yaml:1:5: the control character '\r'`},
		"latin-1":           {"a: 1\nb: caf\xe9\n", "f.yaml:2:7: the file is not UTF-8 from here on"},
		"UTF-16":            {"\xff\xfea\x00", "f.yaml:1:1: the file is not UTF-8"},
		"huge":              {strings.Repeat("# x\n", 1<<19), "f.yaml: the file is larger than 1 MiB"},
		"many":              {strings.Repeat("- a\n", 40_000), "f.yaml: the file has too many values"},
		"deep flow":         {deep("[", 50_000), "f.yaml:1:67: values are nested deeper than 64 levels"},
		"deep flow maps":    {deep("{a: ", 1000), "nested deeper than 64 levels"},
		"deep dashes":       {strings.Repeat("- ", 1000), "nested deeper than 64 levels"},
		"deep block":        {block.String(), "f.yaml:65:66: values are nested deeper"},
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			_, err := config.Parse("f.yaml", []byte(c.src))
			if _, ok := errors.AsType[config.Faults](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if strings.Count(fmt.Sprint(err), "\n") > 2 {
				t.Errorf("the message carries source: %v", err)
			}
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestParseReportsAllFaults(t *testing.T) {
	_, err := config.Parse("f.yaml", []byte("a: &x 1\nb: !!int 2\nc: 1\nc: 2\nd: *x\n"))
	if fs, _ := errors.AsType[config.Faults](err); len(fs) != 4 || fs[0].Line != 1 || fs[3].Line != 5 {
		t.Errorf("faults %v, want four in order", err)
	}
}

func TestParseTakes(t *testing.T) {
	for name, src := range map[string]string{
		"CRLF": "a: 1\r\nb:\r\n  - x\r\n", "BOM": "\uFEFFa: 1\nb: [x]\n", "comments": "# c\na: 1 # d\nb:\n# e\n- x # f\n",
		"start and end": "---\na: 1\nb: [x]\n...\n", "no newline": "a: 1\nb: [x]",
	} {
		n := parse(t, src)
		if n.Get("a").Text() != "1" || len(n.Get("b").Items()) != 1 || n.Get("b").Items()[0].Text() != "x" {
			t.Errorf("%s: read something else", name)
		}
	}
	for _, src := range []string{"", "\n", "# only a comment\n", "---\n", "\uFEFF"} {
		if n := parse(t, src); !n.IsNull() || n.Line != 1 {
			t.Errorf("%q is not null at line 1", src)
		}
	}
	if n := parse(t, "null: 1\ntrue: 2\n3: 4\n"); n.Get("null").Text() != "1" || n.Get("true").Text() != "2" || n.Get("3").Text() != "4" {
		t.Error("words as keys are lost")
	}
}

func TestNearest(t *testing.T) {
	words := []string{"password", "password_file", "urls", "username", "tls"}
	for word, want := range map[string]string{
		"passwrd": "password", "Password": "password", "pasword_file": "password_file", "url": "urls", "userNmae": "username",
		"tsl": "tls", "x": "", "zzzzzzzz": "", "": "", strings.Repeat("p", 1000): "", "pässword": "password",
	} {
		if got := config.Nearest(word, words); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: 1\nb: [x, {y: 'z'}]\n", "- |\n  x\n- >-\n  y\n", "a: &x 1\nb: *x\n<<: {c: !t d}\n", "? a\n: b", "\"\\u00e9\": ~", "a: [1, 2\n", "%a\n---\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		n, err := config.Parse("f.yaml", src)
		if (n == nil) == (err == nil) {
			t.Fatalf("node %v and error %v", n, err)
		}
		if err != nil {
			return
		}
		walk(t, n)
		var into sample
		_ = n.Decode(&into)
	})
}

// walk checks what every node promises.
func walk(t *testing.T, n *config.Node) {
	if n == nil || n.Line < 1 || n.Column < 1 {
		t.Fatalf("a node without a place: %+v", n)
	}
	seen := map[string]bool{}
	for _, e := range n.Entries() {
		if seen[e.Key] || e.KeyNode.Text() != e.Key {
			t.Fatalf("key %q twice or not its node's", e.Key)
		}
		seen[e.Key] = true
		walk(t, e.KeyNode)
		walk(t, e.Value)
	}
	for _, item := range n.Items() {
		walk(t, item)
	}
}

func BenchmarkParse(b *testing.B) {
	src := []byte(strings.Repeat("- table: sales.order_line\n  each: o:Order/o:Lines/o:Line\n  columns: {order_id: $order/id, line_no: \"@no\"}\n", 100))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := config.Parse("f.yaml", src); err != nil {
			b.Fatal(err)
		}
	}
}
