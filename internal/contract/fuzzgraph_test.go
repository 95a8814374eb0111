package contract

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// FuzzGraph loads an archive of any number of files, named as it likes: Load
// ends, with a contract whose model holds together, or with faults that have
// something to say. Normal form keeps every line where it was.
func FuzzGraph(f *testing.F) {
	archives, err := filepath.Glob("testdata/graphs/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range archives {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		files := fstest.MapFS{}
		main := "sys/main.wsdl"
		for _, one := range bytes.Split(src, []byte("\n-- "))[1:] {
			head, data, ok := bytes.Cut(one, []byte(" --\n"))
			if name := "sys/" + string(head); ok && fs.ValidPath(name) && len(files) < 32 {
				files[name] = &fstest.MapFile{Data: data}
			}
		}
		if files[main] == nil {
			main = "sys/main.xsd"
		}
		linesStay(t, files, main)
		c, err := Load(files, main)
		faults, ok := errors.AsType[Faults](err)
		if err != nil && (!ok || len(faults) == 0 || c != nil) {
			t.Fatalf("error %v, contract %v", err, c)
		}
		for _, one := range faults {
			if one.Message == "" || one.Position.File == "" {
				t.Errorf("a fault without words or place: %+v", one)
			}
		}
		if c != nil {
			holdsTogether(t, c.model)
		}
	})
}

// FuzzModel makes the type model of anything that stands in a schema.
func FuzzModel(f *testing.F) {
	for _, seed := range []string{
		`<xs:complexType name="A"><xs:complexContent><xs:extension base="t:A"><xs:sequence><xs:element ref="t:Go"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>`,
		`<xs:group name="g"><xs:choice maxOccurs="3"><xs:group ref="t:g"/><xs:element name="a" minOccurs="2" maxOccurs="unbounded" type="t:u"/><xs:any/></xs:choice></xs:group><xs:simpleType name="u"><xs:union memberTypes="t:u xs:int"><xs:simpleType><xs:list itemType="t:u"/></xs:simpleType></xs:union></xs:simpleType>`,
		`<xs:element name="h" abstract="true" block="extension"/><xs:element name="i" substitutionGroup="t:h" nillable="1" default="x"><xs:key name="k"><xs:selector xpath="a|.//t:b/@c"/><xs:field xpath="."/></xs:key></xs:element>`,
		`<xs:complexType name="S"><xs:simpleContent><xs:restriction base="xs:decimal"><xs:totalDigits value="9"/><xs:fractionDigits value="x"/><xs:pattern value="[a-z&amp;&amp;[^b]]"/><xs:enumeration value="t:x"/></xs:restriction></xs:simpleContent></xs:complexType>`,
		`<xs:attributeGroup name="ag"><xs:attributeGroup ref="t:ag"/><xs:attribute name="a" use="prohibited" fixed=""/><xs:anyAttribute namespace="##other urn:x ##local"/></xs:attributeGroup>`,
		`<xs:complexType name="R"><xs:complexContent><xs:restriction xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" base="e:Array"><xs:all><xs:element name="m"/></xs:all><xs:attribute ref="e:arrayType" w:arrayType="xs:int[,][]"/></xs:restriction></xs:complexContent></xs:complexType>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		files := fstest.MapFS{"sys/main.wsdl": {Data: []byte(oneOperation(inSchema(body + `<xs:element name="Go" type="xs:string"/>`)))}}
		linesStay(t, files, "sys/main.wsdl")
		if c, err := Load(files, "sys/main.wsdl"); err == nil {
			holdsTogether(t, c.model)
		}
	})
}

// linesStay demands of the normal form that it has the lines of the files.
func linesStay(t *testing.T, files fs.FS, main string) {
	l := newLoader(files, main)
	root := l.read(main)
	if root == nil {
		return
	}
	if l.collect(root); l.full {
		return
	}
	l.checkReferences()
	before := map[*schema]Position{}
	for _, s := range l.schemas {
		before[s] = l.at(s.file, s.node)
	}
	faults := len(l.faults)
	l.normalise()
	if len(l.faults) > faults && len(l.redefinitions) <= maxRedefinitions {
		t.Errorf("the normal form is refused: %v", l.faults[faults:])
	}
	for _, s := range l.schemas {
		for _, c := range []string{"\n", "\r"} {
			if bytes.Count(s.text, []byte(c)) != bytes.Count(s.file.utf8, []byte(c)) {
				t.Errorf("%s has other lines in normal form:\n%s", s.file.path, s.text)
			}
		}
		if at := l.at(s.file, s.node); at.Line != before[s].Line || s.node.Name() != xsdName("schema") {
			t.Errorf("schema at %v is now %v at %v", before[s], s.node.Name(), at)
		}
	}
}

// holdsTogether demands of a model that what is in it can be relied on.
func holdsTogether(t *testing.T, m *model) {
	seen := map[*Type]bool{}
	var visit func(e *Element)
	visit = func(e *Element) {
		if e.Type == nil {
			t.Fatalf("%s has no type", e.Name)
		}
		if seen[e.Type] {
			return
		}
		seen[e.Type] = true
		typeHolds(t, e.Type)
		for _, c := range e.Type.Children() {
			visit(c.Element)
		}
	}
	for name, e := range m.elements {
		if e.Name != name {
			t.Errorf("%s goes by %s", e.Name, name)
		}
		visit(e)
	}
	for name, typ := range m.types {
		if typ.Name != name || typ.filled != complete {
			t.Errorf("type %s goes by %s, filled %d", typ.Name, name, typ.filled)
		}
		visit(&Element{Name: name, Type: typ})
	}
}

func typeHolds(t *testing.T, typ *Type) {
	names := map[Name]bool{}
	for _, c := range typ.Children() {
		if names[c.Element.Name] || c.Min < 0 || c.Max != Unbounded && c.Max < c.Min || c.Max == 0 {
			t.Errorf("child %s %d..%d of %s", c.Element.Name, c.Min, c.Max, typ.Name)
		}
		names[c.Element.Name] = true
		if got, ok := typ.Child(c.Element.Name); !ok || got != c {
			t.Errorf("child %s of %s is not found", c.Element.Name, typ.Name)
		}
	}
	for i, a := range typ.Attributes {
		if a.Type == nil || typ.Attr(a.Name) != typ.Attributes[i] {
			t.Errorf("attribute %s of %s has no type or is there twice", a.Name, typ.Name)
		}
	}
	if typ.AnyAttr != (typ.Wildcard != nil) {
		t.Errorf("%s: any attribute %t, %v", typ.Name, typ.AnyAttr, typ.Wildcard)
	}
	if typ.Array != nil && typ.Array.Item == nil {
		t.Errorf("%s is an array of nothing", typ.Name)
	}
	if typ.Simple != nil {
		typ.Simple.Describe()
		typ.Simple.Check("x")
	}
	typ.layout()
	typ.Open()
}
