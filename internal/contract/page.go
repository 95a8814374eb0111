package contract

import (
	"bytes"
	"embed"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// page is one document as it can be published: a file of the contract, or all of
// them in one.
type page struct {
	path string // from the root of the file system
	name string // in a query
	key  string // of the query: wsdl or xsd
	read func() ([]byte, error)

	views [2]view // with all ports, and with those of SOAP 1.1 alone
}

// view is a page made ready once, when it is first asked for: reading a large
// WSDL into a tree to change it costs many times what sending it does.
type view struct {
	once    sync.Once
	stencil *stencil
	err     error
}

func newPage(path, name, key string, text []byte) *page {
	return &page{path: path, name: name, key: key, read: func() ([]byte, error) { return text, nil }}
}

// stencil is a document with gaps where addresses go: one text more than gaps.
type stencil struct {
	texts [][]byte
	gaps  []gap
}

// gap is the place of one address: that of a document, by its query, or that of
// a service's endpoint.
type gap struct {
	query    string
	service  string
	original string // what stands there when nobody says where services are
}

// fill writes the document for one place.
func (s *stencil) fill(at Addresses) []byte {
	var out []byte
	for i, g := range s.gaps {
		out = append(out, s.texts[i]...)
		out = document.AppendValue(out, g.address(at))
	}
	return append(out, s.texts[len(s.gaps)]...)
}

func (g gap) address(at Addresses) string {
	switch {
	case g.query != "":
		return at.Document + "?" + g.query
	case at.Service == nil:
		return g.original
	}
	return at.Service(g.service)
}

// rendered returns the page of a contract with gaps for its addresses.
func (p *page) rendered(c *Contract, only11 bool) (*stencil, error) {
	v := &p.views[0]
	if only11 {
		v = &p.views[1]
	}
	v.once.Do(func() { v.stencil, v.err = p.render(c, only11) })
	return v.stencil, v.err
}

func (p *page) render(c *Contract, only11 bool) (*stencil, error) {
	src, err := p.read()
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	e, err := parseEditable(src)
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	r := &rewrite{contract: c, page: p, file: e, only11: only11, gapMark: absent(src, "gap")}
	r.element(e.doc.Root())
	text, err := e.bytes()
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	return cutAt(text, r.gapMark, r.gaps), nil
}

// cutAt cuts a text where the mark stands, once for each gap.
func cutAt(text []byte, mark string, gaps []gap) *stencil {
	return &stencil{texts: bytes.Split(text, []byte(mark)), gaps: gaps}
}

// servedFiles are schemas of the catalogue that other tools take better than the
// ones that are loaded.
//
//go:embed catalogue/served/*.xsd
var servedFiles embed.FS

// servedText is a schema of the catalogue as others are shown it.
func (s *schema) servedText() []byte {
	if text, err := servedFiles.ReadFile("catalogue/served/" + path.Base(s.file.path)); err == nil {
		return text
	}
	return s.file.utf8
}

// pages lists the documents of the contract, the WSDL first.
func (l *loader) pages(m *model) []*page {
	var out []*page
	for _, f := range l.order {
		key := "xsd"
		if f.tree.Root().Name() == wsdlName("definitions") {
			key = "wsdl"
		}
		out = append(out, newPage(f.path, l.pageName(f, key, out), key, f.utf8))
	}
	for _, s := range l.schemas {
		if s.wellKnown {
			p := newPage(s.file.path, s.file.path, "xsd", s.servedText())
			out, m.wellKnown[s.namespace] = append(out, p), p
		}
	}
	return out
}

// pageName is what a file is asked for with: its path from the WSDL's folder,
// without the steps out of it. Proxies take ../ in a query for an attack.
func (l *loader) pageName(f *file, key string, taken []*page) string {
	name := l.relative(f.path)
	for {
		rest, up := strings.CutPrefix(name, "../")
		if !up {
			break
		}
		name = rest
	}
	stem := name
	for slices.ContainsFunc(taken, func(p *page) bool { return p.name == name && p.key == key }) {
		stem = "up/" + stem
		name = stem
	}
	return name
}

// asked finds the page that a query names.
func (c *Contract) asked(values url.Values) *page {
	if _, given := find(values, "singlewsdl"); given {
		return c.single
	}
	for _, key := range []string{"wsdl", "xsd"} {
		name, given := find(values, key)
		if !given {
			continue
		}
		if name == "" && key == "wsdl" && len(c.pages) > 0 {
			return c.pages[0]
		}
		i := slices.IndexFunc(c.pages, func(p *page) bool { return p.name == name && p.key == key })
		if i < 0 {
			return nil
		}
		return c.pages[i]
	}
	return nil
}

func find(values url.Values, key string) (string, bool) {
	for k, v := range values {
		if strings.EqualFold(k, key) && len(v) > 0 {
			return v[0], true
		}
	}
	return "", false
}

func value(values url.Values, key string) string { v, _ := find(values, key); return v }
