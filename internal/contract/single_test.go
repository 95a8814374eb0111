package contract

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatehouse/gatehouse/wsdl"
)

// single returns a contract's only document, and what is loaded from it.
func single(t *testing.T, c *Contract, query string) (string, *Contract) {
	t.Helper()
	doc, err := c.Document(query, addresses)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(fstest.MapFS{"sys/main.wsdl": {Data: doc}}, "sys/main.wsdl")
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	if len(again.Files) != 1 {
		t.Errorf("files %v", again.Files)
	}
	return string(doc), again
}

var leadsElsewhere = regexp.MustCompile(`schemaLocation=|<(\w+:)?include|<\w+:import [^>]*location=|<!DOCTYPE`)

// TestSingleLoadsAgain: the one document is the same contract as the files it
// was made of.
func TestSingleLoadsAgain(t *testing.T) {
	archives, err := filepath.Glob("testdata/graphs/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Load(archiveFS(a), "sys/main.wsdl")
		if err != nil || c.single == nil {
			continue
		}
		tried++
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { sameInOne(t, c) })
	}
	if tried < 15 {
		t.Errorf("only %d graphs were tried", tried)
	}
	for _, name := range []string{"orders/orders.wsdl", "customers/customers.wsdl"} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(wsdl.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			sameInOne(t, c)
		})
	}
}

// TestSingleCorpus is TestSingleLoadsAgain over a folder of real WSDLs; see
// TestCorpus.
func TestSingleCorpus(t *testing.T) {
	root := os.Getenv("GATEHOUSE_TEST_CORPUS")
	if root == "" {
		t.Skip("GATEHOUSE_TEST_CORPUS is not set to a folder of WSDLs")
	}
	tried := 0
	for _, entry := range manifest(t, root) {
		c, err := Load(os.DirFS(root), entry.path)
		if err != nil || c.single == nil {
			continue
		}
		tried++
		t.Run(entry.path, func(t *testing.T) { sameInOne(t, c) })
	}
	t.Logf("%d contracts", tried)
}

func sameInOne(t *testing.T, c *Contract) {
	doc, again := single(t, c, "singleWsdl")
	if found := leadsElsewhere.FindString(doc); found != "" {
		t.Errorf("the document holds %s", found)
	}
	if again.TargetNamespace != c.TargetNamespace && c.TargetNamespace != "" || again.Doc != c.Doc {
		t.Errorf("target namespace %q, documentation %q", again.TargetNamespace, again.Doc)
	}
	compareText(t, "services", summary(again), summary(c))
	compareText(t, "types", typesOf(again), typesOf(c))
	for i, s := range c.Services {
		if i < len(again.Services) && (again.Services[i].Degraded() == "") != (s.Degraded() == "") {
			t.Errorf("service %s: degraded %q, was %q", s.Name, again.Services[i].Degraded(), s.Degraded())
		}
	}
}

// compareText reports the first line that differs.
func compareText(t *testing.T, what, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "nothing", "nothing"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			t.Errorf("%s, line %d:\n got %s\nwant %s", what, i+1, a, b)
			return
		}
	}
}

// places are positions in a text.
var places = regexp.MustCompile(`at \S+:\d+:\d+`)

// summary writes down all that can be called, without where it was declared.
func summary(c *Contract) string {
	var b strings.Builder
	for i, s := range c.Services {
		if c.Service(s.Name) != s { // another service of that name has the endpoint
			continue
		}
		fmt.Fprintf(&b, "service %s %q %d\n", s.Name, s.Doc, i)
		for _, p := range s.Ports {
			fmt.Fprintf(&b, "  port %s 1.2=%t\n", p.Name, p.SOAP12)
		}
		for _, o := range s.Operations {
			fmt.Fprintf(&b, "  %s %s %q %q %q %q %q %q oneway=%t\n", o.Name, o.Style, o.Action11, o.Action12, o.InputAction, o.OutputAction, places.ReplaceAllString(o.Unsupported, "at a place"), o.Doc, o.OneWay())
			for _, m := range []*Message{o.Input, o.Output} {
				if m == nil {
					continue
				}
				fmt.Fprintf(&b, "    %s\n", referenceTo(m.Element))
				for _, h := range m.Headers {
					fmt.Fprintf(&b, "    header %s\n", h.Element.Name)
				}
			}
			for _, f := range o.Faults {
				fmt.Fprintf(&b, "    fault %s %s\n", f.Name, referenceTo(f.Element))
			}
		}
	}
	return b.String()
}

