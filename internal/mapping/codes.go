package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// codeColumn is a column whose value a code of the message stands for.
type codeColumn struct {
	Set     codeSource   `yaml:"code_set"`
	From    *expression  `yaml:"from,required"`
	At      *expression  `yaml:"at"`
	Unknown *config.Node `yaml:"unknown"` // raw: its null is a word, not an absent value
	Absent  *config.Node `yaml:"absent"`
}

// codeSource is the name of a code set's file, or a table of codes.
type codeSource struct {
	name  word
	table *codeTable
	node  *config.Node
}

type codeTable struct {
	Table     tableRule `yaml:"table,required"`
	Code      word      `yaml:"code,required"`
	Value     word      `yaml:"value,required"`
	ValidFrom word      `yaml:"valid_from"`
	ValidTo   word      `yaml:"valid_to"`
}

// UnmarshalNode tells the two apart.
func (s *codeSource) UnmarshalNode(n *config.Node) error {
	s.node = n
	if n.Kind == config.Map {
		s.table = &codeTable{}
		return n.Decode(s.table)
	}
	if err := s.name.UnmarshalNode(n); err != nil {
		return err
	}
	if s.name.text == "" || strings.ContainsAny(s.name.text, `/\.`) {
		return n.Fault("expected the name of a code set, as in order_status, or its table; found %q", s.name.text)
	}
	return nil
}

// CodeSetName is a code set that a mapping names, and where it does so first.
type CodeSetName struct {
	Name string
	Node *config.Node
}

// CodeSets lists the code sets whose files the mapping needs, each once.
func (f *File) CodeSets() []CodeSetName {
	var out []CodeSetName
	for _, r := range f.every() {
		for _, c := range r.Columns {
			if c.codes == nil || c.codes.Set.table != nil {
				continue
			}
			name := c.codes.Set.name
			if !slices.ContainsFunc(out, func(have CodeSetName) bool { return have.Name == name.text }) {
				out = append(out, CodeSetName{name.text, name.node})
			}
		}
	}
	return out
}

// versionOf is the version of a mapping with the code sets it names.
func versionOf(f *File, sets []*CodeSet) string {
	if len(sets) == 0 {
		return f.Version
	}
	all := f.Version
	for _, s := range sets {
		all += " " + s.Name + "@" + s.Version
	}
	digest := sha256.Sum256([]byte(all))
	return hex.EncodeToString(digest[:6])
}

// codeProgram is a compiled codeColumn with a file.
type codeProgram struct {
	set     *CodeSet
	at      *xpath.Program // nil: the set has no periods
	unknown NotFound
}

// codes compiles {code_set, from, at, unknown, absent}.
func (k *compiler) codes(c *columnRule, scope *xpath.Scope, column *Column, p *columnProgram) {
	r := c.codes
	column.Path, column.Source = r.From.Source, r.From.node.Source()
	inner := k.inRow(scope)
	from, at := k.one(r.From, inner), k.moment(r.At, inner)
	if from == nil || r.At != nil && at == nil {
		return
	}
	unknown, value := k.unknown(c, column)
	t := from.Type()
	p.optional = t.Optional() || unknown == KeepMissing
	p.nillable = unknown == NullMissing || c.nulls && t.Optional() || t.Nillable()
	p.fallback = value
	if r.Set.table != nil {
		k.codeTable(r, column, p, from, at, unknown)
		return
	}
	i := slices.IndexFunc(k.sets, func(s *CodeSet) bool { return s.Name == r.Set.name.text })
	if i < 0 {
		known := make([]string, len(k.sets))
		for i, s := range k.sets {
			known[i] = s.Name
		}
		k.fail(r.Set.node, "there is no code set %s%s", r.Set.name.text, didYouMean(r.Set.name.text, known))
		return
	}
	set := k.sets[i]
	if set.dated && at == nil {
		k.fail(r.Set.node, "some codes of %s are valid for a time only: say at:, the day at which the message means them", set.Name)
		return
	}
	p.form, p.value, column.Class = codeForm, from, set.Class
	p.codes = &codeProgram{set: set, at: at, unknown: unknown}
	k.unlisted(r, set, t)
	k.ofClass(r, value, set.Class)
}

// moment compiles at:, which says when a code is meant.
func (k *compiler) moment(e *expression, scope *xpath.Scope) *xpath.Program {
	if e == nil {
		return nil
	}
	p := k.one(e, scope)
	if p == nil {
		return nil
	}
	switch t := p.Type(); {
	case t.Class != Date && t.Class != DateTime:
		k.fail(e.node, "at: takes xs:date or xs:dateTime, not %s", t)
		return nil
	case t.Optional():
		k.fail(e.node, "%s may be absent, and then nobody knows which day the code is meant for; give another, as in (%s, $message/receivedAt)[1]", e.Source, e.Source)
		return nil
	}
	return p
}

