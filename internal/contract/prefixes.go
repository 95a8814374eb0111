package contract

import (
	"strconv"
	"strings"
	"unicode"
)

// Prefixes gives namespaces prefixes that people can read: made of the
// namespace itself, so that they are the same whatever a file declares. It is
// not safe for concurrent use.
type Prefixes struct {
	bySpace  map[string]string
	byPrefix map[string]string
}

// NewPrefixes returns Prefixes that know those everybody uses.
func NewPrefixes() *Prefixes {
	p := &Prefixes{bySpace: map[string]string{}, byPrefix: map[string]string{}}
	for prefix, space := range map[string]string{"xs": nsXSD, "xsi": nsXSI, "xml": nsXML, "soapenc": nsSOAPEnc} {
		p.bySpace[space], p.byPrefix[prefix] = prefix, space
	}
	return p
}

// Of returns the prefix of a namespace, the same each time and another for each
// namespace; "" for no namespace.
func (p *Prefixes) Of(space string) string {
	if space == "" {
		return ""
	}
	if have, known := p.bySpace[space]; known {
		return have
	}
	stem := prefixStem(space)
	prefix := stem
	for n := 2; p.byPrefix[prefix] != ""; n++ {
		prefix = stem + strconv.Itoa(n)
	}
	p.bySpace[space], p.byPrefix[prefix] = prefix, space
	return prefix
}

// Name writes a name with its prefix.
func (p *Prefixes) Name(n Name) string {
	if n.Space == "" {
		return n.Local
	}
	return p.Of(n.Space) + ":" + n.Local
}

// Spaces are the prefixes given so far and their namespaces.
func (p *Prefixes) Spaces() map[string]string { return p.byPrefix }

// prefixStem is the last word of a namespace that says something: orders of
// urn:example:orders:1, tempuri of http://tempuri.org/.
func prefixStem(space string) string {
	_, rest, found := strings.Cut(space, "://")
	if !found {
		rest = space
	}
	host, path, _ := strings.Cut(rest, "/")
	if !found {
		host, path = "", rest
	}
	words := strings.FieldsFunc(path, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i := len(words) - 1; i >= 0; i-- {
		if w := prefixWord(words[i]); w != "" {
			return w
		}
	}
	for _, w := range strings.Split(host, ".") {
		if w = prefixWord(w); w != "" && w != "www" && w != "schemas" {
			return w
		}
	}
	return "ns"
}

// prefixWord is a word fit to be a prefix, or "": versions and dates are none.
func prefixWord(w string) string {
	const most = 12
	w = strings.ToLower(w)
	if digits := strings.TrimLeft(w, "v"); digits == "" || strings.Trim(digits, "0123456789") == "" {
		return ""
	}
	for _, r := range w {
		if r >= 0x80 {
			return ""
		}
	}
	if w = strings.TrimLeft(w, "0123456789"); w == "" || strings.HasPrefix(w, "xml") || w == "wsdl" || w == "xsd" {
		return ""
	}
	if len(w) > most {
		w = w[:most]
	}
	return w
}
