package mappingtest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"
	"time"
	"unicode/utf16"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/sample"
)

// Trial is a case whose mapping compiles.
type Trial struct {
	*Case
	Mapping *mapping.Mapping
	maker   *sample.Maker
}

// Try compiles a case. The error says what the compiler did not take.
func (c *Case) Try() (*Trial, error) {
	loaded, err := contract.Load(fstest.MapFS{"t/t.wsdl": {Data: []byte(c.WSDL)}}, "t/t.wsdl")
	if err != nil {
		return nil, fmt.Errorf("the contract: %w", err)
	}
	file, err := mapping.Parse("p.yaml", []byte(c.YAML))
	if err != nil {
		return nil, err
	}
	m, err := mapping.Compile(file, loaded)
	if err != nil {
		return nil, err
	}
	return &Trial{c, m, sample.New(loaded, m.Service)}, nil
}

// Message makes a message that the contract takes; nil where what was made of
// it is none.
func (t *Trial) Message(pick Pick) ([]byte, error) {
	msg, err := t.maker.Message(t.Mapping.Operation, sample.Direction{}, sample.Options{Mode: sample.Random, Seed: uint64(pick(1 << 30))})
	if impossible := (*sample.Impossible)(nil); errors.As(err, &impossible) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	valid := msg.Payload(sample.Form{})
	for range 4 {
		spoilt := []byte(t.Spoil(string(valid), pick))
		if details, _, err := t.Mapping.Service.ValidatePayload(t.Mapping.Operation, spoilt, 1); err == nil && len(details) == 0 {
			valid = spoilt
		}
	}
	return valid, nil
}

// Input is a message as a mapping takes it; release ends its use.
func Input(payload []byte) (in *mapping.Input, release func(), err error) {
	tree, err := document.Read(payload)
	if err != nil {
		return nil, nil, err
	}
	return &mapping.Input{
		Payload:   tree.Root(),
		Principal: mapping.Principal{Login: "erp.alice", DN: "cn=alice", Partner: "erp"},
		Message:   mapping.MessageFacts{ID: "0197-1", ReceivedAt: time.Date(2026, 3, 16, 10, 0, 1, 123456789, time.UTC)},
	}, tree.Release, nil
}

// Column finds a column of a step by its name; id is the table's own.
func (c *Case) Column(step int, name string) (Column, bool) {
	if name == "id" {
		return Column{Name: "id", Native: "bigint"}, true
	}
	for _, col := range c.Tables[step].Columns {
		if col.Name == name {
			return col, true
		}
	}
	return Column{}, false
}

// Accepted judges what a checked mapping lets through: raw is the same message
// by the mapping unchecked. It returns, for each row of each step, what the
// columns hold in the end, or the first column that would refuse or change its
// value. The text "NULL" is NULL, "DEFAULT" the column's own, "#" a drawn id.
func (t *Trial) Accepted(raw *mapping.Changeset) ([][]map[string]string, error) {
	out := make([][]map[string]string, len(raw.Rows))
	for step, rows := range raw.Rows {
		for r := range rows {
			held := map[string]string{}
			if err := t.row(raw, out, step, &rows[r], held); err != nil {
				return nil, fmt.Errorf("%w, of row %d", err, r)
			}
			out[step] = append(out[step], held)
		}
	}
	return out, nil
}

func (t *Trial) row(raw *mapping.Changeset, out [][]map[string]string, step int, row *mapping.Row, held map[string]string) error {
	written := map[string]bool{}
	for i, cell := range row.Cells {
		mapped := t.Mapping.Tables[step].Columns[i]
		written[mapped.Name] = true
		col, _ := t.Column(step, mapped.Name)
		text, ok := "NULL", true
		switch cell.Kind {
		case mapping.AbsentCell:
			if ok = col.Null || col.Default; col.Default {
				text = "DEFAULT"
			}
		case mapping.NullCell:
			ok = col.Null
		case mapping.ValueCell:
			text, ok = Holds(col, cell.Value)
		case mapping.Reference:
			text, ok = t.reference(raw, out, mapped, cell, col)
		}
		if !ok {
			return fmt.Errorf("%s.%s %s does not hold %s, which came from %s at %s", t.Tables[step].Name, col.Name, col.Native, show(cell), mapped.Path, mapped.Source)
		}
		held[col.Name] = text
	}
	for _, index := range [][]string{t.Tables[step].Key, t.Tables[step].Unique} {
		if n := t.keyBytes(step, index, held); n > maxKey {
			return fmt.Errorf("%s: a key of %d bytes in the index on %v", t.Tables[step].Name, n, index)
		}
	}
	for _, col := range t.Tables[step].Columns {
		if !written[col.Name] && !col.Null && !col.Default {
			return fmt.Errorf("%s.%s gets no value", t.Tables[step].Name, col.Name)
		}
	}
	return nil
}

// maxKey is how many bytes a key of a nonclustered index has at most ("Maximum
// capacity specifications for SQL Server").
const maxKey = 1700

// keyBytes is how long the key of a row is; only text and bytes count, which
// alone can make one too long.
func (t *Trial) keyBytes(step int, index []string, held map[string]string) int {
	n := 0
	for _, name := range index {
		col, _ := t.Column(step, name)
		switch text := held[name]; {
		case text == "NULL" || text == "DEFAULT":
		case strings.HasPrefix(col.Native, "n"):
			n += 2 * len(utf16.Encode([]rune(text)))
		case strings.HasPrefix(col.Native, "varc"):
			n += len([]rune(text))
		case strings.HasPrefix(col.Native, "varb"):
			n += len(text) / 2
		}
	}
	return n
}

