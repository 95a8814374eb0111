package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// The bounds of one contract. Real ones are far below: the largest seen has
// 2 MB in one file and 300 files.
const (
	maxFileBytes   = 32 << 20
	maxFiles       = 4096
	maxSchemas     = 8192
	maxSchemaBytes = 64 << 20 // a chameleon counts for each namespace
)

// loader carries what is being read. It lives for one Load.
type loader struct {
	fsys  fs.FS
	root  string
	files map[string]*file // nil where reading was tried and is reported
	order []*file
	bytes int  // of the schemas
	full  bool // a bound is passed, which is reported

	definitions []*definitions
	schemas     []*schema
	visited     map[visit]bool
	// redefinitions are in the order in which they were met: an outer one
	// stands before those in the file it leads to.
	redefinitions []redefinition
	missing       []missing
	located       map[visit]string      // by file and location, where that is not plain
	folders       map[string][]string   // names by folder, as far as was looked
	roots         map[string]schemaRoot // by file, likewise
	// duplicates are global components that another schema of the same
	// namespace declares too; the validator must not see them.
	duplicates map[*schema][]document.Node
	// absent are the types that schemas refer to and none declares; unsound says
	// that something else is not there either, or is made of itself.
	absent  map[Name]bool
	unsound bool
	// repeated are those that their own schema declares twice.
	repeated map[*schema][]document.Node
	// misnamed are references without the prefix of what they mean.
	misnamed map[*schema][]reference
	types    map[Name]*Type // of the model, when it is built

	faults  []Fault
	notes   []Fault
	slipped []Fault // notes that only count where slips are put right
}

// file is one file of the contract, as stored and as a tree.
type file struct {
	path string // from the root of the file system
	raw  []byte
	utf8 []byte
	tree *document.Tree
}

func newLoader(fsys fs.FS, root string) *loader {
	return &loader{fsys: fsys, root: root, files: map[string]*file{}, visited: map[visit]bool{}, absent: map[Name]bool{},
		located: map[visit]string{}, folders: map[string][]string{}, roots: map[string]schemaRoot{},
		duplicates: map[*schema][]document.Node{}, repeated: map[*schema][]document.Node{}, misnamed: map[*schema][]reference{}}
}

func (l *loader) fault(p Position, format string, args ...any) {
	l.faults = append(l.faults, Fault{p, fmt.Sprintf(format, args...)})
}

func (l *loader) note(p Position, format string, args ...any) {
	l.notes = append(l.notes, noted(p, format, args...))
}

func noted(p Position, format string, args ...any) Fault {
	return Fault{p, fmt.Sprintf(format, args...)}
}

// relative shortens a path to what a person sees in the WSDL's folder.
func (l *loader) relative(name string) string {
	dir := path.Dir(l.root)
	if dir == "." {
		return name
	}
	if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
		return rest
	}
	up := 0
	for dir != "." {
		dir, up = path.Dir(dir), up+1
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			return strings.Repeat("../", up) + rest
		}
	}
	return strings.Repeat("../", up) + name
}

func (l *loader) at(f *file, n document.Node) Position {
	line, column := n.Position()
	return Position{File: l.relative(f.path), Line: line, Column: column}
}

// read returns the file at a path, parsed, or nil when it cannot be read, which
// it has reported then.
func (l *loader) read(name string) *file {
	if f, seen := l.files[name]; seen {
		return f
	}
	l.files[name] = nil
	if len(l.order) == maxFiles {
		l.overflow(Position{File: l.relative(name)}, "more than %d files in one contract", maxFiles)
		return nil
	}
	raw, err := l.content(name)
	if err != nil {
		l.fault(Position{File: l.relative(name)}, "%v", err)
		return nil
	}
	f := l.parse(name, raw)
	l.files[name] = f
	if f != nil {
		l.order = append(l.order, f)
	}
	return f
}

// overflow reports that a bound is passed, once: nothing more is read then.
func (l *loader) overflow(p Position, format string, args ...any) {
	if !l.full {
		l.fault(p, format, args...)
	}
	l.full = true
}

func (l *loader) content(name string) ([]byte, error) {
	in, err := l.fsys.Open(name)
	if err != nil {
		return nil, readable(err)
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, maxFileBytes+1))
	switch {
	case err != nil:
		return nil, readable(err)
	case len(raw) > maxFileBytes:
		return nil, fmt.Errorf("larger than %d MiB", maxFileBytes>>20)
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, errors.New("the file is empty")
	}
	return raw, nil
}

