// Package lineage tells what a column is made of and what a part of a message
// becomes, over all mappings of a project, in both directions and through rows:
// what one column takes of another is followed on.
//
// It refuses to know databases: of a column that no mapping writes it only knows
// that.
package lineage

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// Graph is the mappings of a project, each with its rules. It is immutable.
type Graph struct {
	files   []*file
	written map[string]bool     // columns that some mapping writes
	keys    map[string][]string // columns of natural keys, by table
}

type file struct {
	*mapping.Mapping
	rules   []mapping.Rule
	targets []string   // of each rule: the column it writes, or empty
	reads   [][]string // of each rule: the stored columns it reads
	again   []bool     // of each rule: its column has an earlier one
}

// New returns the graph of mappings. Of a file that several routes have one is
// enough.
func New(mappings []*mapping.Mapping) *Graph {
	g := &Graph{written: map[string]bool{}, keys: map[string][]string{}}
	for _, m := range mappings {
		if !slices.ContainsFunc(g.files, func(f *file) bool { return f.File == m.File }) {
			g.add(m)
		}
	}
	return g
}

func (g *Graph) add(m *mapping.Mapping) {
	f := &file{Mapping: m, rules: m.Rules()}
	seen := map[[2]int]bool{}
	for i := range f.rules {
		r := &f.rules[i]
		target := f.target(r)
		at := [2]int{r.Table, r.Column}
		f.targets = append(f.targets, target)
		f.reads = append(f.reads, f.stored(r))
		f.again = append(f.again, target != "" && seen[at])
		seen[at] = true
		if target != "" {
			g.written[target] = true
		}
	}
	for i := range m.Tables {
		t := &m.Tables[i]
		for _, k := range t.Match {
			name := t.Name.String()
			g.keys[name] = appendNew(g.keys[name], name+"."+t.Columns[k].Name)
		}
	}
	g.files = append(g.files, f)
}

// Column is what is known of one column.
type Column struct {
	Name string `json:"column"` // schema.table.column
	// WrittenBy are the rules that write it; none means that the database draws
	// it, or somebody else writes it.
	WrittenBy []*Rule `json:"written_by"`
	// ReadBy are the rules that take its stored value, or find rows by it.
	ReadBy []*Rule `json:"read_by,omitempty"`
	// Key are the columns that the row of a column that nobody writes is found by.
	Key []*Column `json:"key,omitempty"`
	// Seen says that the column stands further up with all this.
	Seen bool `json:"seen,omitempty"`
}

// Rule is a rule with what it reads and what it makes.
type Rule struct {
	Mapping    string `json:"mapping"`
	Source     string `json:"source"` // file:line:column
	Makes      string `json:"makes"`  // schema.table.column, or in words
	Expression string `json:"expression"`
	// Paths are what it reads of the message, Decides those that only decide
	// which node or value is taken.
	Paths   []string `json:"paths,omitempty"`
	Decides []string `json:"decides,omitempty"`
	Other   []string `json:"other,omitempty"` // of the gateway: $principal/login
	Each    []string `json:"each,omitempty"`  // what the row, or the field, is made for each of
	When    []string `json:"when,omitempty"`  // the conditions it stands under
	LookUp  string   `json:"look_up,omitempty"`
	Match   bool     `json:"match,omitempty"` // the column is part of the natural key
	// Columns are stored columns that it reads, with what is known of them.
	Columns []*Column `json:"columns,omitempty"`
	// Becomes is what a column goes into, when a path was asked about.
	Becomes *Column `json:"becomes,omitempty"`
}

// Of returns what is known of a column: what it is made of, followed on through
// other columns, and what reads it.
func (g *Graph) Of(table, column string) *Column {
	return g.origin(table+"."+column, map[string]bool{})
}

