package main

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"unicode"
)

// identifier makes an exported Go identifier of an XML name, or of any text:
// what Go does not take divides words.
func identifier(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		switch {
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			if up {
				r = unicode.ToUpper(r)
			}
			b.WriteRune(r)
			up = false
		default:
			up = true
		}
	}
	out := b.String()
	if out == "" || !unicode.IsUpper([]rune(out)[0]) { // a digit, _, or a script without capitals
		return "X" + out
	}
	return out
}

// names are the identifiers of one scope. Two that differ only by case are one:
// gowsdl confuses some such, and so do people. Each has the number that comes
// next when it is wanted again.
type names map[string]int

// take returns the first of the candidates that is free, else the last with a
// number, and takes it.
func (n names) take(candidates ...string) string {
	for _, c := range candidates {
		if n.free(c) {
			return n.keep(c)
		}
	}
	last := candidates[len(candidates)-1]
	key := strings.ToLower(last)
	for {
		c := last + strconv.Itoa(n[key])
		n[key]++
		if n.free(c) {
			return n.keep(c)
		}
	}
}

func (n names) free(name string) bool { return n[strings.ToLower(name)] == 0 }

func (n names) keep(name string) string {
	n[strings.ToLower(name)] = max(2, n[strings.ToLower(name)])
	return name
}

// runtimeFiles are the parts of package soapxml that every client has.
var runtimeFiles = []string{"element.go", "field.go", "value.go", "write.go", "read.go", "client.go"}

//go:embed soapxml/element.go soapxml/field.go soapxml/value.go soapxml/write.go soapxml/read.go soapxml/client.go
var runtimeSources embed.FS

// reserved returns the names that a client's package has in any case: those of
// its runtime, of its imports, and Go's own, which an unexported type would
// hide.
func reserved() (names, error) {
	n := names{}
	for _, word := range predeclared {
		n.keep(word)
	}
	for _, f := range runtimeFiles {
		source, err := runtimeSources.ReadFile("soapxml/" + f)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), f, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, i := range file.Imports {
			n.keep(strings.Trim(i.Path.Value[strings.LastIndexByte(i.Path.Value, '/')+1:], `"`))
		}
		for _, d := range file.Decls {
			n.keepDeclared(d)
		}
	}
	return n, nil
}

func (n names) keepDeclared(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			n.keep(d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				n.keep(s.Name.Name)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					n.keep(name.Name)
				}
			}
		}
	}
}

// predeclared are Go's keywords and the predeclared identifiers.
var predeclared = strings.Fields(`break case chan const continue default defer else fallthrough for func go goto if
import interface map package range return select struct switch type var init main
any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune string
uint uint8 uint16 uint32 uint64 uintptr true false iota nil append cap clear close complex copy delete imag len
make max min new panic print println real recover`)

// packageName makes a Go package name of a folder's.
func packageName(folder string) string {
	name := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToLower(r)
		}
		return -1
	}, folder)
	if name == "" || unicode.IsDigit(rune(name[0])) {
		name = "client" + name
	}
	for _, word := range predeclared {
		if name == word {
			return name + "client"
		}
	}
	return name
}
