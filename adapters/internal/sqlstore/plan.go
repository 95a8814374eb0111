package sqlstore

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Plan is a mapping's write plan together with the tables as they are. It is
// immutable.
type Plan struct {
	Mapping *mapping.Mapping
	Steps   []*Step // in the mapping's order
	// Order is Steps in the order of writing, which is the same in every
	// mapping: by depth of foreign keys, then by name of the table.
	Order   []*Step
	Returns []Stored // for each of Mapping.Returns
	// Noting is the number of what the configuration notes of tables; see noting.go.
	Noting int
	// Alone says that messages cannot share a transaction's set-based
	// statements, because two steps write the same table.
	Alone bool
}

// Step is one step of a mapping, resolved.
type Step struct {
	*mapping.Table
	Model   *Table
	Columns []Column
	// Reads names the stored columns that other steps or the reply need of this
	// step's rows.
	Reads []Read
	// Shared says that another message's equal row cannot stand for this one's,
	// because children that the message no longer has are deleted.
	Shared bool
	// Early says that whether a row is stored can be asked before anything is
	// written, of a step that inserts none: its key is known then, and no older
	// version of what it belongs to could be in the message.
	Early bool
	// Own are the columns that look in the step's own table.
	Own      []int
	Children []*Step // the steps that refer to this one
	// Live are the ways in which the step's rows are named to those who hear of
	// changes; Tells the columns that name rows which change with the step's own.
	Live  []Live
	Tells []int
	Noted bool // it matters which rows change
}

// Column is one written column, resolved.
type Column struct {
	*mapping.Column
	Model  *mapping.ColumnModel
	Native Native
	Ref    *Step // nil for none
	RefGet int   // index into Ref.Reads, or of a look-up in its own table into those of the step itself
	Found  *LookupTarget
	Key    bool // among the step's Match
}

// LookupTarget is where a look-up looks.
type LookupTarget struct {
	Table  *Table
	Where  []Read // compared with the keys
	Column Read
	// From and To say, of a table of codes, when a row is valid; nil for always.
	From, To *Read
	Missing  Datum // what stands for a code that is not there
}

// Keys are the columns that the keys of a cell are compared with: those of
// Where, and From with the time that is asked about.
func (t *LookupTarget) Keys() []Read {
	if t.From == nil {
		return t.Where
	}
	return append(slices.Clip(t.Where), *t.From)
}

// Valid is the condition that row x is valid at a time. A day in To is the last
// one, a moment the first after it.
func (t *LookupTarget) Valid(x, at string, quote func(string) string) string {
	from := x + quote(t.From.Name)
	text := "(" + from + " IS NULL OR " + from + " <= " + at + ")"
	if t.To == nil {
		return text
	}
	to, until := x+quote(t.To.Name), " > "
	if t.To.Model.Kind == mapping.DateColumn {
		until = " >= "
	}
	return text + " AND (" + to + " IS NULL OR " + to + until + at + ")"
}

// Read is a column whose stored value is read.
type Read struct {
	Name   string
	Model  *mapping.ColumnModel
	Native Native
}

// Stored names a column read back: an index into Steps and one into its Reads.
type Stored struct{ Step, Read int }

// planner gathers every fault of a mapping against its tables.
type planner struct {
	tables  snapshot
	plan    *Plan
	details []fault.Detail
}

// NewPlan resolves a mapping against tables; the error lists all faults.
func NewPlan(m *mapping.Mapping, tables []*Table) (*Plan, error) {
	shot := snapshot{}
	for _, t := range tables {
		shot[t.Name] = t
	}
	return newPlan(m, shot)
}

