package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/hooklift/gowsdl"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// generate makes the client of one WSDL and writes it, or compares it with the
// one that is there. It returns the client's file.
func generate(wsdl string, check bool) (string, error) {
	wsdl, err := filepath.Abs(wsdl)
	if err != nil {
		return "", err
	}
	dir, base := filepath.Split(wsdl)
	c, err := contract.Load(os.DirFS(filepath.Dir(filepath.Clean(dir))), filepath.Base(dir)+"/"+base)
	if err != nil {
		return "", err
	}
	if err := suits(c); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp("", "gatehouse-gen-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	source, err := client(c, work, packageName(filepath.Base(dir)))
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, strings.TrimSuffix(base, filepath.Ext(base))+".go")
	if err := compiles(source, out, work); err != nil {
		return "", err
	}
	if check {
		return out, same(out, source)
	}
	return out, os.WriteFile(out, source, 0o644)
}

func same(out string, source []byte) error {
	have, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, source) {
		return fmt.Errorf("%s is not the client that would be made now", filepath.Base(out))
	}
	return nil
}

// suits says what of a contract gowsdl would drop without a word.
func suits(c *contract.Contract) error {
	if len(c.Services) == 0 {
		return errors.New("the WSDL has no service with a SOAP port")
	}
	soap11 := false
	for _, s := range c.Services {
		for _, p := range s.Ports {
			soap11 = soap11 || !p.SOAP12
		}
		for _, o := range s.Operations {
			if o.Unsupported != "" {
				return fmt.Errorf("operation %s: %s", o.Name, o.Unsupported)
			}
		}
	}
	if !soap11 {
		return errors.New("gowsdl speaks SOAP 1.1 only and the WSDL has no port for it")
	}
	for _, f := range c.Files[1:] {
		if strings.HasSuffix(f.Path, ".wsdl") {
			return fmt.Errorf("gowsdl does not read imported WSDLs, such as %s", f.Path)
		}
	}
	return nil
}

// packageName makes a Go package name of a folder's.
func packageName(folder string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, folder)
	if name == "" || unicode.IsDigit(rune(name[0])) {
		name = "client" + name
	}
	return name
}

// client runs gowsdl on a copy of the contract and repairs what it made.
func client(c *contract.Contract, work, pkg string) ([]byte, error) {
	main, err := lay(c, work)
	if err != nil {
		return nil, err
	}
	g, err := gowsdl.NewGoWSDL(main, pkg, false, true)
	if err != nil {
		return nil, err
	}
	parts, err := g.Start()
	if err != nil {
		return nil, err
	}
	if len(parts["types"]) == 0 || len(parts["operations"]) == 0 {
		return nil, errors.New("gowsdl made nothing of it")
	}
	source := bytes.Join([][]byte{parts["header"], parts["types"], parts["operations"]}, []byte("\n"))
	return repair(source, filepath.Base(c.Path), pkg)
}

// lay writes the contract's documents into a folder, under the names by which
// they refer to each other, and returns the WSDL's. Every reference is local
// then.
func lay(c *contract.Contract, work string) (string, error) {
	main := filepath.Join(work, "main.wsdl")
	if err := write(c, main, "wsdl"); err != nil {
		return "", err
	}
	for _, name := range c.Schemas() {
		query := "xsd=" + url.QueryEscape(name)
		if err := write(c, filepath.Join(work, "?"+query), query); err != nil {
			return "", err
		}
	}
	return main, nil
}

func write(c *contract.Contract, file, query string) error {
	doc, err := c.Document(query, contract.Addresses{})
	if err != nil {
		return err
	}
	return os.WriteFile(file, doc, 0o600)
}

// compiles builds the package as it would be with source as the file out,
// without writing that.
func compiles(source []byte, out, work string) error {
	draft := filepath.Join(work, "draft.go")
	if err := os.WriteFile(draft, source, 0o600); err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{out: draft}})
	if err != nil {
		return err
	}
	file := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", os.DevNull, "-overlay", file, ".")
	build.Dir = filepath.Dir(out)
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("what gowsdl makes does not compile: %s", firstLines(said, draft, filepath.Base(out)))
	}
	return nil
}

// firstLines keeps the compiler's first complaints, about the file as it would
// be named.
func firstLines(said []byte, draft, name string) string {
	const most = 3
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(string(said), draft, name)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && len(out) < most {
			out = append(out, line)
		}
	}
	return strings.Join(out, "; ")
}
