package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRevision(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"xml":    {"<a><b>1</b><c x='2'/></a>", "<a><b>2</b><c x='2'/></a>", "  <a>\n-   <b>1</b>\n+   <b>2</b>\n    <c x=\"2\"/>\n  </a>\n"},
		"json":   {`{"a": 1.10, "b": [1]}`, `{"a": 1.1, "b": [1]}`, "  {\n-   \"a\": 1.10,\n+   \"a\": 1.1,\n    \"b\": [\n      1\n"},
		"layout": {"<a><b/></a>", "<a>\n<b/>\n</a>", "- <a><b/></a>\n+ <a>\n+ <b/>\n+ </a>\n"},
		"broken": {`{"Header":`, `{"Header": 1}`, "- {\"Header\":\n+ {\n+   \"Header\": 1\n+ }\n"},
		"steers": {"<a>", "<a>\x1b[2J", "- <a>\n+ <a>\uFFFD[2J\n"},
		"same":   {"<a/>\n", "<a/>", ""},
	} {
		var out strings.Builder
		if differs := printRevision(&out, []byte(tt.old), []byte(tt.new)); differs != (tt.want != "") {
			t.Errorf("%s: differs is %v", name, differs)
		}
		if !strings.Contains(strings.ReplaceAll(out.String(), "'", "\""), strings.ReplaceAll(tt.want, "'", "\"")) {
			t.Errorf("%s:\n%s\nwant\n%s", name, out.String(), tt.want)
		}
	}
}

// What is equal is left out; both sides can be put together again from the lines.
func TestRevisionIsWhole(t *testing.T) {
	a, b := lines(200, 7), lines(200, 11)
	var old, new []string
	for _, l := range revise(a, b) {
		if l.sign != '+' {
			old = append(old, l.text)
		}
		if l.sign != '-' {
			new = append(new, l.text)
		}
	}
	if strings.Join(old, "\n") != strings.Join(a, "\n") || strings.Join(new, "\n") != strings.Join(b, "\n") {
		t.Error("a side is not what it was")
	}
}

func lines(n, without int) (out []string) {
	for i := range n {
		if i%without != 0 {
			out = append(out, fmt.Sprint(i%17))
		}
	}
	return out
}

// A payload of many elements is compared in bounded time and memory.
func TestRevisionOfLargePayloads(t *testing.T) {
	old := []byte("<a>" + strings.Repeat("<b>1</b>", 1<<17) + "</a>")
	new := []byte("<a><c/>" + strings.Repeat("<b>2</b>", 1<<17) + "</a>")
	began := time.Now()
	var out strings.Builder
	if !printRevision(&out, old, new) {
		t.Error("nothing differs")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}
