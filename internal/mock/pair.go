package mock

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The files of a pair.
const (
	requestSuffix = ".request.xml"
	replySuffix   = ".reply.xml"
)

// Pair is a recorded request with its reply. It is immutable.
type Pair struct {
	Name    string
	request *document.Tree
	payload document.Node // of the request
	open    bool          // has a star
	reply   []byte        // nil: none, or a fault
	fault   *fault.Error
}

// Pairs reads NAME.request.xml and NAME.reply.xml from a folder and holds them
// against the contract. Each file holds a payload element or a whole envelope of
// either version; a reply may be a Fault. Where the operation is one-way there is
// no reply.
//
// In a request a star as the whole value of an attribute, or as the whole content
// of an element, stands for any. A request without one that breaks the contract
// would never be met and is refused, as is every reply that breaks it. The error
// is a Faults with all that was found. Pairs without a star come first, then by
// name.
func Pairs(c *contract.Contract, fsys fs.FS) ([]*Pair, error) {
	names, err := fs.Glob(fsys, "*"+requestSuffix)
	if err != nil {
		return nil, err
	}
	r := &reader{contract: c, fsys: fsys}
	var out []*Pair
	for _, name := range names {
		out = append(out, r.pair(strings.TrimSuffix(name, requestSuffix)))
	}
	r.strays(names)
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no file *%s", requestSuffix)
	}
	slices.SortStableFunc(out, func(a, b *Pair) int {
		switch {
		case a.open == b.open:
			return cmp.Compare(a.Name, b.Name)
		case b.open:
			return -1
		}
		return 1
	})
	return out, nil
}

// Faults are what is wrong with a folder of pairs, one a line.
type Faults []string

// Error renders them.
func (f Faults) Error() string { return strings.Join(f, "\n") }

// reader reads pairs.
type reader struct {
	contract *contract.Contract
	fsys     fs.FS
	faults   Faults
}

func (r *reader) fault(file, format string, args ...any) {
	r.faults = append(r.faults, file+": "+fmt.Sprintf(format, args...))
}

// strays reports the replies that belong to no request.
func (r *reader) strays(requests []string) {
	replies, err := fs.Glob(r.fsys, "*"+replySuffix)
	if err != nil {
		r.fault(".", "%v", err)
	}
	for _, name := range replies {
		request := strings.TrimSuffix(name, replySuffix) + requestSuffix
		if !slices.Contains(requests, request) {
			r.fault(name, "there is no %s", request)
		}
	}
}

// recorded is a file that holds a message.
type recorded struct {
	name    string
	tree    *document.Tree
	payload document.Node
}

// read reads a file; nil where it cannot be, which is reported then.
func (r *reader) read(name string) *recorded {
	src, err := fs.ReadFile(r.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		r.fault(name, "does not exist")
		return nil
	}
	if err == nil {
		src, err = document.ToUTF8(src, "")
	}
	if err != nil {
		r.fault(name, "%v", err)
		return nil
	}
	tree, err := document.Read(src)
	if err != nil {
		r.fault(name, "%v", err)
		return nil
	}
	f := &recorded{name, tree, tree.Root()}
	if versionOf(f.payload.Name()) == 0 || f.payload.Name().Local != "Envelope" {
		return f
	}
	_, f.payload = envelope.Parts(tree)
	if !f.payload.Exists() {
		r.fault(name, "the Body is empty")
		return nil
	}
	return f
}

func versionOf(name document.Name) envelope.Version {
	for _, v := range []envelope.Version{envelope.V11, envelope.V12} {
		if v.Namespace() == name.Space {
			return v
		}
	}
	return 0
}

// use is an operation that a pair is for.
type use struct {
	service *contract.Service
	op      *contract.Operation
}

