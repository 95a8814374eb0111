package contract

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// attaching is a contract of messages that hold octets.
const attaching = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
<xs:element name="Go"><xs:complexType><xs:sequence>
  <xs:element name="file" type="xs:base64Binary" minOccurs="0" maxOccurs="unbounded"/>
  <xs:element name="photo" minOccurs="0" nillable="true"><xs:annotation><xs:documentation>A small picture.</xs:documentation></xs:annotation><xs:complexType><xs:simpleContent><xs:extension base="t:Small"><xs:attribute name="kind"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>
  <xs:element name="huge" minOccurs="0"><xs:simpleType><xs:restriction base="xs:base64Binary"><xs:maxLength value="20000000"/></xs:restriction></xs:simpleType></xs:element>
  <xs:element name="key" minOccurs="0"><xs:simpleType><xs:restriction base="xs:base64Binary"><xs:length value="64"/></xs:restriction></xs:simpleType></xs:element>
  <xs:element name="mark" minOccurs="0"><xs:simpleType><xs:restriction base="xs:base64Binary"><xs:enumeration value="AQID"/></xs:restriction></xs:simpleType></xs:element>
  <xs:element name="hex" type="xs:hexBinary" minOccurs="0"/>
  <xs:element name="name" type="xs:string" minOccurs="0"/>
  <xs:element name="anything" type="xs:anyType" minOccurs="0"/>
  <xs:element name="after" type="xs:int" minOccurs="0"/>
</xs:sequence></xs:complexType></xs:element>
<xs:simpleType name="Small"><xs:restriction base="xs:base64Binary"><xs:minLength value="2"/><xs:maxLength value="10"/></xs:restriction></xs:simpleType>
<xs:element name="Stamp" type="t:Small"/>
</xs:schema></w:types>
<w:message name="In"><w:part name="p" element="t:Go"/></w:message>
<w:portType name="P"><w:operation name="Go"><w:input message="t:In"/></w:operation></w:portType>
<w:binding name="B" type="t:P"><s:binding/><w:operation name="Go"><s:operation/><w:input><s:body use="literal"/></w:input></w:operation></w:binding>
<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://h/"/></w:port></w:service></w:definitions>`

const include = `<x:Include xmlns:x="` + nsXOP + `" href="cid:%s"/>`

// including writes an xop:Include in the place of each {id}.
func including(body string) []byte {
	return wrapped(contentIDs.ReplaceAllStringFunc(body, func(id string) string { return fmt.Sprintf(include, id[1:len(id)-1]) }))
}

var contentIDs = regexp.MustCompile(`\{[^}]*\}`)

var attachments = Parts{
	"empty": {}, "one": octets(1), "three": octets(1, 2, 3), "ten": {Octets: make([]byte, 10)}, "eleven": {Octets: make([]byte, 11)},
	"64": {Octets: make([]byte, 64)}, "large": {Octets: make([]byte, 12<<20)}, "apart": {Size: 12 << 20}, "http://tempuri.org/1/a b@x": octets(1, 2, 3),
}

func octets(b ...byte) Attachment { return Attachment{Octets: b} }

