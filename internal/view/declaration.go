package view

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Declaration is the file of a view or of a report as written: its form is sound,
// but nothing in it has been held against a table. It is immutable after Parse.
type Declaration struct {
	Path    string
	Version string // the first 12 hexadecimal digits of the SHA-256
	Name    string
	view    *viewFile   // one of both
	report  *reportFile // is there
	root    *config.Node
}

// IsReport tells whether the file declares a report, which is of another file's view.
func (d *Declaration) IsReport() bool { return d.report != nil }

// Node is where the name stands.
func (d *Declaration) Node() *config.Node {
	if d.report != nil {
		return d.report.Report
	}
	return d.view.View
}

type viewFile struct {
	View    *config.Node   `yaml:"view,required"` // the name that it is asked for by
	LooksAt *config.Node   `yaml:"looks_at"`      // how many rows a query that no index serves may look at for a page
	Live    liveRule       `yaml:"live"`          // a stream of its changes can be had
	Filter  []*config.Node `yaml:"filter"`        // the fields that conditions can be of
	Sort    []*config.Node `yaml:"sort"`          // the fields that can be ordered by
	Rule    tableRule      `yaml:",inline"`
}

// liveRule is true or false, or says by which column it is found what others write.
type liveRule struct {
	is      bool
	version *config.Node // the column; nil: nobody looks
}

// UnmarshalNode reads either.
func (l *liveRule) UnmarshalNode(n *config.Node) error {
	if n.Kind != config.Map {
		return n.Decode(&l.is)
	}
	rule := struct {
		RowVersion *config.Node `yaml:"rowversion,required"` // the column of that type
	}{}
	err := n.Decode(&rule)
	l.is, l.version = true, rule.RowVersion
	if err == nil && (rule.RowVersion.Kind != config.Scalar || rule.RowVersion.Text() == "") {
		err = rule.RowVersion.Fault("expected the name of a column")
	}
	return err
}

// tableRule is what views and their children have in common.
type tableRule struct {
	Doc      string         `yaml:"doc"`           // a sentence for those who read the view
	From     *config.Node   `yaml:"from,required"` // schema.table
	Key      []*config.Node `yaml:"key,required"`  // the fields of a unique index
	Join     joinRules      `yaml:"join"`
	Fields   fieldRules     `yaml:"fields,required"`
	Children childRules     `yaml:"children"`
}

type childFile struct {
	By   columnNames `yaml:"by,required"` // the columns of its foreign key
	Rule tableRule   `yaml:",inline"`
}

type childRule struct {
	name string
	key  *config.Node
	childFile
}

type childRules []*childRule

// UnmarshalNode reads the children in the order of the file.
func (cs *childRules) UnmarshalNode(n *config.Node) error {
	return entries(n, "children by name", func(e config.Entry) error {
		c := &childRule{name: e.Key, key: e.KeyNode}
		*cs = append(*cs, c)
		return e.Value.Decode(&c.childFile)
	})
}

// entries reads a map in the order of the file; what it is of goes into the fault.
func entries(n *config.Node, what string, read func(config.Entry) error) error {
	if n.Kind != config.Map {
		return n.Fault("expected %s, found %s", what, n.Kind)
	}
	var faults config.Faults
	for _, e := range n.Entries() {
		faults.Add(read(e))
	}
	return faults.Err()
}

// columnNames is one column or a list of them.
type columnNames []string

// UnmarshalNode reads either.
func (c *columnNames) UnmarshalNode(n *config.Node) error {
	nodes := n.Items()
	if n.Kind == config.Scalar {
		nodes = []*config.Node{n}
	}
	for _, one := range nodes {
		if one.Kind != config.Scalar || one.Text() == "" {
			return one.Fault("expected the name of a column")
		}
		*c = append(*c, one.Text())
	}
	if len(*c) == 0 {
		return n.Fault("expected a column, or a list of columns")
	}
	return nil
}

type joinRule struct {
	name string
	key  *config.Node
	By   columnNames `yaml:"by,required"`
	node *config.Node
}

type joinRules []*joinRule

