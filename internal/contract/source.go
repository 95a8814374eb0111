package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// The bounds of one contract. Real ones are far below: the largest seen has
// 2 MB in one file and 300 files.
const (
	maxFileBytes = 32 << 20
	maxFiles     = 4096
)

// loader carries what is being read. It lives for one Load.
type loader struct {
	fsys  fs.FS
	root  string
	files map[string]*file // nil where reading was tried and is reported
	order []*file

	definitions []*definitions
	schemas     []*schema
	visited     map[visit]bool
	missing     []missing
	// duplicates are global components that another schema of the same
	// namespace declares too; the validator must not see them.
	duplicates map[*schema][]document.Node
	// referred are the global elements that schemas refer to, and where first;
	// nil until asked for.
	referred map[Name]Position

	faults []Fault
	notes  []Fault
}

// file is one file of the contract, as stored and as a tree.
type file struct {
	path string // from the root of the file system
	raw  []byte
	utf8 []byte
	tree *document.Tree
}

func newLoader(fsys fs.FS, root string) *loader {
	return &loader{fsys: fsys, root: root, files: map[string]*file{}, visited: map[visit]bool{}, duplicates: map[*schema][]document.Node{}}
}

func (l *loader) fault(p Position, format string, args ...any) {
	l.faults = append(l.faults, Fault{p, fmt.Sprintf(format, args...)})
}

func (l *loader) note(p Position, format string, args ...any) {
	l.notes = append(l.notes, Fault{p, fmt.Sprintf(format, args...)})
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
	raw, err := l.bytes(name)
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

func (l *loader) bytes(name string) ([]byte, error) {
	if len(l.files) > maxFiles {
		return nil, fmt.Errorf("more than %d files in one contract", maxFiles)
	}
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
	src, err := document.ToUTF8(raw, "")
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

// resolve turns a schemaLocation or location in the file at base into a path in
// the file system. A reason is returned where it cannot be one.
func resolve(base, location string) (name, reason string) {
	location = strings.ReplaceAll(strings.TrimSpace(location), `\`, "/")
	location, _, _ = strings.Cut(location, "#")
	scheme, _, absolute := strings.Cut(location, ":")
	if absolute && !strings.Contains(scheme, "/") || strings.HasPrefix(location, "//") || strings.Contains(location, "?") {
		return "", neverFetched
	}
	if plain, err := url.PathUnescape(location); err == nil {
		location = plain
	}
	name = path.Join(path.Dir(base), location)
	if strings.HasPrefix(location, "/") || !fs.ValidPath(name) {
		return "", leadsOut
	}
	return name, ""
}
