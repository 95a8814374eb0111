package xpath_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

var foreignCases = flag.Int("foreign", 2000, "expressions that are compared with libxml2")

// The contract of the documents: parts within parts, a name that has two types, a
// choice, and a member of a substitution group.
const foreignWSDL = `<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
<wsdl:types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified">
  <xs:complexType name="Text"><xs:simpleContent><xs:extension base="xs:string"><xs:attribute name="id" type="xs:int" use="required"/></xs:extension></xs:simpleContent></xs:complexType>
  <xs:complexType name="Token"><xs:simpleContent><xs:extension base="xs:token"><xs:attribute name="id" type="xs:int" use="required"/></xs:extension></xs:simpleContent></xs:complexType>
  <xs:complexType name="Number"><xs:simpleContent><xs:extension base="xs:decimal"><xs:attribute name="id" type="xs:int" use="required"/></xs:extension></xs:simpleContent></xs:complexType>
  <xs:element name="Remark" type="t:Text"/>
  <xs:element name="Warning" type="t:Text" substitutionGroup="t:Remark"/>
  <xs:complexType name="Part"><xs:sequence>
    <xs:element name="Name" type="t:Text"/>
    <xs:element name="Size" type="t:Number" minOccurs="0"/>
    <xs:choice minOccurs="0" maxOccurs="unbounded">
      <xs:element name="Part" type="t:Part"/><xs:element name="Tag" type="t:Token"/><xs:element ref="t:Remark"/>
    </xs:choice></xs:sequence>
    <xs:attribute name="id" type="xs:int" use="required"/><xs:attribute name="q" type="xs:int"/>
  </xs:complexType>
  <xs:element name="Doc"><xs:complexType><xs:sequence>
    <xs:element name="Head"><xs:complexType><xs:sequence>
      <xs:element name="Name" type="t:Token"/><xs:element name="Code" type="t:Text" minOccurs="0"/></xs:sequence>
      <xs:attribute name="id" type="xs:int" use="required"/></xs:complexType></xs:element>
    <xs:element name="Part" type="t:Part" maxOccurs="unbounded"/>
    <xs:element name="Tail" type="t:Text" minOccurs="0"/>
    <xs:element name="Box" nillable="true" minOccurs="0"><xs:complexType><xs:sequence>
      <xs:element name="Weight" type="xs:decimal" nillable="true"/><xs:element name="Label" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
    <xs:element name="Prose" minOccurs="0"><xs:complexType mixed="true"><xs:sequence><xs:element name="B" type="xs:string" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
    </xs:sequence>
    <xs:attribute name="id" type="xs:int" use="required"/></xs:complexType></xs:element>
</xs:schema></wsdl:types>
<wsdl:message name="in"><wsdl:part name="p" element="t:Doc"/></wsdl:message>
<wsdl:portType name="P"><wsdl:operation name="Post"><wsdl:input message="t:in"/></wsdl:operation></wsdl:portType>
<wsdl:binding name="B" type="t:P"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
<wsdl:operation name="Post"><soap:operation soapAction="post"/><wsdl:input><soap:body use="literal"/></wsdl:input></wsdl:operation></wsdl:binding>
<wsdl:service name="S"><wsdl:port name="P" binding="t:B"><soap:address location="http://localhost/"/></wsdl:port></wsdl:service>
</wsdl:definitions>`

func foreignScope(t testing.TB) *xpath.Scope {
	c, err := contract.Load(fstest.MapFS{"t.wsdl": {Data: []byte(foreignWSDL)}}, "t.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return &xpath.Scope{
		Context:    &xpath.Shape{Element: c.Element(contract.Name{Space: "urn:t", Local: "Doc"})},
		Namespaces: map[string]string{"t": "urn:t"},
	}
}

// inventor makes documents and expressions up.
type inventor struct {
	*rand.Rand
	id int
}

func (v *inventor) pick(choices ...string) string { return choices[v.IntN(len(choices))] }

