package encoded

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// TestRoundTrip: a literal message that is encoded, and then written as any
// sender might, with its values anywhere and its parts in any order, is the same
// message when it is normalised.
func TestRoundTrip(t *testing.T) {
	s, op := load(t, stockTypes, `<part name="moves" type="t:Moves"/><part name="lists" type="t:Lists"/><part name="table" type="t:Table"/><part name="stand" type="t:Stand"/><part name="node" type="t:Node"/>`)
	rapid.Check(t, func(t *rapid.T) {
		want := `<w:book xmlns:w="urn:stock" xmlns:xsi="` + document.NamespaceXSI + `" xmlns:t="urn:t">` + literalParts(t) + `</w:book>`
		v, space := envelope.V11, space11
		if rapid.Bool().Draw(t, "SOAP 1.2") {
			v, space = envelope.V12, space12
		}
		payload, err := Append(nil, v, op.Input.Element, []byte(want))
		if err != nil {
			t.Fatal(err)
		}
		tree, err := document.Read(payload)
		if err != nil {
			t.Fatalf("%v\n%s", err, payload)
		}
		defer tree.Release()
		l := &scatterer{t: t, version12: v == envelope.V12, ids: map[string]string{}}
		message := l.element(tree.Root(), "w:book", true)
		src := fmt.Sprintf(`<soap:Envelope xmlns:soap="%s" xmlns:soapenc="%s" xmlns:xsi="%s" xmlns:xsd="%s" xmlns:t="urn:t" xmlns:w="urn:stock"><soap:Body>%s%s</soap:Body></soap:Envelope>`,
			v.Namespace(), space, document.NamespaceXSI, spaceXSD, message, l.behind.String())
		d, err := Normalise(s, op, []byte(src), 0)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		back, err := document.Read(d.XML)
		if err != nil {
			t.Fatalf("%v\n%s", err, d.XML)
		}
		defer back.Release()
		_, got := envelope.Parts(back)
		wanted, err := document.Read([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		defer wanted.Release()
		if canonical(got) != canonical(wanted.Root()) {
			t.Fatalf("of   %s\ngot  %s\nwant %s", src, canonical(got), canonical(wanted.Root()))
		}
		if details, _, err := s.Validate(d.XML, 0); err != nil || len(details) > 0 {
			t.Fatalf("not valid: %v %v\n%s", details, err, d.XML)
		}
	})
}

// literalParts draws the parts of a valid message.
func literalParts(t *rapid.T) string {
	text := func() string {
		return string(document.AppendText(nil, rapid.SampledFrom([]string{"", "a", " b ", "x:y", "<&>", "Åland", "]]>"}).Draw(t, "text")))
	}
	many := func(what string, one func() string) string {
		var b strings.Builder
		for range rapid.IntRange(0, 3).Draw(t, what) {
			b.WriteString("<item>" + one() + "</item>")
		}
		return b.String()
	}
	stand := func() string {
		out := "<site>" + text() + "</site>"
		if rapid.Bool().Draw(t, "bin") {
			out += "<bin>" + text() + "</bin>"
		}
		if rapid.Bool().Draw(t, "nil") {
			return out + `<note xsi:nil="true"/>`
		}
		return out + "<note>" + text() + "</note>"
	}
	move := func() string {
		out := "<sku>" + text() + "</sku><quantity>12.50</quantity><at>" + stand() + "</at>"
		if rapid.Bool().Draw(t, "derived") {
			out = strings.Replace(out, "<at>", `<at xsi:type="t:Berth">`, 1)
			out = strings.Replace(out, "</at>", "<gate>1</gate></at>", 1)
		}
		if rapid.Bool().Draw(t, "tags") {
			out += "<tags>" + many("tags", text) + "</tags>"
		}
		return out
	}
	columns := rapid.IntRange(1, 3).Draw(t, "columns")
	row := func() string { return strings.Repeat("<item>1</item>", columns) }
	var node func(depth int) string
	node = func(depth int) string {
		out := "<name>" + text() + "</name>"
		for _, name := range []string{"next", "other"} {
			if depth < 3 && rapid.Bool().Draw(t, name) {
				out += "<" + name + ">" + node(depth+1) + "</" + name + ">"
			}
		}
		return out
	}
	return "<moves>" + many("moves", move) + "</moves><lists>" + many("lists", func() string { return many("inner", text) }) +
		"</lists><table>" + many("rows", row) + "</table><stand>" + stand() + "</stand><node>" + node(0) + "</node>"
}

// scatterer writes an encoded message anew: values behind it, those that are
// equal once; parts in another order; members by other names.
type scatterer struct {
	t         *rapid.T
	version12 bool
	ids       map[string]string // by what the element would be
	behind    strings.Builder
}

func (l *scatterer) element(n document.Node, name string, root bool) string {
	attrs, isArray := l.attributes(n)
	content := l.content(n, isArray)
	whole := attrs + ">" + content
	if root || rapid.IntRange(0, 2).Draw(l.t, "inline") > 0 {
		return "<" + name + whole + "</" + name + ">"
	}
	id, known := l.ids[whole]
	if !known {
		id = fmt.Sprintf("id%d", len(l.ids))
		l.ids[whole] = id
		attribute := " id"
		if l.version12 && rapid.Bool().Draw(l.t, "qualified id") {
			attribute = " soapenc:id"
		}
		fmt.Fprintf(&l.behind, "<multiRef%s=%q%s</multiRef>", attribute, id, whole)
	}
	if l.version12 {
		return "<" + name + rapid.SampledFrom([]string{` soapenc:ref="`, ` ref="#`, ` soapenc:ref="#`, ` href="#`}).Draw(l.t, "reference") + id + `"/>`
	}
	return "<" + name + ` href="#` + id + `"/>`
}

// attributes writes them by the prefixes of the envelope, which are those of
// Append; some leave out what they may.
func (l *scatterer) attributes(n document.Node) (attrs string, isArray bool) {
	for name, value := range n.Attrs() {
		prefix := map[string]string{document.NamespaceXSI: "xsi:", space11: "soapenc:", space12: "soapenc:", spaceEnv11: "soap:", spaceEnv12: "soap:"}[name.Space]
		isArray = isArray || name == nameArrayType || name == nameArraySize
		if name == nameType && !strings.HasSuffix(value, "Berth") && rapid.Bool().Draw(l.t, "untyped") {
			continue
		}
		attrs += " " + prefix + name.Local + `="` + value + `"`
	}
	return attrs, isArray
}

func (l *scatterer) content(n document.Node, isArray bool) string {
	if !n.FirstChild().Exists() {
		return string(document.AppendText(nil, n.Text()))
	}
	var parts []string
	for c := range n.Children() {
		name := c.Name().Local
		if isArray {
			name = rapid.SampledFrom([]string{"item", "w:member", "name"}).Draw(l.t, "member")
		}
		parts = append(parts, l.element(c, name, false))
	}
	if !isArray {
		parts = rapid.Permutation(parts).Draw(l.t, "order")
	}
	return strings.Join(parts, "\n")
}
