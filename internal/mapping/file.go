package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// File is a mapping file as written: its syntax is sound, its names are not
// resolved. It is immutable after Parse.
type File struct {
	Path         string            `yaml:"-"`
	Version      string            `yaml:"-"` // the first 12 hexadecimal digits of the SHA-256
	Mapping      word              `yaml:"mapping,required"`
	Contract     word              `yaml:"contract,required"`
	Namespaces   map[string]string `yaml:"namespaces"`
	Split        *expression       `yaml:"split"`
	Identity     identity          `yaml:"identity"`
	BusinessKeys namedExpressions  `yaml:"business_keys"`
	OrderingKey  *expression       `yaml:"ordering_key"`
	Rows         []*rowRule        `yaml:"rows,required"`
	Publish      []*publishRule    `yaml:"publish"`
	Reply        *template         `yaml:"reply"`
	Faults       []*faultRule      `yaml:"faults"`
	Strict       bool              `yaml:"strict"` // narrowings are faults
	Refers       bool              `yaml:"attachments_by_reference"`

	root  *config.Node
	calls map[string]*contract.Operation // by channel
}

// ContractPath is the part of contract: before the #.
func (f *File) ContractPath() string {
	path, _, _ := strings.Cut(f.Contract.text, "#")
	return path
}

// OperationName is the part of contract: after the #.
func (f *File) OperationName() string {
	_, name, _ := strings.Cut(f.Contract.text, "#")
	return name
}

