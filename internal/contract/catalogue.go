package contract

import (
	"bytes"
	"embed"
	"maps"
	"slices"

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
	nsWSDL:                                   "wsdl.xsd",
	nsSOAP11:                                 "wsdl-soap.xsd",
	nsSOAP12:                                 "wsdl-soap-12.xsd",
	nsEnv11:                                  "soap-envelope-11.xsd",
	nsEnv12:                                  "soap-envelope-12.xsd",
	nsSOAPEnc:                                "soap-encoding.xsd",
	nsEnc12:                                  "soap-encoding-12.xsd",
	"http://xml.apache.org/xml-soap":         "apache-soap.xsd",
	"http://www.w3.org/2004/06/xmlmime":      "xmlmime-2004-06.xsd",
	"http://www.w3.org/2004/11/xmlmime":      "xmlmime-2004-11.xsd",
	"http://www.w3.org/2005/05/xmlmime":      "xmlmime.xsd",
	"http://www.w3.org/2004/08/xop/include":  "xop.xsd",
	"http://ws-i.org/profiles/basic/1.1/xsd": "swaref.xsd",
	"http://www.w3.org/1999/xlink":           "xlink.xsd",
	"http://www.w3.org/2000/09/xmldsig#":     "xmldsig.xsd",
	"http://www.w3.org/2001/04/xmlenc#":      "xenc.xsd",
	"http://www.w3.org/2005/08/addressing":   "addressing.xsd",

	"http://schemas.xmlsoap.org/ws/2004/08/addressing": "addressing-2004.xsd",

	"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd": "wsu.xsd",
	"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd":  "wsse.xsd",
	"http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd":                 "wsse-11.xsd",

	"http://schemas.microsoft.com/2003/10/Serialization/":       "serialization.xsd",
	"http://schemas.microsoft.com/2003/10/Serialization/Arrays": "serialization-arrays.xsd",
	"http://microsoft.com/wsdl/types/":                          "microsoft-types.xsd",
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

// enterImported adds the catalogue's schemas that are imported, by the contract
// or by one another.
func (l *loader) enterImported(have map[string]bool) {
	for i := 0; i < len(l.missing); i++ {
		if m := l.missing[i]; m.kind == "import" && !have[m.namespace] {
			have[m.namespace] = l.enterWellKnown(m.namespace)
		}
	}
}

// enterMentioned adds the catalogue's schemas that names are used of without an
// import: many do so.
func (l *loader) enterMentioned(have map[string]bool) {
	for _, ns := range slices.Sorted(maps.Keys(wellKnown)) {
		if !have[ns] && slices.ContainsFunc(l.order, func(f *file) bool { return uses(f.utf8, ns) }) {
			have[ns] = l.enterWellKnown(ns)
		}
	}
}

// uses reports whether a name of the namespace seems to stand in an attribute.
func uses(text []byte, ns string) bool {
	switch ns {
	case nsWSDL, nsSOAP11, nsSOAP12: // what a WSDL consists of
		return false
	case nsXML:
		return namesOf(text, "xml")
	case nsXSD: // a DataSet of .NET: a message that brings its own schema
		return bytes.Contains(text, []byte(`:schema"`))
	}
	tried := map[string]bool{}
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(ns))
		if i < 0 {
			return false
		}
		from += i + len(ns)
		prefix, ok := prefixBound(text[:from-len(ns)], text[from:])
		if !ok || tried[prefix] {
			continue
		}
		if tried[prefix] = true; len(tried) > maxPrefixes || namesOf(text, prefix) {
			return true
		}
	}
}

// maxPrefixes bounds the search for names by prefixes of one namespace.
const maxPrefixes = 16

// prefixBound returns the prefix that is declared by the attribute whose value
// stands between before and after.
func prefixBound(before, after []byte) (string, bool) {
	if len(before) == 0 || len(after) == 0 || before[len(before)-1] != after[0] || after[0] != '"' && after[0] != '\'' {
		return "", false
	}
	before = bytes.TrimRight(before[:len(before)-1], spaces)
	if !bytes.HasSuffix(before, []byte("=")) {
		return "", false
	}
	before = bytes.TrimRight(before[:len(before)-1], spaces)
	name := before[bytes.LastIndexAny(before, spaces)+1:]
	if string(name) == "xmlns" {
		return "", true
	}
	prefix, ok := bytes.CutPrefix(name, []byte("xmlns:"))
	return string(prefix), ok
}

// namesOf reports whether a value begins with the prefix, or one of a list does.
// Names without a prefix are anywhere.
func namesOf(text []byte, prefix string) bool {
	if prefix == "" {
		return true
	}
	for _, before := range []string{`"`, `'`, " "} {
		for from := 0; ; {
			i := bytes.Index(text[from:], []byte(before+prefix+":"))
			if i < 0 {
				break
			}
			from += i + len(before)
			if before != " " || !isAttribute(text[from:]) {
				return true
			}
		}
	}
	return false
}

// isAttribute reports whether what text begins with is the name of an attribute.
func isAttribute(text []byte) bool {
	end := bytes.IndexAny(text, spaces+"=\"'<>")
	return end > 0 && bytes.HasPrefix(bytes.TrimLeft(text[end:], spaces), []byte("="))
}
