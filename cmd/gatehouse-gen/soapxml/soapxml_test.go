package soapxml

import (
	"encoding/xml"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The types that a generator would make of a contract with everything in it.
type (
	order struct {
		Nil      bool            `xsd:",isnil"`
		No       int32           `xsd:"no,attr"`
		Flag     *bool           `xsd:"flag,attr,ns=urn:a"`
		Sizes    []int8          `xsd:"sizes,attr,list"`
		Others   []xml.Attr      `xsd:",anyattr"`
		Amount   XSDDecimal      `xsd:"Amount,is=decimal,ns=urn:o"`
		Rate     *float64        `xsd:"Rate,ns=urn:o"`
		At       *XSDDateTime    `xsd:"At,is=dateTime,ns=urn:o"`
		Local    string          `xsd:"Local" default:"x"`
		Kind     *XSDQName       `xsd:"Kind,ns=urn:o"`
		Photo    []byte          `xsd:"Photo,is=base64Binary,ns=urn:o"`
		Mail     *string         `xsd:"Mail,choice=1!,ns=urn:o"`
		Phone    *string         `xsd:"Phone,choice=1!,ns=urn:o"`
		Lines    []orderItem     `xsd:",group,many"`
		Limit    *int64          `xsd:"Limit,nillable,ns=urn:o"`
		Remark   *nillableString `xsd:"Remark,nil,ns=urn:o"`
		Shape    anyShape        `xsd:"Shape,ns=urn:o"`
		Customer *customer       `xsd:"Customer,required,ns=urn:o"`
		Any      []*XMLElement   `xsd:",any,many"`
	}
	nillableString = XSDNillable[string]
	orderItem      struct {
		A *string `xsd:"A,ns=urn:o"`
		B *string `xsd:"B,ns=urn:o"`
	}
	customer struct {
		Value string `xsd:",value"`
		No    uint8  `xsd:"no,attr"`
	}
	closed struct {
		A int32   `xsd:"A,ns=urn:o"`
		B *string `xsd:"B,choice=1,ns=urn:o"`
		C *string `xsd:"C,choice=1,ns=urn:o"`
	}
	anyShape interface{ xsdAnyShape() }
	shape    struct{}
	circle   struct {
		Radius int32 `xsd:"Radius"`
	}
)

func (*shape) xsdAnyShape()  {}
func (*circle) xsdAnyShape() {}

func (v order) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	return xsdMarshal(e, start, &v)
}
func (v *order) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	return xsdUnmarshal(d, start, v)
}

var (
	_ = xsdSchema.element("urn:o", "Order", reflect.TypeFor[order]())
	_ = xsdSchema.named("urn:o", "Shape", reflect.TypeFor[shape]())
	_ = xsdSchema.named("urn:o", "Circle", reflect.TypeFor[circle]())
	_ = xsdSchema.alternatives(reflect.TypeFor[anyShape](), reflect.TypeFor[shape]())
)

func whole() *order {
	return &order{
		No: 7, Flag: new(true), Sizes: []int8{1, -2}, Others: []xml.Attr{{Name: xml.Name{Space: "http://www.w3.org/XML/1998/namespace", Local: "lang"}, Value: "de"}},
		Amount: "12.50", Rate: new(math.Inf(-1)), At: new(NewXSDDateTime(time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC))),
		Local: "<&>", Kind: &XSDQName{Space: "urn:k", Local: "big"}, Photo: []byte{0, 255}, Mail: new("a@b"),
		Lines: []orderItem{{A: new("1"), B: new("2")}, {B: new("3")}, {A: new("4")}},
		Limit: nil, Remark: &nillableString{Nil: true}, Shape: &circle{3}, Customer: &customer{"Nordic", 9},
		Any: []*XMLElement{{Name: xml.Name{Space: "urn:x", Local: "extra"}, Content: []any{"text ", &XMLElement{Name: xml.Name{Local: "inner"}}}}},
	}
}

const wholeXML = `<Order xmlns="urn:o" xmlns:n1="urn:a" no="7" n1:flag="true" sizes="1 -2" xml:lang="de">` +
	`<Amount>12.50</Amount><Rate>-INF</Rate><At>2026-03-02T09:30:00Z</At><Local xmlns="">&lt;&amp;&gt;</Local>` +
	`<Kind xmlns:n1="urn:k">n1:big</Kind><Photo>AP8=</Photo><Mail>a@b</Mail>` +
	`<A>1</A><B>2</B><B>3</B><A>4</A>` +
	`<Limit xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"></Limit>` +
	`<Remark xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"></Remark>` +
	`<Shape xmlns:n1="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="n1:Circle"><Radius xmlns="">3</Radius></Shape>` +
	`<Customer no="9">Nordic</Customer><extra xmlns="urn:x">text <inner xmlns=""></inner></extra></Order>`

