package contract

import (
	"regexp"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// remedies put into words what is to be mended, where the schema compiler's own
// message does not say it; $1 is what the message names.
var remedies = []struct {
	said  *regexp.Regexp
	words string
}{
	{regexp.MustCompile(`^namespace is not imported: $`), "a name without a prefix refers to no namespace here, and no schema without one is imported: give it the prefix of its schema's namespace"},
	{regexp.MustCompile(`^namespace is not imported: (.+)$`), `no schema of namespace "$1" is imported: add it to the contract, or correct the prefix`},
	{regexp.MustCompile(`^unbound QName prefix (.+)$`), `prefix "$1" is not declared: declare it on the schema, or correct it`},
	{regexp.MustCompile(`^(\w+) cannot have attribute (\S+)$`), "xs:$1 cannot have attribute $2: take it out"},
	{regexp.MustCompile(`^unknown (\w+) (.+)$`), "$1 $2 is not declared by any schema of the contract: add its schema, or correct the name"},
	{regexp.MustCompile(`^simpleContent restriction base must be complex type$`), "xs:restriction in xs:simpleContent needs a complex type as its base: make it an xs:extension, or a simple type"},
	{regexp.MustCompile(`^cyclic complex type (.+)$`), "the schema compiler takes type $1 for one derived from itself"},
	{regexp.MustCompile(`^UPA violation: (.+)$`), "the content model is ambiguous ($1): an element must belong to one place of it (Unique Particle Attribution)"},
}

// ambiguousElement is the element that the compiler names where a content model
// is ambiguous; it does not tell the place.
var ambiguousElement = regexp.MustCompile(`^UPA violation: .*\{([^}]*)\}(\S+)`)

// ambiguous returns the place of the one type that an ambiguous content model can
// be of, with a colon, or "".
func (set *schemaSet) ambiguous(message string) string {
	m := ambiguousElement.FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	at := map[string]bool{}
	for _, s := range set.l.schemas {
		set.l.ambiguousIn(s, s.node, Name{Space: m[1], Local: m[2]}, at)
	}
	if len(at) != 1 {
		return ""
	}
	for p := range at {
		return p + ": "
	}
	return ""
}

// ambiguousIn looks for complex types that have an element twice, or beside a
// wildcard.
func (l *loader) ambiguousIn(s *schema, n document.Node, name Name, at map[string]bool) {
	if n.Name() == xsdName("complexType") && countParticles(n, name) > 1 {
		at[l.at(s.file, n).String()] = true
		return
	}
	for c := range elements(n) {
		l.ambiguousIn(s, c, name, at)
	}
}

func countParticles(n document.Node, name Name) int {
	count := 0
	for c := range elements(n) {
		_, local := document.SplitQName(attr(c, "ref"))
		switch {
		case c.Name() == xsdName("any"), c.Name() == xsdName("element") && (attr(c, "name") == name.Local || local == name.Local):
			count++
		case c.Name() != xsdName("element"):
			count += countParticles(c, name)
		}
	}
	return count
}

// toMend says what is wrong and what to mend.
func toMend(message string) string {
	for _, m := range remedies {
		if m.said.MatchString(message) {
			return m.said.ReplaceAllString(message, m.words)
		}
	}
	return strings.TrimSpace(message)
}