func show(c mapping.Cell) string {
	if c.Kind != mapping.ValueCell {
		return fmt.Sprintf("a cell of kind %d", c.Kind)
	}
	return fmt.Sprintf("%s %q", c.Value.Class, c.Value.Lexical())
}

// reference follows a cell to what another row's column holds.
func (t *Trial) reference(raw *mapping.Changeset, out [][]map[string]string, mapped mapping.Column, cell mapping.Cell, col Column) (string, bool) {
	if mapped.RefColumn == "id" {
		return "#", col.Native == "bigint"
	}
	text := out[mapped.Ref][cell.Row][mapped.RefColumn]
	if text == "NULL" || text == "" {
		return "NULL", col.Null
	}
	if text == "DEFAULT" || text == "#" {
		return text, true // what it is only the database knows
	}
	source := raw.Rows[mapped.Ref][cell.Row]
	for i, c := range t.Mapping.Tables[mapped.Ref].Columns {
		if c.Name == mapped.RefColumn && source.Cells[i].Kind == mapping.ValueCell {
			from, _ := t.Column(mapped.Ref, c.Name)
			return copied(from, col, text, source.Cells[i].Value)
		}
	}
	return text, true
}

// copied is what a column holds of a value that another one holds as text: what
// that one has cut is gone. Of types that keep a value in a form of their own the
// form is not foretold.
func copied(from, to Column, text string, v mapping.Value) (string, bool) {
	if at, err := time.Parse(moment, text); err == nil && v.Class == mapping.DateTime {
		v = mapping.Moment(at)
	}
	stored, ok := Holds(to, v)
	name, _, _ := strings.Cut(from.Native, "(")
	if from.Native != to.Native && slices.Contains([]string{"uniqueidentifier", "char", "nchar", "real", "time"}, name) {
		stored = "DEFAULT"
	}
	return stored, ok
}

var (
	placed = regexp.MustCompile(`^p\.yaml:[0-9]+:[0-9]+$`)
	target = regexp.MustCompile(`^dbo\.(head|line|part)\.[a-z0-9]+$`)
)

// Refused judges the refusal of a message: that it tells everything an operator
// needs, and that a value which is said not to fit does not fit. raw is nil when
// an expression could not be evaluated at all.
func (t *Trial) Refused(err error, checked *mapping.Checked, raw *mapping.Changeset) error {
	f := fault.Of(err)
	if f == nil || f.Code != fault.CodeNarrowing && f.Code != fault.CodeMapping || f.Code == fault.CodeNarrowing && len(f.Details) == 0 {
		return fmt.Errorf("refused with %v", err)
	}
	for _, d := range f.Details {
		if !placed.MatchString(d.Source) || !target.MatchString(d.Target) || d.Path == "" || d.Line < 1 || d.Column < 1 || d.Message == "" {
			return fmt.Errorf("the refusal does not tell enough: %+v", d)
		}
		if raw == nil || d.Expected == "" {
			continue
		}
		if err := t.deserved(d, checked, raw); err != nil {
			return err
		}
	}
	return nil
}

// deserved reports a value that was refused although its column holds all that
// the message has for it.
func (t *Trial) deserved(d fault.Detail, checked *mapping.Checked, raw *mapping.Changeset) error {
	names := strings.Split(d.Target, ".")
	for step := range t.Tables {
		if t.Tables[step].Name != names[1] {
			continue
		}
		col, _ := t.Column(step, names[2])
		for _, row := range raw.Rows[step] {
			for i, c := range t.Mapping.Tables[step].Columns {
				if c.Name != col.Name || row.Cells[i].Kind != mapping.ValueCell {
					continue
				}
				if _, ok := Holds(col, row.Cells[i].Value); !ok || stricter(col, row.Cells[i].Value) {
					return t.listed(d, checked, col, row.Cells[i].Value)
				}
			}
		}
		return fmt.Errorf("%s %s would hold every value, and one is refused: %s", d.Target, col.Native, d)
	}
	return fmt.Errorf("the refusal names no column: %s", d)
}

// stricter reports columns of which less is taken than they hold: keys, for an
// index has less room; money, of which eighteen or nine digits are taken; whole
// numbers in a float where not each of them has its place.
func stricter(col Column, v mapping.Value) bool {
	return strings.HasSuffix(col.Native, "money") || col.Name == "code" || col.Name == "wide" || v.Class == mapping.Integer && (col.Native == "float" || col.Native == "real")
}

// listed reports a refusal that the check did not tell of before.
func (t *Trial) listed(d fault.Detail, checked *mapping.Checked, col Column, v mapping.Value) error {
	for _, n := range checked.Narrowings {
		if n.Target == d.Target {
			return nil
		}
	}
	untold := v.Class == mapping.DateTime || v.Class == mapping.Date || len(v.Lexical()) != len([]rune(v.Lexical()))
	if untold {
		return nil
	}
	return fmt.Errorf("%s %s: the check did not list that it may refuse: %s", d.Target, col.Native, d)
}
