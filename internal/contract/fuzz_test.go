package contract

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// FuzzLoad loads a WSDL beside two schemas: whatever is in them, Load ends, and
// with a contract or with faults that have something to say.
func FuzzLoad(f *testing.F) {
	archives, err := filepath.Glob("testdata/graphs/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		content := map[string][]byte{}
		for _, one := range a.Files {
			content[one.Name] = one.Data
		}
		f.Add(cmp.Or(string(content["main.wsdl"]), string(content["main.xsd"])), string(content["a.xsd"]), string(content["b.xsd"]))
	}
	f.Fuzz(func(t *testing.T, main, a, b string) {
		files := fstest.MapFS{"sys/main.wsdl": {Data: []byte(main)}, "sys/a.xsd": {Data: []byte(a)}, "sys/b.xsd": {Data: []byte(b)}}
		c, err := Load(files, "sys/main.wsdl")
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
			publishAll(t, c)
		}
	})
}

func publishAll(t *testing.T, c *Contract) {
	for _, query := range []string{"wsdl", "singlewsdl", "singlewsdl&soap=11"} {
		doc, err := c.Document(query, Addresses{Document: "http://gw/x"})
		if err != nil && fault.KindOf(err) != fault.NotFound {
			t.Errorf("?%s: %v", query, err)
		}
		if err != nil {
			continue
		}
		tree, err := document.Read(doc)
		if err != nil {
			t.Fatalf("?%s: %v\n%s", query, err, doc)
		}
		tree.Release()
	}
	for _, s := range c.Services {
		for _, o := range s.Operations {
			if o.Unsupported != "" {
				continue
			}
			body := o.Input.bodyName()
			if found, err := s.Dispatch(body, ownActions(s.byBody[body])[slices.Index(s.byBody[body], o)]); found != o {
				t.Errorf("operation %s is supported and not found: %v", o.Name, err)
			}
		}
	}
}