// origin follows a column up. A column is followed once.
func (g *Graph) origin(name string, seen map[string]bool) *Column {
	c := &Column{Name: name, WrittenBy: []*Rule{}}
	if c.Seen = seen[name]; c.Seen {
		return c
	}
	seen[name] = true
	for _, f := range g.files {
		for i := range f.rules {
			if f.targets[i] != name || f.again[i] {
				continue
			}
			out := f.rule(&f.rules[i])
			for _, above := range f.reads[i] {
				out.Columns = append(out.Columns, g.origin(above, seen))
			}
			c.WrittenBy = append(c.WrittenBy, out)
		}
	}
	if len(c.WrittenBy) == 0 {
		for _, key := range g.keysOf(name) {
			c.Key = append(c.Key, g.origin(key, seen))
		}
	}
	c.ReadBy = g.readers(name)
	return c
}

// keysOf are the natural keys of a column's table, other than itself.
func (g *Graph) keysOf(name string) []string {
	return slices.DeleteFunc(slices.Clone(g.keys[tableOf(name)]), func(key string) bool { return key == name })
}

func tableOf(column string) string { return column[:max(0, strings.LastIndexByte(column, '.'))] }

// readers are the rules that read a stored column.
func (g *Graph) readers(name string) []*Rule {
	var out []*Rule
	for _, f := range g.files {
		for i := range f.rules {
			if slices.Contains(f.reads[i], name) && !f.again[i] {
				out = append(out, f.rule(&f.rules[i]))
			}
		}
	}
	return out
}

// target is the column that a rule writes, or empty.
func (f *file) target(r *mapping.Rule) string {
	if r.Table < 0 || r.Column < 0 {
		return ""
	}
	t := &f.Tables[r.Table]
	return t.Name.String() + "." + t.Columns[r.Column].Name
}

// stored are the columns that a rule reads: of rows, or by look-up.
func (f *file) stored(r *mapping.Rule) []string {
	var out []string
	add := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, u := range r.Uses {
		if t := f.row(u.Variable); t != nil && u.Shape == nil {
			add(t.Name.String() + "." + u.Field)
		}
	}
	if r.Table >= 0 && r.Column >= 0 {
		if l := f.Tables[r.Table].Columns[r.Column].Lookup; l != nil {
			add(l.Table.String() + "." + l.Column)
			for _, where := range l.Where {
				add(l.Table.String() + "." + where)
			}
		}
	}
	return out
}

// row is the table of a row variable, or nil.
func (f *file) row(as string) *mapping.Table {
	i := slices.IndexFunc(f.Tables, func(t mapping.Table) bool { return as != "" && t.As == as })
	if i < 0 {
		return nil
	}
	return &f.Tables[i]
}

// rule describes a rule, with all keys when it is a look-up.
func (f *file) rule(r *mapping.Rule) *Rule {
	out := &Rule{Mapping: f.Name, Source: r.Source(), Makes: f.makes(r), Expression: r.Text}
	f.use(out, r)
	f.around(out, r)
	if r.Table < 0 || r.Column < 0 {
		return out
	}
	t := &f.Tables[r.Table]
	out.Match = slices.Contains(t.Match, r.Column)
	if l := t.Columns[r.Column].Lookup; l != nil {
		f.lookUp(out, r, l)
	}
	return out
}

func (f *file) use(out *Rule, r *mapping.Rule) {
	for _, u := range r.Uses {
		switch {
		case u.Shape == nil && f.row(u.Variable) == nil:
			out.Other = append(out.Other, "$"+u.Variable+"/"+u.Field)
		case u.Shape == nil:
		case u.Condition:
			out.Decides = appendNew(out.Decides, pathOf(u.Shape))
		default:
			out.Paths = appendNew(out.Paths, pathOf(u.Shape))
		}
	}
	if f.isOriginal(r) {
		out.Paths = []string{"/" + f.Operation.Input.Element.Name.Local}
	}
}

func (f *file) lookUp(out *Rule, r *mapping.Rule, l *mapping.Lookup) {
	var keys []string
	out.Paths, out.Decides, out.Other = nil, nil, nil
	for i := range f.rules {
		if key := &f.rules[i]; key.Table == r.Table && key.Column == r.Column {
			keys = append(keys, key.Text)
			f.use(out, key)
		}
	}
	for i, where := range l.Where {
		if i < len(keys) {
			keys[i] = where + " = " + keys[i]
		}
	}
	out.LookUp = l.Column + " of " + l.Table.String() + " where " + strings.Join(keys, " and ")
	out.Expression = f.Tables[r.Table].Columns[r.Column].Path
	out.Source = f.Tables[r.Table].Columns[r.Column].Source
}