// newPlan resolves a mapping against the tables; the error lists all faults.
func newPlan(m *mapping.Mapping, tables snapshot) (*Plan, error) {
	p := &planner{tables: tables, plan: &Plan{Mapping: m}}
	for i := range m.Tables {
		p.plan.Steps = append(p.plan.Steps, &Step{Table: &m.Tables[i]})
	}
	for _, s := range p.plan.Steps {
		p.step(s)
	}
	p.live()
	for _, r := range m.Returns {
		s := p.plan.Steps[r.Table]
		p.plan.Returns = append(p.plan.Returns, Stored{r.Table, p.read(s, r.Column, s.Source)})
	}
	if p.details != nil {
		return nil, fault.New(fault.CodeSchema, "mapping %s does not fit the database's tables", m.Name).With(p.details...)
	}
	p.plan.Order = p.order()
	for _, s := range p.plan.Steps {
		s.Early = s.OnMissing != mapping.Insert && !p.plan.Alone && p.known(s)
	}
	return p.plan, nil
}

func (p *planner) fault(source, target, format string, args ...any) {
	p.details = append(p.details, fault.Detail{Source: source, Target: target, Message: fmt.Sprintf(format, args...)})
}

func (p *planner) step(s *Step) {
	model, ok := p.tables[s.Name]
	if !ok {
		p.fault(s.Source, s.Name.String(), "there is no such table, or the login may not see it")
		return
	}
	s.Model = model
	s.Columns = make([]Column, len(s.Table.Columns))
	for i := range s.Table.Columns {
		s.Columns[i] = p.column(s, i)
	}
	p.key(s)
	p.sharing(s)
}

// key checks that the natural key is one that the database keeps unique.
func (p *planner) key(s *Step) {
	if len(s.Match) == 0 {
		return
	}
	names := make([]string, len(s.Match))
	for i, c := range s.Match {
		names[i] = s.Table.Columns[c].Name
	}
	if !s.Model.HasUnique(names) {
		p.fault(s.Source, s.Name.String(), "match %v needs a unique index on exactly these columns", names)
	}
}

// sharing finds out whether rows of this step can stand for equal rows of other
// messages, and whether messages can be written together at all.
func (p *planner) sharing(s *Step) {
	if s.Absent.Deletes() && s.Parent >= 0 {
		p.plan.Steps[s.Parent].Shared = true
	}
	for _, other := range p.plan.Steps[:s.Index] {
		if other.Name == s.Name && !meets(s, other) && !meets(other, s) {
			p.plan.Alone = true
		}
	}
}

// meets reports whether it makes no difference if rows of a stub are written
// before or after those of another step of its table.
func meets(stub, other *Step) bool {
	return stub.Stub && other.OnMatch != mapping.Fail && other.OnMissing == mapping.Insert
}

func (p *planner) column(s *Step, i int) Column {
	c := &s.Table.Columns[i]
	target := s.Name.String() + "." + c.Name
	out := Column{Column: c, Key: slices.Contains(s.Match, i)}
	model, native, ok := s.Model.Find(c.Name)
	switch {
	case !ok:
		p.fault(c.Source, target, "there is no such column")
		return out
	case model.Identity || model.Computed:
		p.fault(c.Source, target, "the database draws this value itself")
	}
	out.Model, out.Native = model, native
	if c.Ref >= 0 {
		out.Ref = p.plan.Steps[c.Ref]
		out.RefGet = p.read(out.Ref, c.RefColumn, c.Source)
		if !slices.Contains(out.Ref.Children, s) {
			out.Ref.Children = append(out.Ref.Children, s)
		}
	}
	if c.Lookup != nil {
		out.Found = p.lookup(c, out.Model)
		if len(c.Lookup.Own) > 0 {
			out.RefGet = p.read(s, c.Lookup.Column, c.Source)
			s.Own = append(s.Own, i)
		}
	}
	return out
}

