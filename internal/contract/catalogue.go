package contract

import (
	"embed"

	"github.com/gatehouse/gatehouse/internal/document"
)

// wellKnownFiles are schemas that contracts refer to by namespace and nobody
// ships with them. They are written from the specifications, as far as
// contracts use them.
//
//go:embed catalogue/*.xsd
var wellKnownFiles embed.FS

// wellKnown maps a namespace to its file.
var wellKnown = map[string]string{
	nsXSD:                                    "schema.xsd",
	nsXML:                                    "xml.xsd",
	nsSOAPEnc:                                "soap-encoding.xsd",
	"http://www.w3.org/2005/05/xmlmime":      "xmlmime.xsd",
	"http://www.w3.org/2004/08/xop/include":  "xop.xsd",
	"http://www.w3.org/2005/08/addressing":   "addressing.xsd",
	"http://ws-i.org/profiles/basic/1.1/xsd": "swaref.xsd",
}

// enterWellKnown adds the catalogue's schema of a namespace.
func (l *loader) enterWellKnown(namespace string) bool {
	name, ok := wellKnown[namespace]
	if !ok {
		return false
	}
	src, err := wellKnownFiles.ReadFile("catalogue/" + name)
	if err != nil {
		return false
	}
	tree, err := document.Read(src)
	if err != nil {
		return false
	}
	f := &file{path: "catalogue/" + name, raw: src, utf8: src, tree: tree}
	before := len(l.schemas)
	l.collectSchema(f, tree.Root(), "", 0)
	for _, s := range l.schemas[before:] {
		s.wellKnown = true
	}
	return true
}