func (v *inventor) sometimes(s string) string {
	if v.IntN(2) == 0 {
		return ""
	}
	return s
}

func (v *inventor) tag(name, content string) string {
	v.id++
	return fmt.Sprintf(`<t:%s id="%d">%s</t:%s>`, name, v.id*v.id, content, name)
}

func (v *inventor) text() string { return v.pick("a", "b", "ab", "x y", "1", "") }

func (v *inventor) part(depth int) string {
	v.id++
	out := fmt.Sprintf(`<t:Part id="%d"%s>`, v.id*v.id, v.sometimes(` q="`+strconv.Itoa(v.IntN(4))+`"`))
	out += v.tag("Name", v.text()) + v.sometimes(v.tag("Size", v.pick("1", "2.5", "-3", "0.25")))
	for range v.IntN(4) {
		switch n := v.IntN(5); {
		case n < 3 && depth > 0:
			out += v.part(depth - 1)
		case n == 3:
			out += v.tag("Tag", v.text())
		default:
			out += v.tag(v.pick("Remark", "Warning"), v.text())
		}
	}
	return out + "</t:Part>"
}

func (v *inventor) document() string {
	out := `<t:Doc xmlns:t="urn:t" id="0">` + v.tag("Head", v.tag("Name", v.text())+v.sometimes(v.tag("Code", v.text())))
	for range 1 + v.IntN(3) {
		out += v.part(3)
	}
	return out + v.sometimes(v.tag("Tail", v.text())) + "</t:Doc>"
}

func (v *inventor) element() string {
	return v.pick("t:Part", "t:Part", "t:Part", "t:Name", "t:Size", "t:Tag", "t:Remark", "t:Warning", "t:Head", "*", "t:*")
}

func (v *inventor) step(depth int, after string) string {
	axis := v.pick("", "", "", "descendant::", "descendant-or-self::", "self::")
	if after != "//" && v.IntN(3) == 0 {
		axis = v.pick("ancestor::", "ancestor-or-self::", "following-sibling::", "preceding-sibling::", "parent::")
	}
	s := axis + v.element()
	for depth > 0 && v.IntN(3) == 0 {
		s += "[" + v.predicate(depth-1) + "]"
	}
	return s
}

func (v *inventor) path(depth int) string {
	start := v.pick("", "", ".//", "//", "/t:Doc/", "t:Part/", ".//t:Part/", "//t:Name/", "t:Part/t:Part/")
	s := start + v.step(depth, start[max(len(start)-2, 0):])
	for range v.IntN(3) {
		slash := v.pick("/", "/", "//")
		s += slash + v.step(depth, slash)
	}
	if v.IntN(10) == 0 {
		s = "(" + s + ")[" + v.pick("1", "2", "last()", "position() > 1", "last() - 1") + "]"
	}
	if v.IntN(15) == 0 && depth > 0 {
		s = "(" + s + " | " + v.path(depth-1) + ")"
	}
	return s
}

func (v *inventor) predicate(depth int) string {
	n := strconv.Itoa(v.IntN(4))
	switch v.IntN(17) {
	case 0, 14, 15, 16:
		return strconv.Itoa(1 + v.IntN(3))
	case 1:
		return v.pick("last()", "last() - 1", "position() mod 2 = 1", "position() != last()", "position() < 3", "1 + 1")
	case 2:
		return "@q " + v.pick("=", "<", ">", "!=", "<=", ">=") + " " + n
	case 3:
		return "t:Name = '" + v.text() + "'"
	case 4:
		return "count(" + v.path(depth) + ") " + v.pick("=", ">") + " " + n
	case 5:
		return "not(" + v.path(depth) + ")"
	case 6:
		return ".//t:Name = '" + v.text() + "'"
	case 7:
		return "t:Size > 1 " + v.pick("and", "or") + " @q"
	case 8:
		return "@id mod 2 = 0"
	case 9:
		return "count(t:Part)"
	case 10:
		return "string-length(t:Name) = " + n
	case 11:
		return v.path(depth) + "/@id > " + strconv.Itoa(v.IntN(400))
	default:
		return v.path(depth)
	}
}

