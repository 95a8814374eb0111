package document

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/jacoelho/xsd"
	"github.com/jacoelho/xsd/xsderrors"
)

// The validator sees every message first, and Read must never disagree with it
// about what is well-formed: a document that only one of them takes would be
// refused twice over or, worse, mapped unvalidated. What both take must mean
// the same to encoding/xml, where that takes it too.
//
// There is one place where the two differ, and it is left out below: past the
// validator's limits of 4 MiB for a token and 64 MiB for a document, which Read
// does not have. Depth and attributes are bounded alike.

const anySchema = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:element name="any"><xs:complexType mixed="true"><xs:sequence>
<xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
<xs:anyAttribute processContents="skip"/></xs:complexType></xs:element></xs:schema>`

func validator(t testing.TB) *xsd.Engine {
	t.Helper()
	engine, err := xsd.Compile(xsd.Bytes("any.xsd", []byte(anySchema)))
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// wellFormed asks the validator. An undeclared root or an xsi:type unknown to
// it is none of its business here. known is false past a limit.
func wellFormed(engine *xsd.Engine, src []byte) (ok, known bool, err error) {
	err = engine.ValidateWithOptions(bytes.NewReader(src), xsd.ValidateOptions{MaxErrors: 1})
	for _, e := range xsderrors.Flatten(err) {
		d, found := errors.AsType[*xsderrors.Error](e)
		if !found {
			return false, true, err
		}
		switch d.Code() {
		case xsderrors.CodeValidationLimit:
			return false, false, err
		case xsderrors.CodeValidationXML, xsderrors.CodeUnsupportedDTD, xsderrors.CodeUnsupportedEntity,
			xsderrors.CodeUnsupportedExternal, xsderrors.CodeUnsupportedNonUTF8, xsderrors.CodeUnsupportedXML11:
			return false, true, err
		}
	}
	return true, true, nil
}

// dumpTree writes a subtree as encoding/xml would tell it.
func dumpTree(b *strings.Builder, n Node) {
	var attrs []string
	for name, value := range n.Attrs() {
		attrs = append(attrs, dumpAttr(name, value))
	}
	dumpStart(b, n.Name(), attrs)
	row, src := n.row(), n.t.scanner.src
	from := row.content
	for c := range n.Children() {
		b.Write(appendContent(nil, src[from:c.row().start]))
		dumpTree(b, c)
		from = c.row().end
	}
	b.Write(appendContent(nil, src[from:row.closing]))
	b.WriteString("\x01/\x02")
}

func dumpStart(b *strings.Builder, name Name, attrs []string) {
	slices.Sort(attrs)
	b.WriteString("\x01" + blanks(name.String()) + " " + strings.Join(attrs, " ") + "\x02")
}

func dumpAttr(name Name, value string) string { return blanks(name.String() + "=" + value) }

// blanks makes white space of attribute values and namespaces equal:
// encoding/xml does not normalise it.
func blanks(s string) string { return strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(s) }

// dumpTokens does the same from encoding/xml. ok is false when that refuses.
func dumpTokens(src []byte) (string, bool) {
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(src, []byte(bom))))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return b.String(), errors.Is(err, io.EOF)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			dumpStart(&b, Name(token.Name), foreignAttrs(token.Attr))
		case xml.EndElement:
			depth--
			b.WriteString("\x01/\x02")
		case xml.CharData:
			if depth > 0 {
				b.Write(token)
			}
		}
	}
}

func foreignAttrs(attrs []xml.Attr) []string {
	var out []string
	for _, a := range attrs {
		if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
			out = append(out, dumpAttr(Name(a.Name), a.Value))
		}
	}
	return out
}

// compare holds Read against the validator and encoding/xml.
func compare(t *testing.T, engine *xsd.Engine, src []byte) {
	t.Helper()
	theirs, known, reason := wellFormed(engine, src)
	tree, err := Read(src)
	if !known {
		if err == nil {
			tree.Release()
		}
		return
	}
	if theirs != (err == nil) {
		t.Fatalf("%q\nread: %v\nvalidator: %v", src, err, reason)
	}
	if err != nil {
		return
	}
	defer tree.Release()
	var ours strings.Builder
	dumpTree(&ours, tree.Root())
	// encoding/xml leaves an element called xmlns in no namespace, and the
	// names of the fifth edition unread.
	if other, ok := dumpTokens(src); ok && other != ours.String() && !bytes.Contains(src, []byte("<xmlns")) {
		t.Fatalf("%q\nread:         %q\nencoding/xml: %q", src, ours.String(), other)
	}
	checkViews(t, tree, src)
}

// checkViews holds the forms of one document against each other.
func checkViews(t *testing.T, tree *Tree, src []byte) {
	t.Helper()
	root := tree.Root()
	var text strings.Builder
	for token := range strings.SplitSeq(dumpOf(root), "\x02") {
		before, _, _ := strings.Cut(token, "\x01")
		text.WriteString(before)
	}
	if got := root.Text(); got != text.String() {
		t.Fatalf("%q: text %q, runs %q", src, got, text.String())
	}
	canonical := AppendCanonical(nil, root)
	for name, form := range map[string][]byte{"standalone": AppendStandalone(nil, root), "canonical": canonical} {
		again, err := Read(form)
		if err != nil {
			t.Fatalf("%q: %s form %q: %v", src, name, form, err)
		}
		if got := AppendCanonical(nil, again.Root()); name == "standalone" && !bytes.Equal(got, canonical) {
			t.Fatalf("%q: canonical %q, after %s %q", src, canonical, name, got)
		}
		again.Release()
	}
}

func dumpOf(n Node) string {
	var b strings.Builder
	dumpTree(&b, n)
	return b.String()
}

func TestDifferential(t *testing.T) {
	engine := validator(t)
	compare(t, engine, []byte(order))
	compare(t, engine, message(20<<10))
	compare(t, engine, []byte(strings.Repeat("<a>", 256)+strings.Repeat("</a>", 256)))
	compare(t, engine, []byte("<a"+manyAttributes(4096)+"/>"))
	for _, tt := range strict {
		t.Run(tt.name, func(t *testing.T) { compare(t, engine, []byte(tt.src)) })
	}
	for _, tt := range lenient {
		t.Run(tt.name, func(t *testing.T) { compare(t, engine, []byte(tt.src)) })
	}
}

// The validator counts the characters it keeps, Read counts nothing: tokens of
// just its limit, and such as are larger in the source, are read.
func TestLargestTokens(t *testing.T) {
	engine := validator(t)
	for name, src := range map[string]string{
		"text":       "<a>" + strings.Repeat("x", 4<<20) + "</a>",
		"references": "<a b='" + strings.Repeat("&#x000041;", 500_000) + "'/>",
	} {
		if ok, known, err := wellFormed(engine, []byte(src)); !ok || !known {
			t.Fatalf("%s: the validator refuses: %v", name, err)
		}
		read(t, src)
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d='v'", i)
	}
	return b.String()
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(order))
	for _, tt := range strict {
		f.Add([]byte(tt.src))
	}
	for _, tt := range lenient {
		f.Add([]byte(tt.src))
	}
	engine := validator(f)
	f.Fuzz(func(t *testing.T, src []byte) { compare(t, engine, src) })
}

// FuzzSubtree checks every element of a document: its standalone form means the
// same as it does in its place, and its path is its own.
func FuzzSubtree(f *testing.F) {
	f.Add([]byte(order))
	f.Add([]byte(`<a xmlns="u" xmlns:p="v"><b xmlns=""><p:c/><d p:x="p:y">p:z</d></b><b/></a>`))
	for _, tt := range lenient {
		f.Add([]byte(tt.src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		tree, err := Read(src)
		if err != nil {
			return
		}
		defer tree.Release()
		checkSubtree(t, tree.Root(), "", make(map[string]bool))
	})
}

func checkSubtree(t *testing.T, n Node, parent string, seen map[string]bool) {
	// Prefixes may mean different namespaces in different places: a path is
	// unique only together with the expanded names along it.
	place := parent + n.Name().String() + n.Path()
	if seen[place] {
		t.Fatalf("two elements at %s", place)
	}
	seen[place] = true
	alone, err := Read(AppendStandalone(nil, n))
	if err != nil {
		t.Fatalf("%s: %v", n.Path(), err)
	}
	defer alone.Release()
	if here, there := AppendCanonical(nil, n), AppendCanonical(nil, alone.Root()); !bytes.Equal(here, there) {
		t.Fatalf("%s: %q alone is %q", n.Path(), here, there)
	}
	for c := range n.Children() {
		checkSubtree(t, c, place, seen)
	}
}
