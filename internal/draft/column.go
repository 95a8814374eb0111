package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// column is one column of a table, with the expression that fills it.
type column struct {
	name     string
	expr     string
	kind     kind
	length   int // of strings and bytes; 0: max
	digits   int // of decimals
	scale    int
	nullable bool
	zone     bool   // a dateTime
	of       *table // the parent that it refers to
	codes    string // the code set that translates it; or empty
	note     string // what is to be decided
	sqlNote  string
}

// kind is the SQL type.
type kind uint8

const (
	textKind kind = iota
	bytesKind
	smallKind
	intKind
	bigKind
	decimalKind
	bitKind
	floatKind
	momentKind
	dateKind
	timeKind
)

// The lengths of strings that the contract does not bound, and of those that rows
// are found by: an index takes 1,700 bytes in all.
const (
	openLength = 255
	keyLength  = 200
	maxLength  = 4000 // of nvarchar; longer is nvarchar(max)
)

// newColumn types a leaf.
func newColumn(l *leaf, name string) *column {
	c := &column{name: name, expr: l.at.path, nullable: l.at.optional}
	switch {
	case l.bare:
		c.kind, c.expr, c.nullable = bitKind, "exists("+l.at.path+")", false
		return c
	case l.mixed:
		c.text()
		c.length = 0
		return c
	}
	if l.simple.Variety == contract.List || l.simple.Variety == contract.Union {
		c.text()
		c.size(l.simple)
		return c
	}
	c.typed(l.simple)
	return c
}

// text reads the value as it is written, whatever its type: of what may be absent
// that is the empty string.
func (c *column) text() {
	c.kind, c.zone = textKind, false
	c.expr, c.nullable = "string("+c.expr+")", false
	c.length, c.sqlNote = openLength, ""
}

func (c *column) typed(s *contract.Simple) {
	switch xpath.ClassOf(s) {
	case xpath.Boolean:
		c.kind = bitKind
	case xpath.Integer:
		c.integer(s)
	case xpath.Decimal:
		c.decimal(s)
	case xpath.Double:
		c.kind = floatKind
	case xpath.DateTime:
		c.kind, c.zone = momentKind, true
	case xpath.Date:
		c.kind = dateKind
	case xpath.Time:
		c.kind = timeKind
	case xpath.Binary:
		c.kind = bytesKind
		if n := longest(s); n > 0 && n <= 8000 {
			c.length = n
		}
	default:
		c.size(s)
	}
}

func (c *column) integer(s *contract.Simple) {
	c.kind = bigKind
	switch s.Builtin {
	case "byte", "unsignedByte", "short":
		c.kind = smallKind
	case "int", "unsignedShort":
		c.kind = intKind
	}
	if s.TotalDigits != nil && *s.TotalDigits <= 9 && c.kind == bigKind {
		c.kind = intKind
	}
}

func (c *column) decimal(s *contract.Simple) {
	c.kind, c.digits, c.scale = decimalKind, 18, 4
	if s.FractionDigits != nil {
		c.scale = min(*s.FractionDigits, 18)
	}
	if s.TotalDigits != nil {
		c.digits = min(max(*s.TotalDigits, 1), 38)
		c.scale = min(c.scale, c.digits)
		return
	}
	c.sqlNote = "TODO decide digits: the contract sets no limit"
}

// size bounds a string.
func (c *column) size(s *contract.Simple) {
	c.kind, c.length = textKind, longest(s)
	switch {
	case c.length == 0:
		c.length, c.sqlNote = openLength, "TODO decide the length: the contract sets none"
	case c.length > maxLength:
		c.length = 0
	}
}

// longest is how long values may be at most; 0 when the contract does not say.
func longest(s *contract.Simple) int {
	switch {
	case s.Length != nil:
		return max(*s.Length, 1)
	case s.MaxLength != nil:
		return max(*s.MaxLength, 1)
	}
	n := 0
	for _, v := range s.Enumeration {
		n = max(n, len(v))
	}
	return n
}

// settle names columns and guesses keys, parents first.
func (b *builder) settle(t *table) {
	taken := map[string]bool{"id": true}
	var ref *column
	if t.parent != nil {
		name := clip(t.parent.as) + "_id"
		taken[name] = true
		ref = &column{name: name, expr: "$" + t.parent.as + "/id", kind: bigKind, of: t.parent}
		t.add(ref)
	}
	for i, name := range columnNames(t.as, t.leaves, taken) {
		l := t.leaves[i]
		l.column = newColumn(l, name)
		if l.simple != nil && len(l.simple.Enumeration) > 0 && len(l.simple.Enumeration) <= 12 {
			l.column.note = "one of " + strings.Join(l.simple.Enumeration, ", ")
		}
		if secretName.MatchString(l.at.names[len(l.at.names)-1]) {
			l.column.note = "TODO decide: is this a credential? It had better not be stored"
		}
		t.add(l.column)
	}
	b.key(t, ref, taken)
	if b.sets != nil {
		b.codeSets(t)
	}
	b.collapse(t)
	for _, child := range t.children {
		b.settle(child)
	}
}

