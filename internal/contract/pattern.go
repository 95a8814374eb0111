package contract

import (
	"bytes"
	"sync"

	"github.com/jacoelho/xsd"

	"github.com/gatehouse/gatehouse/internal/document"
)

// patternCheck matches a value against the patterns of a simple type. XSD's
// regular expressions are not Go's (class subtraction, blocks, \i and \c), so
// the schema engine itself is asked, by a schema of nothing but the patterns.
// It is compiled when first needed: most patterns only ever meet the engine of
// the whole contract.
type patternCheck struct {
	engine func() *xsd.Engine // nil where the patterns do not compile
}

func newPatternCheck(patterns [][]string) *patternCheck {
	return &patternCheck{engine: sync.OnceValue(func() *xsd.Engine {
		engine, err := xsd.Compile(xsd.Bytes("pattern.xsd", patternSchema(patterns)))
		if err != nil {
			return nil
		}
		return engine
	})}
}

// patternSchema declares an element v whose text must match one alternative of
// each step.
func patternSchema(patterns [][]string) []byte {
	var b bytes.Buffer
	b.WriteString(`<xs:schema xmlns:xs="` + nsXSD + `"><xs:element name="v"><xs:simpleType>`)
	for range patterns {
		b.WriteString(`<xs:restriction>`)
		b.WriteString(`<xs:simpleType>`)
	}
	b.WriteString(`<xs:restriction base="xs:string"/>`)
	for _, step := range patterns {
		b.WriteString(`</xs:simpleType>`)
		for _, p := range step {
			b.WriteString(`<xs:pattern value="`)
			b.Write(document.AppendValue(nil, p))
			b.WriteString(`"/>`)
		}
		b.WriteString(`</xs:restriction>`)
	}
	b.WriteString(`</xs:simpleType></xs:element></xs:schema>`)
	return b.Bytes()
}

// match reports whether v matches; patterns that do not compile match anything.
func (p *patternCheck) match(v string) bool {
	engine := p.engine()
	if engine == nil {
		return true
	}
	doc := append(document.AppendText([]byte("<v>"), v), "</v>"...)
	return engine.Validate(bytes.NewReader(doc)) == nil
}
