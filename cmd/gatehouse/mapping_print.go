package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/gatehouse/gatehouse/internal/plural"
)

// print tells the trial in words.
func (t *trial) print(out io.Writer) {
	m := t.Mapping
	fmt.Fprintf(out, "mapping   %s (%s, version %s) of %s\n", m.Name, m.File, m.Version, m.Contract)
	if t.Message != nil {
		fmt.Fprintf(out, "message   %s: %s, %s\n", t.Message.File, t.Message.Form, plural.Of(t.Message.Bytes, "byte", "bytes"))
	}
	t.printParts(out)
	t.printOne(out)
}

// printOne tells what becomes of one message, or of a part.
func (t *trial) printOne(out io.Writer) {
	t.printNames(out)
	for _, row := range t.Rows {
		row.print(out, "")
	}
	t.printDeleted(out)
	if t.Fault != nil {
		t.Fault.print(out)
		return
	}
	for _, p := range t.Publications {
		fmt.Fprintf(out, "publish   %s, routing key %s, type %s, %s\n%s", p.Channel, oneLine(p.RoutingKey), p.Type, p.ContentType, indent(inertText(pretty(p.Body))))
	}
	if t.Reply != "" {
		fmt.Fprintf(out, "reply\n%s", indent(inertText(t.Reply)))
	}
	fmt.Fprintf(out, "outcome   %s", t.Outcome)
	if !t.Connected {
		fmt.Fprint(out, "; no server was asked, and limits of columns were not looked at (--connect)")
	}
	fmt.Fprintln(out)
	if t.Note != "" {
		fmt.Fprintf(out, "          %s\n", inertText(t.Note))
	}
}

func (t *trial) printNames(out io.Writer) {
	one := func(label string, n *trialName) {
		at := ""
		if n.At != nil {
			at = ", message " + n.At.String()
		}
		from := ""
		if n.Source != "" {
			from = "   rule " + n.Source + at
		}
		fmt.Fprintf(out, "%-9s %s%s\n", label, shownValue(n.Value, true), from)
	}
	if t.Identity != nil {
		one("identity", t.Identity)
	}
	if t.OrderingKey != nil {
		one("ordering", t.OrderingKey)
	}
	for i := range t.Keys {
		one("key", &trialName{Value: t.Keys[i].Name + "=" + t.Keys[i].Value, Source: t.Keys[i].Source, At: t.Keys[i].At})
	}
}

func (r *trialRow) print(out io.Writer, margin string) {
	name := r.Table
	if r.As != "" {
		name += " $" + r.As
	}
	if r.Effect != "" {
		name += ": " + r.Effect
	}
	fmt.Fprintf(out, "row       %s%s   from %s, message %s; rule %s\n", margin, name, dash(r.At.Path), r.At, r.Source)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, c := range r.Columns {
		at := "-"
		if c.At != nil {
			at = c.At.String()
		}
		fmt.Fprintf(w, "            %s%s\t%s\t%s\t%s\tmessage %s\n", margin, c.Name, c.words(), oneLine(c.Expression), c.Source, at)
	}
	w.Flush()
	for _, child := range r.Children {
		child.print(out, margin+"  ")
	}
}

// words is what becomes of a column.
func (c *trialColumn) words() string {
	value := shownValue(c.Value, c.text)
	switch {
	case c.changed:
		return oneLine(c.Before) + " -> " + value
	case c.State == "value":
		return value
	case c.known && c.State == "look-up":
		return value + " (" + oneLine(c.Question) + ")"
	case c.known:
		return value
	case c.State == "absent":
		return "absent: the default or NULL on insert, left alone on update"
	case c.State == "null":
		return null
	case c.State == "look-up" && c.asked:
		return "nothing found: " + oneLine(c.Question)
	case c.State == "look-up":
		return "? " + oneLine(c.Question)
	}
	return c.Question
}

func shownValue(s string, text bool) string {
	s = clipped(s)
	if text {
		return strconv.Quote(s)
	}
	return oneLine(s)
}

func (t *trial) printDeleted(out io.Writer) {
	for _, d := range t.Deleted {
		fmt.Fprintf(out, "row       %s: deleted\n         ", d.Table)
		for _, c := range d.order {
			fmt.Fprintf(out, " %s=%s", c.Name, oneLine(clipped(stored(c.Value))))
		}
		fmt.Fprintln(out)
	}
	if t.MoreDeleted > 0 {
		fmt.Fprintf(out, "row       and %d more deleted\n", t.MoreDeleted)
	}
}

// pretty breaks JSON into lines; other text stays as it is.
func pretty(body string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(body), "", "  ") != nil {
		return body
	}
	return b.String()
}