// collapse puts tables that would have nothing but a reference out of the way:
// what they hold belongs to their parent.
func (b *builder) collapse(t *table) {
	for i := 0; i < len(t.children); {
		child := t.children[i]
		if len(child.leaves) > 0 || len(child.children) == 0 {
			i++
			continue
		}
		for _, below := range child.children {
			below.parent, below.each = t, child.each+"/"+below.each
		}
		delete(b.tables, child.name)
		t.children = slices.Replace(t.children, i, i+1, child.children...)
	}
}

var (
	messageName = regexp.MustCompile(`(?i)^(x?(message|msg|request|req|transaction|trans|tx|correlation|interface|document|event)_?(id|uuid|guid|identifier|reference|no|number)|uuid|guid)$`)
	// secretName are credentials: nothing is found by them, and nobody should store them
	// without a thought.
	secretName = regexp.MustCompile(`(?i)(login|passw|pwd|secret|credential|token|session|licen[cs]e|api_?(id|key)|access_?key|private_?key|auth(entication)?_?(id|key|code)?$|user_?(id|name|no)?$|cvv|pin_?code$)`)
	keyName    = regexp.MustCompile(`(?i)(number|numero|no|nr|num|id|identifier|code|key|sku|gtin|ean|isbn|reference|ref)$`)
	placeName  = regexp.MustCompile(`(?i)(line|pos|position|index|seq|sequence|name|type|usage|kind|role|language|lang|day|date|period|year)$`)
)

// key guesses the natural key.
func (b *builder) key(t *table, ref *column, taken map[string]bool) {
	best, score := -1, 0
	for i, l := range t.leaves {
		if l.bare || l.mixed || l.simple == nil || l.column.kind == bytesKind || l.column.kind == bitKind || l.column.kind == floatKind {
			continue
		}
		if n := b.worth(t, l); n > score {
			best, score = i, n
		}
	}
	needed := len(t.children) > 0
	switch {
	case best < 0 && needed && t.parent != nil && len(t.leaves) > 0 && !t.leaves[0].bare:
		best = 0
	case best < 0 && needed && t.parent == nil:
		t.add(unnamed(b.messageID(), taken))
		t.match = []string{t.columns[len(t.columns)-1].name}
		t.guess = "TODO decide: nothing in the message looks like a natural key, so that every message is a row of its own"
		return
	case best < 0 && needed:
		c := &column{name: unique(taken, "place"), expr: "local-name(.)", kind: textKind, length: keyLength, note: "TODO decide: nothing in the element looks like a key"}
		t.add(c)
		t.match = []string{ref.name, c.name}
		return
	case best < 0:
		t.guess = "TODO decide a natural key: without match every message adds its rows anew"
		return
	}
	c := t.leaves[best].column
	c.forKey()
	t.match = []string{c.name}
	if ref != nil {
		t.match = []string{ref.name, c.name}
	}
	t.guess = "TODO decide: is this the natural key?"
}

func unnamed(c *column, taken map[string]bool) *column {
	c.name = unique(taken, c.name)
	return c
}

// messageID is the gateway's own name of a message.
func (b *builder) messageID() *column {
	return &column{name: "message_id", expr: "$message/id", kind: textKind, length: 36, note: "TODO decide"}
}

// worth says how much a leaf looks like the key of its table.
func (b *builder) worth(t *table, l *leaf) int {
	last := l.at.names[len(l.at.names)-1]
	score := 0
	switch {
	case t.parent == nil && messageName.MatchString(last), secretName.MatchString(last):
		return 0
	case keyName.MatchString(last):
		score = 20
	case t.parent != nil && placeName.MatchString(last):
		score = 10
	case t.parent != nil && last == "Value" && l.at.path == "." && len(t.leaves) == 1:
		score = 5
	default:
		return 0
	}
	if !l.at.optional {
		score += 8
	}
	own := identifier(last, "")
	for _, word := range strings.Split(t.name, "_") {
		if len(word) > 2 && strings.HasPrefix(own, word) {
			score += 4
			break
		}
	}
	if t.parent == nil && strings.HasPrefix(strings.ToLower(l.at.names[0]), "header") {
		score -= 6
	}
	return max(score-len(l.at.names), 1)
}

// forKey makes a column one that rows can be found by: always there, and short.
func (c *column) forKey() {
	if c.nullable {
		note := c.note
		c.text()
		c.note = note
		c.length = keyLength
	}
	if c.kind == textKind && (c.length == 0 || c.length > keyLength) {
		c.length = keyLength
	}
}

// native is the column's type as SQL Server writes it.
func (c *column) native() string {
	switch c.kind {
	case bytesKind:
		return sized("varbinary", c.length)
	case smallKind:
		return "smallint"
	case intKind:
		return "int"
	case bigKind:
		return "bigint"
	case decimalKind:
		return fmt.Sprintf("decimal(%d,%d)", c.digits, c.scale)
	case bitKind:
		return "bit"
	case floatKind:
		return "float"
	case momentKind:
		return "datetime2(3)"
	case dateKind:
		return "date"
	case timeKind:
		return "time(3)"
	}
	return sized("nvarchar", c.length)
}

func sized(name string, length int) string {
	if length == 0 {
		return name + "(max)"
	}
	return fmt.Sprintf("%s(%d)", name, length)
}
