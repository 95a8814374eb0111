package contract

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

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
	c.Document("wsdl", Addresses{Document: "http://gw/x"}) // must come back, whatever with
	for _, s := range c.Services {
		for _, o := range s.Operations {
			if o.Unsupported == "" && s.Operation(o.Input.Element.Name) != o {
				t.Errorf("operation %s is supported and not found", o.Name)
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
			if d.Message == "" || d.Path == "" || d.Line == 0 {
				t.Errorf("a detail without words or place: %+v", d)
			}
		}
		if s.validator.Validate(src) == nil {
			unexplained(t, s, src)
		} else if len(details) == 0 {
			t.Error("the engine refuses it and nothing is said")
		}
	})
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