func TestAttachments(t *testing.T) {
	s := everyKindService(t, attaching)
	tests := []struct{ body, want string }{
		{`<file>{one}</file><file>{empty}</file><file>AQID</file><file>{large}</file>`, ""},
		{`<photo kind="x">{three}</photo><after>1</after>`, ""},
		{"<photo>\n  {ten}\n</photo>", ""},
		{`<huge>{large}</huge><key>{64}</key>`, ""},
		{`<file>{apart}</file><huge>{apart}</huge>`, ""},
		{`<photo>{apart}</photo>`, `/photo: the attachment has 12582912 bytes, more than 10; an attachment of 12582912 bytes; base64 of 2 to 10 bytes`},
		{`<mark>{three}</mark>`, ""},
		{`<anything>{one}</anything>`, ""},
		{`<anything><a xmlns="urn:q">{one}</a></anything>`, ""},
		{`<anything i:type="t:Small">{three}</anything>`, ""},
		{`<file>{http://tempuri.org/1/a%20b@x}</file>`, ""},
		{`<photo>{one}</photo>`, `/photo: the attachment has 1 byte, fewer than 2; an attachment of 1 byte; base64 of 2 to 10 bytes`},
		{`<photo>{eleven}</photo><after>x</after>`, `/photo: the attachment has 11 bytes, more than 10; an attachment of 11 bytes; base64 of 2 to 10 bytes | /after: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`},
		{`<photo>{empty}</photo>`, `/photo: the attachment is empty; an attachment of 0 bytes; base64 of 2 to 10 bytes`},
		{`<key>{ten}</key>`, `/key: the attachment has 10 bytes instead of 64; an attachment of 10 bytes; base64 of 64 bytes`},
		{`<mark>{one}</mark>`, `/mark: the value is not one of the values allowed; "AQ=="; AQID`},
		{`<anything i:type="t:Small">{one}</anything>`, `/anything: the attachment has 1 byte, fewer than 2; an attachment of 1 byte; base64 of 2 to 10 bytes`},
		{`<file>{none}</file>`, `/file/x:Include: the message refers to an attachment that did not come with it; "cid:none"; cid: and one of 64, apart, eleven, empty, http://tempuri.org/1/a b@x, large, one, ten, three`},
		{`<file><x:Include xmlns:x="` + nsXOP + `"/></file>`, `/file/x:Include: xop:Include names no attachment; <x:Include> without href; href="cid:…" with the Content-ID of an attachment`},
		{`<file><x:Include xmlns:x="` + nsXOP + `" href="http://h/a"/></file>`, `/file/x:Include: xop:Include refers to something other than an attachment, and nothing is ever fetched; "http://h/a"; cid: and the Content-ID of an attachment`},
		{`<file><x:Include xmlns:x="` + nsXOP + `" href="file:///etc/passwd"/></file>`, `/file/x:Include: xop:Include refers to something other than an attachment, and nothing is ever fetched; "file:///etc/passwd"; cid: and the Content-ID of an attachment`},
		{`<file>{one}AQ==</file>`, `/file/x:Include: xop:Include is not alone in its element; <x:Include> beside other content; <x:Include> and nothing else`},
		{`<file>{one}{one}</file>`, `/file/x:Include[1]: xop:Include is not alone in its element; <x:Include> beside other content; <x:Include> and nothing else | /file/x:Include[2]: xop:Include is not alone in its element; <x:Include> beside other content; <x:Include> and nothing else`},
		{`<hex>{one}</hex>`, `/hex/x:Include: an attachment cannot stand here; <x:Include>; hexadecimal digits`},
		{`<name>{one}</name>`, `/name/x:Include: an attachment cannot stand here; <x:Include>; text`},
		{`{one}`, `/x:Include: an attachment cannot stand here; <x:Include>; the elements t:file, t:photo, t:huge, t:key, t:mark, t:hex, t:name, t:anything, t:after`},
		{`<photo i:nil="true">{three}</photo>`, `/photo: the element is nil and is not empty; "AAA="; an empty element`},
		{`<file>{one}</file><file>%%</file>`, `/file[2]: the value is not base64; "%%"; base64`},
	}
	for _, tt := range tests {
		t.Run(tt.body[:min(len(tt.body), 60)], func(t *testing.T) {
			message := including(tt.body)
			details, more, err := s.ValidateWith(nil, message, attachments, 0)
			if err != nil || more != 0 {
				t.Fatal(more, err)
			}
			var got []string
			for _, d := range details {
				got = append(got, strings.TrimPrefix(d.Path, "/e:Envelope/e:Body/t:Go")+": "+d.Message+"; "+d.Found+"; "+d.Expected)
				if !bytes.HasPrefix(message[d.Column-1:], []byte("<")) && d.Line == 1 {
					t.Errorf("no element starts at %d:%d", d.Line, d.Column)
				}
			}
			if said := strings.Join(got, " | "); said != tt.want {
				t.Errorf("got  %s\nwant %s", strings.TrimSpace(said), tt.want)
			}
		})
	}
}

// TestAttachmentPlaces: what comes after an attachment is told where it stands,
// also where the value that stands in is longer than the xop:Include.
func TestAttachmentPlaces(t *testing.T) {
	s := everyKindService(t, attaching)
	for _, body := range []string{
		`<key>{64}</key><after>x</after>`, "<key><x:Include\n xmlns:x='" + nsXOP + "'\r\n href='cid:64'/></key><after>x</after>",
		`<file>{one}</file><key>{64}</key><after>x</after>`, "<file>{one}</file>\n<key>{64}</key>\r<after>x</after>",
	} {
		message := including(body)
		details, _, err := s.ValidateWith(nil, message, attachments, 0)
		if err != nil || len(details) != 1 {
			t.Fatal(details, err)
		}
		want, column := newLines(message).position(bytes.Index(message, []byte("<after")))
		if d := details[0]; d.Line != want || d.Column != column {
			t.Errorf("%d:%d, want %d:%d: %s", d.Line, d.Column, want, column, message)
		}
	}
}

// TestAttachmentsThatDidNotCome: today's doors have none.
func TestAttachmentsThatDidNotCome(t *testing.T) {
	s := everyKindService(t, attaching)
	const want = "the message refers to an attachment, and no attachments came with it"
	for _, body := range []string{`<file>{one}</file>`, `<anything>{one}</anything>`, `<anything><a xmlns="urn:q">{one}</a></anything>`} {
		details, _, err := s.Validate(including(body), 0)
		if err != nil || len(details) != 1 || details[0].Message != want {
			t.Errorf("%s: %v, %v", body, details, err)
		}
		tree, err := document.Read(including(body))
		if err != nil {
			t.Fatal(err)
		}
		payload := document.AppendStandalone(nil, bodyChild(tree.Root()))
		details, _, err = s.ValidatePayload(s.OperationNamed("Go"), payload, 0)
		if err != nil || len(details) != 1 || details[0].Message != want {
			t.Errorf("%s: %v, %v", payload, details, err)
		}
	}
	header := strings.Replace(string(including("")), "<e:Body>", "<e:Header><t:Stamp>"+fmt.Sprintf(include, "one")+"</t:Stamp></e:Header><e:Body>", 1)
	for parts, message := range map[*Parts]string{{}: "that did not come", {"one": octets(1)}: "fewer than 2", {"one": octets(1, 2)}: ""} {
		details, _, err := s.ValidateWith(nil, []byte(header), *parts, 0)
		if err != nil || message != "" && (len(details) != 1 || !strings.Contains(details[0].Message, message)) || message == "" && len(details) > 0 {
			t.Errorf("in the Header: %v, %v", details, err)
		}
	}
}

