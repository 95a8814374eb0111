package contract

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jacoelho/xsd"

	"github.com/gatehouse/gatehouse/internal/document"
)

// recognised reports whether an envelope goes without the engine.
func recognised(s *Service, envelope []byte) bool {
	tree := s.Recognise(nil, envelope)
	if tree == nil {
		return false
	}
	tree.Release()
	return true
}

// TestRecognises names what goes without the engine, and what is left to it:
// neither changes unseen.
func TestRecognises(t *testing.T) {
	s := sample(t).Services[0]
	for _, name := range []string{"order-full.xml", "order-full-soap12.xml", "order-full-wsse.xml", "order-full-wsse-soap12.xml",
		"order-minimal.xml", "order-other-prefixes.xml", "order-revision-2.xml", "shipment.xml", "shipment-soap12.xml"} {
		if !recognised(s, envelope(t, name)) {
			t.Errorf("%s is left to the engine", name)
		}
	}
	valid := string(envelope(t, "order-minimal.xml"))
	status := between(t, valid, "Status>", "<")
	for what, tt := range map[string]struct{ old, new string }{
		"a comment in a value":        {status, status + "<!---->"},
		"a comment between elements":  {"<" + prefixOf(valid, "Status") + "Status>", "<!----><" + prefixOf(valid, "Status") + "Status>"},
		"a section":                   {status, "<![CDATA[" + status + "]]>"},
		"a schema's location":         {"Envelope ", `Envelope xmlns:xsi="` + nsXSI + `" xsi:schemaLocation="u l" `},
		"a value that is not allowed": {status, "SENT"},
		"text between elements":       {"<" + prefixOf(valid, "Status") + "Status>", "x<" + prefixOf(valid, "Status") + "Status>"},
		"a second root":               {"", ""},
		"an element after the Body":   {"</" + prefixOf(valid, "Envelope") + "Envelope>", "<x/></" + prefixOf(valid, "Envelope") + "Envelope>"},
	} {
		changed := strings.Replace(valid, tt.old, tt.new, 1)
		if tt.old == "" {
			changed = valid + valid
		}
		if changed == valid {
			t.Fatalf("%s: nothing is changed", what)
		}
		if recognised(s, []byte(changed)) {
			t.Errorf("%s is recognised", what)
		}
	}
	if recognised(s, []byte(strings.Replace(valid, status, status+strings.Repeat(" ", maxRecognised), 1))) {
		t.Error("a message of a megabyte is recognised")
	}
}

// between is what stands between two texts.
func between(t *testing.T, s, before, after string) string {
	t.Helper()
	_, rest, _ := strings.Cut(s, before)
	out, _, ok := strings.Cut(rest, after)
	if !ok {
		t.Fatalf("nothing between %q and %q", before, after)
	}
	return out
}

// prefixOf is the prefix with its colon that a document writes a name with.
func prefixOf(doc, local string) string {
	at := strings.Index(doc, local)
	return doc[strings.LastIndexByte(doc[:at], '<')+1 : at]
}

// TestRecognisedBlocks looks at what may stand in a Header without the engine.
func TestRecognisedBlocks(t *testing.T) {
	s := sample(t).Services[0]
	valid := string(envelope(t, "order-minimal.xml"))
	body := valid[strings.LastIndexByte(valid[:strings.Index(valid, "Body")], '<'):]
	soap := prefixOf(valid, "Body")
	start := valid[:len(valid)-len(body)]
	for block, want := range map[string]bool{
		`<x/>`: true,
		`<x xmlns="urn:x" a="1"><y>text</y><z/>more</x>`:                   true,
		`<x xmlns="urn:x" ` + soap + `mustUnderstand="1"/>`:                true,
		`<x xmlns:xsi="` + nsXSI + `" xsi:type="x"/>`:                      false,
		`<x xml:lang="en"/>`:                                               false,
		`<x><o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1"/></x>`: false,
		`<x o:a="1" xmlns:o="urn:gatehouse:samples:orders:1"/>`:            false,
		`<` + soap + `Envelope/>`:                                          false,
		strings.Repeat("<x>", 70) + strings.Repeat("</x>", 70):             false,
	} {
		src := []byte(start + "<" + soap + "Header>" + block + "</" + soap + "Header>" + body)
		if got := recognised(s, src); got != want {
			t.Errorf("%s: recognised %v", block, got)
		}
		if want && s.validator.Validate(src) != nil {
			t.Errorf("%s: the engine refuses it", block)
		}
	}
}