// UnmarshalNode reads the joins in the order of the file.
func (js *joinRules) UnmarshalNode(n *config.Node) error {
	return entries(n, "joins by name, as in {customer: {by: customer_id}}", func(e config.Entry) error {
		j := &joinRule{name: e.Key, key: e.KeyNode, node: e.Value}
		*js = append(*js, j)
		return e.Value.Decode(j)
	})
}

type fieldRule struct {
	name   string
	key    *config.Node
	Column *config.Node `yaml:"column"` // of the table, or join.column; default: the field's name
	Class  *config.Node `yaml:"class"`  // personal or secret
	Doc    string       `yaml:"doc"`
}

type fieldRules []*fieldRule

// UnmarshalNode reads the fields in the order of the file.
func (fs *fieldRules) UnmarshalNode(n *config.Node) error {
	return entries(n, "fields by name, as in {order_no: {}}", func(e config.Entry) error {
		f := &fieldRule{name: e.Key, key: e.KeyNode}
		*fs = append(*fs, f)
		if e.Value.IsNull() {
			return nil
		}
		return e.Value.Decode(f)
	})
}

// What a declaration may be at most.
const (
	maxChildDepth = 3
	maxFields     = 500
	maxJoins      = 30
	maxLooks      = 1_000_000
)

// reservedNames are words of $filter: OData 4.01 ABNF, primitiveLiteral and the
// operators that stand where a name could.
var reservedNames = []string{"null", "true", "false", "not", "and", "or", "in"}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Parse reads the file of a view or a report. The name stands in every fault. The
// error is a config.Faults with all faults of form: keys, names, what is there twice.
func Parse(name string, src []byte) (*Declaration, error) {
	root, err := config.Parse(name, src)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(src)
	d := &Declaration{Path: name, Version: hex.EncodeToString(digest[:6]), root: root}
	var faults config.Faults
	if root.Get("report") != nil && root.Get("view") == nil {
		d.report = &reportFile{}
		faults.Add(root.Decode(d.report))
	} else {
		d.view = &viewFile{}
		faults.Add(root.Decode(d.view))
	}
	if len(faults) == 0 {
		d.Name = d.Node().Text()
		named(d.Node(), d.Name, &faults)
		if d.report != nil {
			d.report.check(&faults)
		} else {
			d.view.check(&faults)
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

// named checks a name, which is an identifier of OData too.
func named(n *config.Node, name string, faults *config.Faults) {
	if !nameForm.MatchString(name) {
		faults.Add(n.Fault("%q is no name; it is of small letters, digits and underscores, begins with a letter and has 64 characters at most", name))
	}
}

func (f *viewFile) check(faults *config.Faults) {
	f.Rule.check(faults, 1)
	if f.LooksAt != nil {
		if n, err := strconv.Atoi(f.LooksAt.Text()); err != nil || n < 1 || n > maxLooks {
			faults.Add(f.LooksAt.Fault("expected a number of rows from 1 to %d", maxLooks))
		}
	}
	f.Rule.fieldNames(f.Filter, "filter", faults)
	f.Rule.fieldNames(f.Sort, "sort", faults)
}

func (f *viewFile) looksAt() int {
	n, err := strconv.Atoi(f.LooksAt.Text())
	if err != nil { // absent: Parse has refused anything else
		return 0
	}
	return n
}

// fieldNames checks a list of fields.
func (r *tableRule) fieldNames(list []*config.Node, what string, faults *config.Faults) {
	var known []string
	for _, f := range r.Fields {
		known = append(known, f.name)
	}
	for i, n := range list {
		switch {
		case !slices.Contains(known, n.Text()):
			faults.Add(n.Fault("there is no field %q%s", n.Text(), didYouMean(n.Text(), known)))
		case slices.ContainsFunc(list[:i], func(o *config.Node) bool { return o.Text() == n.Text() }):
			faults.Add(n.Fault("%s stands in %s twice", n.Text(), what))
		}
	}
}

func (r *tableRule) check(faults *config.Faults, depth int) {
	if _, ok := tableName(r.From); !ok {
		faults.Add(r.From.Fault("expected schema.table, found %q", r.From.Text()))
	}
	var names []string
	for _, f := range r.Fields {
		named(f.key, f.name, faults)
		if slices.Contains(reservedNames, f.name) {
			faults.Add(f.key.Fault("%s is a word of conditions, in which such a field could not be told from it", f.name))
		}
		names = append(names, f.name)
		if f.Class != nil && classOf(f.Class.Text()) == Open {
			faults.Add(f.Class.Fault("expected personal or secret, found %q; a field that anybody with a grant may see has no class", f.Class.Text()))
		}
	}
	if len(names) == 0 || len(names) > maxFields {
		faults.Add(r.From.Fault("a view has from 1 to %d fields", maxFields))
	}
	if len(r.Join) > maxJoins {
		faults.Add(r.Join[maxJoins].key.Fault("a view has %d joins at most", maxJoins))
	}
	if len(r.Key) == 0 {
		faults.Add(r.From.Fault("the key is the fields of a unique index; it has at least one"))
	}
	r.fieldNames(r.Key, "key", faults)
	for _, c := range r.Children {
		named(c.key, c.name, faults)
		if slices.Contains(names, c.name) {
			faults.Add(c.key.Fault("%s is a field already; children and fields share their names", c.name))
		}
		if depth == maxChildDepth {
			faults.Add(c.key.Fault("children are nested %d deep at most", maxChildDepth-1))
			continue
		}
		c.Rule.check(faults, depth+1)
	}
}

func tableName(n *config.Node) (mapping.TableName, bool) {
	schema, name, ok := strings.Cut(n.Text(), ".")
	return mapping.TableName{Schema: schema, Name: name}, ok && schema != "" && name != "" && !strings.Contains(name, ".")
}

var classNames = []string{Open: "", Personal: "personal", Secret: "secret"}

// ClassNames are the words for classes in files.
var ClassNames = classNames[1:]

// String is the word for a class in files.
func (c Class) String() string { return classNames[c] }

func classOf(word string) Class { return Class(max(0, slices.Index(classNames, word))) }

// FieldNames lists the fields of a view, and what its children are called; none of a
// report.
func (d *Declaration) FieldNames() (fields, children []string) {
	if d.view == nil {
		return nil, nil
	}
	for _, f := range d.view.Rule.Fields {
		fields = append(fields, f.name)
	}
	for _, c := range d.view.Rule.Children {
		children = append(children, c.name)
	}
	return fields, children
}

// KeyNames lists the fields of a view's key.
func (d *Declaration) KeyNames() []string {
	if d.view == nil {
		return nil
	}
	var out []string
	for _, n := range d.view.Rule.Key {
		out = append(out, n.Text())
	}
	return out
}

// LiveTable is what a store has to note so that a stream of the view's changes can be
// had; false where the view is not live. A key has columns of the view's own table.
func (d *Declaration) LiveTable() (t mapping.LiveTable, live bool) {
	if d.view == nil || !d.view.Live.is {
		return t, false
	}
	rule := &d.view.Rule
	table, _ := tableName(rule.From)
	var key []string
	var below []mapping.TableName
	for _, n := range rule.Key {
		column := n.Text()
		for _, f := range rule.Fields {
			if f.name == column && f.Column != nil {
				column = f.Column.Text()
				break
			}
		}
		key = append(key, column)
	}
	for _, c := range rule.Children {
		below = c.Rule.tables(below)
	}
	t = mapping.NewLiveTable(table, key, below...)
	if n := d.view.Live.version; n != nil {
		t.Version = n.Text()
	}
	return t, true
}

// Watched is where the file names the column by which it is found what others write;
// nil where nobody looks.
func (d *Declaration) Watched() *config.Node {
	if d.view == nil {
		return nil
	}
	return d.view.Live.version
}

// Tables lists the tables that a view is from, each once: its own and its children's.
// Those of joins only foreign keys tell.
func (d *Declaration) Tables() []mapping.TableName {
	if d.view == nil {
		return nil
	}
	return d.view.Rule.tables(nil)
}

func (r *tableRule) tables(out []mapping.TableName) []mapping.TableName {
	name, _ := tableName(r.From)
	if !slices.Contains(out, name) {
		out = append(out, name)
	}
	for _, c := range r.Children {
		out = c.Rule.tables(out)
	}
	return out
}
