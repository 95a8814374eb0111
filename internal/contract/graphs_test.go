package contract

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// TestGraphs loads every archive of testdata/graphs, one for each way in which
// contracts are put together, and compares what was made of it with its last
// file, want.
func TestGraphs(t *testing.T) {
	archives, err := filepath.Glob("testdata/graphs/*.txtar")
	if err != nil || len(archives) < 10 {
		t.Fatalf("%d archives, error %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := outline(archiveFS(a))
			last := &a.Files[len(a.Files)-1]
			if last.Name != "want" {
				t.Fatalf("the last file is %s, not want", last.Name)
			}
			if *update {
				last.Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got != string(last.Data) {
				t.Errorf("got\n%s\nwant\n%s", got, last.Data)
			}
		})
	}
}

// archiveFS holds an archive's files below folder sys.
func archiveFS(a *txtar.Archive) fs.FS {
	out := fstest.MapFS{}
	for _, f := range a.Files {
		if f.Name != "want" {
			out["sys/"+f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return out
}

// outline writes down what Load makes of sys/main.wsdl, or sys/main.xsd.
func outline(fsys fs.FS) string {
	main := "sys/main.wsdl"
	if _, err := fs.Stat(fsys, main); err != nil {
		main = "sys/main.xsd"
	}
	c, err := Load(fsys, main)
	var b strings.Builder
	if faults, ok := errors.AsType[Faults](err); ok {
		for _, f := range faults {
			fmt.Fprintf(&b, "fault %s\n", f)
		}
		return b.String()
	}
	for _, f := range c.Files {
		fmt.Fprintf(&b, "file %s\n", f.Path)
	}
	for _, s := range c.Services {
		outlineService(&b, s)
	}
	if len(c.Services) == 0 {
		for _, e := range (&builder{model: c.model}).sortedElements() {
			if !strings.HasPrefix(e.Position.File, "catalogue/") {
				outlineElement(&b, "  ", Child{e, 1, 1}, 4)
			}
		}
	}
	for _, u := range c.Policies {
		fmt.Fprintf(&b, "policy on %s at %s optional=%t: %s\n", u.Subject, u.Position, u.Optional, u)
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "note %s\n", n)
	}
	return b.String()
}

func outlineService(b *strings.Builder, s *Service) {
	fmt.Fprintf(b, "service %s", s.Name)
	for _, p := range s.Ports {
		fmt.Fprintf(b, " %s@%q", p.Name, p.Address)
	}
	if s.Degraded() != "" {
		fmt.Fprintf(b, "\n  degraded: %s", s.Degraded())
	}
	b.WriteString("\n")
	for _, o := range s.Operations {
		fmt.Fprintf(b, "  operation %s, %s, actions %q %q %q %q", o.Name, o.Style, o.Action11, o.Action12, o.InputAction, o.OutputAction)
		if o.OneWay() {
			b.WriteString(", one-way")
		}
		b.WriteString("\n")
		if o.Unsupported != "" {
			continue
		}
		outlineElement(b, "    in ", Child{o.Input.Element, 1, 1}, 6)
		for _, h := range o.Input.Headers {
			fmt.Fprintf(b, "    header %s required=%t\n", h.Element.Name, h.Required)
			for _, f := range h.Faults {
				fmt.Fprintf(b, "      headerfault %s %s\n", f.Name, f.Element.Name)
			}
		}
		if o.Output != nil && o.Output.Element != nil {
			outlineElement(b, "    out ", Child{o.Output.Element, 1, 1}, 6)
		}
		for _, f := range o.Faults {
			fmt.Fprintf(b, "    fault %s %s\n", f.Name, f.Element.Name)
		}
	}
}

func outlineElement(b *strings.Builder, indent string, c Child, depth int) {
	e := c.Element
	fmt.Fprintf(b, "%s%s %d..%d", indent, e.Name, c.Min, c.Max)
	if e.Nillable {
		b.WriteString(" nillable")
	}
	if e.Type.Simple != nil {
		fmt.Fprintf(b, " = %s", e.Type.Simple.Describe())
	}
	for _, s := range e.Substitutes {
		fmt.Fprintf(b, " | %s", s.Name)
	}
	if e.Type.Open() {
		b.WriteString(" open")
	}
	if a := e.Type.Array; a != nil {
		fmt.Fprintf(b, " array of %s%s in %s", a.Of, a.Ranks, a.Item.Name)
		if a.Dimensions > 1 {
			fmt.Fprintf(b, " with %d dimensions", a.Dimensions)
		}
	}
	b.WriteString("\n")
	indent = strings.Repeat(" ", len(indent)-len(strings.TrimLeft(indent, " "))+2)
	for _, a := range e.Type.Attributes {
		fmt.Fprintf(b, "%s@%s required=%t = %s\n", indent, a.Name, a.Required, a.Type.Describe())
	}
	if depth == 0 {
		return
	}
	for _, child := range e.Type.Children() {
		outlineElement(b, indent, child, depth-1)
	}
}
