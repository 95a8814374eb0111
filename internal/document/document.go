// Package document reads XML into one compact, read-only tree.
//
// Three things live here: a strict Scanner (XML 1.0, fifth edition, and
// Namespaces in XML 1.0), a flat tree built on it, and the forms a document is
// written back in: canonical for comparing, standalone for keeping.
//
// The tree keeps the bytes it was read from and copies nothing: names, values
// and texts are views of the source wherever the source has them literally,
// and are decoded on demand where it has references, CDATA sections or carriage
// returns. Nodes are rows of an arena that Release hands to the next reader.
//
// The package refuses a DOCTYPE, in whatever place, and so has no entities but
// the five predefined ones: nothing is fetched, nothing expands. Its limits on
// depth and attributes are those of the XSD validator, which sees each message
// first; a single token may be of any size, since it costs no memory here.
//
// It refuses to know SOAP, schemas, faults and mappings: it says what stands
// in the bytes, never whether it should.
package document

import "strings"

// The namespaces that XML itself reserves (Namespaces in XML 1.0 §3), and the
// one of schema instances.
const (
	NamespaceXML   = "http://www.w3.org/XML/1998/namespace"
	NamespaceXMLNS = "http://www.w3.org/2000/xmlns/"
	NamespaceXSI   = "http://www.w3.org/2001/XMLSchema-instance"
)

// Name is an expanded XML name. Space is empty for a name in no namespace.
type Name struct{ Space, Local string }

// String returns the name in Clark notation, {space}local, or local alone when
// the name is in no namespace.
func (n Name) String() string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// Limits bound what a Scanner takes. A zero field means the default; the
// defaults are those of the validator, so that what it accepts can be read.
type Limits struct {
	// Bytes is how far into the source the scanner goes. Zero: to its end.
	Bytes int
	// Depth is the number of elements that may be open at once. Zero: 256.
	Depth int
	// Attributes is the number of attributes one element may have, namespace
	// declarations included. Zero: 4,096.
	Attributes int
}

const (
	defaultDepth      = 256
	defaultAttributes = 4096
	// maxSource keeps every offset in an int32.
	maxSource = 1<<31 - 1
)

func (l Limits) withDefaults(size int) Limits {
	if l.Bytes <= 0 || l.Bytes > size {
		l.Bytes = size
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	if l.Attributes <= 0 {
		l.Attributes = defaultAttributes
	}
	return l
}

// SplitQName cuts a lexical qualified name at its colon. It does not check the
// parts.
func SplitQName(qname string) (prefix, local string) {
	if prefix, local, ok := strings.Cut(qname, ":"); ok {
		return prefix, local
	}
	return "", qname
}
