package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
)

// QueryFile is the file of a query as written: its syntax is sound, its names are
// not resolved. It is immutable after ParseQuery.
type QueryFile struct {
	Path       string            `yaml:"-"`
	Version    string            `yaml:"-"` // the first 12 hexadecimal digits of the SHA-256
	Query      word              `yaml:"query,required"`
	Contract   word              `yaml:"contract,required"`
	Namespaces map[string]string `yaml:"namespaces"`
	View       word              `yaml:"view,required"`
	Key        columnRules       `yaml:"key"`
	Where      []*conditionRule  `yaml:"where"`
	Order      []word            `yaml:"order"`
	Page       *pageRule         `yaml:"page"`
	Count      bool              `yaml:"count"`
	Expand     expandRules       `yaml:"expand"`
	Reply      *template         `yaml:"reply,required"`
	Faults     []*faultRule      `yaml:"faults"`

	root *config.Node
}

// IsQuery reports whether a file that a route names is one of a query: it says
// query: where a mapping says mapping:. What is no YAML is none.
func IsQuery(src []byte) bool {
	root, err := config.Parse("", src)
	return err == nil && root.Get("query") != nil && root.Get("mapping") == nil
}

// ParseQuery reads the file of a query. The name stands in every fault. The error is
// a config.Faults with all faults of form: keys, values, syntax of expressions.
func ParseQuery(name string, src []byte) (*QueryFile, error) {
	root, err := config.Parse(name, src)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(src)
	f := &QueryFile{Path: name, Version: hex.EncodeToString(digest[:6]), root: root}
	var faults config.Faults
	faults.Add(root.Decode(f))
	faults.Add(operationNamed(f.Contract))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// ViewName is the view that is asked.
func (f *QueryFile) ViewName() string { return f.View.text }

// ViewNode is where that stands.
func (f *QueryFile) ViewNode() *config.Node { return f.View.node }

// ContractPath is the part of contract: before the #.
func (f *QueryFile) ContractPath() string { return f.mapping().ContractPath() }

// mapping is what the file has in common with one of a mapping.
func (f *QueryFile) mapping() *File {
	return &File{Path: f.Path, Version: f.Version, Mapping: f.Query, Contract: f.Contract, Namespaces: f.Namespaces, Reply: f.Reply, Faults: f.Faults, root: f.root}
}

// conditionRule is one entry of where.
type conditionRule struct {
	Field      word        `yaml:"field,required"`
	Eq         *columnRule `yaml:"eq"`
	Ne         *columnRule `yaml:"ne"`
	Gt         *columnRule `yaml:"gt"`
	Ge         *columnRule `yaml:"ge"`
	Lt         *columnRule `yaml:"lt"`
	Le         *columnRule `yaml:"le"`
	In         *columnRule `yaml:"in"`
	StartsWith *columnRule `yaml:"starts_with"`
	Contains   *columnRule `yaml:"contains"`
	When       *expression `yaml:"when"`

	node *config.Node
}

// conditionKeys is conditionRule without its own reading.
type conditionKeys conditionRule

// UnmarshalNode keeps the place.
func (r *conditionRule) UnmarshalNode(n *config.Node) error {
	r.node = n
	var faults config.Faults
	faults.Add(n.Decode((*conditionKeys)(r)))
	if len(faults) == 0 && len(r.comparisons()) == 0 {
		faults.Add(n.Fault("a condition says how the field compares: %s", joinWords(comparisonWords[:])))
	}
	return faults.Err()
}

// comparisons are those of the rule that are there.
func (r *conditionRule) comparisons() map[Comparison]*columnRule {
	out := map[Comparison]*columnRule{}
	for i, c := range [...]*columnRule{r.Eq, r.Ne, r.Gt, r.Ge, r.Lt, r.Le, r.In, r.StartsWith, r.Contains} {
		if c != nil {
			c.node = r.node.Get(comparisonWords[i])
			c.name = r.Field.text
			out[Comparison(i)] = c
		}
	}
	return out
}

// Comparison is how a field is compared with what a request has.
type Comparison uint8

// The comparisons.
const (
	Equal Comparison = iota
	NotEqual
	Greater
	GreaterOrEqual
	Less
	LessOrEqual
	In // one of several
	StartsWith
	Contains
)

var comparisonWords = [...]string{"eq", "ne", "gt", "ge", "lt", "le", "in", "starts_with", "contains"}

// String is the word for it in files.
func (c Comparison) String() string { return comparisonWords[c] }

// pageRule says how many rows an answer has, and where it goes on.
type pageRule struct {
	Rows    *expression  `yaml:"rows"`
	Default *config.Node `yaml:"default"`
	Most    *config.Node `yaml:"most"`
	After   *expression  `yaml:"after"`

	node *config.Node
}

// pageKeys is pageRule without its own reading.
type pageKeys pageRule

// UnmarshalNode keeps the place.
func (r *pageRule) UnmarshalNode(n *config.Node) error {
	r.node = n
	return n.Decode((*pageKeys)(r))
}

// expandRule says how many rows of a child each row has at most.
type expandRule struct {
	Rows   *config.Node `yaml:"rows"`
	Expand expandRules  `yaml:"expand"`

	name string
	node *config.Node
}

// expandKeys is expandRule without its own reading.
type expandKeys expandRule

type expandRules []*expandRule

// UnmarshalNode reads a map in the order of the file.
func (es *expandRules) UnmarshalNode(n *config.Node) error {
	if n.Kind != config.Map {
		return n.Fault("expected a map of children, as in {lines: {rows: 50}}, found %s", n.Kind)
	}
	var faults config.Faults
	for _, e := range n.Entries() {
		r := &expandRule{name: e.Key, node: e.KeyNode}
		if !e.Value.IsNull() {
			faults.Add(e.Value.Decode((*expandKeys)(r)))
		}
		*es = append(*es, r)
	}
	return faults.Err()
}

// orderBy cuts "ordered_at desc" apart.
func orderBy(w word) (field string, desc, ok bool) {
	field, direction, two := strings.Cut(strings.Join(strings.Fields(w.text), " "), " ")
	desc = direction == "desc"
	return field, desc, field != "" && (!two || desc || direction == "asc")
}