// readable strips the operation and path that fs.PathError repeats.
func readable(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func (l *loader) parse(name string, raw []byte) *file {
	p := Position{File: l.relative(name)}
	src, err := l.utf8(p, raw)
	if err != nil {
		l.fault(p, "%v", err)
		return nil
	}
	if clear, found := withoutDoctype(src); found {
		l.note(p, "the document type declaration is ignored")
		src = clear
	}
	if clear, found := withoutLateDeclaration(src); found {
		l.note(p, "the XML declaration is not at the beginning and is ignored")
		src = clear
	}
	tree, err := document.Read(src)
	if err != nil {
		l.fault(syntaxPosition(p, err), "not well-formed XML: %s", syntaxMessage(err))
		return nil
	}
	return &file{path: name, raw: raw, utf8: src, tree: tree}
}

// utf8 returns the text of a file in UTF-8. Where its bytes are not in the
// encoding that they should be in, the two are tried that files turn out to be
// in: UTF-8, after tools that copied a declaration of UTF-16, and Windows-1252.
func (l *loader) utf8(p Position, raw []byte) ([]byte, error) {
	src, err := document.ToUTF8(raw, "")
	if err == nil {
		return src, nil
	}
	for _, other := range []string{"UTF-8", "Windows-1252"} {
		if src, otherwise := document.ToUTF8(raw, other); otherwise == nil && bytes.IndexByte(src, 0) < 0 {
			l.note(p, "%v; it is read as %s", err, other)
			return src, nil
		}
	}
	return nil, err
}

func syntaxPosition(p Position, err error) Position {
	if s, ok := errors.AsType[*document.SyntaxError](err); ok {
		p.Line, p.Column = s.Line, s.Column
	}
	return p
}

func syntaxMessage(err error) string {
	if s, ok := errors.AsType[*document.SyntaxError](err); ok {
		return s.Message
	}
	return err.Error()
}

// withoutDoctype blanks a document type declaration before the root element,
// keeping every line and column where it was. Entities it declared are unknown
// afterwards, so a file that uses them is refused as malformed.
func withoutDoctype(src []byte) ([]byte, bool) {
	start := prologEnd(src)
	if !bytes.HasPrefix(src[start:], []byte("<!DOCTYPE")) {
		return src, false
	}
	end := doctypeEnd(src, start)
	if end < 0 {
		return src, false
	}
	return blanked(src, start, end), true
}

// blanked returns a copy of src with white space from start to end.
func blanked(src []byte, start, end int) []byte {
	out := bytes.Clone(src)
	copy(out[start:end], blank(out[start:end]))
	return out
}

// withoutLateDeclaration blanks an XML declaration that white space or a comment
// stands before, which XML does not allow and many tools let pass.
func withoutLateDeclaration(src []byte) ([]byte, bool) {
	start := bytes.Index(src, []byte("<?xml "))
	if start <= len(byteOrderMark) || start >= prologEnd(src) {
		return src, false
	}
	n := bytes.Index(src[start:], []byte("?>"))
	return blanked(src, start, start+n+2), true
}

const byteOrderMark = "\xEF\xBB\xBF"

// prologEnd returns the offset of the first markup that is neither white space
// nor a comment nor a processing instruction.
func prologEnd(src []byte) int {
	i := 0
	if bytes.HasPrefix(src, []byte(byteOrderMark)) {
		i = len(byteOrderMark)
	}
	for {
		for i < len(src) && strings.IndexByte(" \t\r\n", src[i]) >= 0 {
			i++
		}
		closing := ""
		switch {
		case bytes.HasPrefix(src[i:], []byte("<!--")):
			closing = "-->"
		case bytes.HasPrefix(src[i:], []byte("<?")):
			closing = "?>"
		default:
			return i
		}
		n := bytes.Index(src[i:], []byte(closing))
		if n < 0 {
			return i
		}
		i += n + len(closing)
	}
}

// doctypeEnd returns the offset after the declaration that starts at start, or
// -1 when it does not end.
func doctypeEnd(src []byte, start int) int {
	var quote byte
	depth := 0
	for i := start + 1; i < len(src); i++ {
		c := src[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case bytes.HasPrefix(src[i:], []byte("<!--")):
			n := bytes.Index(src[i:], []byte("-->"))
			if n < 0 {
				return -1
			}
			i += n + 2
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '<':
			depth++
		case c == ']' || (c == '>' && depth > 0):
			depth--
		case c == '>':
			return i + 1
		}
	}
	return -1
}