// fingerprint tells nodes apart: how many there are, which, and in what order.
func (v *inventor) fingerprint(path string) string {
	return fmt.Sprintf("concat(count(%[1]s), ':', sum(%[1]s/@id), ':', (%[1]s)[%[2]s]/@id)", path, v.pick("1", "2", "last()"))
}

func (v *inventor) number(depth int) string {
	if depth == 0 {
		return v.pick("0", "1", "2", "7", "0.5", "2.5", "-1.25", "100", "count(t:Part)", "string-length(t:Head/t:Name)", "sum(t:Part/t:Size)")
	}
	a, b := v.number(depth-1), v.number(depth-1)
	switch v.IntN(8) {
	case 0, 1, 2:
		return "(" + a + " " + v.pick("+", "-", "*") + " " + b + ")"
	case 3:
		return "(" + a + " div " + v.pick("2", "4", "-0.5") + ")"
	case 4:
		return "(" + a + " mod " + v.pick("2", "3", "-2", "1.5") + ")"
	case 5:
		return v.pick("floor", "ceiling", "round") + "(" + a + ")"
	case 6:
		return "-" + a
	}
	return "string-length(" + v.words(depth-1) + ")"
}

func (v *inventor) words(depth int) string {
	if depth == 0 {
		return "'" + v.pick("", "a", "abc", "motor car", "  a  b ", "tattoo") + "'"
	}
	a, b := v.words(depth-1), v.words(depth-1)
	switch v.IntN(7) {
	case 0:
		return "concat(" + a + ", " + b + ")"
	case 1:
		return "substring(" + a + ", " + v.pick("0", "1", "2", "1.5", "-1") + v.sometimes(", "+v.pick("0", "2", "2.6", "-3")) + ")"
	case 2:
		return v.pick("substring-before", "substring-after") + "(" + a + ", " + b + ")"
	case 3:
		return "translate(" + a + ", 'abt', 'AB')"
	case 4:
		return "normalize-space(" + a + ")"
	}
	return a
}

// expression is one that both languages agree on. Its value is one string,
// number or boolean.
func (v *inventor) expression() string {
	switch v.IntN(10) {
	case 0:
		return "concat(" + v.number(2) + ", '')"
	case 1:
		return "concat('<', " + v.words(2) + ", '>')"
	case 2:
		return v.pick("contains", "starts-with") + "(" + v.words(1) + ", " + v.words(1) + ")"
	case 3:
		return v.number(1) + " " + v.pick("=", "!=", "<", ">=") + " " + v.number(1)
	case 4:
		return "count(" + v.path(1) + v.pick("/@q", "/@*", "/@id[. > 100]") + ")"
	}
	return v.fingerprint(v.path(2))
}

// longestLine is what the shell of libxml2 reads at once, less the command.
const longestLine = 390

// foreign evaluates expressions with libxml2's XPath 1.0. The answer to one that
// it refuses is empty.
func foreign(t *testing.T, command, doc string, expressions []string) []string {
	file := filepath.Join(t.TempDir(), "doc.xml")
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(command, "--shell", file)
	c.Stdin = strings.NewReader("setns t=urn:t\ncd t:Doc\nxpath " + strings.Join(expressions, "\nxpath ") + "\n")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []string
	for line := range strings.Lines(string(out)) {
		if _, answer, ok := strings.Cut(line, "Object is "); ok {
			_, answer, _ = strings.Cut(answer, " : ")
			answers = append(answers, strings.TrimSuffix(answer, "\n"))
		}
	}
	if len(answers) != len(expressions) {
		t.Fatalf("%d answers to %d expressions", len(answers), len(expressions))
	}
	return answers
}