// FuzzValidate holds engine and explanation together: what the engine accepts
// has no faults to explain, and what it refuses has at least one, in place.
func FuzzValidate(f *testing.F) {
	samples, err := filepath.Glob(soapFiles + "/*.xml")
	if err != nil || len(samples) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range samples {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, tt := range everyKindTests {
		f.Add(wrapped(tt.body))
	}
	f.Add([]byte(strings.Replace(string(wrapped(`<empty/>`)), "<e:Body>", `<e:Header><t:Session e:mustUnderstand="1">1</t:Session><t:Tail/></e:Header><e:Body>`, 1)))
	sample, kinds := sample(f).Services[0], everyKindService(f, everyKind)
	f.Fuzz(func(t *testing.T, src []byte) {
		s := sample
		if bytes.Contains(src, []byte("urn:t")) {
			s = kinds
		}
		details, _, err := s.Validate(src, 0)
		if err != nil {
			if k := fault.KindOf(err); k == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		for _, d := range details {
			if d.Path == "" {
				t.Errorf("a detail without a path: %+v", d)
			}
			d.Path = ""
			placed(t, bytes.TrimPrefix(src, []byte(byteOrderMark)), d)
		}
		verdict := s.validator.Validate(src)
		if verdict != nil && recognised(s, src) {
			t.Errorf("it is recognised, and the engine refuses it: %v", verdict)
		}
		if verdict == nil {
			unexplained(t, s, src)
		} else if len(details) == 0 && !plainlyValid(s, src) {
			t.Error("the engine refuses it and nothing is said")
		}
	})
}

// plainlyValid reports whether an envelope is valid without what SOAP adds to
// header blocks.
func plainlyValid(s *Service, src []byte) bool {
	tree, err := document.Read(src)
	if err != nil {
		return false
	}
	defer tree.Release()
	plain := (&explainer{service: s}).plainBlocks(src, tree.Root())
	return plain != nil && s.validator.Validate(plain) == nil
}

// unexplained demands that a valid envelope has no faults to explain.
func unexplained(t *testing.T, s *Service, src []byte) {
	tree, err := document.Read(src)
	if err != nil {
		t.Fatalf("the engine accepts what cannot be read: %v", err)
	}
	x := &explainer{service: s, misplacedText: true}
	x.envelope(tree.Root())
	if len(x.details) > 0 {
		t.Errorf("the engine accepts it, and yet:\n%s", lines(x.details))
	}
}

// FuzzFromJSON holds the converter to what it promises of any text: it agrees
// with the standard library about what is JSON, what it makes of it can be read,
// every fault has a place in the text, and a valid message is the same again
// when it has been to JSON and back.
func FuzzFromJSON(f *testing.F) {
	sample, submit := submitOrder(f)
	twins, far := twinsService(f)
	for _, name := range []string{"order.json", "order-minimal.json"} {
		f.Add(false, jsonOrder(f, name))
	}
	for _, src := range []string{
		`{"decimal":[1.25e2,"+5",null,{"@xsi:nil":false,"$value":1}],"boolean":[true,"1"],"string":"\ud83d\ude00\n<&>","double":-1.5e300}`,
		`{"{urn:u}plain":2,"plain":1,"Far":{"near":"x"},"@n":1,"@{urn:u}n":"x","qname":["{urn:u}x","y"],"code":"{}z","union":5}`,
		`{"base":{"@xsi:type":"Wider","b":2,"a":1},"measure":{"@unit":"kg","@kind":"{urn:t}k","$value":1},"Tip":1,"Tail":2}`,
		`{"b":[1,2],"a":3,"k":["1","2"],"v":["x",null],"y":1,"note":"n","empty":{},"all":{"b":1,"a":2},"mixed":{"i":"x"},"anything":"x","tree":{"tree":[{},{"tree":{}}]}}`,
		`{"b":1,"b":2,"x":{"y":[[]]},"mixed":{"$value":"x","i":"y"},"list":"1 2","open":{"i":1,"@q":2}}`,
		`{"measure":{"@xsi:nil":true,"@unit":"kg"},"anything":"","mixed":"text"}`,
	} {
		f.Add(true, []byte(src))
	}
	f.Fuzz(func(t *testing.T, rich bool, src []byte) {
		s, op := sample, submit
		if rich {
			s, op = twins, far
		}
		d, err := s.FromJSON(op, src, 0)
		judgeJSON(t, src, err)
		if err != nil {
			return
		}
		details, _, err := s.ValidatePayload(op, d.XML, 0)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		for _, one := range details {
			placed(t, src, d.Locate(one))
		}
		if len(details) > 0 {
			return
		}
		text, untold := twinOf(op.Input.Element, d.XML)
		if untold != "" {
			t.Fatalf("%s\n%s", untold, d.XML)
		}
		if said := sameAgain(s, op, d.XML, text); said != "" {
			t.Fatal(said)
		}
	})
}

// judgeJSON compares with the standard library, and looks at the faults.
func judgeJSON(t *testing.T, src []byte, err error) {
	t.Helper()
	f := fault.Of(err)
	if f == nil {
		if !json.Valid(src) || !utf8.Valid(src) {
			t.Fatal("what is no JSON is accepted")
		}
		return
	}
	switch f.Code {
	case fault.CodeMalformedJSON:
		if json.Valid(src) {
			t.Fatalf("JSON is refused: %v", err)
		}
	case fault.CodeEncoding:
		if utf8.Valid(src) {
			t.Fatalf("UTF-8 is refused: %v", err)
		}
	case fault.CodeInvalid:
		if !json.Valid(src) || len(f.Details) == 0 {
			t.Fatalf("it is no JSON, or nothing is said: %v", err)
		}
	case fault.CodeTooLarge:
	default:
		t.Fatal(err)
	}
	for _, one := range f.Details {
		placed(t, src, one)
	}
}

// placed demands that a detail has words and a place in the text.
func placed(t *testing.T, src []byte, d fault.Detail) {
	t.Helper()
	all := newLines(src)
	if d.Message == "" || d.Line < 1 || d.Line > len(all) || d.Column < 1 || int(all[d.Line-1])+d.Column-1 > len(src) {
		t.Errorf("a detail without words or place: %+v", d)
	}
	if d.Path != "" && d.Path[0] != '/' {
		t.Errorf("a path that is no JSON Pointer: %+v", d)
	}
}
