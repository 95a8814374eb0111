// Package draft makes a first mapping of a contract's operation, with migrations
// of the tables that it writes: something that compiles, fits its tables and
// stores messages, for a person to make right. Where the contract does not say
// what is meant, the draft guesses, and says TODO.
//
// The package knows nothing of files; what it makes is text.
package draft

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// Draft is a mapping with its migrations.
type Draft struct {
	Name      string // of the mapping, such as submit-order
	Mapping   string // the file, in YAML
	SQLServer string // the migration, for goose
	SQLite    string
	Tables    []string // schema.table, parents first
	Codes     []CodeSet
	// Left lists what of the message the draft does not store, and why.
	Left []string
}

// Options say what cannot be known from the contract.
type Options struct {
	// Contract is how the mapping names it: path/to.wsdl.
	Contract string
	// Reply is the payload of a valid reply, whose values the draft takes for
	// constants; empty for a one-way operation.
	Reply []byte
	// Plain has the reply be of constants alone.
	Plain bool
	// Codes makes code sets of what the contract enumerates.
	Codes bool
}

// The limits of a draft: what is larger is listed and left out.
const (
	maxColumns = 250 // of one table
	maxTables  = 60
	maxDepth   = 24
	maxVisits  = 20_000 // elements gone through: types may hold each other exponentially often
	maxLeft    = 40
)

// New drafts the mapping of an operation's input. The error says why nothing can
// be drafted.
func New(c *contract.Contract, op *contract.Operation, o Options) (*Draft, error) {
	if op.Unsupported != "" || op.Input == nil || op.Input.Element == nil || op.Input.Element.Type == nil {
		return nil, fmt.Errorf("the operation %s takes no message that can be mapped: %s", op.Name, op.Unsupported)
	}
	if others := services(c, op.Name); len(others) > 1 {
		return nil, fmt.Errorf("the services %s all have an operation %s, and a mapping names an operation alone", strings.Join(others, ", "), op.Name)
	}
	b := &builder{prefixes: newPrefixes(), tables: map[string]bool{}, rows: map[string]bool{}}
	b.schema = identifier(c.System, "data")
	if o.Codes {
		b.sets, b.setNames = map[*contract.Simple]string{}, map[string]bool{}
	}
	root := op.Input.Element
	top := b.table(nil, tableName(root.Name.Local), root)
	b.element(top, root, spot{})
	b.settle(top)
	if len(top.columns) == 0 {
		top.add(b.messageID())
	}
	d := &Draft{Name: strings.ReplaceAll(identifier(op.Name, "message"), "_", "-"), Left: b.left}
	for t := range top.all() {
		d.Tables = append(d.Tables, t.full())
	}
	reply, err := b.reply(o, op, top)
	if err != nil {
		return nil, err
	}
	d.Codes = b.codes
	d.Mapping = b.yaml(d, op, o, top, reply)
	d.SQLServer, d.SQLite = sqlServer(b.schema, top), sqlite(top)
	return d, nil
}

// services are those that have an operation of that name.
func services(c *contract.Contract, operation string) []string {
	var out []string
	for _, s := range c.Services {
		if s.OperationNamed(operation) != nil {
			out = append(out, s.Name)
		}
	}
	return out
}

// builder makes the tables of one draft.
type builder struct {
	schema   string
	prefixes *prefixes
	tables   map[string]bool // names taken
	rows     map[string]bool
	left     []string
	sets     map[*contract.Simple]string // code sets by type; nil: none are made
	setNames map[string]bool
	codes    []CodeSet
	top      string // the first table's name
	count    int
	visits   int
}

// leave notes what the draft does not store.
func (b *builder) leave(format string, args ...any) {
	switch len(b.left) {
	case maxLeft:
		b.left = append(b.left, "and more")
	default:
		if len(b.left) < maxLeft {
			b.left = append(b.left, fmt.Sprintf(format, args...))
		}
	}
}

// table is one table of the draft, with the rule that fills it.
type table struct {
	schema, name, as string
	parent           *table
	each             string // the path of its elements, from the parent's
	el               *contract.Element
	leaves           []*leaf
	columns          []*column
	match            []string
	guess            string // what is to be decided about the key
	children         []*table
}

func (t *table) full() string { return t.schema + "." + t.name }

func (t *table) add(c *column) { t.columns = append(t.columns, c) }

// all yields the table and those below it, parents first.
func (t *table) all() func(yield func(*table) bool) {
	return func(yield func(*table) bool) { t.each1(yield) }
}

func (t *table) each1(yield func(*table) bool) bool {
	if !yield(t) {
		return false
	}
	for _, c := range t.children {
		if !c.each1(yield) {
			return false
		}
	}
	return true
}

