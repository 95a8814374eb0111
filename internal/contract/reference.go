package contract

import (
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// The reasons why a reference leads to no file.
const (
	doesNotExist = "does not exist"
	neverFetched = "is an address, and nothing is ever fetched"
	leadsOut     = "leads out of the folders that contracts are loaded from"
)

// missing is a reference that leads to no file. Whether it matters is known
// when all schemas are.
type missing struct {
	position  Position
	kind      string // import, include, redefine
	namespace string
	location  string
	reason    string
}

// resolve turns a schemaLocation or location in the file at base into a path in
// the file system. A reason is returned where it cannot be one. An xml:base is
// not looked at: those who write schemas do not mean it so.
func resolve(base, location string) (name, reason string) {
	location = slashed(location)
	scheme, _, absolute := strings.Cut(location, ":")
	if absolute && !strings.Contains(scheme, "/") || strings.HasPrefix(location, "//") || strings.Contains(location, "?") {
		return "", neverFetched
	}
	if plain, err := url.PathUnescape(location); err == nil {
		location = plain
	}
	return inFolders(base, location)
}

// slashed is a location with the slashes of a URI and without a fragment.
func slashed(location string) string {
	location, _, _ = strings.Cut(strings.ReplaceAll(trim(location), `\`, "/"), "#")
	return location
}

// inFolders joins a location to the folder of the file at base.
func inFolders(base, location string) (name, reason string) {
	name = path.Join(path.Dir(base), location)
	if strings.HasPrefix(location, "/") || !fs.ValidPath(name) {
		return "", leadsOut
	}
	return name, ""
}

// locate finds the file that a location in the file at base means: of that
// name, else of the name as it is written, with its percent signs, else of a
// name that differs in case only, as on the systems where many contracts come
// from.
func (l *loader) locate(from Position, base, location string) (name, reason string) {
	name, reason = resolve(base, location)
	if reason != "" || l.exists(name) {
		return name, reason
	}
	if literal, reason := inFolders(base, slashed(location)); reason == "" && literal != name && l.exists(literal) {
		l.located[visit{base, trim(location)}] = literal
		return literal, ""
	}
	if other := l.otherCase(name); other != "" {
		l.note(from, "%q is taken for %s, whose name differs in case", location, l.relative(other))
		l.located[visit{base, trim(location)}] = other
		return other, ""
	}
	return name, doesNotExist
}

// resolve finds the file that a location in one of the contract's files led to.
func (c *Contract) resolve(base, location string) (name, reason string) {
	if name := c.located[visit{base, trim(location)}]; name != "" {
		return name, ""
	}
	return resolve(base, location)
}

// otherCase returns the one file whose path is the same but for case, or "".
func (l *loader) otherCase(name string) string {
	found := "."
	for part := range strings.SplitSeq(name, "/") {
		same, n := "", 0
		for _, entry := range l.entries(found) {
			if entry == part {
				same, n = entry, 1
				break
			}
			if strings.EqualFold(entry, part) {
				same, n = entry, n+1
			}
		}
		if n != 1 {
			return ""
		}
		found = path.Join(found, same)
	}
	if !l.exists(found) {
		return ""
	}
	return found
}

// maxEntries bounds how much of a folder is looked at.
const maxEntries = 10_000

// entries returns the names in a folder, read once.
func (l *loader) entries(dir string) []string {
	if names, known := l.folders[dir]; known {
		return names
	}
	var names []string
	if list, err := fs.ReadDir(l.fsys, dir); err == nil {
		for _, e := range list[:min(len(list), maxEntries)] {
			names = append(names, e.Name())
		}
	}
	l.folders[dir] = names
	return names
}

func (l *loader) exists(name string) bool {
	if _, seen := l.files[name]; seen {
		return true
	}
	f, err := l.fsys.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && !info.IsDir()
}

// judge reports a reference that leads nowhere: as a fault, unless the schema
// that is meant is there in another way.
func (l *loader) judge(m missing, satisfied bool) {
	switch {
	case satisfied && m.location == "" || m.namespace == nsXSD:
	case satisfied:
		l.note(m.position, "%q %s; another schema of namespace %q is used", m.location, m.reason, m.namespace)
	case m.location == "" && m.kind == "import":
		l.note(m.position, "namespace %q is imported without a schemaLocation and no schema of the contract has it", m.namespace)
	case m.location == "":
		l.note(m.position, "this %s names no schemaLocation and is ignored", m.kind)
	default:
		l.fault(m.position, "%s of %q: it %s; %s", m.kind, m.location, m.reason, l.advice(m))
	}
}

// advice says what would satisfy a missing reference: a file that is there and
// has the namespace, or one that should be.
func (l *loader) advice(m missing) string {
	what, attribute := "the schema", "schemaLocation"
	if m.kind == "wsdl:import" {
		what, attribute = "the WSDL", "location"
	}
	what += fmt.Sprintf(" of namespace %q", m.namespace)
	dir := path.Dir(m.position.File)
	if candidate := l.candidate(m); candidate != "" {
		return fmt.Sprintf("%s has that namespace: if it is what is meant, name it in the %s", candidate, attribute)
	}
	if m.reason == doesNotExist {
		return fmt.Sprintf("put %s there as %s", what, path.Join(dir, slashed(m.location)))
	}
	return fmt.Sprintf("save %s in the contract's folder, as %s for instance, and name that file in the %s", what, path.Join(dir, fileName(m.location)), attribute)
}

// maxCandidates bounds the files that are opened to say more of what is missing.
const maxCandidates = 256

// candidate returns a file in the folder of the contract, or of the file that
// refers to it, that is of the kind and namespace that are missing.
func (l *loader) candidate(m missing) string {
	here := path.Join(path.Dir(l.root), path.Dir(m.position.File))
	for _, dir := range []string{here, path.Dir(l.root)} {
		for _, name := range l.entries(dir) {
			file := path.Join(dir, name)
			if ext := strings.ToLower(path.Ext(name)); ext != ".xsd" && ext != ".wsdl" || l.relative(file) == m.position.File {
				continue
			}
			if root := l.rootOf(file); root == (schemaRoot{m.kind == "wsdl:import", m.namespace}) {
				return l.relative(file)
			}
		}
	}
	return ""
}

// schemaRoot is what the root element of a file says.
type schemaRoot struct {
	wsdl      bool
	namespace string
}

// rootOf looks at the root element of a file that is perhaps not of the
// contract.
func (l *loader) rootOf(name string) schemaRoot {
	none := schemaRoot{namespace: "\x00"} // which no namespace is
	if root, known := l.roots[name]; known {
		return root
	} else if len(l.roots) >= maxCandidates {
		return none
	}
	l.roots[name] = none
	in, err := l.fsys.Open(name)
	if err != nil {
		return none
	}
	defer in.Close()
	head := make([]byte, 64<<10)
	n, _ := io.ReadFull(in, head) // what there is of it is enough
	tree, err := document.ReadUntil(head[:n], document.Limits{}, func(document.Node) bool { return true })
	if err != nil {
		return none
	}
	root := tree.Root()
	if is := root.Name(); is == xsdName("schema") || is == wsdlName("definitions") {
		l.roots[name] = schemaRoot{is == wsdlName("definitions"), strings.Clone(attr(root, "targetNamespace"))}
	}
	return l.roots[name]
}

// fileName makes a file name of a URL: its last part, or that of its query.
func fileName(location string) string {
	location, query, _ := strings.Cut(location, "?")
	if _, name, ok := strings.Cut(query, "="); ok && path.Ext(name) != "" {
		location = name
	}
	name := path.Base(location)
	if path.Ext(name) == "" || path.Ext(name) == ".svc" || path.Ext(name) == ".asmx" {
		name += ".xsd"
	}
	return name
}