// unknown resolves what becomes of a code that nobody knows: a word, or a value.
func (k *compiler) unknown(c *columnRule, column *Column) (NotFound, *Value) {
	n := c.codes.Unknown
	switch {
	case n == nil:
		return RejectMissing, nil
	case n.IsNull():
		return NullMissing, nil
	case n.Kind != config.Map:
		unknown := NotFound(k.choose(choice{text: n.Text(), node: n}, "reject", "null", "not_yet", "keep"))
		if unknown == KeepMissing && column.AbsentNull {
			k.fail(n, "unknown: keep leaves the column as it is and absent: null clears it; choose one of them")
		}
		return unknown, nil
	}
	var keys struct {
		Value *config.Node `yaml:"value,required"`
	}
	if err := n.Decode(&keys); err != nil {
		k.faults.Add(err)
		return RejectMissing, nil
	}
	cell, ok := k.literal(keys.Value, Untyped)
	if ok && cell.Kind != ValueCell {
		k.fail(keys.Value, "a value of null is written unknown: null")
	}
	return ValueMissing, &cell.Value
}

// ofClass makes the value for unknown codes one of the set's.
func (k *compiler) ofClass(r *codeColumn, value *Value, class Class) {
	switch {
	case value == nil || value.Class == class:
	case value.Class == Integer && class == Decimal:
		value.Class = Decimal
	default:
		k.fail(r.Unknown, "the value for unknown codes is %s, and those of the code set are %s", value.Class, class)
	}
}

// unlisted warns of values that the contract allows and the set does not have.
func (k *compiler) unlisted(r *codeColumn, set *CodeSet, t xpath.Type) {
	simple := t.Simple()
	if simple == nil {
		return
	}
	var missing []string
	for _, code := range simple.Enumeration {
		if len(set.codes[code]) == 0 {
			missing = append(missing, code)
		}
	}
	if len(missing) > 0 {
		k.warn(r.From.node, "the contract allows codes that the code set %s (%s) does not have: %s; ask %s", set.Name, set.Path, joinWords(missing), set.Owner)
	}
}

// codeTable compiles a table of codes to a look-up.
func (k *compiler) codeTable(r *codeColumn, column *Column, p *columnProgram, from, at *xpath.Program, unknown NotFound) {
	t := r.Set.table
	l := &Lookup{Table: t.Table.TableName, Where: []string{t.Code.text}, Classes: []Class{from.Type().Class}, Column: t.Value.text,
		NotFound: unknown, From: t.ValidFrom.text, To: t.ValidTo.text}
	p.form, p.keys = lookupForm, []*xpath.Program{from}
	k.mapping.Waits = k.mapping.Waits || unknown == WaitMissing
	switch {
	case l.From == "" && l.To != "":
		k.fail(t.ValidTo.node, "valid_to goes with valid_from")
	case l.From != "" && at == nil:
		k.fail(r.Set.node, "the codes of %s are valid for a time: say at:", l.Table)
	case l.From == "" && at != nil:
		k.fail(r.At.node, "at: needs a column valid_from in the table of codes")
	case at != nil:
		l.Classes, p.keys = append(l.Classes, at.Type().Class), append(p.keys, at)
	}
	if p.fallback != nil {
		l.Value = *p.fallback
	}
	column.Lookup = l
}

// coded translates a code by its set.
func (a *applier) coded(step, column int, into *Cell) {
	p := &a.mapping.programs[step].columns[column]
	v, presence, err := p.value.One(&a.frame)
	switch {
	case err != nil:
		a.failedColumn(step, column, err)
		return
	case presence == xpath.Nil:
		into.Kind = NullCell
		return
	case presence == xpath.Absent:
		return
	}
	var on time.Time
	if p.codes.at != nil {
		at, presence, err := p.codes.at.One(&a.frame)
		if err == nil && presence != xpath.Present {
			err = &xpath.Error{Message: "the day that the code is meant for is absent"}
		}
		if err != nil {
			a.failedColumn(step, column, err)
			return
		}
		on = dayOf(at)
	}
	value, found, known := p.codes.set.find(v.Lexical(), on)
	if !found {
		a.unknown(step, column, into, v.Lexical(), on, known)
		return
	}
	into.Kind, into.Value = ValueCell, value
	a.fit(step, column, into)
}

// unknown does what the mapping says of a code that its set does not have.
func (a *applier) unknown(step, column int, into *Cell, code string, on time.Time, known bool) {
	p := &a.mapping.programs[step].columns[column]
	switch p.codes.unknown {
	case NullMissing:
		into.Kind = NullCell
		return
	case KeepMissing:
		return
	case ValueMissing:
		into.Kind, into.Value = ValueCell, *p.fallback
		a.fit(step, column, into)
		return
	}
	set := p.codes.set
	d := a.detailColumn(step, column, fmt.Sprintf("the code set %s does not have this code; %s can add it", set.Name, set.Owner))
	if known {
		d.Message = fmt.Sprintf("the code set %s does not have this code for %s; %s can extend it", set.Name, on.Format(time.DateOnly), set.Owner)
	}
	d.Found = shown(code)
	refusal := fault.CodeUnknownCode
	if p.codes.unknown == WaitMissing {
		refusal = fault.CodeUnknownYet
	}
	a.refuse(refusal, d)
}
