package contract

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/wsdl"
	"github.com/rogpeppe/go-internal/txtar"
)

const published = "https://gw.example/soap/orders/OrderService"

var addresses = Addresses{Document: published, Service: func(s string) string { return "https://gw.example/soap/orders/" + s }}

func TestDocumentWSDL(t *testing.T) {
	c := sample(t)
	for _, query := range []string{"wsdl", "WSDL", "Wsdl=", "wsdl=orders.wsdl"} {
		got, err := c.Document(query, addresses)
		if err != nil {
			t.Fatal(query, err)
		}
		if n := bytes.Count(got, []byte(`location="`+published+`"`)); n != 2 {
			t.Errorf("%s: %d addresses rewritten\n%s", query, n, got)
		}
		if !bytes.Contains(got, []byte(`schemaLocation="`+published+`?xsd=orders.xsd"`)) || bytes.Contains(got, []byte("localhost")) {
			t.Errorf("%s: references are not rewritten\n%s", query, got)
		}
	}
}

func TestDocumentSOAP11View(t *testing.T) {
	got, err := sample(t).Document("wsdl&soap=11", addresses)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, []byte("<soap12:")) || bytes.Contains(got, []byte("OrderPort12")) || !bytes.Contains(got, []byte("OrderPort11")) {
		t.Errorf("got\n%s", got)
	}
}

func TestDocumentNotFound(t *testing.T) {
	for _, query := range []string{"", "xsd", "xsd=", "xsd=../orders.xsd", "xsd=orders.wsdl", "wsdl=orders.xsd", "xsd=/etc/passwd", "x=1", "xsd=%zz"} {
		if got, err := sample(t).Document(query, addresses); fault.KindOf(err) != fault.NotFound || got != nil {
			t.Errorf("%q: %s, %v", query, got, err)
		}
	}
}

// TestDocumentsLoadAgain loads what is published, as a client would, by
// following every reference: it is the same contract, and needs nothing else.
func TestDocumentsLoadAgain(t *testing.T) {
	sources := map[string]fs.FS{"sample": wsdl.FS}
	mains := map[string]string{"sample": "orders/orders.wsdl"}
	for _, name := range []string{"relative", "cyclic", "chameleon", "namespace-only", "satisfied-elsewhere", "wsdl-import", "doctype"} {
		a, err := txtar.ParseFile("testdata/graphs/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		sources[name], mains[name] = archiveFS(a), "sys/main.wsdl"
	}
	for name, fsys := range sources {
		t.Run(name, func(t *testing.T) {
			c, err := Load(fsys, mains[name])
			if err != nil {
				t.Fatal(err)
			}
			again, err := Load(mirror(t, c), "main.wsdl")
			if err != nil {
				t.Fatal(err)
			}
			if len(again.Services) != len(c.Services) || again.Services[0].Degraded() != c.Services[0].Degraded() {
				t.Errorf("services %v, were %v", again.Services, c.Services)
			}
			for i, o := range c.Services[0].Operations {
				if got, want := describeElement(again.Services[0].Operations[i].Input.Element), describeElement(o.Input.Element); got != want {
					t.Errorf("%s: got\n%s\nwant\n%s", o.Name, got, want)
				}
			}
		})
	}
}

func describeElement(e *Element) string {
	var b strings.Builder
	outlineElement(&b, "", Child{e, 1, 1}, 5)
	return b.String()
}

// mirror follows every reference from ?wsdl into a file system whose files are
// named by what they were asked with.
func mirror(t *testing.T, c *Contract) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	var fetch func(query, as string)
	fetch = func(query, as string) {
		if out[as] != nil {
			return
		}
		doc, err := c.Document(query, addresses)
		if err != nil {
			t.Fatalf("?%s: %v", query, err)
		}
		out[as] = &fstest.MapFile{}
		text := string(doc)
		for _, ref := range references(t, doc) {
			name := fileOf(ref)
			text = strings.ReplaceAll(text, strings.ReplaceAll(published+"?"+ref, "&", "&amp;"), name)
			fetch(ref, name)
		}
		out[as].Data = []byte(text)
	}
	fetch("wsdl", "main.wsdl")
	return out
}

func fileOf(query string) string {
	if query == "wsdl" {
		return "main.wsdl"
	}
	name, _ := url.QueryUnescape(query)
	return strings.NewReplacer("/", "-", "=", "-", " ", "-").Replace(name)
}

// references returns the queries that a document's references ask for; each
// must be to the published address.
func references(t *testing.T, doc []byte) []string {
	t.Helper()
	tree, err := document.Read(doc)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var walk func(n document.Node)
	walk = func(n document.Node) {
		for name, v := range n.Attrs() {
			if name.Local != "schemaLocation" && (name.Local != "location" || n.Name().Local == "address") {
				continue
			}
			query, ok := strings.CutPrefix(v, published+"?")
			if !ok {
				t.Errorf("a reference leads elsewhere: %s", v)
				continue
			}
			out = append(out, query)
		}
		for c := range n.Children() {
			walk(c)
		}
	}
	walk(tree.Root())
	return out
}

func TestDocumentAddressPerService(t *testing.T) {
	a, err := txtar.ParseFile("testdata/graphs/ports.txtar")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(archiveFS(a), "sys/main.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Document("wsdl", addresses)
	if err != nil {
		t.Fatal(err)
	}
	for service, n := range map[string]int{"One": 2, "Two": 1, "Three": 0} {
		if have := bytes.Count(got, fmt.Appendf(nil, `location="https://gw.example/soap/orders/%s"`, service)); have != n {
			t.Errorf("service %s: %d addresses, want %d", service, have, n)
		}
	}
}
