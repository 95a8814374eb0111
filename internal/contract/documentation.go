package contract

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// documentation joins the xs:documentation of a component. Where it is given in
// several languages, English is taken, else what names no language, else the
// first language there is.
func documentation(n document.Node) string {
	parts := map[string][]string{}
	var languages []string
	for a := range children(n, xsdName("annotation")) {
		for d := range children(a, xsdName("documentation")) {
			if t := prose(d); t != "" {
				lang := language(d)
				languages, parts[lang] = append(languages, lang), append(parts[lang], t)
			}
		}
	}
	if len(languages) == 0 {
		return ""
	}
	chosen := languages[0]
	for _, lang := range []string{"", "en"} {
		if slices.Contains(languages, lang) {
			chosen = lang
		}
	}
	return strings.Join(parts[chosen], " ")
}

// language is the primary language of an element, in lower case.
func language(n document.Node) string {
	v, _ := n.Attr(Name{Space: nsXML, Local: "lang"})
	v, _, _ = strings.Cut(strings.ToLower(trim(v)), "-")
	return v
}

// prose is an element's text with its white space collapsed. Where it has
// markup, what stands in blocks of their own is kept apart.
func prose(n document.Node) string {
	return strings.Join(strings.Fields(string(appendProse(nil, n))), " ")
}

func appendProse(dst []byte, n document.Node) []byte {
	for run, c := range n.Mixed() {
		dst = append(dst, run...)
		if !c.Exists() {
			break
		}
		apart := !inline[strings.ToLower(c.Name().Local)]
		if apart {
			dst = append(dst, ' ')
		}
		dst = appendProse(dst, c)
		if apart {
			dst = append(dst, ' ')
		}
	}
	return dst
}

// inline are the elements of HTML that do not break a word.
var inline = map[string]bool{"a": true, "abbr": true, "b": true, "code": true, "em": true, "i": true, "small": true,
	"span": true, "strong": true, "sub": true, "sup": true, "tt": true, "u": true}