// TestRecognisedValues tries values, and such as differ from them in one place,
// against every type: what is recognised is valid.
func TestRecognisedValues(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	valid, recognised := 0, 0
	for _, typ := range simpleTypes(t) {
		engine, p := engineFor(t, typ.name), newValuePlan(typ.simple)
		for _, v := range lexicals {
			for range 6 {
				doc := append(document.AppendText([]byte("<v>"), v), "</v>"...)
				theirs := engine.Validate(bytes.NewReader(doc))
				ours := p.takes(v)
				if ours && theirs != nil {
					t.Errorf("%s %q is recognised: %v", typ.name, v, theirs)
				}
				if theirs == nil {
					valid++
				}
				if ours {
					recognised++
				}
				v = altered(random, v)
			}
		}
	}
	t.Logf("%d of %d valid values are recognised", recognised, valid)
	if recognised < valid/2 {
		t.Errorf("only %d of %d valid values are recognised", recognised, valid)
	}
}

// TestRecognisedElements looks at what an element may be beside its content.
func TestRecognisedElements(t *testing.T) {
	schema := []byte(`<xs:schema xmlns:xs="` + nsXSD + `"><xs:element name="v"><xs:complexType><xs:choice minOccurs="0">
		<xs:element name="said" default="x" type="xs:token"/><xs:element name="fixed" fixed="x" type="xs:token"/>
		<xs:element name="open" nillable="true" type="xs:int"/><xs:element name="closed" type="xs:int"/>
		<xs:element name="none"><xs:complexType/></xs:element><xs:element name="nothing"><xs:complexType><xs:sequence/></xs:complexType></xs:element>
		<xs:element name="mixed"><xs:complexType mixed="true"><xs:sequence><xs:element name="i" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
		<xs:element name="keyed"><xs:complexType><xs:sequence><xs:element name="i" type="xs:int" maxOccurs="9"/></xs:sequence></xs:complexType><xs:unique name="u"><xs:selector xpath="i"/><xs:field xpath="."/></xs:unique></xs:element>
		</xs:choice><xs:attribute name="a" fixed="x y"/><xs:attribute name="b" type="xs:int"/><xs:attribute name="id" type="xs:ID"/></xs:complexType></xs:element></xs:schema>`)
	engine, err := xsd.Compile(xsd.Bytes("x.xsd", schema))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(fstest.MapFS{"x.xsd": {Data: schema}}, "x.xsd")
	if err != nil {
		t.Fatal(err)
	}
	const valid, recognised = true, true
	for doc, want := range map[string]struct{ valid, recognised bool }{
		`<v/>`:                                   {valid, recognised},
		`<v> <!----> </v>`:                       {valid, !recognised},
		`<v>x</v>`:                               {!valid, !recognised},
		`<v a="x y" b=" 7 "/>`:                   {valid, recognised},
		`<v a="x"/>`:                             {!valid, !recognised},
		`<v b="x"/>`:                             {!valid, !recognised},
		`<v c=""/>`:                              {!valid, !recognised},
		`<v id="x"/>`:                            {valid, !recognised},
		`<v><said/></v>`:                         {valid, recognised},
		`<v><said>y</said></v>`:                  {valid, recognised},
		`<v><said>y<!----></said></v>`:           {valid, !recognised},
		`<v><fixed>x</fixed></v>`:                {valid, !recognised},
		`<v><fixed>y</fixed></v>`:                {!valid, !recognised},
		`<v><open n:nil="true"/></v>`:            {valid, recognised},
		`<v><open n:nil="1"/></v>`:               {valid, !recognised},
		`<v><open n:nil="x"/></v>`:               {!valid, !recognised},
		`<v><open n:nil="true">1</open></v>`:     {!valid, !recognised},
		`<v><open n:nil="false">1</open></v>`:    {valid, recognised},
		`<v><open n:nil="false"/></v>`:           {!valid, !recognised},
		`<v><closed n:nil="true"/></v>`:          {!valid, !recognised},
		`<v><closed n:type="v">1</closed></v>`:   {!valid, !recognised},
		`<v><closed>1<!----></closed></v>`:       {valid, !recognised},
		`<v><closed>&#49;</closed></v>`:          {valid, recognised},
		`<v><closed>1<i/></closed></v>`:          {!valid, !recognised},
		`<v><none/></v>`:                         {valid, recognised},
		`<v><none>x</none></v>`:                  {!valid, !recognised},
		`<v><nothing></nothing></v>`:             {valid, recognised},
		`<v><nothing><i/></nothing></v>`:         {!valid, !recognised},
		`<v><mixed>a<i>1</i>b</mixed></v>`:       {valid, recognised},
		`<v><mixed>a<i>b</i></mixed></v>`:        {!valid, !recognised},
		`<v><keyed><i>1</i></keyed></v>`:         {valid, !recognised},
		`<v><keyed><i>1</i><i>1</i></keyed></v>`: {!valid, !recognised},
	} {
		src := []byte(strings.Replace(doc, "<v", `<v xmlns:n="`+nsXSI+`"`, 1))
		tree, err := document.Read(src)
		if err != nil {
			t.Fatal(doc, err)
		}
		if verdict := engine.Validate(bytes.NewReader(src)); (verdict == nil) != want.valid {
			t.Errorf("%s: the engine says %v", doc, verdict)
		}
		r := &recogniser{service: &Service{model: c.model}}
		if got := r.element(tree.Root(), c.Element(Name{Local: "v"}), 0); got != want.recognised {
			t.Errorf("%s: recognised %v", doc, got)
		}
		tree.Release()
	}
}

