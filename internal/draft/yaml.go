package draft

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// yaml writes the mapping file.
func (b *builder) yaml(d *Draft, op *contract.Operation, o Options, top *table, reply string) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# A draft of what becomes of %s: it stores every message. What is marked TODO is\n# guessed; a person decides.\n", op.Name)
	fmt.Fprintf(&w, "mapping: %s\ncontract: %s\n", d.Name, scalar(o.Contract+"#"+op.Name))
	// Paths are made first: they name the prefixes.
	identity := b.identify(top)
	if len(b.prefixes.spaces) > 0 {
		w.WriteString("namespaces:\n")
		for _, space := range b.prefixes.spaces {
			fmt.Fprintf(&w, "  %s: %s\n", b.prefixes.by[space], strconv.Quote(space))
		}
	}
	w.WriteString(identity)
	b.keysOf(&w, top)
	if len(b.left) > 0 {
		w.WriteString("\n# TODO decide what becomes of what the rows below leave out:\n")
		for _, text := range b.left {
			fmt.Fprintf(&w, "#   %s\n", comment(text))
		}
	}
	w.WriteString("\nrows:\n")
	writeRow(&w, top, "  ")
	w.WriteString(`
# TODO decide who is told of it, such as:
# publish:
#   - channel: events
#     type: ` + d.Name + `
#     body: {id: $` + top.as + `/id}
`)
	if reply != "" {
		w.WriteString("\nreply:\n" + reply)
	}
	return w.String()
}

// identify guesses what makes a repeat a repeat.
func (b *builder) identify(top *table) string {
	var best *leaf
	for _, l := range top.leaves {
		if l.simple == nil || !messageName.MatchString(l.at.names[len(l.at.names)-1]) {
			continue
		}
		if best == nil || best.at.optional && !l.at.optional {
			best = l
		}
	}
	if best == nil {
		return "identity: none  # TODO decide what makes a repeat a repeat: with none every message is new\n"
	}
	why := "is this what makes a repeat a repeat?"
	if best.at.optional {
		why += " A message without it is refused"
	}
	return fmt.Sprintf("identity: %s  # TODO decide: %s\n", scalar(best.at.path), why)
}

// keysOf names the business key that the first table is found by.
func (b *builder) keysOf(w *strings.Builder, top *table) {
	for _, l := range top.leaves {
		if l.column != nil && len(top.match) == 1 && l.column.name == top.match[0] {
			fmt.Fprintf(w, "business_keys:\n  %s: %s\nordering_key: %s  # TODO decide: messages of one key leave in order\n",
				l.column.name, scalar(l.at.path), scalar(l.column.expr))
		}
	}
}

func writeRow(w *strings.Builder, t *table, margin string) {
	fmt.Fprintf(w, "%s- table: %s\n", margin, t.full())
	in := margin + "  "
	if len(t.children) > 0 || t.parent == nil {
		fmt.Fprintf(w, "%sas: %s\n", in, t.as)
	}
	if t.each != "" {
		fmt.Fprintf(w, "%seach: %s\n", in, scalar(t.each))
	}
	switch {
	case len(t.match) > 0:
		fmt.Fprintf(w, "%smatch: [%s]%s\n", in, strings.Join(t.match, ", "), remark(t.guess))
	case t.guess != "":
		fmt.Fprintf(w, "%s# %s\n", in, t.guess)
	}
	if t.parent != nil && len(t.match) > 0 {
		fmt.Fprintf(w, "%sabsent: delete  # TODO decide: rows that a newer message no longer has\n", in)
	}
	fmt.Fprintf(w, "%scolumns:\n", in)
	for _, c := range t.columns {
		fmt.Fprintf(w, "%s  %s: %s%s\n", in, c.name, c.rule(), remark(c.remark()))
	}
	if len(t.children) > 0 {
		fmt.Fprintf(w, "%schildren:\n", in)
		for _, child := range t.children {
			writeRow(w, child, in+"  ")
		}
	}
}

// rule is the column's value in YAML.
func (c *column) rule() string {
	switch {
	case c.codes != "" && c.nullable:
		return "{code_set: " + c.codes + ", from: " + scalar(c.expr) + ", absent: null}"
	case c.codes != "":
		return "{code_set: " + c.codes + ", from: " + scalar(c.expr) + "}"
	case c.zone && c.nullable:
		return "{from: " + scalar(c.expr) + ", zone: UTC, absent: null}"
	case c.zone:
		return "{from: " + scalar(c.expr) + ", zone: UTC}"
	case c.nullable:
		return "{from: " + scalar(c.expr) + ", absent: null}"
	}
	return scalar(c.expr)
}

func (c *column) remark() string {
	if c.zone {
		return "TODO decide whose time it is that comes without a zone"
	}
	return c.note
}

func remark(text string) string {
	if text == "" {
		return ""
	}
	return "  # " + comment(text)
}

// comment is text of one line.
func comment(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 160 {
		text = string(r[:160]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff {
			return ' '
		}
		return r
	}, text)
}

var plain = regexp.MustCompile(`^[A-Za-z$.][A-Za-z0-9_$:/().@*-]*$`)

// scalar writes an expression as YAML, in quotes where it has to be.
func scalar(text string) string {
	if plain.MatchString(text) && !strings.HasSuffix(text, ":") && !strings.Contains(text, "/@") || text == "." {
		switch strings.ToLower(text) {
		case "true", "false", "null", "yes", "no", "on", "off", ".nan", ".inf":
		default:
			return text
		}
	}
	return strconv.Quote(text)
}
