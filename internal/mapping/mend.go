package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// Mend is one way to have a complaint or a narrowing gone.
type Mend struct {
	// In says where: "mapping" (Text stands in place of the rule at At), "database"
	// (Text is a statement) or "words" (Text says what to do).
	In   string `json:"in"`
	At   string `json:"at,omitempty"` // file:line:column of the rule
	Text string `json:"text"`
	// Part says that something of it remains.
	Part bool `json:"part,omitempty"`
}

// The places of mends.
const (
	InMapping  = "mapping"
	InDatabase = "database"
	InWords    = "words"
)

// String renders the mend on one line.
func (m Mend) String() string {
	text := m.Text
	if m.At != "" {
		text = m.At + ": " + text
	}
	if m.Part {
		text += " (mends a part)"
	}
	return text
}

// Alteration is one change of a table that would mend something.
type Alteration struct {
	Table TableName
	// Column is the column as it should be, NULL and NOT NULL included; New says
	// that there is none of its name yet. Nil for none.
	Column *ColumnModel
	New    bool
	Unique []string // the columns of a unique index; empty for none
	// Sequence says that Table is a sequence of whole numbers to be made.
	Sequence bool
}

// Builder is a Schema that knows how its database would be changed.
type Builder interface {
	// Build writes an alteration: in SQL when exact, else in words, because it
	// takes more than one statement. Empty text means that it cannot be done.
	Build(a Alteration) (text string, exact bool)
}

// build proposes a change of a table, where the schema knows how.
func (c *checker) build(a Alteration) []Mend {
	b, ok := c.schema.(Builder)
	if !ok {
		return nil
	}
	text, exact := b.Build(a)
	switch {
	case text == "":
		return nil
	case exact:
		return []Mend{{In: InDatabase, Text: text}}
	}
	return []Mend{{In: InWords, Text: text}}
}

// alter proposes that a column be of another type, or take NULL.
func (c *checker) alter(table TableName, col *ColumnModel, change func(t *ColumnType)) []Mend {
	altered := *col
	change(&altered.ColumnType)
	return c.build(Alteration{Table: table, Column: &altered})
}

// nullable proposes that a column take NULL, unless it is part of a key.
func (c *checker) nullable(model *TableModel, col *ColumnModel) []Mend {
	if model.keyed(col.Name) {
		return nil
	}
	return c.alter(model.Name, col, func(t *ColumnType) { t.Nullable = true })
}

// like proposes that a column take whatever another one may hold.
func (c *checker) like(model *TableModel, col, from *ColumnModel) []Mend {
	return c.alter(model.Name, col, func(t *ColumnType) {
		wanted := from.ColumnType
		wanted.HasDefault, wanted.Identity, wanted.Computed, wanted.Nullable = t.HasDefault, false, false, t.Nullable || from.Nullable
		*t = wanted
	})
}

// addition proposes a column that takes what the rule makes.
func (c *checker) addition(model *TableModel, column *Column, p *columnProgram) []Mend {
	if p.form != valueForm {
		return nil
	}
	kinds := map[Class]ColumnType{String: {Kind: StringColumn, Unicode: true, Length: 1}, Untyped: {Kind: StringColumn, Unicode: true, Length: 1}, Binary: {Kind: BytesColumn, Length: 1},
		Integer: {Kind: IntegerColumn}, Decimal: {Kind: DecimalColumn}, Double: {Kind: FloatColumn}, Boolean: {Kind: BoolColumn}, DateTime: {Kind: DateTimeColumn, Scale: 3},
		Date: {Kind: DateColumn}, Time: {Kind: TimeColumn, Scale: 3}}
	t, ok := kinds[column.Class]
	if !ok {
		return nil
	}
	try := append(wider(column.Class, p.value, &t), t)
	for _, wanted := range try {
		col := &ColumnModel{Name: column.Name, ColumnType: wanted}
		col.Nullable = true
		if wanted.Kind != DecimalColumn || wanted.Precision > 0 {
			if misfit(column.Class, col) == "" && (narrows(column.Class, p.value, col) == "" || wanted.Kind == FloatColumn) {
				return c.build(Alteration{Table: model.Name, Column: col, New: true})
			}
		}
	}
	return nil
}

// keyed reports whether a column is part of a unique index.
func (t *TableModel) keyed(column string) bool {
	return slices.ContainsFunc(t.Unique, func(index []string) bool { return slices.Contains(index, column) })
}

// unique proposes a unique index. Columns without a limit can be in none.
func (c *checker) unique(model *TableModel, columns []string) []Mend {
	for _, name := range columns {
		col, ok := model.Column(name)
		if !ok || col.Length == 0 && (col.Kind == StringColumn || col.Kind == BytesColumn) {
			return nil
		}
	}
	return c.build(Alteration{Table: model.Name, Unique: columns})
}