// altered changes, adds or drops one character.
func altered(random *rand.Rand, v string) string {
	const alphabet = "0123456789+-.:TZzPe aA=/_\t\né٣"
	runes := []rune(v)
	at := random.IntN(len(runes) + 1)
	with := []rune(alphabet)[random.IntN(len([]rune(alphabet)))]
	switch random.IntN(3) {
	case 0:
		return string(runes[:at]) + string(with) + string(runes[at:])
	case 1:
		if at < len(runes) {
			return string(runes[:at]) + string(runes[at+1:])
		}
	}
	if at < len(runes) {
		runes[at] = with
	}
	return string(runes)
}

// TestRecognisedPatterns holds translated patterns against the engine.
func TestRecognisedPatterns(t *testing.T) {
	patterns := map[string]bool{ // whether it is translated
		`[A-Z]{3}`: true, `[^@\s]+@[^@\s]+`: true, `\d{2,4}`: true, `a|b|`: true, `(ab?c)*`: true, `.`: true, `..+`: true,
		`[0-9a-fA-F]+`: true, `[a\-z]+`: true, `[-a]+`: true, `[a-]+`: true, `[.]`: true, `\.\*`: true, `^a$`: true, `[\^a]+`: true, `[a^]+`: true,
		`\S+`: true, `[^a-c]*`: true, `a{2}`: true, `a{2,}`: true, `a{0}`: true, `#&"'<>,;:!%@_=~/ `: true, `[é-ü]`: false, `é+`: true, `[\t ]`: true, `()a`: true,
		`[a-z-[aeiou]]+`: false, `\p{Lu}+`: false, `\i\c*`: false, `\w+`: false, `\D`: false, `[^\d]`: false, `[\w]`: false, `\P{L}`: false,
		`[!-~]+`: false, `a{1000}`: false,
	}
	random := rand.New(rand.NewPCG(5, 6))
	for p, want := range patterns {
		ours := plainPattern([]string{p})
		if (ours != nil) != want {
			t.Errorf("%s: translated %v", p, ours != nil)
		}
		check := newPatternCheck([][]string{{p}})
		if check.engine() == nil {
			t.Errorf("%s is no pattern to the engine", p)
			continue
		}
		if ours == nil {
			continue
		}
		for range 400 {
			v := ""
			for range random.IntN(5) {
				v += string([]rune("abcAZz019-.*^$@#é٣ \t\n_\\&<'")[random.IntN(26)])
			}
			if theirs := check.match(v); ours.MatchString(v) && !theirs || theirs && !ours.MatchString(v) && !strings.Contains(v, "٣") {
				t.Errorf("%s %q: the engine %v, translated %v", p, v, theirs, ours)
			}
		}
	}
}

