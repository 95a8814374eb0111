package encoded

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestLocate: what the validator finds wrong is placed in the bytes as received.
func TestLocate(t *testing.T) {
	tests := []struct{ name, part, in, behind, at, path, says string }{
		{"a value", "t:Move", `<p><quantity>x</quantity><sku>A</sku><at><site/><note/></at></p>`, "", `<quantity`, "p/quantity", "the value"},
		{"a value behind a reference", "t:Move", `<p href="#m"/>`, "\n" + `<m id="m"><quantity href="#q"/><sku>A</sku><at><site/><note/></at></m>` + "\n" + `<n id="q">x</n>`, `<n id`, "/e:Envelope/e:Body/n", "the value"},
		{"in a shared value", "t:Move", `<p href="#m"/>`, `<m id="m"><at><note/><site/><bin/><bin/></at><quantity>1</quantity><sku>A</sku></m>`, `<bin/></at>`, "/e:Envelope/e:Body/m/at/bin[2]", "occurs twice"},
		{"a missing element", "t:Stand", `<p><site/></p>`, "", `<p>`, "p", "required element"},
		{"a missing element before another", "t:Move", `<p><at><note/></at><quantity>1</quantity><sku/></p>`, "", `<at`, "p/at", "required element"},
		{"an unknown element", "t:Stand", `<p><site/><other/><note/></p>`, "", `<other`, "p/other", "not known here"},
		{"an unknown reference", "t:Stand", `<p><site/><other href="#o"/><note/></p>`, `<o id="o"/>`, `<other`, "p/other", "not known here"},
		{"an unknown attribute", "t:Stand", `<p colour="red"><site/><note/></p>`, "", `<p `, "p/@colour", "not known here"},
		{"nil that may not be", "t:Stand", `<p><note/><site i:nil="true"/></p>`, "", `<site`, "p/site", "nil is not allowed"},
		{"nil that is nothing", "t:Stand", `<p><site/><note i:nil="maybe"/></p>`, "", `<note`, "p/note", "neither true nor false"},
		{"nil with a value", "t:Stand", `<p><site/><note i:nil="true">n</note></p>`, "", `<note`, "p/note", "is nil and is not empty"},
		{"a member", "t:Table", `<p c:arrayType="x:int[2,1]">` + "\n" + `<item>1</item>` + "\n" + `<item>x</item></p>`, "", `<item>x`, "p/item[2]", "the value"},
		{"a part that is missing", "t:Stand", ``, "", `<w:book>`, "/e:Envelope/e:Body/w:book", "required element"},
		{"a part too many", "t:Stand", `<p><site/><note/></p><q/>`, "", `<q/>`, "/e:Envelope/e:Body/w:book/q", "not known here"},
		{"elements in a value", "xs:string", `<p><a/></p>`, "", `<a/>`, "p/a", "no element is allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, op := load(t, stockTypes, `<part name="p" type="`+tt.part+`"/>`)
			src := "\xEF\xBB\xBF" + strings.Replace(message(env11, "\r\n\t"+tt.in, tt.behind), "<e:Body>", "<e:Body>\r\r", 1)
			d, err := Normalise(s, op, []byte(src), 0)
			if err != nil {
				t.Fatal(err)
			}
			details, _, err := s.Validate(d.XML, 0)
			if err != nil || len(details) == 0 {
				t.Fatalf("%v %v\n%s", details, err, d.XML)
			}
			got := d.Locate(details[0])
			line, column := positionIn(strings.ReplaceAll(strings.TrimPrefix(src, "\xEF\xBB\xBF"), "\r\r", "\n\n"), strings.Index(strings.TrimPrefix(src, "\xEF\xBB\xBF"), tt.at))
			path := tt.path
			if !strings.HasPrefix(path, "/") {
				path = "/e:Envelope/e:Body/w:book/" + path
			}
			if got.Line != line || got.Column != column || got.Path != path || !strings.Contains(got.Message, tt.says) {
				t.Errorf("%v\nwant line %d, column %d: %s: %s\nfrom %v\n%s", got, line, column, path, tt.says, details[0], d.XML)
			}
		})
	}
}

// TestLocateAround: what stands around the message stays where it is.
func TestLocateAround(t *testing.T) {
	s, op := load(t, stockTypes, `<part name="p" type="xs:string"/>`)
	const header = `<e:Header>` + "\n" + `<t:Session><who/><id>1</id></t:Session>` + "\n" + `<e:other/></e:Header>`
	src := strings.Replace(message(env11, `<p>1</p>`, ``), "<e:Body>", header+"\n<e:Body>", 1)
	d, err := Normalise(s, op, []byte(src), 0)
	if err != nil {
		t.Fatal(err)
	}
	if details, _, err := s.Validate(d.XML, 0); err != nil || len(details) > 0 {
		t.Fatalf("%v %v\n%s", details, err, d.XML)
	}
	if !strings.Contains(string(d.XML), `<t:Session xmlns:t="urn:t"><id>1</id><who/></t:Session>`) {
		t.Errorf("the header block is not in order: %s", d.XML)
	}
	for _, tag := range []string{"<e:Header>", "<t:Session", "<e:other/>", "<e:Body>", "<w:book", "<p>"} {
		var in fault.Detail
		in.Line, in.Column = positionIn(string(d.XML), strings.Index(string(d.XML), tag))
		line, column := positionIn(src, strings.Index(src, tag))
		if got := d.Locate(in); got.Line != line || got.Column != column {
			t.Errorf("%s: %d:%d, want %d:%d", tag, got.Line, got.Column, line, column)
		}
	}
	for _, d2 := range []fault.Detail{{Message: "nowhere"}, {Line: 99, Column: 1}, {Line: 1}} {
		if got := d.Locate(d2); got != d2 {
			t.Errorf("%v became %v", d2, got)
		}
	}
	if got := d.Locate(fault.Detail{Line: 5, Column: 9999, Path: "/a"}); got.Line == 0 {
		t.Errorf("%v", got)
	}
}