// Parse reads a mapping file. The name stands in every fault. The error is a
// config.Faults with all faults of form: keys, values, syntax of expressions.
func Parse(name string, src []byte) (*File, error) {
	root, err := config.Parse(name, src)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(src)
	f := &File{Path: name, Version: hex.EncodeToString(digest[:6]), root: root}
	var faults config.Faults
	faults.Add(root.Decode(f))
	faults.Add(operationNamed(f.Contract))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// operationNamed complains about a contract: that does not name an operation.
func operationNamed(w word) error {
	if path, op, ok := strings.Cut(w.text, "#"); w.node != nil && (!ok || path == "" || op == "") {
		return w.node.Fault("expected the contract's path and operation, as in wsdl/orders/orders.wsdl#SubmitOrder")
	}
	return nil
}

// word is a text with its place.
type word struct {
	text string
	node *config.Node
}

// UnmarshalNode takes a scalar.
func (w *word) UnmarshalNode(n *config.Node) error {
	if n.Kind != config.Scalar {
		return n.Fault("expected text, found %s", n.Kind)
	}
	w.text, w.node = n.Text(), n
	return nil
}

// expression is a parsed expression with its place in the file.
type expression struct {
	*xpath.Expr
	node *config.Node
	base int // where in the scalar it begins, in bytes
}

// UnmarshalNode parses a scalar.
func (e *expression) UnmarshalNode(n *config.Node) error {
	if n.Kind != config.Scalar {
		return n.Fault("expected an expression, found %s", n.Kind)
	}
	if n.Type() == config.Bool {
		return n.Fault("an expression writes a boolean as true() or false()")
	}
	parsed, f := xpath.Parse(n.Text())
	if f != nil {
		if f.Message == "the string is not closed" && n.Style() == config.Plain {
			f.Message += "; where it has a # in it, put the whole expression in quotes: YAML takes the rest for a comment"
		}
		return faultAt(n, f)
	}
	e.Expr, e.node, e.base = parsed, n, 0
	return nil
}

// faultAt places a fault within a scalar. Where the offset cannot be counted
// in the file (block scalars), the scalar's own place stands.
func faultAt(n *config.Node, f *xpath.Fault) config.Fault {
	at := n.Fault("%s", f.Message)
	switch n.Style() {
	case config.Quoted:
		at.Column++
		fallthrough
	case config.Plain:
		at.Column += len([]rune(n.Text()[:min(f.Offset, len(n.Text()))]))
	}
	return at
}

// identity is an expression, or the word none.
type identity struct {
	none bool
	*expression
}

// UnmarshalNode reads either.
func (i *identity) UnmarshalNode(n *config.Node) error {
	if n.Text() == "none" && n.Style() == config.Plain {
		i.none = true
		return nil
	}
	i.expression = &expression{}
	return i.expression.UnmarshalNode(n)
}

// namedExpression is one entry of a map of expressions.
type namedExpression struct {
	name string
	expression
}

type namedExpressions []namedExpression

// UnmarshalNode reads a map in the order of the file.
func (ns *namedExpressions) UnmarshalNode(n *config.Node) error {
	if n.Kind != config.Map {
		return n.Fault("expected a map of names to expressions, found %s", n.Kind)
	}
	var faults config.Faults
	for _, e := range n.Entries() {
		x := namedExpression{name: e.Key}
		faults.Add(required(e.Value, &x.expression))
		*ns = append(*ns, x)
	}
	return faults.Err()
}

// required reads a node that may not be empty.
func required(n *config.Node, into config.Unmarshaler) error {
	if n.IsNull() {
		return n.Fault("a value is missing")
	}
	return into.UnmarshalNode(n)
}

// rowRule is one entry of rows or children.
type rowRule struct {
	Table    tableRule    `yaml:"table,required"`
	As       word         `yaml:"as"`
	Each     *expression  `yaml:"each"`
	When     *expression  `yaml:"when"`
	Match    []word       `yaml:"match"`
	OnMatch  choice       `yaml:"on_match"`
	Missing  choice       `yaml:"on_missing"`
	Absent   choice       `yaml:"absent"`
	Version  *versionRule `yaml:"version"`
	Sequence *drawRule    `yaml:"sequence"`
	Columns  columnRules  `yaml:"columns,required"`
	Children []*rowRule   `yaml:"children"`

	node *config.Node
}

// rowKeys is rowRule without its own reading.
type rowKeys rowRule

// UnmarshalNode keeps the place.
func (r *rowRule) UnmarshalNode(n *config.Node) error {
	r.node = n
	return n.Decode((*rowKeys)(r))
}

type tableRule struct {
	TableName
	node *config.Node
}

// UnmarshalNode takes schema.table.
func (t *tableRule) UnmarshalNode(n *config.Node) error {
	schema, name, ok := strings.Cut(n.Text(), ".")
	if !ok || schema == "" || name == "" || strings.Contains(name, ".") {
		return n.Fault("expected schema.table, found %q", n.Text())
	}
	t.TableName, t.node = TableName{schema, name}, n
	return nil
}

// choice is one word of a few; which, its user says.
type choice = word

// drawRule is a column whose value is the next number of a sequence.
type drawRule struct {
	Column word      `yaml:"column,required"`
	Name   tableRule `yaml:"name,required"`

	node *config.Node
}

// drawKeys is drawRule without its own reading.
type drawKeys drawRule

// UnmarshalNode keeps the place.
func (r *drawRule) UnmarshalNode(n *config.Node) error {
	r.node = n
	return n.Decode((*drawKeys)(r))
}

type versionRule struct {
	Column word       `yaml:"column,required"`
	From   expression `yaml:"from,required"`
}

// columnRule is what one column is made of.
type columnRule struct {
	name string
	node *config.Node // the value
	from *expression
	// constant is set when there is no expression.
	constant *config.Node
	zone     word
	fallback *config.Node
	nulls    bool         // absent: null
	truncate *config.Node // truncate: true
	lookup   *lookupRule
	codes    *codeColumn
}

type lookupRule struct {
	Table    tableRule        `yaml:"lookup"`
	Where    namedExpressions `yaml:"where,required"`
	Column   word             `yaml:"column,required"`
	NotFound *config.Node     `yaml:"not_found"` // raw: its null is a word, not an absent value
	Insert   *stubRules       `yaml:"insert"`
}

// stubRules are the columns of a row that a look-up makes when it finds none.
type stubRules struct {
	columns columnRules
	node    *config.Node
}

// UnmarshalNode takes columns, or none where the key alone makes a row.
func (s *stubRules) UnmarshalNode(n *config.Node) error {
	s.node = n
	if n.Kind == config.Map && len(n.Entries()) == 0 {
		return nil
	}
	return s.columns.UnmarshalNode(n)
}

// notFound is the choice as written; null needs no quotes.
func (l *lookupRule) notFound() choice {
	switch {
	case l.NotFound == nil:
		return choice{}
	case l.NotFound.IsNull():
		return choice{text: "null", node: l.NotFound}
	}
	return choice{text: l.NotFound.Text(), node: l.NotFound}
}

type columnRules []*columnRule

// UnmarshalNode reads the columns in the order of the file.
func (cs *columnRules) UnmarshalNode(n *config.Node) error {
	if n.Kind != config.Map {
		return n.Fault("expected a map of columns to expressions, found %s", n.Kind)
	}
	var faults config.Faults
	for _, e := range n.Entries() {
		c := &columnRule{name: e.Key, node: e.Value}
		faults.Add(required(e.Value, c))
		*cs = append(*cs, c)
	}
	if len(*cs) == 0 {
		faults.Add(n.Fault("a row needs at least one column"))
	}
	return faults.Err()
}

// columnKeys are the keys of the long form.
type columnKeys struct {
	From     *expression  `yaml:"from"`
	Value    *config.Node `yaml:"value"`
	Dollar   *config.Node `yaml:"$value"`
	Zone     word         `yaml:"zone"`
	Default  *config.Node `yaml:"default"`
	Absent   *config.Node `yaml:"absent"`
	Truncate *config.Node `yaml:"truncate"`
}

// UnmarshalNode tells the forms of a column apart.
func (c *columnRule) UnmarshalNode(n *config.Node) error {
	switch {
	case n.Kind != config.Map:
		c.from = &expression{}
		return c.from.UnmarshalNode(n)
	case n.Get("code_set") != nil:
		c.codes = &codeColumn{}
		var faults config.Faults
		faults.Add(n.Decode(c.codes))
		faults.Add(c.readAbsent(c.codes.Absent))
		return faults.Err()
	case n.Get("lookup") != nil:
		c.lookup = &lookupRule{}
		return n.Decode(c.lookup)
	}
	var keys columnKeys
	var faults config.Faults
	faults.Add(n.Decode(&keys))
	if keys.Value == nil {
		keys.Value = keys.Dollar
	}
	c.from, c.constant, c.zone, c.fallback = keys.From, keys.Value, keys.Zone, keys.Default
	faults.Add(c.readTruncate(keys.Truncate))
	if (c.from == nil) == (c.constant == nil) && len(faults) == 0 {
		faults.Add(n.Fault("a column has from: or value:, one of them"))
	}
	if c.constant != nil && (c.zone.node != nil || c.fallback != nil || keys.Absent != nil || keys.Truncate != nil) {
		faults.Add(n.Fault("zone, default, absent and truncate go with from:, not with value:"))
	}
	faults.Add(c.readAbsent(keys.Absent))
	return faults.Err()
}

func (c *columnRule) readTruncate(n *config.Node) error {
	if n == nil {
		return nil
	}
	var cut bool
	if err := n.Decode(&cut); err != nil {
		return err
	}
	if cut {
		c.truncate = n
	}
	return nil
}

func (c *columnRule) readAbsent(n *config.Node) error {
	switch {
	case n == nil:
		return nil
	case n.Kind != config.Null:
		return n.Fault("expected null, found %q; default: gives another value", n.Text())
	case c.fallback != nil:
		return n.Fault("give default or absent, not both")
	}
	c.nulls = true
	return nil
}

// publishRule is one entry of publish.
type publishRule struct {
	Channel    word          `yaml:"channel,required"`
	Type       word          `yaml:"type"`
	When       *expression   `yaml:"when"`
	RoutingKey *textTemplate `yaml:"routing_key"`
	Format     choice        `yaml:"format"`
	Element    word          `yaml:"element"`
	Body       *template     `yaml:"body"`

	node *config.Node
}

// publishKeys is publishRule without its own reading.
type publishKeys publishRule

// UnmarshalNode keeps the place.
func (p *publishRule) UnmarshalNode(n *config.Node) error {
	p.node = n
	return n.Decode((*publishKeys)(p))
}