// TestForeign compares paths, predicates and functions with libxml2, in the
// expressions that mean the same in XPath 1.0 and 3.1. Where the contract rules a
// path out, libxml2 must find nothing.
func TestForeign(t *testing.T) {
	command, err := exec.LookPath("xmllint")
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal("xmllint is not installed: package libxml2-utils")
	case err != nil:
		t.Skip("xmllint is not installed: install libxml2-utils, or run under testdata/servers/run.sh as root")
	}
	s := foreignScope(t)
	v := &inventor{Rand: rand.New(rand.NewPCG(3, 1))}
	var compared, refused, found int
	for range 4 {
		v.id = 0
		doc := v.document()
		tree, err := document.Read([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		expressions := make([]string, *foreignCases/4)
		for i := range expressions {
			for expressions[i] == "" || len(expressions[i]) > longestLine {
				expressions[i] = v.expression()
			}
		}
		for i, want := range foreign(t, command, doc, expressions) {
			src := expressions[i]
			got, ok := ours(t, s, tree, src)
			switch {
			case !ok && plain(src) && !strings.HasPrefix(want, "0:0:"):
				t.Errorf("%s\nrefused: %s\nlibxml2: %s\n%s", src, got, want, doc)
			case !ok:
				refused++
			case got != want:
				t.Errorf("%s\ngot:     %s\nlibxml2: %s\n%s", src, got, want, doc)
			default:
				if compared++; !strings.HasPrefix(want, "0:0:") {
					found++
				}
			}
		}
		tree.Release()
	}
	t.Logf("%d agree, %d of them with something found; %d refused", compared, found, refused)
	if found < *foreignCases/4 {
		t.Errorf("only %d expressions found anything", found)
	}
}

// plain reports whether a fingerprint is of a path without predicates, which is
// refused only where it leads nowhere.
func plain(src string) bool {
	path, ok := strings.CutPrefix(src, "concat(count(")
	path, _, _ = strings.Cut(path, "), ':'")
	return ok && !strings.ContainsAny(path, "[|")
}

// ours evaluates an expression; ok is false when the contract rules it out, and
// value then says why.
func ours(t *testing.T, s *xpath.Scope, tree *document.Tree, src string) (value string, ok bool) {
	e, fault := xpath.Parse(src)
	if fault != nil {
		t.Fatalf("%s: %v", src, fault)
	}
	p, faults := e.Compile(s)
	if p == nil {
		return faults[0].Message, false
	}
	v, presence, err := p.One(&xpath.Frame{Item: tree.Root()})
	if err != nil || presence != xpath.Present {
		return fmt.Sprint("error: ", err), true
	}
	return v.Lexical(), true
}

// TestInventedTypes holds what the static types promise against documents: how
// many items there are, and of which class.
func TestInventedTypes(t *testing.T) {
	s := foreignScope(t)
	v := &inventor{Rand: rand.New(rand.NewPCG(8, 8))}
	var single, several int
	for range 5 {
		v.id = 0
		doc := v.document()
		tree, err := document.Read([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		for range 400 {
			src := v.path(2) + v.pick("", "/@id", "/@q", "/@*", "/text()", "/string(@id)", "/count(*)", "/@id[. > 9]", "/text()[1]", "/@*[2]")
			e, fault := xpath.Parse(src)
			if fault != nil {
				t.Fatalf("%s: %v", src, fault)
			}
			p, _ := e.Compile(s)
			if p == nil {
				continue
			}
			f := &xpath.Frame{Item: tree.Root()}
			var items int
			if nodes, ok, err := p.Elements(f, nil); ok {
				if err != nil {
					t.Fatalf("%s: %v", src, err)
				}
				items = len(nodes)
			} else {
				values, err := p.All(f, nil)
				if err != nil {
					t.Fatalf("%s: %v", src, err)
				}
				items = len(values)
				for _, v := range values {
					if v.Class != p.Type().Class {
						t.Errorf("%s: a %s, want %s", src, v.Class, p.Type().Class)
					}
				}
			}
			least, most := p.Type().Min, p.Type().Max
			if items < least || most != xpath.Unbounded && items > most {
				t.Errorf("%s: %d, want %d to %d\n%s", src, items, least, most, doc)
			}
			if most == 1 {
				single++
			} else {
				several++
			}
		}
		tree.Release()
	}
	t.Logf("%d of at most one, %d of several", single, several)
}

// An element that is xsi:nil has no value, and none below it: what is computed
// of it may be absent. Mixed content has several texts.
func TestNilAndMixed(t *testing.T) {
	s := foreignScope(t)
	for _, tt := range []struct{ doc, src, want string }{
		{`<t:Box xsi:nil="true"/>`, `t:Box[1]/t:Label || '!'`, "!"},
		{`<t:Box><t:Weight xsi:nil="true"/><t:Label>x</t:Label></t:Box>`, `t:Box[1]/t:Weight + 1`, ""},
		{`<t:Box><t:Weight xsi:nil="true"/><t:Label>x</t:Label></t:Box>`, `for $b in t:Box return $b/t:Weight + 1`, ""},
		{`<t:Box><t:Weight xsi:nil="true"/><t:Label>x</t:Label></t:Box>`, `let $w := t:Box/t:Weight return $w * 2`, ""},
		{`<t:Box><t:Weight xsi:nil="true"/><t:Label>x</t:Label></t:Box>`, `count(t:Box/t:Weight)`, "1"},
		{`<t:Box><t:Weight>2</t:Weight><t:Label>x</t:Label></t:Box>`, `t:Box/string-join(*, '-')`, "error"},
		{`<t:Box><t:Weight>2</t:Weight><t:Label>x</t:Label></t:Box>`, `string-join(t:Box/*/string(), '-')`, "2-x"},
		{`<t:Prose>a<t:B>b</t:B>c<!-- d -->e<t:B/></t:Prose>`, `string-join(t:Prose/text(), '-')`, "a-ce"},
		{`<t:Prose>a<t:B>b</t:B>c</t:Prose>`, `t:Prose/text()[2]`, "c"},
		{`<t:Prose>a<t:B>b</t:B>c</t:Prose>`, `count(//text())`, "3"},
		{`<t:Prose>a<t:B>b</t:B>c</t:Prose>`, `t:Prose/node()`, "error"},
	} {
		tree, err := document.Read([]byte(`<t:Doc xmlns:t="urn:t" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="0"><t:Head id="1"/>` + tt.doc + `</t:Doc>`))
		if err != nil {
			t.Fatal(err)
		}
		e, fault := xpath.Parse(tt.src)
		if fault != nil {
			t.Fatalf("%s: %v", tt.src, fault)
		}
		got := "error"
		if p, _ := e.Compile(s); p != nil {
			got = value(t, p, &xpath.Frame{Item: tree.Root()})
			if got == "" && p.Type().Min > 0 {
				t.Errorf("%s: nothing where there is at least %d", tt.src, p.Type().Min)
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.src, got, tt.want)
		}
		tree.Release()
	}
}

// A contract of very many elements is not gone through for //.
func TestTooManyDeclarations(t *testing.T) {
	var elements strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&elements, `<xs:element name="E%d" type="xs:string" minOccurs="0"/>`, i)
	}
	wsdl := strings.Replace(foreignWSDL, `<xs:element name="Head">`, elements.String()+`<xs:element name="Head">`, 1)
	c, err := contract.Load(fstest.MapFS{"t.wsdl": {Data: []byte(wsdl)}}, "t.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	s := &xpath.Scope{Context: &xpath.Shape{Element: c.Element(contract.Name{Space: "urn:t", Local: "Doc"})}, Namespaces: map[string]string{"t": "urn:t"}}
	if got := complain(s, "count(//t:Part)"); got != "8: the contract declares too many elements below t:Doc; name the way" {
		t.Error(got)
	}
	if got := complain(s, "count(t:Part//t:Part)"); got != "" {
		t.Error(got)
	}
}
