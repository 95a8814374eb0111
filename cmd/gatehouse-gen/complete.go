package main

import (
	"bytes"
	"io/fs"
	"os"
	"time"

	"github.com/beevik/etree"
)

const wsdlSpace = "http://schemas.xmlsoap.org/wsdl/"

// withService returns a WSDL that has bindings but no service with a service
// for each, named after the binding: a client needs an address when it runs, not
// when it is made. nil: there is nothing to complete.
func withService(wsdl string) ([]byte, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromFile(wsdl); err != nil {
		return nil, err
	}
	root := doc.Root()
	if root == nil || root.NamespaceURI() != wsdlSpace {
		return nil, nil
	}
	var bindings []*etree.Element
	for _, e := range root.ChildElements() {
		switch {
		case e.NamespaceURI() == wsdlSpace && e.Tag == "service":
			return nil, nil
		case e.NamespaceURI() == wsdlSpace && e.Tag == "binding":
			bindings = append(bindings, e)
		}
	}
	for _, b := range bindings {
		if soap := soapBinding(b); soap != nil {
			addService(root, b.SelectAttrValue("name", ""), soap.NamespaceURI())
		}
	}
	return doc.WriteToBytes()
}

// soapBinding returns a binding's SOAP extension.
func soapBinding(b *etree.Element) *etree.Element {
	for _, e := range b.ChildElements() {
		if space := e.NamespaceURI(); e.Tag == "binding" && (space == wsdlSpace+"soap/" || space == wsdlSpace+"soap12/") {
			return e
		}
	}
	return nil
}

func addService(root *etree.Element, binding, soapSpace string) {
	service := root.CreateElement("w:service")
	service.CreateAttr("xmlns:w", wsdlSpace)
	service.CreateAttr("name", binding)
	port := service.CreateElement("w:port")
	port.CreateAttr("name", binding)
	if target := root.SelectAttrValue("targetNamespace", ""); target != "" {
		port.CreateAttr("xmlns:t", target)
		port.CreateAttr("binding", "t:"+binding)
	} else {
		port.CreateAttr("xmlns", "")
		port.CreateAttr("binding", binding)
	}
	address := port.CreateElement("s:address")
	address.CreateAttr("xmlns:s", soapSpace)
	address.CreateAttr("location", "http://localhost/")
}

// overlay is a file system with one file replaced.
type overlay struct {
	fs.FS
	name    string
	content []byte
}

// Open opens the replacement or the file.
func (o overlay) Open(name string) (fs.File, error) {
	if name != o.name {
		return o.FS.Open(name)
	}
	return &memoryFile{Reader: bytes.NewReader(o.content), size: int64(len(o.content))}, nil
}

type memoryFile struct {
	*bytes.Reader
	size int64
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return fileInfo(f.size), nil }
func (f *memoryFile) Close() error               { return nil }

// fileInfo is the size of a file that only is in memory.
type fileInfo int64

func (i fileInfo) Name() string       { return "completed.wsdl" }
func (i fileInfo) Size() int64        { return int64(i) }
func (i fileInfo) Mode() os.FileMode  { return 0o444 }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return false }
func (i fileInfo) Sys() any           { return nil }
