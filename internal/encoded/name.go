package encoded

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// The namespaces of the two encodings, of XML Schema, and of what some senders
// add to them.
const (
	space11     = "http://schemas.xmlsoap.org/soap/encoding/"
	space12     = "http://www.w3.org/2003/05/soap-encoding"
	spaceEnv11  = "http://schemas.xmlsoap.org/soap/envelope/"
	spaceEnv12  = "http://www.w3.org/2003/05/soap-envelope"
	spaceNone12 = spaceEnv12 + "/encoding/none"
	spaceXSD    = "http://www.w3.org/2001/XMLSchema"
	spaceApache = "http://xml.apache.org/xml-soap"
	spacePerl   = "http://namespaces.soaplite.com/perl"
)

// The drafts of XML Schema that SOAP 1.1 was written with.
var (
	draftsXSD = [...]string{"http://www.w3.org/1999/XMLSchema", "http://www.w3.org/2000/10/XMLSchema"}
	draftsXSI = [...]string{"http://www.w3.org/1999/XMLSchema-instance", "http://www.w3.org/2000/10/XMLSchema-instance"}
)

// renamed are the types that had other names in the drafts. PHP still says
// ur-type, in the namespace of the Recommendation.
var renamed = map[string]string{
	"ur-type": "anyType", "timeInstant": "dateTime", "uriReference": "anyURI", "timeDuration": "duration",
	"recurringDate": "gMonthDay", "recurringDay": "gDay", "month": "gYearMonth", "year": "gYear", "CDATA": "normalizedString",
}

var (
	nameArray     = document.Name{Space: space11, Local: "Array"}
	nameStruct    = document.Name{Space: space11, Local: "Struct"}
	nameAnyType   = document.Name{Space: spaceXSD, Local: "anyType"}
	nameArrayType = document.Name{Space: space11, Local: "arrayType"}
	nameOffset    = document.Name{Space: space11, Local: "offset"}
	namePosition  = document.Name{Space: space11, Local: "position"}
	nameRoot      = document.Name{Space: space11, Local: "root"}
	nameItemType  = document.Name{Space: space12, Local: "itemType"}
	nameArraySize = document.Name{Space: space12, Local: "arraySize"}
	nameRef12     = document.Name{Space: space12, Local: "ref"}
	nameID12      = document.Name{Space: space12, Local: "id"}
	nameNil       = document.Name{Space: document.NamespaceXSI, Local: "nil"}
	nameType      = document.Name{Space: document.NamespaceXSI, Local: "type"}
)

// modern returns the name of a type under which it is known here: types of the
// drafts and the twins of simple types in the encodings' namespaces by those of
// XML Schema, Array and Struct by those of SOAP 1.1.
func modern(name document.Name) document.Name {
	switch name.Space {
	case space11, space12:
		switch name.Local {
		case "Array", "Struct":
			name.Space = space11
			return name
		case "base64":
			name.Local = "base64Binary"
		}
		name.Space = spaceXSD
	case draftsXSD[0], draftsXSD[1]:
		name.Space = spaceXSD
	}
	if name.Space == spaceXSD {
		if now, ok := renamed[name.Local]; ok {
			name.Local = now
		}
	}
	return name
}

// instance returns an attribute of schema instances, whatever the draft.
func instance(n document.Node, local string) (value string, ok bool) {
	for _, space := range [...]string{document.NamespaceXSI, draftsXSI[0], draftsXSI[1]} {
		if value, ok = n.Attr(document.Name{Space: space, Local: local}); ok {
			return trim(value), true
		}
	}
	return "", false
}

func isInstance(space string) bool {
	return space == document.NamespaceXSI || space == draftsXSI[0] || space == draftsXSI[1]
}

// nilled returns what an element says about being nil: "true", "false", nothing,
// or what is neither. It is called null in the draft of 1999.
func nilled(n document.Node) string {
	value, ok := instance(n, "nil")
	if !ok {
		value, ok = instance(n, "null")
	}
	switch {
	case !ok:
		return ""
	case value == "1":
		return "true"
	case value == "0":
		return "false"
	}
	return value
}

// expand resolves a lexical QName where n stands.
func expand(n document.Node, qname string) (name document.Name, ok bool) {
	prefix, local := document.SplitQName(qname)
	space, ok := n.NamespaceFor(prefix)
	return document.Name{Space: space, Local: local}, ok && local != "" && !strings.ContainsAny(local, " :")
}

func trim(s string) string { return strings.Trim(s, " \t\r\n") }
