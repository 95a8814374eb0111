package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// normalSpace is the one namespace of a normal WSDL.
const normalSpace = "urn:gatehouse:gen"

// normal writes the plan as the WSDL that gowsdl is given: one file, one schema,
// every name a Go identifier of its own, every type named and a plain sequence,
// every message one part. In this form gowsdl drops nothing and confuses
// nothing; what it cannot say at all is put back by repair.
func (p *plan) normal() []byte {
	w := &normalWriter{}
	w.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	w.line(`<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs=%q xmlns:t=%q targetNamespace=%q>`,
		xsdSpace, normalSpace, normalSpace)
	w.line(`<types><xs:schema targetNamespace=%q elementFormDefault="qualified">`, normalSpace)
	for _, s := range p.simples {
		w.simple(s)
	}
	for _, s := range p.structs {
		w.line(`<xs:complexType name="%s"><xs:sequence>`, s.name)
		for _, f := range s.fields {
			w.line(`<xs:element name="%s" type="xs:string"/>`, f.name)
		}
		w.line(`</xs:sequence></xs:complexType>`)
	}
	w.line(`</xs:schema></types>`)
	for _, s := range p.structs {
		w.line(`<message name="%s"><part name="body" type="t:%s"/></message>`, s.name, s.name)
	}
	w.line(`<message name="Nothing-"/>`)
	for _, s := range p.services {
		w.service(s)
	}
	w.line(`</definitions>`)
	return w.out.Bytes()
}

type normalWriter struct{ out bytes.Buffer }

func (w *normalWriter) line(format string, args ...any) {
	fmt.Fprintf(&w.out, format+"\n", args...)
}

func (w *normalWriter) simple(s *simpleType) {
	w.line(`<xs:simpleType name="%s"><xs:restriction base="xs:string">`, s.name)
	for _, c := range s.constants {
		w.line(`<xs:enumeration value="%s"/>`, c.token)
	}
	w.line(`</xs:restriction></xs:simpleType>`)
}

func (w *normalWriter) service(s *service) {
	w.line(`<portType name="%s">`, s.name)
	for _, o := range s.operations {
		w.line(`<operation name="%s"><documentation>%s</documentation><input message="t:%s"/>`, o.name, escape(o.contract.Doc), messageName(o.input))
		if o.output != nil {
			w.line(`<output message="t:%s"/>`, o.output.name)
		}
		for _, f := range o.faults {
			w.line(`<fault name="%s" message="t:%s"/>`, f.name, f.name)
		}
		w.line(`</operation>`)
	}
	w.line(`</portType><binding name="%s" type="t:%s"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>`, s.name, s.name)
	for i, o := range s.operations {
		w.line(`<operation name="%s"><soap:operation soapAction="%s"/></operation>`, o.name, actionToken(i))
	}
	w.line(`</binding>`)
}

func messageName(s *structType) string {
	if s == nil {
		return "Nothing-"
	}
	return s.name
}

// actionToken stands for the actions of a service's operation.
func actionToken(i int) string { return fmt.Sprint("action ", i) }

// escape makes text of a documentation that stays within the comment gowsdl
// puts it into.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(strings.ReplaceAll(s, "*/", "* /"))) // a Builder takes everything
	return b.String()
}
