// Package contract loads a WSDL with everything it imports, or a bare set of
// schemas, and answers what a message of it must look like: its operations, the
// type model, validation with located errors, the documents to publish, the
// writing of payloads and their JSON twins.
//
// A Contract is immutable and known by the hash of its files. Loading reads an
// fs.FS and nothing else, never the network; it reports every fault it finds,
// each with its place. What of a contract cannot be served (an operation whose
// message is missing, a schema that does not compile) is said in words
// and never stops the rest.
//
// The package knows nothing of HTTP, of who may call what, and of what becomes
// of a message: it sees bytes and says whether they keep the contract.
package contract

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Contract is a WSDL with all that it imports. It is immutable after Load and
// safe for concurrent use.
type Contract struct {
	System          string // the name of the WSDL's folder
	Path            string // of the WSDL, in the file system it was loaded from
	Hash            [32]byte
	TargetNamespace string
	Doc             string
	Services        []*Service
	Files           []File // the WSDL first, then as they were met
	// Policies are what the contract demands beyond its messages, in the order of
	// its files.
	Policies []PolicyUse
	// Notes are what a reader should know though the contract loads: references
	// satisfied in another way, components that do not resolve, what is not
	// supported or not enforced.
	Notes []Fault

	model    *model
	pages    []*page
	single   *page            // all pages in one; nil where the contract is no WSDL
	located  map[visit]string // references that lead to another name than they say
	degraded string           // of a contract without services
}

// File is one file of a contract.
type File struct {
	Path string // relative to the WSDL's folder, with slashes
	Size int    // in bytes, as stored
	Hash [32]byte
}

// Service is a wsdl:service with its SOAP ports.
type Service struct {
	Name       string
	Doc        string
	Ports      []Port
	Operations []*Operation // in the order of the port types
	Position   Position

	*model                          // of the contract
	byBody    map[Name][]*Operation // by the Body's first child
	validator engine
	byName    map[string][]*Operation // by the name in the WSDL
	groups    []*group
	several   bool // engines, of the groups
	degraded  string
	modelled  bool                // the type model judges in the engine's place
	gated     bool                // nothing is held against the schemas
	loose     map[Position]string // what the engine takes anything for
	headed    bool                // a binding declares header blocks

	recognisable bool            // the model is what the engine has compiled
	schemed      map[string]bool // the namespaces of its schemas
}

// OperationNamed returns the operation of that name, supported or not, or nil.
func (s *Service) OperationNamed(name string) *Operation {
	i := slices.IndexFunc(s.Operations, func(o *Operation) bool { return o.Name == name })
	if i < 0 {
		return nil
	}
	return s.Operations[i]
}

// Degraded says why the contract's schemas do not compile, in one line with the
// place and what to mend, and is empty when they do. Where what is wrong can be
// told apart, the line names the declarations that are not checked, and all else
// is. Where the compiler alone is to blame, the type model judges in its place,
// and the line says that. Otherwise the service's envelopes are checked for well-formedness, the SOAP
// structure and a known operation, but not against the schemas.
func (s *Service) Degraded() string { return s.degraded }

// Service returns the service of that name, or nil.
func (c *Contract) Service(name string) *Service {
	i := slices.IndexFunc(c.Services, func(s *Service) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return c.Services[i]
}

// Element returns the global element declaration of that name, or nil.
func (c *Contract) Element(name Name) *Element { return c.model.elements[name] }

// Type returns the named type definition, built-in types included, or nil.
func (c *Contract) Type(name Name) *Type { return c.model.types[name] }

// Fault is one thing wrong with a contract, and where.
type Fault struct {
	Position Position
	Message  string
}

// String renders the fault as file:line:column: message.
func (f Fault) String() string {
	if f.Position.Line == 0 {
		return f.Position.File + ": " + f.Message
	}
	return f.Position.String() + ": " + f.Message
}

// String renders the position as file:line:column.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Faults are all that stops a contract from loading.
type Faults []Fault

// Error renders one fault per line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Load reads the WSDL, or the XSD, at path and everything it refers to. The
// error is a Faults with all that was found.
func Load(fsys fs.FS, name string) (*Contract, error) {
	if !fs.ValidPath(name) {
		return nil, Faults{{Position{File: name}, "not a path in the folder of contracts"}}
	}
	l := newLoader(fsys, name)
	c := l.load()
	if len(l.faults) > 0 {
		return nil, Faults(inOrder(l.faults))
	}
	c.Notes = inOrder(l.notes)
	return c, nil
}

func inOrder(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(
			strings.Compare(a.Position.File, b.Position.File),
			cmp.Compare(a.Position.Line, b.Position.Line),
			cmp.Compare(a.Position.Column, b.Position.Column),
			strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(faults)
}

// load does the whole work; its result is only used when no fault was found.
func (l *loader) load() *Contract {
	c := &Contract{System: systemName(l.root), Path: l.root}
	root := l.read(l.root)
	if root == nil {
		return c
	}
	l.collect(root)
	if l.full {
		return c
	}
	l.checkReferences()
	c.Files, c.Hash = l.manifest()
	l.normalise()
	c.model = buildModel(l)
	c.pages, c.located = l.pages(c.model), l.located
	c.single = l.singlePage(c)
	l.describe(c)
	if len(l.faults) == 0 {
		l.compile(c)
	}
	return c
}

func systemName(root string) string {
	if dir := path.Base(path.Dir(root)); dir != "." && dir != "/" {
		return dir
	}
	return strings.TrimSuffix(path.Base(root), path.Ext(root))
}

// manifest lists the files and hashes them all by name and content, in an order
// that does not depend on how they were found.
func (l *loader) manifest() ([]File, [32]byte) {
	files := make([]File, 0, len(l.order))
	for _, f := range l.order {
		files = append(files, File{Path: l.relative(f.path), Size: len(f.raw), Hash: sha256.Sum256(f.raw)})
	}
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	h := sha256.New()
	for _, f := range sorted {
		fmt.Fprintf(h, "%d %s %d %x\n", len(f.Path), f.Path, f.Size, f.Hash)
	}
	return files, [32]byte(h.Sum(nil))
}
