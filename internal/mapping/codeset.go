package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// CodeSet is a governed translation of codes, as its file says: which value a
// code of the messages stands for, and from which day to which. It is immutable
// and safe for concurrent use.
type CodeSet struct {
	Path    string // of the file
	Version string // the first 12 hexadecimal digits of the file's SHA-256
	Name    string
	Owner   string // who can add a code
	// Class is the one class of all values.
	Class Class

	codes map[string][]meaning
	dated bool // some code is valid for a time only
}

// meaning is what a code stands for during one period.
type meaning struct {
	value    Value
	from, to time.Time // first and last day; the zero time leaves the period open
	node     *config.Node
}

// codeFile is a code set as written.
type codeFile struct {
	CodeSet     word        `yaml:"code_set,required"`
	Owner       word        `yaml:"owner,required"`
	Description word        `yaml:"description"`
	Codes       []*codeRule `yaml:"codes,required"`
}

type codeRule struct {
	Code      word         `yaml:"code,required"`
	Value     *config.Node `yaml:"value,required"`
	ValidFrom word         `yaml:"valid_from"`
	ValidTo   word         `yaml:"valid_to"`
	Comment   word         `yaml:"comment"`

	node *config.Node
}

// codeKeys is codeRule without its own reading.
type codeKeys codeRule

// UnmarshalNode keeps the place.
func (r *codeRule) UnmarshalNode(n *config.Node) error {
	r.node = n
	return n.Decode((*codeKeys)(r))
}

// ParseCodeSet reads the file of a code set. The name stands in every fault. The
// error is a config.Faults with all faults: keys, values that are not of one
// type, days that are none, periods of one code that overlap.
func ParseCodeSet(name string, src []byte) (*CodeSet, error) {
	root, err := config.Parse(name, src)
	if err != nil {
		return nil, err
	}
	var f codeFile
	var faults config.Faults
	faults.Add(root.Decode(&f))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	digest := sha256.Sum256(src)
	s := &CodeSet{Path: name, Version: hex.EncodeToString(digest[:6]), Name: f.CodeSet.text, Owner: f.Owner.text, codes: make(map[string][]meaning, len(f.Codes))}
	for _, r := range f.Codes {
		if r == nil || r.node == nil {
			faults.Add(root.Get("codes").Fault("an entry is empty"))
			continue
		}
		faults.Add(s.add(r))
	}
	if len(f.Codes) == 0 {
		faults.Add(root.Get("codes").Fault("a code set needs at least one code"))
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if err := s.settle(); err != nil {
		return nil, err
	}
	return s, nil
}

// add takes one code.
func (s *CodeSet) add(r *codeRule) error {
	var faults config.Faults
	m := meaning{node: r.node, from: day(r.ValidFrom, &faults), to: day(r.ValidTo, &faults)}
	cell, complaint := literal(r.Value, Untyped)
	switch {
	case complaint != "":
		faults.Add(r.Value.Fault("%s", complaint))
	case cell.Kind != ValueCell:
		faults.Add(r.Value.Fault("a code stands for a value; null is what unknown: null in the mapping gives"))
	case s.Class == Untyped, s.Class == cell.Value.Class:
		s.Class = cell.Value.Class
	case numeric(s.Class) && numeric(cell.Value.Class):
		s.Class = Decimal
	default:
		faults.Add(r.Value.Fault("%q is %s, and the values before it are %s; the values of a code set are of one type", r.Value.Text(), cell.Value.Class, s.Class))
	}
	m.value = cell.Value
	if !m.from.IsZero() && !m.to.IsZero() && m.to.Before(m.from) {
		faults.Add(r.ValidTo.node.Fault("the period ends before it begins"))
	}
	s.dated = s.dated || !m.from.IsZero() || !m.to.IsZero()
	s.codes[r.Code.text] = append(s.codes[r.Code.text], m)
	return faults.Err()
}

func numeric(c Class) bool { return c == Integer || c == Decimal }

// day reads a date without a zone; an absent one is the zero time.
func day(w word, faults *config.Faults) time.Time {
	if w.node == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, w.text)
	if err != nil || t.Year() < 1 {
		faults.Add(w.node.Fault("%q is not a day such as 2026-03-31", w.text))
		return time.Time{}
	}
	return t
}

// settle makes all values of one class, sorts the periods of each code, and
// finds those that have a day in common.
func (s *CodeSet) settle() error {
	var faults config.Faults
	for _, code := range slices.Sorted(maps.Keys(s.codes)) {
		meanings := s.codes[code]
		slices.SortStableFunc(meanings, func(a, b meaning) int { return a.from.Compare(b.from) })
		longest := &meanings[0] // of those before: the one that ends last
		for i := range meanings {
			m := &meanings[i]
			m.value.Class = s.Class
			if i > 0 && (longest.to.IsZero() || !m.from.After(longest.to)) {
				faults.Add(m.node.Fault("the code %q stands for something at that time already, at %s", code, longest.node.Source()))
			}
			if !longest.to.IsZero() && (m.to.IsZero() || m.to.After(longest.to)) {
				longest = m
			}
		}
	}
	return faults.Err()
}

// find returns what a code stands for on a day; known says that the set has the
// code, be it for other days. The zero time is any day, for a set without periods.
func (s *CodeSet) find(code string, on time.Time) (value Value, found, known bool) {
	meanings := s.codes[code]
	for i := range meanings {
		m := &meanings[i]
		if (m.from.IsZero() || !on.Before(m.from)) && (m.to.IsZero() || !on.After(m.to)) {
			return m.value, true, true
		}
	}
	return Value{}, false, len(meanings) > 0
}

// dayOf is the day of a date or a moment as it is written, whatever its zone.
func dayOf(v Value) time.Time {
	year, month, d := v.Instant().Date()
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

// literal reads a constant; want is the class it stands in for, Untyped for the
// one of its form. It returns a complaint, or "".
func literal(n *config.Node, want Class) (Cell, string) {
	switch n.Kind {
	case config.Null:
		return Cell{Kind: NullCell}, ""
	case config.Map, config.List:
		return Cell{}, "expected a constant, found " + n.Kind.String()
	}
	class := scalarClass[n.Type()]
	if want != Untyped && !(class == Integer && want == Decimal) {
		class = want
	}
	v, complaint := xpath.Read(n.Text(), class)
	if complaint != "" {
		return Cell{}, strconv.Quote(n.Text()) + " " + complaint
	}
	return Cell{Kind: ValueCell, Value: v}, ""
}
