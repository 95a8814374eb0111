package encoded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// FuzzNormalise: whatever is sent, Normalise answers with a located fault or with
// a well-formed envelope, of bounded size, that stays as it is when it is
// normalised again. A valid one can be encoded.
func FuzzNormalise(f *testing.F) {
	files, err := filepath.Glob(samples + "/*.xml")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, ns := range []string{env11, env12} {
		f.Add([]byte(message(ns, `<node href="#n"/><any i:type="c:Array" c:arrayType="x:int[2]"><a>1</a><b c:position="[1]" i:type="x:QName">t:x</b></any><name>w:x</name><tagged id="1"><v/></tagged>`, `<m id="n" c:root="0"><name i:nil="1"/><next c:ref="n" href="#n"/></m>`)))
		f.Add([]byte(message(ns, `<table c:arrayType="x:int[2,2]" c:offset="[0,0]"><i>1</i><i>2</i><i>3</i><i>4</i></table><lists c:arrayType="x:string[][1]"><l c:itemType="x:string" c:arraySize="1"><item/></l></lists><stand i:type="t:Berth" e:encodingStyle=""><gate>1</gate><site/></stand><any><a id="x"><b/></a><a href="#x"/></any>`, "")))
	}
	services, operations := make([]*contract.Service, 2), make([]*contract.Operation, 2)
	services[0], operations[0] = stock(f)
	services[1], operations[1] = load(f, stockTypes, `<part name="lists" type="t:Lists"/><part name="table" type="t:Table"/><part name="stand" type="t:Stand"/><part name="node" type="t:Node"/><part name="any" type="xs:anyType"/><part name="name" type="xs:QName"/><part name="tagged" type="t:Tagged"/>`)
	f.Fuzz(func(t *testing.T, src []byte) {
		for i, s := range services {
			normalisable(t, s, operations[i], src)
		}
	})
}

func normalisable(t *testing.T, s *contract.Service, op *contract.Operation, src []byte) {
	d, err := Normalise(s, op, src, 0)
	if err != nil {
		for _, one := range fault.Of(err).Details {
			if one.Line < 1 || one.Column < 1 || one.Path == "" || one.Message == "" {
				t.Errorf("not located: %v", one)
			}
		}
		if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.TooLarge {
			t.Errorf("%v", err)
		}
		return
	}
	if len(d.XML) > 2*len(src)+minGrowth+maxGrowth {
		t.Errorf("%d bytes of %d", len(d.XML), len(src))
	}
	tree, err := document.Read(d.XML)
	if err != nil {
		if string(d.XML) != string(src) {
			t.Errorf("not well-formed: %v\n%s\n%s", err, src, d.XML)
		}
		return
	}
	defer tree.Release()
	again, err := Normalise(s, op, d.XML, 0)
	if err != nil {
		t.Fatalf("again: %v\n%s\n%s", err, src, d.XML)
	}
	if string(again.XML) != string(d.XML) {
		t.Errorf("again\n%s\n%s\n%s", src, d.XML, again.XML)
	}
	details, _, err := s.Validate(d.XML, 0)
	for _, one := range details {
		if at := d.Locate(one); at.Line < 1 || at.Column < 1 {
			t.Errorf("%v became %v", one, at)
		}
	}
	if err != nil || len(details) > 0 {
		return
	}
	_, payload := envelope.Parts(tree)
	if _, err := Append(nil, envelope.V12, op.Input.Element, document.AppendStandalone(nil, payload)); err != nil {
		t.Errorf("%v\n%s", err, d.XML)
	}
}