// widen proposes the least type with which neither a misfit nor a narrowing is
// left, of those that a column can be turned into.
func (c *checker) widen(model *TableModel, col *ColumnModel, v *columnProgram) []Mend {
	class, typ := v.value.Type().Class, v.value
	for _, t := range wider(class, typ, &col.ColumnType) {
		t.Nullable, t.HasDefault = col.Nullable, col.HasDefault
		wanted := *col
		wanted.ColumnType = t
		long := t.Length == 0 && (t.Kind == StringColumn || t.Kind == BytesColumn)
		if model.keyed(col.Name) && (long || model.KeyBytes > 0 && keySize(&t, model.KeyBytes) > model.KeyBytes) {
			continue
		}
		if misfit(class, &wanted) == "" && narrows(class, typ, &wanted) == "" {
			return c.build(Alteration{Table: model.Name, Column: &wanted})
		}
	}
	return nil
}

// The most that types with a length hold, in their own units.
const (
	mostUnicode = 4000
	mostBytes   = 8000
	mostDigits  = 38
)

// wider lists types for a column that hold more than it does, the least first.
func wider(class Class, p *xpath.Program, t *ColumnType) []ColumnType {
	simple := p.Type().Simple()
	switch t.Kind {
	case StringColumn:
		return widerText(class, p, t)
	case BytesColumn:
		out := []ColumnType{{Kind: BytesColumn}}
		if n := longest(simple); n > 0 && n <= mostBytes {
			out = append([]ColumnType{{Kind: BytesColumn, Length: n}}, out...)
		}
		return out
	case IntegerColumn, FloatColumn:
		return append(wholes(), exactFor(class, p, t)...)
	case DecimalColumn:
		return exactFor(class, p, t)
	case DateTimeColumn:
		return []ColumnType{{Kind: DateTimeColumn, Scale: t.Scale}}
	}
	return nil
}

func widerText(class Class, p *xpath.Program, t *ColumnType) []ColumnType {
	n := longest(p.Type().Simple())
	if class != String && class != Untyped {
		n = lexicalLength(class)
	}
	unicode := sized(ColumnType{Kind: StringColumn, Unicode: true}, n, mostUnicode)
	switch {
	case t.Unicode || t.UUID:
		return unicode
	case t.Charset == "utf-8":
		n *= utf8.UTFMax
	}
	return append(sized(ColumnType{Kind: StringColumn, Charset: t.Charset}, max(n, t.Length), mostBytes), unicode...)
}

// sized lists a type with a length, where it can have that one, and without limit.
func sized(t ColumnType, length, most int) []ColumnType {
	without := t
	if t.Length = length; length <= 0 || length > most {
		return []ColumnType{without}
	}
	return []ColumnType{t, without}
}

// wholes are the types of whole numbers.
func wholes() []ColumnType {
	var out []ColumnType
	for bits := 15; bits <= 63; bits = 2*bits + 1 {
		most := int64(1)<<bits - 1
		out = append(out, ColumnType{Kind: IntegerColumn, Min: -most - 1, Max: most})
	}
	return out
}

// exactFor are decimals for all digits that the contract allows.
func exactFor(class Class, p *xpath.Program, t *ColumnType) []ColumnType {
	simple := p.Type().Simple()
	whole, fraction := 0, max(0, t.Scale)
	if r := p.Rounding(); r != nil {
		simple, fraction = r.Of, max(fraction, r.Places)
	}
	switch {
	case simple == nil:
		return nil
	case simple.TotalDigits != nil:
		whole = *simple.TotalDigits
		if class != Integer && p.Rounding() == nil {
			fraction = max(fraction, *simple.TotalDigits)
			if simple.FractionDigits != nil {
				fraction = max(t.Scale, *simple.FractionDigits)
			}
		}
	default:
		low, high := integerRange(simple)
		if class != Integer || low == nil || high == nil {
			return nil
		}
		whole = int(max(low.NumDigits(), high.NumDigits()))
	}
	if whole+fraction > mostDigits {
		return nil
	}
	return []ColumnType{{Kind: DecimalColumn, Precision: whole + fraction, Scale: fraction}}
}

// rewrite proposes the rule of a column with other values for some keys; an empty
// value takes a key away.
func rewrite(column *Column, p *columnProgram, pairs ...string) []Mend {
	if p.node == nil {
		return nil
	}
	var keys []config.Entry
	if p.node.Kind == config.Map {
		keys = p.node.Entries()
	}
	var out []string
	seen := map[string]bool{}
	put := func(key, value string) {
		if seen[key] {
			return
		}
		seen[key] = true
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				value = pairs[i+1]
			}
		}
		if value != "" {
			out = append(out, key+": "+value)
		}
	}
	if keys == nil {
		put("from", flow(p.node))
	}
	for _, e := range keys {
		put(e.Key, flow(e.Value))
	}
	for i := 0; i < len(pairs); i += 2 {
		put(pairs[i], pairs[i+1])
	}
	text := "{" + strings.Join(out, ", ") + "}"
	if len(out) == 1 && strings.HasPrefix(out[0], "from: ") {
		text = strings.TrimPrefix(out[0], "from: ")
	}
	return []Mend{{In: InMapping, At: p.node.Source(), Text: quoted(column.Name) + ": " + text}}
}