// contentModel writes a random content model over a, b and c.
func contentModel(random *rand.Rand, depth int) string {
	occurs := []string{"", "", "", ` minOccurs="0"`, ` minOccurs="0"`, ` maxOccurs="unbounded"`, ` minOccurs="0" maxOccurs="unbounded"`,
		` minOccurs="2" maxOccurs="3"`, ` maxOccurs="2"`, ` minOccurs="0" maxOccurs="2"`, ` minOccurs="2" maxOccurs="unbounded"`, ` minOccurs="0" maxOccurs="0"`}[random.IntN(12)]
	if depth == 0 || random.IntN(3) == 0 {
		if random.IntN(12) == 0 {
			return `<xs:any namespace="##other" processContents="skip"` + occurs + `/>`
		}
		return fmt.Sprintf(`<xs:element name="%c" type="xs:int"%s/>`, 'a'+rune(random.IntN(3)), occurs)
	}
	group := []string{"sequence", "choice"}[random.IntN(2)]
	var b strings.Builder
	for range 1 + random.IntN(3) {
		b.WriteString(contentModel(random, depth-1))
	}
	return `<xs:` + group + occurs + `>` + b.String() + `</xs:` + group + `>`
}

// TestRecognisedContents tries every short sequence of children against random
// content models: what is recognised is valid, and the other way round where
// the model has no wildcard.
func TestRecognisedContents(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	sequences := []string{""}
	for i := 0; len(sequences[i]) < 5; i++ {
		for _, c := range "abc" {
			sequences = append(sequences, sequences[i]+string(c))
		}
	}
	models, unsure, valid := 0, 0, 0
	for range 1500 {
		model := `<xs:sequence>` + contentModel(random, 3) + `</xs:sequence>`
		if random.IntN(15) == 0 {
			model = `<xs:all` + []string{"", ` minOccurs="0"`}[random.IntN(2)] + `><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int" minOccurs="0"/><xs:element name="c" type="xs:int"/></xs:all>`
		}
		schema := []byte(`<xs:schema xmlns:xs="` + nsXSD + `"><xs:element name="v"><xs:complexType>` + model + `</xs:complexType></xs:element></xs:schema>`)
		engine, err := xsd.Compile(xsd.Bytes("x.xsd", schema))
		if err != nil {
			continue // not deterministic, mostly
		}
		c, err := Load(fstest.MapFS{"x.xsd": {Data: schema}}, "x.xsd")
		if err != nil {
			t.Fatal(err)
		}
		models++
		el := c.Element(Name{Local: "v"})
		// The engine takes a group that may not occur for one that may.
		exact := !strings.Contains(model, "xs:any ") && !strings.Contains(model, `maxOccurs="0"`)
		if el.Type.plan().unsure {
			unsure++
			continue
		}
		for _, children := range sequences {
			doc := []byte("<v>")
			for _, name := range children {
				doc = fmt.Appendf(doc, "<%c>1</%c>", name, name)
			}
			doc = append(doc, "</v>"...)
			theirs := engine.Validate(bytes.NewReader(doc)) == nil
			tree, err := document.Read(doc)
			if err != nil {
				t.Fatal(err)
			}
			ours := (&recogniser{service: &Service{model: c.model}}).element(tree.Root(), el, 0)
			tree.Release()
			if ours && !theirs || theirs && !ours && exact {
				t.Fatalf("%q: the engine %v, recognised %v\n%s", children, theirs, ours, model)
			}
			if ours {
				valid++
			}
		}
	}
	t.Logf("%d models, %d left to the engine, %d sequences recognised", models, unsure, valid)
	if models < 300 || unsure > models/4 || valid < 2000 {
		t.Errorf("%d models, %d left to the engine, %d sequences recognised: the comparison compares little", models, unsure, valid)
	}
}

// FuzzRecognise looks for a message that is recognised and not valid.
func FuzzRecognise(f *testing.F) {
	for _, name := range []string{"order-full.xml", "order-full-wsse.xml", "order-minimal.xml", "shipment.xml"} {
		src, err := os.ReadFile(soapFiles + "/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, tt := range everyKindTests {
		f.Add(wrapped(tt.body))
	}
	sample, kinds := sample(f).Services[0], everyKindService(f, everyKind)
	f.Fuzz(func(t *testing.T, src []byte) {
		s := sample
		if bytes.Contains(src, []byte("urn:t")) {
			s = kinds
		}
		if recognised(s, src) {
			if err := s.validator.Validate(src); err != nil {
				t.Error(err)
			}
		}
	})
}