// TestWriteAndRead writes everything there is, and reads it again.
func TestWriteAndRead(t *testing.T) {
	for _, v := range []any{whole(), *whole()} {
		got, err := xml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != wholeXML {
			t.Errorf("got\n%s\nwant\n%s", got, wholeXML)
		}
	}
	var back order
	if err := xml.Unmarshal([]byte(wholeXML), &back); err != nil {
		t.Fatal(err)
	}
	again := strings.Replace(wholeXML, `<extra xmlns="urn:x">`, `<extra xmlns="urn:x" xmlns:n1="urn:a">`, 1) // it might use the prefix
	if got, err := xml.Marshal(back); err != nil || string(got) != again {
		t.Errorf("%v, after reading:\n%s", err, got)
	}
	want := whole()
	want.Any, back.Any = nil, nil
	if !reflect.DeepEqual(&back, want) {
		t.Errorf("got %+v\nwant %+v", back, want)
	}
}

// TestReadsForeign: other prefixes, other white space, comments, CDATA, defaults,
// empty lists.
func TestReadsForeign(t *testing.T) {
	const text = `<?xml version="1.0"?><!-- c --><o:Order xmlns:o="urn:o" no=" +7 " sizes="" xmlns:q="urn:k">
  <o:Amount> .5 </o:Amount><Local/><o:Kind> q:big</o:Kind><o:Photo> AP
  8= </o:Photo><o:Phone>1<!-- c -->2<![CDATA[3]]></o:Phone>
  <o:Limit>0</o:Limit><o:Customer no="255"/></o:Order>`
	var got order
	if err := xml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	switch {
	case got.No != 7 || got.Amount != ".5" || got.Local != "x" || *got.Phone != "123" || *got.Limit != 0:
		t.Errorf("got %+v", got)
	case got.Sizes == nil || len(got.Sizes) != 0 || string(got.Photo) != "\x00\xff":
		t.Errorf("got %v, %v", got.Sizes, got.Photo)
	case *got.Kind != XSDQName{"urn:k", "big"} || got.Remark != nil || got.Shape != nil || got.Customer.No != 255:
		t.Errorf("got %+v", got)
	}
	if err := xml.Unmarshal([]byte(`<Order xmlns="urn:o" no="1" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="1"/>`), &got); err != nil || !got.Nil {
		t.Errorf("nil: %v, %v", got.Nil, err)
	}
}

// TestRefusesToWrite: what would not be what the contract says is not written.
func TestRefusesToWrite(t *testing.T) {
	tests := []struct {
		name   string
		change func(*order)
		want   string
	}{
		{"a required value that was never set", func(o *order) { o.Amount = "" }, `Order/Amount: "" is no xs:decimal`},
		{"a date in words", func(o *order) { o.At = new(XSDDateTime("tomorrow")) }, "Order/At: "},
		{"a required structure", func(o *order) { o.Customer = nil }, "Order/Customer: it is required"},
		{"two alternatives", func(o *order) { o.Phone = new("1") }, "Mail and Phone are alternatives"},
		{"no alternative", func(o *order) { o.Mail = nil }, "Mail or an alternative to it is required"},
		{"a control character", func(o *order) { o.Local = "a\x00" }, "Order/Local: the text has the character U+0000"},
		{"not UTF-8", func(o *order) { o.Local = "a\xff" }, "not UTF-8"},
		{"an attribute without value", func(o *order) { o.Kind = &XSDQName{} }, "a QName is empty"},
		{"a typed nil", func(o *order) { o.Shape = (*circle)(nil) }, "Order/Shape: it is required"},
		{"a wildcard without element", func(o *order) { o.Any = []*XMLElement{nil} }, "it is required"},
		{"an element of nothing known", func(o *order) { o.Any[0].Content = []any{1} }, "content of type int"},
	}
	for _, tt := range tests {
		o := whole()
		tt.change(o)
		if got, err := xml.Marshal(o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %s", tt.name, err, got)
		}
	}
}

