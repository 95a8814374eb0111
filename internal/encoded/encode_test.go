package encoded

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

const (
	head11 = `<w:book xmlns:w="urn:stock" xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:c="http://schemas.xmlsoap.org/soap/encoding/" e:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">`
	head12 = `<w:book xmlns:w="urn:stock" xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:c="http://www.w3.org/2003/05/soap-encoding" e:encodingStyle="http://www.w3.org/2003/05/soap-encoding">`
)

func TestAppend(t *testing.T) {
	// The attributes are those of both versions; i:type is resolved by the
	// canonical form.
	const types = ` xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t"`
	tests := []struct {
		name, part, in string
		want, want12   string // empty: the same as in SOAP 1.1
	}{
		{"simple", "xs:string", `<p>a &lt; b</p>`, `<p i:type="x:string">a &lt; b</p>`, ""},
		{"empty", "xs:string", `<p/>`, `<p i:type="x:string"/>`, ""},
		{"twin", "enc:string", `<p>a</p>`, `<p i:type="x:string">a</p>`, ""},
		{"struct", "t:Stand", `<p><site>H</site><note i:nil="true"/></p>`, `<p i:type="t:Stand"><site i:type="x:string">H</site><note i:nil="true"/></p>`, ""},
		{"derived", "t:Stand", `<p i:type="t:Berth"><site>H</site><note/><gate>1</gate></p>`, `<p i:type="t:Berth"><site i:type="x:string">H</site><note i:type="x:string"/><gate i:type="x:int">1</gate></p>`, ""},
		{"anything", "xs:anyType", `<p i:type="x:int">1</p>`, `<p i:type="x:int">1</p>`, ""},
		{"anything untyped", "xs:anyType", `<p><a i:type="x:string">1</a><b><c/></b></p>`, `<p><a i:type="x:string">1</a><b><c i:type="x:string"/></b></p>`, ""},
		{"anything of a type", "xs:anyType", `<p i:type="t:Stand"><site>H</site><note/></p>`, `<p i:type="t:Stand"><site i:type="x:string">H</site><note i:type="x:string"/></p>`, ""},
		{"attribute", "t:Tagged", `<p id="x"><v>1</v></p>`, `<p i:type="t:Tagged" id="x"><v i:type="x:string">1</v></p>`, ""},
		{"nil", "t:Stand", `<p i:nil="1"/>`, `<p i:nil="true"/>`, ""},
		{"array", "t:Strings", `<p><item>a</item><item i:nil="true"/></p>`, `<p i:type="c:Array" c:arrayType="x:string[2]"><item i:type="x:string">a</item><item i:nil="true"/></p>`,
			`<p i:type="c:Array" c:itemType="x:string" c:arraySize="2"><item i:type="x:string">a</item><item i:nil="true"/></p>`},
		{"empty array", "t:Stands", `<p/>`, `<p i:type="c:Array" c:arrayType="t:Stand[0]"/>`, `<p i:type="c:Array" c:itemType="t:Stand" c:arraySize="0"/>`},
		{"array of arrays", "t:Lists", `<p><item><item>a</item></item><item/></p>`, `<p i:type="c:Array" c:arrayType="x:string[][2]"><item i:type="c:Array" c:arrayType="x:string[1]"><item i:type="x:string">a</item></item><item i:type="c:Array" c:arrayType="x:string[0]"/></p>`,
			`<p i:type="c:Array" c:itemType="c:Array" c:arraySize="2"><item i:type="c:Array" c:itemType="x:string" c:arraySize="1"><item i:type="x:string">a</item></item><item i:type="c:Array" c:itemType="x:string" c:arraySize="0"/></p>`},
		{"table", "t:Table", `<p><item><item>1</item><item>2</item></item><item><item>3</item><item>4</item></item></p>`, `<p i:type="c:Array" c:arrayType="x:int[2,2]"><item i:type="x:int">1</item><item i:type="x:int">2</item><item i:type="x:int">3</item><item i:type="x:int">4</item></p>`,
			`<p i:type="c:Array" c:itemType="x:int" c:arraySize="2 2"><item i:type="x:int">1</item><item i:type="x:int">2</item><item i:type="x:int">3</item><item i:type="x:int">4</item></p>`},
		{"empty table", "t:Table", `<p/>`, `<p i:type="c:Array" c:arrayType="x:int[0,0]"/>`, `<p i:type="c:Array" c:itemType="x:int" c:arraySize="0 0"/>`},
		{"named members", "t:Named", `<p><entry>1</entry></p>`, `<p i:type="c:Array" c:arrayType="x:int[1]"><entry i:type="x:int">1</entry></p>`, `<p i:type="c:Array" c:itemType="x:int" c:arraySize="1"><entry i:type="x:int">1</entry></p>`},
		{"qualified name", "xs:QName", `<p xmlns:z="urn:z">z:a</p>`, `<p i:type="x:QName" xmlns:q1="urn:z">q1:a</p>`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, op := load(t, stockTypes, `<part name="p" type="`+tt.part+`"/>`)
			in := `<w:book xmlns:w="urn:stock" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"` + types + `>` + tt.in + `</w:book>`
			if tt.want12 == "" {
				tt.want12 = tt.want
			}
			for v, want := range map[envelope.Version]string{envelope.V11: head11 + tt.want, envelope.V12: head12 + tt.want12} {
				want = strings.Replace(want, "<w:book", "<w:book"+types, 1) + `</w:book>`
				got, err := Append([]byte("before"), v, op.Input.Element, []byte(in))
				if err != nil {
					t.Fatal(err)
				}
				payload, _ := strings.CutPrefix(string(got), "before")
				if qnames(canonicalOf(t, payload)) != qnames(canonicalOf(t, want)) {
					t.Errorf("%s\ngot  %s\nwant %s", v, payload, want)
				}
				if tt.name == "anything untyped" { // it is typed then
					continue
				}
				whole := envelope.AppendReply(nil, envelope.ReplyHead{Version: v}, []byte(payload))
				d, err := Normalise(s, op, whole, 0)
				if err != nil {
					t.Fatalf("%v\n%s", err, whole)
				}
				if back, want := literal(t, d.XML), canonicalOf(t, strings.ReplaceAll(in, `"1"`, `"true"`)); qnames(back) != qnames(want) {
					t.Errorf("%s\nback %s\nwant %s", v, back, want)
				}
			}
		})
	}
}

