package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// docs is what the source says of the configuration's structs and their fields.
type docs struct {
	t        *testing.T
	packages map[string]map[string]string // by import path, then Type or Type.Field
}

func readDocs(t *testing.T) *docs {
	return &docs{t: t, packages: map[string]map[string]string{}}
}

// of returns the comment of a field as a sentence about its key.
func (d *docs) of(t reflect.Type, field string) string {
	text := strings.Join(strings.Fields(d.read(t)[t.Name()+"."+field]), " ")
	sf, _ := t.FieldByName(field)
	if key, _, tagged := tag(sf); tagged {
		text = regexp.MustCompile(`^`+field+`\b`).ReplaceAllString(text, key)
	}
	return inKeys(t, text)
}

// inKeys puts keys in the place of the fields that a comment speaks of. A field
// whose name is also a word is one where no sentence begins.
func inKeys(t reflect.Type, text string) string {
	for field := range t.Fields() {
		key, _, tagged := tag(field)
		switch {
		case !tagged || key == "" || strings.ToUpper(field.Name[:2]) == field.Name[:2]:
		case humps(field.Name) > 1:
			text = regexp.MustCompile(`\b`+field.Name+`\b`).ReplaceAllString(text, key)
		default:
			text = regexp.MustCompile(`([a-z,;] )`+field.Name+`\b`).ReplaceAllString(text, "${1}"+key)
		}
	}
	return text
}

// idle are sentences of types that say nothing of their own.
var idle = regexp.MustCompile(` (Every zero value means its|Zero values stand for the|Its zero value)[^.]*\.`)

// ofType returns the comment of a struct as a sentence about a section.
func (d *docs) ofType(t reflect.Type) string {
	text := strings.Join(strings.Fields(d.read(t)[t.Name()]), " ")
	text = strings.TrimPrefix(strings.TrimPrefix(text, t.Name()+" "), "is ")
	text = idle.ReplaceAllString(text, "")
	if text == "" {
		return ""
	}
	return inKeys(t, strings.ToUpper(text[:1])+text[1:])
}

func humps(name string) int {
	n := 0
	for i, r := range name {
		if unicode.IsUpper(r) && (i == 0 || !unicode.IsUpper(rune(name[i-1]))) {
			n++
		}
	}
	return n
}

// sourcePackage is the import path a type's source lies under: a test binary
// calls its own package by another name.
func sourcePackage(t reflect.Type) string {
	if t.PkgPath() == "main" || strings.HasSuffix(t.PkgPath(), "/cmd/gatehouse") {
		return module + "cmd/gatehouse"
	}
	return t.PkgPath()
}

func (d *docs) read(t reflect.Type) map[string]string {
	path := sourcePackage(t)
	if found := d.packages[path]; found != nil {
		return found
	}
	found := map[string]string{}
	d.packages[path] = found
	folder := filepath.Join("../..", filepath.FromSlash(strings.TrimPrefix(path, module)))
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != ".":
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, name), nil, parser.ParseComments)
		if err == nil {
			note(file, found)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return found
}

// note gathers the comments of a file's structs.
func note(file *ast.File, into map[string]string) {
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			into[named.Name.Name] = firstOf(named.Doc, general.Doc)
			structure, ok := named.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, field := range structure.Fields.List {
				for _, name := range field.Names {
					into[named.Name.Name+"."+name.Name] = firstOf(field.Doc, field.Comment)
				}
			}
		}
	}
}

func firstOf(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if g != nil {
			return g.Text()
		}
	}
	return ""
}