func (r *reader) pair(name string) *Pair {
	p := &Pair{Name: name}
	f := r.read(name + requestSuffix)
	if f == nil {
		return p
	}
	p.request, p.payload, p.open = f.tree, f.payload, hasStar(f.payload)
	uses := r.uses(f.payload.Name())
	if len(uses) == 0 {
		r.fault(f.name, "no operation of the contract takes %s", f.payload.Name())
		return p
	}
	if !p.open {
		r.valid(f, f.payload, func(text []byte) ([]fault.Detail, error) {
			details, _, err := uses[0].service.ValidatePayload(uses[0].op, text, 0)
			return details, err
		})
	}
	r.answer(p, uses)
	return p
}

// uses lists the operations whose message is the element of that name.
func (r *reader) uses(name document.Name) []use {
	var out []use
	for _, s := range r.contract.Services {
		for _, op := range s.Operations {
			if op.Unsupported == "" && op.Input.Element != nil && op.Input.Element.Name == name {
				out = append(out, use{s, op})
			}
		}
	}
	return out
}

// answer reads the reply of a pair.
func (r *reader) answer(p *Pair, uses []use) {
	name := p.Name + replySuffix
	_, err := fs.Stat(r.fsys, name)
	oneWay := !slices.ContainsFunc(uses, func(u use) bool { return !u.op.OneWay() })
	switch {
	case oneWay && err == nil:
		r.fault(name, "operation %s is one-way: nothing answers it", uses[0].op.Name)
		return
	case oneWay:
		return
	}
	f := r.read(name)
	if f == nil {
		return
	}
	if v := versionOf(f.payload.Name()); v != 0 && f.payload.Name().Local == "Fault" {
		p.fault = r.asFault(f, v, uses)
		return
	}
	for _, u := range uses {
		r.reply(f, u)
	}
	p.reply = document.AppendStandalone(nil, f.payload)
}

// reply holds a reply against an operation's output.
func (r *reader) reply(f *recorded, u use) {
	out := u.op.Output
	switch {
	case out == nil || out.Element == nil:
		r.fault(f.name, "operation %s answers with nothing", u.op.Name)
	case f.payload.Name() != out.Element.Name:
		line, column := f.payload.Position()
		r.fault(fmt.Sprintf("%s:%d:%d", f.name, line, column), "operation %s answers with %s, not with %s", u.op.Name, out.Element.Name, f.payload.Name())
	default:
		r.keeps(f, f.payload, u.service, out.Element)
	}
}

// keeps reports what the contract has against an element that is no request: it
// is judged as the input of an operation that takes it.
func (r *reader) keeps(f *recorded, n document.Node, s *contract.Service, el *contract.Element) {
	op := &contract.Operation{Name: el.Name.Local, Input: &contract.Message{Element: el}}
	r.valid(f, n, func(text []byte) ([]fault.Detail, error) {
		details, _, err := s.ValidatePayload(op, text, 0)
		return details, err
	})
}

// valid reports each fault of an element at its place in the file.
func (r *reader) valid(f *recorded, n document.Node, judge func([]byte) ([]fault.Detail, error)) {
	text := document.AppendStandalone(nil, n)
	details, err := judge(text)
	if err != nil {
		r.fault(f.name, "%v", err)
	}
	line, column := n.Position()
	for _, d := range details {
		at := fmt.Sprintf("%s:%d:%d", f.name, line+d.Line-1, place(d, column, len(text)-len(n.Source())))
		d.Line, d.Column = 0, 0
		r.fault(at, "%s", d)
	}
}

// place is the column in the file of a detail within an element that starts at
// column there, and got so many bytes of namespace declarations on its first line.
func place(d fault.Detail, column, added int) int {
	switch {
	case d.Line != 1:
		return d.Column
	case d.Column == 1:
		return column
	}
	return d.Column - added + column - 1
}

// answer gives a message the recorded reply, or fault.
func (p *Pair) answer(r *gateway.Receipt) error {
	if p.fault != nil {
		return p.fault
	}
	r.Reply = p.reply
	return nil
}