// qnames takes the prefixes out of the values of arrayType and itemType, which
// the canonical form leaves alone.
func qnames(canonical string) string {
	return strings.NewReplacer("xsd:", "", "x:", "", "t:", "", "c:", "", "soapenc:", "", "soapenc", "", "q1:", "", "z:", "").Replace(canonical)
}

// TestAppendPrefixes: the names that values are of have prefixes that are bound.
func TestAppendPrefixes(t *testing.T) {
	_, op := load(t, stockTypes, `<part name="p" type="t:Stands"/>`)
	got, err := Append(nil, envelope.V11, op.Input.Element, []byte(`<w:book xmlns:w="urn:stock"><p/></w:book>`))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := document.Read(got)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	p := tree.Root().FirstChild()
	arrayType, _ := p.Attr(nameArrayType)
	if name, ok := expand(p, strings.TrimSuffix(arrayType, "[0]")); !ok || name != (document.Name{Space: "urn:t", Local: "Stand"}) {
		t.Errorf("%s: %v", arrayType, name)
	}
}

func TestAppendRefuses(t *testing.T) {
	_, op := load(t, stockTypes, `<part name="p" type="t:Table"/>`)
	for _, in := range []string{``, `x`, `<w:book xmlns:w="urn:stock"><p><item><item>1</item></item><item/></p></w:book>`} {
		got, err := Append([]byte("x"), envelope.V11, op.Input.Element, []byte(in))
		if fault.KindOf(err) != fault.Internal || string(got) != "x" {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}