// table adds a table below a parent.
func (b *builder) table(parent *table, name string, el *contract.Element) *table {
	b.count++
	as := name
	if parent != nil { // other operations have parts of that name too
		name = clip(b.top + "_" + name)
	} else {
		b.top = name
	}
	t := &table{schema: b.schema, name: unique(b.tables, name), parent: parent, el: el}
	if slices.Contains([]string{"header", "properties", "principal", "message"}, as) {
		as += "_row"
	}
	t.as = unique(b.rows, as)
	if parent != nil {
		parent.children = append(parent.children, t)
	}
	return t
}

// spot is where the walk stands in the message.
type spot struct {
	path     string   // from the table's context item
	names    []string // local names from there
	optional bool     // something on the way may be absent or nil
	types    []*contract.Type
}

func (s spot) to(step, local string, optional bool) spot {
	path := step
	if s.path != "" {
		path = s.path + "/" + step
	}
	return spot{path, append(slices.Clone(s.names), local), s.optional || optional, s.types}
}

// element walks what stands in an element into a table.
func (b *builder) element(t *table, el *contract.Element, at spot) {
	typ := el.Type
	if typ == nil {
		return
	}
	if at.path == "" && (typ.Simple != nil || typ.Mixed) { // what repeats is a value itself
		b.leaf(t, el, at.to(".", "Value", el.Nillable))
	}
	if slices.Contains(at.types, typ) || len(at.types) > maxDepth {
		b.leave("%s/%s: the type contains itself", t.full(), strings.Join(at.names, "/"))
		return
	}
	if b.visits++; b.visits > maxVisits {
		if b.visits == maxVisits+1 {
			b.leave("%s/%s and what follows: the message has too many parts for a draft", t.full(), strings.Join(at.names, "/"))
		}
		return
	}
	at.types = append(slices.Clone(at.types), typ)
	for _, a := range typ.Attributes {
		b.attribute(t, a, at)
	}
	if typ.Open() {
		b.leave("%s: what the contract allows without naming it, below %s", t.full(), el.Name.Local)
	}
	for _, c := range typ.Children() {
		b.child(t, c, at)
	}
}

func (b *builder) child(t *table, c contract.Child, at spot) {
	el := c.Element
	next := at.to(b.prefixes.name(el.Name), el.Name.Local, c.Min == 0 || el.Nillable || len(el.Substitutes) > 0)
	switch {
	case el.Abstract || el.Type == nil || c.Max == 0:
		b.leave("%s: %s is abstract", t.full(), next.path)
	case (c.Max == contract.Unbounded || c.Max > 1) && slices.Contains(at.types, el.Type):
		b.leave("%s: %s contains itself", t.full(), next.path)
	case c.Max == contract.Unbounded || c.Max > 1:
		b.repeated(t, el, next)
	case isValue(el.Type):
		b.leaf(t, el, next)
		b.attributes(t, el, next)
	default:
		b.element(t, el, next)
	}
}

// repeated gives what repeats a table of its own.
func (b *builder) repeated(t *table, el *contract.Element, at spot) {
	if b.count >= maxTables {
		b.leave("%s: %s, since a draft has %d tables at most", t.full(), at.path, maxTables)
		return
	}
	child := b.table(t, tableName(el.Name.Local), el)
	child.each = at.path
	b.element(child, el, spot{types: at.types, optional: el.Nillable}) // nothing is below what is nil
}

// isValue reports whether an element of the type is stored as one value.
func isValue(t *contract.Type) bool {
	return t.Simple != nil || t.Mixed || len(t.Children()) == 0
}

// attributes of an element that is a value.
func (b *builder) attributes(t *table, el *contract.Element, at spot) {
	at.optional = at.optional || el.Nillable
	for _, a := range el.Type.Attributes {
		b.attribute(t, a, at)
	}
}

func (b *builder) attribute(t *table, a *contract.Attribute, at spot) {
	l := &leaf{simple: a.Type, at: at.to("@"+b.prefixes.name(a.Name), a.Name.Local, !a.Required && a.Default == nil && a.Fixed == nil)}
	b.keep(t, l)
}

// leaf is one value of a message.
type leaf struct {
	simple *contract.Simple
	at     spot
	// shape says what an element without a simple type is: mixed content, or
	// nothing but its being there.
	mixed, bare bool
	column      *column
}

func (b *builder) leaf(t *table, el *contract.Element, at spot) {
	l := &leaf{simple: el.Type.Simple, at: at}
	if l.simple == nil {
		l.mixed = el.Type.Mixed || el.Type.Base == nil && el.Type.Content == nil && el.Type.Name.Local == "anyType"
		l.bare = !l.mixed
	}
	b.keep(t, l)
}

func (b *builder) keep(t *table, l *leaf) {
	if len(t.leaves) == maxColumns {
		b.leave("%s: %s, since a table of a draft has %d columns at most", t.full(), l.at.path, maxColumns)
		return
	}
	t.leaves = append(t.leaves, l)
}