func referenceTo(e *Element) string {
	if e == nil {
		return "nothing"
	}
	return e.Name.String() + " " + e.Type.Name.String()
}

// typesOf writes down every global component of a type model: one line for each
// named thing, anonymous types in their place.
func typesOf(c *Contract) string {
	var lines []string
	for name, e := range c.model.elements {
		if !isCatalogued(name.Space) {
			lines = append(lines, "element "+newTeller().element(e))
		}
	}
	for name, t := range c.model.types {
		if !isCatalogued(name.Space) {
			lines = append(lines, "type "+name.String()+" "+newTeller().definition(t))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// isCatalogued reports whether a namespace's schema may be the catalogue's, of
// which the one document shows as much as is used.
func isCatalogued(namespace string) bool { _, ok := wellKnown[namespace]; return ok }

// teller writes down one component; what groups share, once.
type teller struct {
	groups map[*Particle]int
	types  map[*Type]int
}

func newTeller() *teller { return &teller{map[*Particle]int{}, map[*Type]int{}} }

func (w *teller) element(e *Element) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s nillable=%t abstract=%t default=%s fixed=%s doc=%q", e.Name, e.Nillable, e.Abstract, pointed(e.Default), pointed(e.Fixed), e.Doc)
	var substitutes []string
	for _, s := range e.Substitutes {
		substitutes = append(substitutes, s.Name.String())
	}
	slices.Sort(substitutes)
	fmt.Fprintf(&b, " substitutes=%v", substitutes)
	if e.Type.Name != (Name{}) {
		return b.String() + " type=" + e.Type.Name.String()
	}
	return b.String() + " type=(" + w.definition(e.Type) + ")"
}

func (w *teller) definition(t *Type) string {
	if n, known := w.types[t]; known {
		return fmt.Sprintf("type #%d", n)
	}
	w.types[t] = len(w.types)
	var b strings.Builder
	if t.Base != nil {
		fmt.Fprintf(&b, "base=%s ", t.Base.Name)
	}
	fmt.Fprintf(&b, "mixed=%t abstract=%t any=%t doc=%q", t.Mixed, t.Abstract, t.AnyAttr, t.Doc)
	if t.Simple != nil {
		fmt.Fprintf(&b, " %q %q", t.Simple.Describe(), t.Simple.Patterns)
	}
	attributes := slices.SortedFunc(slices.Values(t.Attributes), func(x, y *Attribute) int { return compareNames(x.Name, y.Name) })
	for _, a := range attributes {
		fmt.Fprintf(&b, " @%s required=%t default=%s fixed=%s %q %q", a.Name, a.Required, pointed(a.Default), pointed(a.Fixed), a.Type.Describe(), a.Doc)
	}
	if t.Content != nil {
		b.WriteString(" " + w.particle(t.Content))
	}
	var derived []string
	for _, d := range t.Derived {
		derived = append(derived, d.Name.String())
	}
	slices.Sort(derived)
	fmt.Fprintf(&b, " derived=%v", derived)
	return b.String()
}

func (w *teller) particle(p *Particle) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%d %d..%d", p.Kind, p.Min, p.Max)
	switch {
	case p.Element != nil:
		b.WriteString(" " + w.element(p.Element))
	case p.Any != nil:
		fmt.Fprintf(&b, " %v", *p.Any)
	case len(p.Particles) > 0:
		first := p.Particles[0] // a group's content has one slice wherever it is used
		if n, known := w.groups[first]; known {
			return fmt.Sprintf("%s group #%d]", b.String(), n)
		}
		w.groups[first] = len(w.groups)
	}
	for _, q := range p.Particles {
		b.WriteString(" " + w.particle(q))
	}
	return b.String() + "]"
}

func pointed(s *string) string {
	if s == nil {
		return "none"
	}
	return fmt.Sprintf("%q", *s)
}

// TestSingleMerged looks at what moves from one WSDL into another.
func TestSingleMerged(t *testing.T) {
	a, err := txtar.ParseFile("testdata/graphs/merged.txtar")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(archiveFS(a), "sys/main.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := single(t, c, "SINGLEWSDL")
	for _, want := range []string{
		`targetNamespace="urn:s"`,
		`<wsdl:input message="tns1:In2" wsam:Action="urn:a:PT:AskRequest"/>`,
		`<wsdl:output name="Reply" message="tns1:Out" wsam:Action="urn:a:PT:Reply"/>`,
		`wsam:Action="urn:a:PT:Ask:Fault:Bad"`,
		`<wsdl:input message="tns1:In3"/>`, // its binding has a soapAction
		`xmlns:s="urn:a"><wsdl:operation name="Ask"><wsdl:documentation>A question, s:In,`,
		`<soap12:body use="literal" namespace="http://b.example/b/"/>`, `<soap12:body use="literal"/>`,
		`<wsp:Policy wsu:Id="P2">`, `<wsp:PolicyReference URI="#P2"/>`, `<wsp:PolicyReference URI="#P"/>`,
		`<port name="A" binding="tns1:B2"><soap:address location="` + published[:strings.LastIndexByte(published, '/')] + `/S"/>`,
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(doc, "Hidden") || strings.Count(doc, "<message")+strings.Count(doc, "<wsdl:message") != 8 || t.Failed() {
		t.Errorf("got\n%s", doc)
	}
	only, again := single(t, c, "singlewsdl&soap=11")
	if strings.Contains(only, "<soap12:") || len(again.Services[0].Ports) != 2 {
		t.Errorf("the SOAP 1.1 view is\n%s", only)
	}
}

// TestSingleDefaults looks at what is written down where defaults differ.
func TestSingleDefaults(t *testing.T) {
	a, err := txtar.ParseFile("testdata/graphs/defaults.txtar")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(archiveFS(a), "sys/main.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := single(t, c, "singlewsdl")
	for _, want := range []string{
		`<xs:schema targetNamespace="urn:t" elementFormDefault="qualified" jaxb:version="2.0"`,
		`<x:element name="u" type="Code" form="unqualified"/>`, `<x:element name="q" type="x:int" form="qualified"/>`,
		`<x:element ref="Gone"/>`, `<x:attribute name="a" form="qualified"/>`, `<xs:attribute name="plain"/>`,
		`block="extension" final="#all"`, `<element name="s" type="string" block="extension substitution"/>`,
		`<x:pattern value="[A-Z]{2}&#10;?"/>`, `<b xmlns="http://www.w3.org/1999/xhtml">Loose</b>`,
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if t.Failed() {
		t.Errorf("got\n%s", doc)
	}
}

func TestSingleOfSchemas(t *testing.T) {
	c, err := Load(fstest.MapFS{"a.xsd": {Data: []byte(`<xs:schema xmlns:xs="` + nsXSD + `"/>`)}}, "a.xsd")
	if err != nil {
		t.Fatal(err)
	}
	if doc, err := c.Document("singlewsdl", addresses); err == nil {
		t.Errorf("got %s", doc)
	}
}

// TestDocumentConcurrently: a document is made ready once, whoever asks first.
func TestDocumentConcurrently(t *testing.T) {
	c := sample(t)
	want := map[string]string{}
	for _, query := range []string{"wsdl", "wsdl&soap=11", "singlewsdl", "singlewsdl&soap=11", "xsd=orders.xsd"} {
		doc, err := sample(t).Document(query, addresses)
		if err != nil {
			t.Fatal(err)
		}
		want[query] = string(doc)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for query, text := range want {
				if doc, err := c.Document(query, addresses); err != nil || string(doc) != text {
					t.Errorf("?%s: %v\n%s", query, err, doc)
				}
			}
		})
	}
	wg.Wait()
}