// TestRefusesToRead: nothing that a document says is dropped.
func TestRefusesToRead(t *testing.T) {
	const head = `<Order xmlns="urn:o" no="1" sizes="">`
	tests := []struct{ name, text, want string }{
		{"another element", `<order xmlns="urn:o"/>`, "instead of {urn:o}Order"},
		{"no namespace", `<Order/>`, "instead of {urn:o}Order"},
		{"text between", head + `x<Amount>1</Amount></Order>`, "text between"},
		{"out of bounds", `<Order xmlns="urn:o" no="2147483648"/>`, "Order/@no: "},
		{"no number", head + `<Amount>1e3</Amount></Order>`, "is no xs:decimal"},
		{"nil where it may not be", head + `<Amount xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></Order>`, "it is nil"},
		{"an attribute", head + `<Amount currency="EUR">1</Amount></Order>`, "@currency"},
		{"an unknown type", head + `<Shape xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="Square"/></Order>`, "Square"},
		{"an unbound prefix", head + `<Kind>zz:big</Kind></Order>`, "not declared"},
		{"a document type", `<!DOCTYPE a [<!ENTITY b "c">]>` + head + `<Amount>&b;</Amount></Order>`, "invalid character entity"},
		{"ever deeper", head + strings.Repeat("<extra xmlns='urn:x'>", 10_000), "nested too deeply"},
		{"cut off", head, "EOF"},
	}
	for _, tt := range tests {
		var o order
		if err := xml.Unmarshal([]byte(tt.text), &o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestOpenContent: what stands under a wildcard keeps the prefixes that it uses.
func TestOpenContent(t *testing.T) {
	const text = `<o:Order xmlns:o="urn:o" xmlns:q="urn:q" no="1"><o:Amount>1</o:Amount><Local/><o:Mail/><o:Limit>1</o:Limit><o:Customer no="1"/>` +
		`<q:any kind="q:big"><q:in xmlns:r="urn:r" r:a="1">r:x</q:in> tail</q:any></o:Order>`
	var o order
	if err := xml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	got, err := xml.Marshal(o.Any[0])
	const want = `<any xmlns="urn:q" xmlns:q="urn:q" xmlns:o="urn:o" kind="q:big"><in xmlns:r="urn:r" r:a="1">r:x</in> tail</any>`
	if err != nil || string(got) != want {
		t.Errorf("%v: got %s, want %s", err, got, want)
	}
	var any XMLElement
	if err := xml.Unmarshal([]byte(want), &any); err != nil || any.Text() != " tail" || any.Elements()[0].Name.Local != "in" {
		t.Errorf("%v: %+v", err, any)
	}
	if v, ok := any.Attribute(xml.Name{Local: "kind"}); !ok || v != "q:big" {
		t.Errorf("kind is %q", v)
	}
}

// TestOrderOfElements: what has no place is an error; what comes earlier than
// its field is taken all the same, as xs:all allows.
func TestOrderOfElements(t *testing.T) {
	for text, want := range map[string]string{
		`<A>1</A><B/>`:               "",
		`<B/><A>1</A>`:               "",
		`<A>1</A><A>2</A>`:           "{urn:o}A is not expected here",
		`<A>1</A><D/>`:               "{urn:o}D is not expected here",
		`<A xmlns="">1</A>`:          "{}A is not expected here",
		`<A>1</A><B/><C/>`:           "{urn:o}C is not expected here",
		`<A>1</A><B><C/></B>`:        "X/B/C: an element is not expected here",
		`<A>1</A>.`:                  "text between",
		`<A>9999999999999999999</A>`: "out of range",
	} {
		x, err := xsdReadDocument(strings.NewReader(`<X xmlns="urn:o">` + text + `</X>`))
		if err != nil {
			t.Fatal(err)
		}
		var v closed
		if err := x.into(&v); want == "" && (err != nil || v.A != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
}

func TestValues(t *testing.T) {
	if r, ok := XSDDecimal("-0.10").Rat(); !ok || r.RatString() != "-1/10" {
		t.Error(r, ok)
	}
	if _, ok := XSDDecimal("1e9").Rat(); ok {
		t.Error("1e9 is no decimal")
	}
	if i, ok := XSDInteger("123456789012345678901").Int(); !ok || i.String() != "123456789012345678901" {
		t.Error(i, ok)
	}
	east := time.FixedZone("", 2*3600)
	if at, err := XSDDateTime("2026-03-02T11:30:00.5").Time(east); err != nil || !at.Equal(time.Date(2026, 3, 2, 9, 30, 0, 5e8, time.UTC)) {
		t.Error(at, err)
	}
	if at, err := XSDDateTime("2026-03-02T09:30:00Z").Time(east); err != nil || at.Hour() != 9 {
		t.Error(at, err)
	}
	for _, text := range []XSDDate{NewXSDDate(time.Date(2026, 3, 2, 23, 0, 0, 0, east)), "2026-03-02+02:00"} {
		if at, err := text.Time(east); err != nil || !at.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, east)) {
			t.Error(text, at, err)
		}
	}
	for _, f := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), 1e300, -0.1} {
		text := xsdFormatFloat(f, 64)
		var back float64
		if err := xsdParseItem(&xsdField{}, text, reflect.ValueOf(&back).Elem(), nil); err != nil || back != f && !math.IsNaN(f) {
			t.Errorf("%v became %s, %v", f, text, err)
		}
		if err := xsdLexical("float", text); err != nil {
			t.Error(err)
		}
	}
}
