package sample

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

// xmllint is libxml2's validator, of package libxml2-utils. In continuous
// integration its absence is a failure.
func xmllint(t *testing.T) string {
	path, err := exec.LookPath("xmllint")
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("xmllint is not installed: package libxml2-utils")
	}
	t.Skip("xmllint is not installed: install libxml2-utils, or run under testdata/servers/run.sh as root")
	return ""
}

// foreign judges payloads with libxml2 as far as it compiles the schemas.
type foreign struct {
	command           string
	compiled, refused int // contracts
	// payloads: those it takes, those it does not, those whose element no schema of
	// the contract declares, and those of contracts that it does not compile.
	valid, invalid, undeclared, unjudged int
}

// layOut writes the schemas of a contract as files, one for each namespace that
// includes all of its schemas, and one that imports all namespaces: libxml2 reads
// only the first schema that is imported for a namespace. It returns the path of
// the last, or "".
func (f *foreign) layOut(t *testing.T, c *contract.Contract) string {
	l := &layingOut{dir: t.TempDir(), files: map[string]string{}, drivers: map[string]string{}}
	at := contract.Addresses{Document: "x", Service: func(s string) string { return s }}
	var roots []*etree.Element
	for i, file := range c.Files {
		query := "wsdl=" + url.QueryEscape(file.Path)
		if i == 0 {
			query = "wsdl"
		}
		if text, err := c.Document(query, at); err == nil {
			roots = append(roots, schemasIn(t, text)...)
		}
	}
	for _, name := range c.Schemas() {
		l.files["x?xsd="+url.QueryEscape(name)] = fmt.Sprintf("s%d.xsd", len(roots))
		text, err := c.Document("xsd="+url.QueryEscape(name), at)
		if err != nil {
			return ""
		}
		roots = append(roots, schemasIn(t, text)...)
	}
	for _, root := range roots {
		space := root.SelectAttrValue("targetNamespace", "")
		if _, known := l.drivers[space]; !known {
			l.drivers[space] = fmt.Sprintf("n%d.xsd", len(l.drivers))
			l.spaces = append(l.spaces, space)
		}
	}
	l.write(t, roots)
	return filepath.Join(l.dir, "all.xsd")
}

type layingOut struct {
	dir     string
	files   map[string]string // by the address they were published at
	drivers map[string]string // by namespace
	spaces  []string
}

// schemasIn returns a schema, or those within a WSDL, each with the namespaces
// that are in scope.
func schemasIn(t *testing.T, text []byte) []*etree.Element {
	tree, err := document.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	var out []*etree.Element
	take := func(n document.Node) {
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(document.AppendStandalone(nil, n)); err != nil {
			t.Fatal(err)
		}
		out = append(out, doc.Root())
	}
	schema := contract.Name{Space: nsXSD, Local: "schema"}
	if tree.Root().Is(schema) {
		take(tree.Root())
		return out
	}
	for types := range tree.Root().Children() {
		if types.Name().Local == "types" {
			for n := range types.Children() {
				if n.Is(schema) {
					take(n)
				}
			}
		}
	}
	return out
}

func (l *layingOut) write(t *testing.T, roots []*etree.Element) {
	includes := map[string]string{}
	for i, root := range roots {
		for _, child := range root.ChildElements() {
			switch child.Tag {
			case "import":
				l.refer(child, l.drivers[child.SelectAttrValue("namespace", "")])
			case "include", "redefine":
				l.refer(child, l.files[child.SelectAttrValue("schemaLocation", "")])
			}
		}
		doc := etree.NewDocument()
		doc.WriteSettings.CanonicalAttrVal = true // a line break in a pattern stays one
		doc.SetRoot(root)
		text, err := doc.WriteToString()
		if err != nil {
			t.Fatal(err)
		}
		l.file(t, fmt.Sprintf("s%d.xsd", i), text)
		includes[root.SelectAttrValue("targetNamespace", "")] += fmt.Sprintf(`<xs:include schemaLocation="s%d.xsd"/>`, i)
	}
	all := ""
	for _, space := range l.spaces {
		escaped := string(document.AppendValue(nil, space))
		own, wanted := ` targetNamespace="`+escaped+`"`, ` namespace="`+escaped+`"`
		if space == "" {
			own, wanted = "", ""
		}
		l.file(t, l.drivers[space], `<xs:schema xmlns:xs="`+nsXSD+`"`+own+`>`+includes[space]+`</xs:schema>`)
		all += `<xs:import` + wanted + ` schemaLocation="` + l.drivers[space] + `"/>`
	}
	l.file(t, "all.xsd", `<xs:schema xmlns:xs="`+nsXSD+`" targetNamespace="urn:example:all">`+all+`</xs:schema>`)
}

