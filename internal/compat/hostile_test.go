package compat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/compat"
)

// patience bounds what a comparison may take on a busy machine.
const patience = time.Minute

// TestHostile compares schemas that are built to explode.
func TestHostile(t *testing.T) {
	tower := func(leaf string) string { // 2^40 leaves by shared groups
		out := `<xs:group name="g0"><xs:sequence>` + leaf + `</xs:sequence></xs:group>`
		for i := range 40 {
			out += fmt.Sprintf(`<xs:group name="g%d"><xs:sequence><xs:group ref="t:g%d"/><xs:group ref="t:g%d"/></xs:sequence></xs:group>`, i+1, i, i)
		}
		return out + complexT(`<xs:sequence><xs:group ref="t:g40"/></xs:sequence>`)
	}
	types := func(last string) string { // 3^60 paths by shared types
		out := `<xs:complexType name="T0"><xs:sequence>` + last + `</xs:sequence></xs:complexType>`
		for i := range 60 {
			out += fmt.Sprintf(`<xs:complexType name="T%d"><xs:sequence><xs:element name="a" type="t:T%[2]d"/><xs:element name="b" type="t:T%[2]d"/><xs:element name="c" type="t:T%[2]d"/></xs:sequence></xs:complexType>`, i+1, i)
		}
		return out + `<xs:complexType name="T"><xs:complexContent><xs:extension base="t:T60"/></xs:complexContent></xs:complexType>`
	}
	wide := func(n int, kind, occurs string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(element(fmt.Sprintf("e%d", i), `type="xs:string" `+occurs))
		}
		return complexT("<xs:" + kind + ">" + b.String() + "</xs:" + kind + ">")
	}
	counters := func(inner, outer int) string {
		return complexT(fmt.Sprintf(`<xs:sequence maxOccurs="%d"><xs:element name="a" type="xs:string" minOccurs="0" maxOccurs="%d"/><xs:element name="b" type="xs:string" maxOccurs="%d"/></xs:sequence>`, outer, inner, inner))
	}
	values := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `<xs:enumeration value="v%d"/>`, i)
		}
		return simpleT("string", b.String())
	}
	tests := map[string]struct{ old, new string }{
		"tower of groups":      {tower(element("a", text)), tower(element("a", text) + element("b", option))},
		"tower of types":       {types(element("z", text)), types(element("z", option))},
		"wide sequence":        {wide(1500, "sequence", `minOccurs="0"`), wide(1501, "sequence", `minOccurs="0"`)},
		"wide choice":          {wide(1500, "choice", ""), wide(1499, "choice", "")},
		"wide all":             {wide(60, "all", `minOccurs="0"`), wide(60, "sequence", `minOccurs="0"`)},
		"counters in counters": {counters(99999, 99999), counters(99998, 99999)},
		"many values":          {values(3000), values(2999)},
		"huge number":          {simpleT("decimal", `<xs:maxInclusive value="`+strings.Repeat("9", 100000)+`"/>`), simpleT("decimal", `<xs:maxInclusive value="`+strings.Repeat("8", 100000)+`"/>`)},
		"huge counts":          {simpleT("string", `<xs:maxLength value="2147483647"/>`), simpleT("string", `<xs:maxLength value="2147483646"/>`)},
		"recursion":            {complexT(`<xs:sequence><xs:element name="t" type="t:T" minOccurs="0"/>` + element("a", text) + `</xs:sequence>`), complexT(`<xs:sequence><xs:element name="t" type="t:T" minOccurs="0"/>` + element("a", option) + `</xs:sequence>`)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			old, new := service(t, sent(tt.old)), service(t, sent(tt.new))
			for range 2 {
				start := time.Now()
				r := compat.Compare(old, new)
				if took := time.Since(start); took > patience {
					t.Errorf("took %v", took)
				} else {
					t.Logf("%v, %d changes", took, len(r.Changes))
				}
				if len(r.Changes) == 0 || len(r.Changes) > 40 {
					t.Errorf("%d changes", len(r.Changes))
				}
				old, new = new, old
			}
		})
	}
}