// TestAttachmentsPastMeasure: many references to much are refused, in little
// time and memory.
func TestAttachmentsPastMeasure(t *testing.T) {
	s := everyKindService(t, strings.Replace(attaching, `<xs:length value="64"/>`, `<xs:length value="1000000000"/>`, 1))
	if _, _, err := s.ValidateWith(nil, including(`<key>{large}</key>`), attachments, 0); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("error %v", err)
	}
	if _, _, err := s.ValidateWith(nil, including(`<mark>{apart}</mark>`), attachments, 0); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("error %v", err)
	}
	marks := everyKindService(t, strings.Replace(strings.Replace(attaching, `type="xs:base64Binary" minOccurs="0"`, `type="t:Mark" minOccurs="0"`, 1),
		`<xs:simpleType name="Small">`, `<xs:simpleType name="Mark"><xs:restriction base="xs:base64Binary"><xs:pattern value="A*(==?)?"/></xs:restriction></xs:simpleType><xs:simpleType name="Small">`, 1))
	if details, _, err := marks.ValidateWith(nil, including(`<file>{ten}</file>`), attachments, 0); err != nil || len(details) > 0 {
		t.Errorf("details %v, error %v", details, err)
	}
	if _, _, err := marks.ValidateWith(nil, including(strings.Repeat("<file>{large}</file>", 1000)), attachments, 0); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("error %v", err)
	}
	small := everyKindService(t, strings.Replace(attaching, `type="xs:base64Binary" minOccurs="0"`, `type="t:Small" minOccurs="0"`, 1))
	details, more, err := small.ValidateWith(nil, including(strings.Repeat("<file>{one}</file>", 20_000)), attachments, 10)
	if err != nil || len(details) != 10 || len(details)+more != 20_000 {
		t.Errorf("%d details, %d more, %v", len(details), more, err)
	}
}

func TestInline(t *testing.T) {
	message := including(`<file>{three}</file><photo>{http://tempuri.org/1/a%20b@x}</photo><name>x</name>`)
	got, err := Inline(message, attachments, 1<<20)
	want := wrapped(`<file>AQID</file><photo>AQID</photo><name>x</name>`)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s\n%v", got, want, err)
	}
	s := everyKindService(t, attaching)
	if details, _, err := s.Validate(got, 0); err != nil || len(details) > 0 {
		t.Errorf("%v, %v", details, err)
	}
	plain := wrapped(`<file>AQID</file>`)
	if got, err := Inline(plain, attachments, 1); err != nil || &got[0] != &plain[0] {
		t.Errorf("a message without any is another: %v", err)
	}
	if _, err := Inline(including(`<file>{large}</file>`), attachments, 1<<20); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeTooLarge {
		t.Errorf("error %v", err)
	}
	if len(base64.StdEncoding.EncodeToString(attachments["three"].Octets)) != 4 {
		t.Error("three octets are four characters")
	}
}

// TestWrite: a reference says what it refers to, however the sender named it.
func TestWrite(t *testing.T) {
	names := map[string]string{"three": "aa", "apart": "bb", "http://tempuri.org/1/a b@x": "cc", "a&b": "dd"}
	parts := Parts{"three": octets(1, 2, 3), "one": octets(1), "apart": {Size: 9}, "http://tempuri.org/1/a b@x": octets(1), "a&b": octets(1)}
	message := including("<file>{three}</file>\n<name href='cid:http://tempuri.org/1/a%20b@x'>cid:a&amp;b cid:three cid:threefold cid:one</name><file>{one}</file><file>{apart}</file><after>x</after>")
	w, err := Write(message, parts, names, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	want := wrapped("<file>cid:aa</file>\n<name href='cid:cc'>cid:dd cid:aa cid:threefold cid:one</name><file>AQ==</file><file>cid:bb</file><after>x</after>")
	if string(w.XML) != string(want) || !w.Changed() {
		t.Errorf("got  %s\nwant %s", w.XML, want)
	}
	for _, element := range []string{"<name", "<after", "<file"} {
		line, column := newLines(w.XML).position(bytes.LastIndex(w.XML, []byte(element)))
		d := w.Locate(fault.Detail{Line: line, Column: column})
		if line, column = newLines(message).position(bytes.LastIndex(message, []byte(element))); d.Line != line || d.Column != column {
			t.Errorf("%s: %d:%d, want %d:%d", element, d.Line, d.Column, line, column)
		}
	}
	if _, err := Write(message, parts, nil, 1<<20); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("octets that are not at hand: %v", err)
	}
}