// flow writes a node on one line.
func flow(n *config.Node) string {
	var parts []string
	switch {
	case n.IsNull():
		return "null"
	case n.Kind == config.Map:
		for _, e := range n.Entries() {
			parts = append(parts, quoted(e.Key)+": "+flow(e.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case n.Kind == config.List:
		for _, item := range n.Items() {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case n.Type() == config.String:
		return quoted(n.Text())
	}
	return n.Text()
}

// plain is what needs no quotes as a value of YAML, in a list or map on one line.
var plain = regexp.MustCompile(`^[A-Za-z$.(/][A-Za-z0-9_$:/.()=+*-]*( [A-Za-z0-9_$:/.()=+*-]+)*$`)

// quoted writes a text as a value of YAML, in quotes unless nobody could take it
// for anything else.
func quoted(text string) string {
	if plain.MatchString(text) && !strings.HasSuffix(text, ":") && !strings.Contains(text, ": ") {
		switch strings.ToLower(text) {
		case "true", "false", "null", "yes", "no", "on", "off", "y", "n", ".nan", ".inf":
		default:
			return text
		}
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// fallbacks are constants for each class, as YAML and as XPath.
var fallbacks = map[Class][][2]string{
	String:   {{"''", "''"}, {"'00000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000000'"}},
	Integer:  {{"0", "0"}, {"1", "1"}},
	Decimal:  {{"0", "0.0"}},
	Double:   {{"0", "0e0"}},
	Boolean:  {{"false", "false()"}},
	DateTime: {{"'1970-01-01T00:00:00Z'", "xs:dateTime('1970-01-01T00:00:00Z')"}},
	Date:     {{"'1970-01-01'", "xs:date('1970-01-01')"}},
	Time:     {{"'00:00:00'", "xs:time('00:00:00')"}},
}

// fallback finds a constant that a column takes, as YAML and as XPath.
func fallback(class Class, col *ColumnModel) (yaml, expr string, ok bool) {
	if misfit(class, col) != "" {
		return "", "", false
	}
	l := newLimit(col)
	for _, f := range fallbacks[class] {
		v, complaint := xpath.Read(strings.Trim(f[0], "'"), class)
		if complaint != "" {
			continue
		}
		if _, expected := l.fits(&l, v); expected == "" {
			return f[0], f[1], true
		}
	}
	return "", "", false
}

// defaulted proposes a value in place of an absent source.
func defaulted(column *Column, p *columnProgram, col *ColumnModel) []Mend {
	value, _, ok := fallback(column.Class, col)
	if !ok || p.form != valueForm {
		return nil
	}
	return rewrite(column, p, "default", value, "absent", "")
}

// filled proposes a value in place of one that is null or absent.
func filled(column *Column, p *columnProgram, col *ColumnModel) []Mend {
	_, value, ok := fallback(column.Class, col)
	if !ok || p.form != valueForm || !p.value.Type().Nillable() {
		return nil
	}
	if p.fallback != nil {
		value = written(*p.fallback)
	}
	return rewrite(column, p, "from", quoted(fmt.Sprintf("(%s, %s)[1]", p.value.Source, value)), "absent", "", "default", "")
}

// written is a constant as XPath writes it.
func written(v Value) string {
	quoted := "'" + strings.ReplaceAll(v.Lexical(), "'", "''") + "'"
	switch v.Class {
	case Integer, Double:
		return v.Lexical()
	case Decimal:
		return "xs:decimal(" + quoted + ")"
	case Boolean:
		return v.Lexical() + "()"
	case DateTime:
		return "xs:dateTime(" + quoted + ")"
	case Date:
		return "xs:date(" + quoted + ")"
	case Time:
		return "xs:time(" + quoted + ")"
	}
	return quoted
}

// converted proposes that the value be converted to what the column is.
func converted(column *Column, p *columnProgram, col *ColumnModel) []Mend {
	to := map[ColumnKind]string{IntegerColumn: "xs:integer", DecimalColumn: "xs:decimal", BoolColumn: "xs:boolean", DateTimeColumn: "xs:dateTime",
		DateColumn: "xs:date", TimeColumn: "xs:time", FloatColumn: "xs:double", StringColumn: "string"}[col.Kind]
	if to == "" || p.form != valueForm || !convertible(column.Class, col.Kind) {
		return nil
	}
	return rewrite(column, p, "from", quoted(to+"("+p.value.Source+")"))
}

// convertible reports whether a cast may succeed (XPath 3.1 §19.1).
func convertible(c Class, kind ColumnKind) bool {
	switch kind {
	case DateTimeColumn:
		return c == String || c == Untyped || c == Date
	case DateColumn, TimeColumn:
		return c == String || c == Untyped || c == DateTime
	case StringColumn:
		return true
	}
	return c == String || c == Untyped || c == Integer || c == Decimal || c == Double || c == Boolean
}