func (l *layingOut) refer(e *etree.Element, file string) {
	e.RemoveAttr("schemaLocation")
	if file != "" {
		e.CreateAttr("schemaLocation", file)
	}
}

func (l *layingOut) file(t *testing.T, name, text string) {
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// judge asks xmllint about all payloads of a contract.
func (f *foreign) judge(t *testing.T, c *contract.Contract, payloads map[string][]byte, wanted bool) {
	schema := f.layOut(t, c)
	if schema == "" || len(payloads) == 0 {
		f.unjudged += len(payloads)
		return
	}
	dir := t.TempDir()
	names := slices.Sorted(maps.Keys(payloads))
	var files []string
	for i, name := range names {
		files = append(files, filepath.Join(dir, fmt.Sprint(i)+".xml"))
		if err := os.WriteFile(files[i], payloads[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	said := map[string]string{}
	for batch := range slices.Chunk(files, 500) {
		text, _ := exec.Command(f.command, append([]string{"--noout", "--nonet", "--schema", schema}, batch...)...).CombinedOutput()
		if bytes.Contains(text, []byte("failed to compile")) {
			f.refused++
			f.unjudged += len(payloads)
			t.Logf("%s: libxml2 does not compile the schemas: %.300s", c.Path, text)
			return
		}
		for line := range strings.Lines(string(text)) {
			file, rest, _ := strings.Cut(line, ".xml")
			said[file+".xml"] += rest
		}
	}
	f.compiled++
	for i, name := range names {
		switch out := said[files[i]]; {
		case strings.HasSuffix(out, " validates\n"):
			f.valid++
			if !wanted {
				t.Errorf("%s: libxml2 takes it", name)
			}
		case strings.Contains(out, "No matching global"):
			f.undeclared++
		default:
			f.invalid++
			if wanted {
				t.Errorf("%s: libxml2 refuses it: %.600s\n%.2000s", name, out, payloads[name])
			}
		}
	}
}

// payloadsOf makes the valid payloads of a contract.
func payloadsOf(t *testing.T, c *contract.Contract, seeds int) map[string][]byte {
	out := map[string][]byte{}
	for _, s := range c.Services {
		m := New(c, s)
		for _, o := range s.Operations {
			if o.Unsupported != "" || s.Degraded() != "" {
				continue
			}
			for _, d := range directions(o) {
				for _, opt := range options(seeds) {
					msg, err := m.Message(o, d.Direction, opt)
					// What is synthesised no schema of the contract declares.
					if err == nil && msg.payload != nil && c.Element(msg.element.Name) == msg.element {
						out[fmt.Sprintf("%s#%s.%s %s, mode %d, seed %d", c.Path, s.Name, o.Name, d.name, opt.Mode, opt.Seed)] = msg.Payload(Form{})
					}
				}
			}
		}
	}
	return out
}

// TestForeign: libxml2 takes what we call valid.
func TestForeign(t *testing.T) {
	f := &foreign{command: xmllint(t)}
	for _, c := range own(t) {
		f.judge(t, c, payloadsOf(t, c, 20), true)
	}
	t.Logf("libxml2: %+v", *f)
	if f.valid < 500 {
		t.Errorf("only %d payloads were judged", f.valid)
	}
}

// TestForeignBroken: libxml2 refuses what we call broken.
func TestForeignBroken(t *testing.T) {
	f := &foreign{command: xmllint(t)}
	for _, c := range own(t) {
		f.judge(t, c, brokenPayloads(t, c), false)
	}
	t.Logf("libxml2: %+v", *f)
	if f.invalid < 500 {
		t.Errorf("only %d payloads were judged", f.invalid)
	}
}

// brokenPayloads makes the broken requests of a contract that have no header
// blocks, which may be what is broken.
func brokenPayloads(t *testing.T, c *contract.Contract) map[string][]byte {
	out := map[string][]byte{}
	for _, s := range c.Services {
		m := New(c, s)
		for _, o := range s.Operations {
			if o.Unsupported != "" || s.Degraded() != "" || len(o.Input.Headers) > 0 || c.Element(o.Input.Element.Name) != o.Input.Element {
				continue
			}
			all, err := m.Invalid(o, Direction{})
			if err != nil {
				t.Error(err)
			}
			for _, b := range all {
				out[c.Path+"#"+o.Name+" "+b.Label()] = b.Payload(Form{})
			}
		}
	}
	return out
}

func TestCorpusForeign(t *testing.T) {
	f := &foreign{command: xmllint(t)}
	corpus(t, func(c *contract.Contract) { f.judge(t, c, payloadsOf(t, c, 20), true) })
	t.Logf("libxml2: %+v", *f)
}
