package lineage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Path is what becomes of a part of a message.
type Path struct {
	Mapping  string `json:"mapping"`
	File     string `json:"file"`
	Path     string `json:"path"`               // from the payload element, with local names
	Position string `json:"position,omitempty"` // of its declaration: file:line:column
	Doc      string `json:"doc,omitempty"`
	// UsedBy are the rules that read it, or what stands below it.
	UsedBy []*Rule `json:"used_by"`
}

// maxSteps bounds a path that is asked about.
const maxSteps = 200

// Along returns, for every mapping whose message has the path, what becomes of
// it. The path begins at the payload element or at its children, with or without
// prefixes and predicates, or at $header. The error says where it leaves the
// contracts, with the name that was probably meant.
func (g *Graph) Along(path string) ([]*Path, error) {
	steps, err := split(path)
	if err != nil {
		return nil, err
	}
	var out []*Path
	var lost []*missing
	for _, f := range g.files {
		found, why := f.resolve(steps)
		if why != nil {
			lost = append(lost, why)
			continue
		}
		found.UsedBy = []*Rule{}
		for i := range f.rules {
			if r := f.rule(&f.rules[i]); !f.again[i] && f.touches(r, found.Path) {
				r.Becomes = g.becomes(f.targets[i], map[string]bool{})
				found.UsedBy = append(found.UsedBy, r)
			}
		}
		out = append(out, found)
	}
	if len(out) == 0 {
		return nil, furthest(path, lost)
	}
	return out, nil
}

// split takes a path apart: local names, attributes with their @.
func split(path string) ([]string, error) {
	var steps []string
	depth, start := 0, 0
	text := strings.TrimPrefix(strings.TrimSpace(path), "/")
	for i := 0; i <= len(text); i++ {
		switch {
		case i < len(text) && text[i] == '[':
			depth++
		case i < len(text) && text[i] == ']':
			depth--
		case i == len(text) || text[i] == '/' && depth == 0:
			step, _, _ := strings.Cut(text[start:i], "[")
			at := ""
			if strings.HasPrefix(step, "@") {
				at, step = "@", step[1:]
			}
			if n := strings.LastIndexByte(step, ':'); n >= 0 {
				step = step[n+1:]
			}
			steps = append(steps, at+step)
			start = i + 1
		}
	}
	if len(steps) > maxSteps || slices.ContainsFunc(steps, func(s string) bool { return s == "" || s == "@" }) {
		return nil, fmt.Errorf("%.80q is no path such as /SubmitOrder/Order/@revision or o:Order/o:Lines/o:Line", path)
	}
	return steps, nil
}

// missing is where a path leaves a contract.
type missing struct {
	mapping string
	depth   int
	at      string
	step    string
	known   []string
}

func furthest(path string, lost []*missing) error {
	if len(lost) == 0 {
		return fmt.Errorf("no mapping has a message with the path %s", path)
	}
	best := slices.MaxFunc(lost, func(a, b *missing) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(len(config.Nearest(a.step, a.known)), len(config.Nearest(b.step, b.known))))
	})
	message := fmt.Sprintf("no message has the path %s: in %s, %s has no %s", path, best.mapping, best.at, best.step)
	if near := config.Nearest(best.step, best.known); near != "" {
		return fmt.Errorf("%s; did you mean %s?", message, near)
	}
	return fmt.Errorf("%s", message)
}

// resolve finds a path in the mapping's contract: from the payload element when
// it names that first, else from its children.
func (f *file) resolve(steps []string) (*Path, *missing) {
	root := f.Operation.Input.Element
	switch {
	case steps[0] == header:
		return f.header(steps[1:])
	case steps[0] == root.Name.Local:
		if p, why := f.below(root, "/"+root.Name.Local, steps[1:]); why == nil {
			return p, nil
		} else if _, relative := f.below(root, "", steps[:1]); relative != nil {
			return nil, why
		}
	}
	return f.below(root, "/"+root.Name.Local, steps)
}

func (f *file) header(steps []string) (*Path, *missing) {
	var known []string
	for _, block := range f.Operation.Input.Blocks() {
		if len(steps) > 0 && block.Name.Local == steps[0] {
			return f.below(block, header+"/"+steps[0], steps[1:])
		}
		known = append(known, block.Name.Local)
	}
	step := ""
	if len(steps) > 0 {
		step = steps[0]
	}
	return nil, &missing{f.Name, 1, "the header", step, known}
}

func (f *file) below(el *contract.Element, path string, steps []string) (*Path, *missing) {
	out := &Path{Mapping: f.Name, File: f.File, Path: path, Position: el.Position.String(), Doc: el.Doc}
	for i, step := range steps {
		at := &missing{f.Name, i + 1, out.Path, step, nil}
		if attr, ok := strings.CutPrefix(step, "@"); ok {
			if el.Type != nil {
				for _, a := range el.Type.Attributes {
					if a.Name.Local == attr && i == len(steps)-1 {
						out.Path, out.Position, out.Doc = out.Path+"/"+step, a.Position.String(), a.Doc
						return out, nil
					}
					at.known = append(at.known, "@"+a.Name.Local)
				}
			}
			return nil, at
		}
		next := child(el, step, at)
		if next == nil {
			return nil, at
		}
		el = next
		out.Path, out.Position, out.Doc = out.Path+"/"+step, el.Position.String(), el.Doc
	}
	return out, nil
}

func child(el *contract.Element, local string, at *missing) *contract.Element {
	if el.Type == nil {
		return nil
	}
	for _, c := range el.Type.Children() {
		for _, candidate := range append([]*contract.Element{c.Element}, c.Element.Substitutes...) {
			if candidate.Name.Local == local {
				return candidate
			}
			at.known = append(at.known, candidate.Name.Local)
		}
	}
	for _, a := range el.Type.Attributes {
		at.known = append(at.known, "@"+a.Name.Local)
	}
	return nil
}

// touches reports whether a rule reads the path, or something below it. The
// payload as a whole has everything.
func (f *file) touches(r *Rule, path string) bool {
	return slices.ContainsFunc(slices.Concat(r.Paths, r.Decides), func(p string) bool {
		return p == path || strings.HasPrefix(p, path+"/") || p == "/"+f.Operation.Input.Element.Name.Local && strings.HasPrefix(r.Makes, mapping.PublicationRule.String())
	})
}

// becomes follows down what a rule writes: whoever reads that column, and what
// they write.
func (g *Graph) becomes(name string, seen map[string]bool) *Column {
	if name == "" {
		return nil
	}
	c := &Column{Name: name, WrittenBy: []*Rule{}}
	if c.Seen = seen[name]; c.Seen {
		return c
	}
	seen[name] = true
	for _, f := range g.files {
		for i := range f.rules {
			if f.again[i] || !g.follows(f.reads[i], name) {
				continue
			}
			out := f.rule(&f.rules[i])
			out.Becomes = g.becomes(f.targets[i], seen)
			c.ReadBy = append(c.ReadBy, out)
		}
	}
	return c
}

// follows reports whether one of the columns is the named one, or, when that is
// part of a natural key, one that the database has drawn for the row.
func (g *Graph) follows(columns []string, name string) bool {
	return slices.ContainsFunc(columns, func(c string) bool {
		return c == name || tableOf(c) == tableOf(name) && !g.written[c] && slices.Contains(g.keys[tableOf(c)], name)
	})
}