// around tells what a rule stands in: conditions, and what is gone through.
func (f *file) around(out *Rule, r *mapping.Rule) {
	if f.Splits() && r.Kind != mapping.SplitRule && !f.replies(r) {
		out.Each = append(out.Each, f.Split())
	}
	for i := range f.rules {
		o := &f.rules[i]
		if o.Kind != mapping.WhenRule && o.Kind != mapping.EachRule || o == r || !f.encloses(o, r) {
			continue
		}
		if o.Kind == mapping.WhenRule {
			out.When = append(out.When, o.Text)
		} else {
			out.Each = append(out.Each, o.Text)
		}
	}
}

// replies reports whether a rule belongs to the reply, which is to the whole
// message however it is split.
func (f *file) replies(r *mapping.Rule) bool {
	return r.Table < 0 && r.Publication < 0 && !named(r.Kind) && r.Kind != mapping.DeclaredRule
}

// encloses reports whether r is made only where o, a condition or a repetition,
// has it made.
func (f *file) encloses(o, r *mapping.Rule) bool {
	switch {
	case o.Table >= 0:
		for t := r.Table; t >= 0; t = f.Tables[t].Parent {
			if t == o.Table {
				return r.Table != o.Table || r.Column >= 0 || o.Kind == mapping.EachRule && r.Kind == mapping.WhenRule
			}
		}
		return false
	case r.Table >= 0 || o.Publication != r.Publication || named(r.Kind):
		return false
	}
	return o.Name == "" || r.Name == o.Name || strings.HasPrefix(r.Name, o.Name+"/")
}

func named(k mapping.RuleKind) bool {
	return k == mapping.IdentityRule || k == mapping.OrderingRule || k == mapping.KeyRule || k == mapping.SplitRule
}

// makes is what a rule makes or decides, in words; of a column its name.
func (f *file) makes(r *mapping.Rule) string {
	if target := f.target(r); target != "" {
		return target
	}
	text := r.Kind.String()
	if r.Name != "" {
		text += " " + r.Name
	}
	switch {
	case r.Table >= 0:
		return text + " of the rows of " + f.Tables[r.Table].Name.String()
	case r.Publication >= 0:
		return text + " of the publication to " + f.Publications()[r.Publication].Channel
	case named(r.Kind) || r.Kind == mapping.OtherRule:
		return text
	}
	return text + " of the reply"
}

func (f *file) isOriginal(r *mapping.Rule) bool {
	return r.Kind == mapping.PublicationRule
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// pathOf names a node from the payload element, with local names.
func pathOf(s *xpath.Shape) string {
	var steps []string
	for ; s != nil; s = s.Parent {
		switch {
		case s.Attribute != nil:
			steps = append(steps, "@"+s.Attribute.Name.Local)
		case s.Element != nil:
			steps = append(steps, s.Element.Name.Local)
		default:
			steps = append(steps, header)
		}
	}
	slices.Reverse(steps)
	path := strings.Join(steps, "/")
	if strings.HasPrefix(path, header) {
		return path
	}
	return "/" + path
}

const header = "$header"

// Tables lists every table that mappings write, look up or refer to, with the
// columns that are named, each once and in order.
func (g *Graph) Tables() map[string][]string {
	out := map[string][]string{}
	add := func(name string) {
		if i := strings.LastIndexByte(name, '.'); i > 0 {
			out[name[:i]] = appendNew(out[name[:i]], name[i+1:])
		}
	}
	for _, f := range g.files {
		for i := range f.rules {
			add(f.targets[i])
			for _, name := range f.reads[i] {
				add(name)
			}
		}
	}
	for _, columns := range out {
		slices.Sort(columns)
	}
	return out
}