// read asks for a stored column of a step and returns its place among the Reads.
func (p *planner) read(s *Step, name, source string) int {
	if i := slices.IndexFunc(s.Reads, func(r Read) bool { return r.Name == name }); i >= 0 {
		return i
	}
	model, ok := p.tables[s.Name]
	if !ok {
		return 0 // the missing table is reported by its own step
	}
	column, native, ok := model.Find(name)
	if !ok {
		p.fault(source, s.Name.String()+"."+name, "there is no such column to refer to")
		return 0
	}
	if len(s.Key()) == 0 {
		p.fault(source, s.Name.String(), "a row that others refer to needs match or sequence")
	}
	s.Reads = append(s.Reads, Read{name, column, native})
	return len(s.Reads) - 1
}

func (p *planner) lookup(c *mapping.Column, into *mapping.ColumnModel) *LookupTarget {
	l := c.Lookup
	table, ok := p.tables[l.Table]
	if !ok {
		p.fault(c.Source, l.Table.String(), "there is no such table to look in, or the login may not see it")
		return nil
	}
	if l.From == "" && !table.HasUnique(l.Where) {
		p.fault(c.Source, l.Table.String(), "looking up by %v needs a unique index on exactly these columns", l.Where)
	}
	get := func(name string) Read {
		model, native, ok := table.Find(name)
		if !ok {
			p.fault(c.Source, l.Table.String()+"."+name, "there is no such column to look up")
		}
		return Read{name, model, native}
	}
	t := &LookupTarget{Table: table, Column: get(l.Column)}
	for _, w := range l.Where {
		t.Where = append(t.Where, get(w))
	}
	if l.From != "" {
		from := get(l.From)
		t.From = &from
	}
	if l.To != "" {
		to := get(l.To)
		t.To = &to
	}
	if l.NotFound == mapping.ValueMissing {
		var err error
		if t.Missing, err = newDatum(l.Value, &into.ColumnType); err != nil {
			p.fault(c.Source, l.Table.String(), "the value for what is not there: %v", err)
		}
	}
	return t
}

// known reports whether a step's key holds nothing that is known only later,
// and no version guards the step.
func (p *planner) known(s *Step) bool {
	for _, c := range s.Match {
		if s.Columns[c].Ref != nil {
			return false
		}
	}
	for up := s.Parent; up >= 0; up = p.plan.Steps[up].Parent {
		if p.plan.Steps[up].Version >= 0 {
			return false
		}
	}
	return true
}

// order sorts the steps by depth of foreign keys, then by name, and keeps what
// a step refers to before it whatever the foreign keys say.
func (p *planner) order() []*Step {
	depth := map[mapping.TableName]int{}
	for _, s := range p.plan.Steps {
		depth[s.Name] = p.depth(s.Name, nil)
	}
	waiting := slices.Clone(p.plan.Steps)
	slices.SortStableFunc(waiting, func(a, b *Step) int {
		return cmp.Or(cmp.Compare(depth[a.Name], depth[b.Name]), cmp.Compare(a.Name.String(), b.Name.String()), cmp.Compare(a.Index, b.Index))
	})
	var done []*Step
	for len(waiting) > 0 {
		i := max(0, slices.IndexFunc(waiting, func(s *Step) bool { return ready(s, done) }))
		done = append(done, waiting[i])
		waiting = slices.Delete(waiting, i, i+1)
	}
	return done
}

// ready reports whether everything that a step needs is written before it.
func ready(s *Step, done []*Step) bool {
	for _, c := range s.Columns {
		if c.Ref != nil && !slices.Contains(done, c.Ref) {
			return false
		}
	}
	return s.Parent < 0 || slices.ContainsFunc(done, func(d *Step) bool { return d.Index == s.Parent })
}

// depth is the longest chain of foreign keys from a table, among the tables
// that are known; a cycle ends it.
func (p *planner) depth(name mapping.TableName, path []mapping.TableName) int {
	t, ok := p.tables[name]
	if !ok || slices.Contains(path, name) {
		return 0
	}
	deepest := 0
	for _, fk := range t.ForeignKeys {
		if _, known := p.tables[fk.Table]; known && fk.Table != name {
			deepest = max(deepest, 1+p.depth(fk.Table, append(path, name)))
		}
	}
	return deepest
}
