package document

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// order is a message with most of what real ones have: an envelope, a default
// namespace, attributes, references, CDATA, comments and both line ends.
const order = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n" +
	`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soap:Body>
  <o:SubmitOrder xmlns:o="urn:o" xmlns:unused="urn:unused">
   <o:Order revision=' 3&#9;' o:kind="a&lt;b">
    <o:Note xsi:nil="true"/>
    <o:Text>Fish &amp; <![CDATA[<chips>]]><!-- no --> today</o:Text>
    <Lines xmlns="urn:lines"><Line no="1">one</Line><Line no="2">two</Line><Other/><Line no="3">three</Line></Lines>
   </o:Order>
  </o:SubmitOrder>
 </soap:Body>
</soap:Envelope>
<!-- after -->
`

func read(t testing.TB, src string) *Tree {
	t.Helper()
	tree, err := Read([]byte(src))
	if err != nil {
		t.Fatalf("reading %.60q: %v", src, err)
	}
	t.Cleanup(tree.Release)
	return tree
}

func TestWalk(t *testing.T) {
	root := read(t, order).Root()
	submit := root.FirstChild().FirstChild()
	o := submit.Child(Name{"urn:o", "Order"})
	line := o.Child(Name{"urn:lines", "Lines"}).Child(Name{"urn:lines", "Line"})
	third := line.Next(Name{"urn:lines", "Line"}).Next(Name{"urn:lines", "Line"})
	checks := []struct{ name, got, want string }{
		{"root", root.Name().String(), "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"},
		{"qname", root.QName(), "soap:Envelope"},
		{"submit", submit.Name().String(), "{urn:o}SubmitOrder"},
		{"parent", o.Parent().Name().String(), "{urn:o}SubmitOrder"},
		{"text", o.Child(Name{"urn:o", "Text"}).Text(), "Fish & <chips> today"},
		{"line", line.Text(), "one"},
		{"third", third.Text(), "three"},
		{"string value", o.Child(Name{"urn:lines", "Lines"}).Text(), "onetwothree"},
		{"path", third.Path(), "/soap:Envelope/soap:Body/o:SubmitOrder/o:Order/Lines/Line[3]"},
		{"path of the first", line.Path(), "/soap:Envelope/soap:Body/o:SubmitOrder/o:Order/Lines/Line[1]"},
		{"path of a single one", line.Parent().Path(), "/soap:Envelope/soap:Body/o:SubmitOrder/o:Order/Lines"},
		{"source", string(third.Source()), `<Line no="3">three</Line>`},
		{"none", third.Next(Name{"urn:lines", "Line"}).Text(), ""},
		{"none's child", Node{}.Child(Name{"a", "b"}).FirstChild().NextSibling().Parent().Path(), ""},
	}
	for _, c := range checks {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
	if !o.FirstChild().Nil() || o.Nil() {
		t.Error("xsi:nil is misread")
	}
}

func TestAttributes(t *testing.T) {
	o := read(t, order).Root().FirstChild().FirstChild().FirstChild()
	if v, ok := o.Attr(Name{"", "revision"}); v != " 3\t" || !ok {
		t.Errorf("revision: %q, %v", v, ok)
	}
	if v, ok := o.Attr(Name{"urn:o", "kind"}); v != "a<b" || !ok {
		t.Errorf("kind: %q, %v", v, ok)
	}
	if v, ok := o.Attr(Name{"", "kind"}); ok {
		t.Errorf("an attribute in a namespace is found without it: %q", v)
	}
	n := 0
	for range o.Attrs() {
		n++
	}
	if n != 2 {
		t.Errorf("%d attributes, want 2: declarations are none", n)
	}
	root := read(t, "<a b='x\r\ny\rz\nt\tq&#10;&#13;'/>").Root()
	if v, _ := root.Attr(Name{"", "b"}); v != "x y z t q\n\r" {
		t.Errorf("normalised value: %q", v)
	}
}

func TestPosition(t *testing.T) {
	tests := []struct {
		src          string
		line, column int
	}{
		{"<a><b/></a>", 1, 4},
		{"<a>\n<b/></a>", 2, 1},
		{"<a>\r\n\r\n  <b/></a>", 3, 3},
		{"<a>\r\r<b/></a>", 3, 1},
		{bom + "<a><b/></a>", 1, 4},
		{bom + "<a>\n<b/></a>", 2, 1},
		{"<a>é<b/></a>", 1, 6},
	}
	for _, tt := range tests {
		line, column := read(t, tt.src).Root().FirstChild().Position()
		if line != tt.line || column != tt.column {
			t.Errorf("%q: %d:%d, want %d:%d", tt.src, line, column, tt.line, tt.column)
		}
	}
}

func TestSpan(t *testing.T) {
	const src = "<a>\r\n<b x='>'>text<c/></b></a>"
	b := read(t, src).Root().FirstChild()
	for _, c := range []struct {
		node Node
		want []string
	}{
		{b, []string{"<b x='>'>", "text<c/>", "</b>"}},
		{b.FirstChild(), []string{"<c/>", "", ""}},
		{Node{}, []string{"", "", ""}},
	} {
		start, content, closing, end := c.node.Span()
		if got := []string{src[start:content], src[content:closing], src[closing:end]}; !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestMixed(t *testing.T) {
	got := ""
	for text, c := range read(t, "<a>x &amp;<b>in</b><!-- no --><c/>y<![CDATA[<z>]]></a>").Root().Mixed() {
		got += text + "(" + c.QName() + ")"
	}
	if want := "x &(b)(c)y<z>()"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for range (Node{}).Mixed() {
		t.Error("no element has content")
	}
}

func TestNamespaceFor(t *testing.T) {
	src := `<a xmlns="urn:1" xmlns:p="urn:p"><b xmlns="" xmlns:p="urn:q"><c/></b><d/></a>`
	root := read(t, src).Root()
	c, d := root.FirstChild().FirstChild(), root.FirstChild().NextSibling()
	tests := []struct {
		node          Node
		prefix, space string
		ok            bool
	}{
		{c, "", "", true}, {c, "p", "urn:q", true}, {d, "", "urn:1", true}, {d, "p", "urn:p", true},
		{d, "x", "", false}, {d, "xml", NamespaceXML, true}, {Node{}, "p", "", false},
	}
	for _, tt := range tests {
		if space, ok := tt.node.NamespaceFor(tt.prefix); space != tt.space || ok != tt.ok {
			t.Errorf("%s: %q is %q, %v", tt.node.Path(), tt.prefix, space, ok)
		}
	}
	if got := c.Name(); got != (Name{"", "c"}) {
		t.Errorf("c is %v", got)
	}
}

func TestReadUntil(t *testing.T) {
	body := Name{"http://schemas.xmlsoap.org/soap/envelope/", "Body"}
	src := order[:strings.Index(order, "<o:Text>")] + "<<< never scanned"
	tree, err := ReadUntil([]byte(src), Limits{}, func(n Node) bool { return n.Parent().Is(body) })
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	first := tree.Root().Child(body).FirstChild()
	if first.Name() != (Name{"urn:o", "SubmitOrder"}) || first.FirstChild().Exists() {
		t.Errorf("stopped at %s", first.Path())
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	attrs := func(n int) string { return "<a" + manyAttributes(n) + "/>" }
	tests := []struct {
		name   string
		src    string
		limits Limits
		ok     bool
	}{
		{"depth 256", deep(256), Limits{}, true},
		{"depth 257", deep(257), Limits{}, false},
		{"depth of its own", deep(5), Limits{Depth: 4}, false},
		{"4096 attributes", attrs(4096), Limits{}, true},
		{"4097 attributes", attrs(4097), Limits{}, false},
		{"large text", "<a>" + strings.Repeat("x", 5<<20) + "</a>", Limits{}, true},
		{"large value", "<a b='" + strings.Repeat("x", 5<<20) + "'/>", Limits{}, true},
		{"large CDATA", "<a><![CDATA[" + strings.Repeat("x", 5<<20) + "]]></a>", Limits{}, true},
		{"bytes", "<a><b/></a>", Limits{Bytes: 6}, false},
		{"bytes inside a tag", "<a><bbbbbbbb/></a>", Limits{Bytes: 6}, false},
		{"bytes inside a character", "<a>ééé</a>", Limits{Bytes: 6}, false},
		{"bytes inside a reference", "<a>&amp;&amp;</a>", Limits{Bytes: 5}, false},
		{"bytes inside an end tag", "<aaaaa></aaaaa>", Limits{Bytes: 11}, false},
		{"bytes inside CDATA", "<a><![CDATA[xxxx]]></a>", Limits{Bytes: 6}, false},
		{"bytes inside a comment", "<a><!--xxxx--></a>", Limits{Bytes: 9}, false},
		{"bytes inside a processing instruction", "<a><?pi xxxx?></a>", Limits{Bytes: 9}, false},
		{"bytes inside the declaration", "<?xml version='1.0'?><a/>", Limits{Bytes: 9}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := ReadUntil([]byte(tt.src), tt.limits, nil)
			if err == nil {
				tree.Release()
			}
			if (err == nil) != tt.ok {
				t.Fatalf("error %v", err)
			}
			if e, ok := errors.AsType[*SyntaxError](err); !tt.ok && (!ok || e.Reason != Limit) {
				t.Errorf("error %v is not a limit", err)
			}
		})
	}
}

func TestCharacterCutByLimit(t *testing.T) {
	for n := 1; n < len("<a>ééé</a>"); n++ {
		_, err := ReadUntil([]byte("<a>ééé</a>"), Limits{Bytes: n}, nil)
		if e, ok := errors.AsType[*SyntaxError](err); !ok || e.Reason != Limit {
			t.Errorf("after %d bytes: %v is not a limit", n, err)
		}
	}
}

func TestReleaseTwice(t *testing.T) {
	tree, err := Read([]byte("<a/>"))
	if err != nil {
		t.Fatal(err)
	}
	tree.Release()
	tree.Release()
	if one, two := read(t, "<b/>"), read(t, "<c/>"); one == two {
		t.Error("one arena is handed out twice")
	}
}

func TestReleasedStringsStay(t *testing.T) {
	tree, err := Read([]byte("<a b='&amp;1'>te<!-- -->xt</a>"))
	if err != nil {
		t.Fatal(err)
	}
	text := tree.Root().Text()
	value, _ := tree.Root().Attr(Name{"", "b"})
	tree.Release()
	for range 10 {
		other := read(t, "<other c='zzzz'>zzzzzz</other>")
		_ = other
	}
	if text != "text" || value != "&1" {
		t.Errorf("after release: %q, %q", text, value)
	}
}

// Trees of different goroutines share a pool of arenas and nothing else.
func TestConcurrentTrees(t *testing.T) {
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 200 {
				want := fmt.Sprintf("%d-%d", g, i)
				tree, err := Read([]byte("<a xmlns:p='urn:" + want + "'><p:b c='" + want + "'>" + want + "</p:b></a>"))
				if err != nil {
					t.Error(err)
					return
				}
				b := tree.Root().FirstChild()
				value, _ := b.Attr(Name{"", "c"})
				if b.Name() != (Name{"urn:" + want, "b"}) || b.Text() != want || value != want {
					t.Errorf("%s: %v %q %q", want, b.Name(), b.Text(), value)
				}
				tree.Release()
			}
		})
	}
	group.Wait()
}
