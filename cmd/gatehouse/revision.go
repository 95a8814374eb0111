package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/gatehouse/gatehouse/internal/document"
)

// A revision is what differs between two payloads, line by line, once both are
// laid out in the same way.

// revisionLine is one line of a revision: ' ' in both, '-' in the old, '+' in the
// new one.
type revisionLine struct {
	sign byte
	text string
}

// printRevision shows what differs, with two lines around it, and reports whether
// anything does.
func printRevision(out io.Writer, old, new []byte) bool {
	if bytes.Equal(bytes.TrimSpace(old), bytes.TrimSpace(new)) {
		return false
	}
	a, b := laidOut(old), laidOut(new)
	if slices.Equal(a, b) { // only the layout differs
		a, b = strings.Split(string(old), "\n"), strings.Split(string(new), "\n")
	}
	lines := revise(a, b)
	skipped := false
	for i, l := range lines {
		if !nearChange(lines, i) {
			skipped = true
			continue
		}
		if skipped {
			fmt.Fprintln(out, "  …")
			skipped = false
		}
		fmt.Fprintf(out, "%c %s\n", l.sign, oneLine(l.text))
	}
	return true
}

// nearChange reports whether a line differs, or is next to one that does.
func nearChange(lines []revisionLine, i int) bool {
	const around = 2
	near := lines[max(0, i-around):min(len(lines), i+around+1)]
	return slices.ContainsFunc(near, func(l revisionLine) bool { return l.sign != ' ' })
}

// laidOut is a payload with each element or member on a line of its own; one that
// cannot be read, as it is.
func laidOut(payload []byte) []string {
	text := payload
	switch trimmed := bytes.TrimSpace(payload); {
	case bytes.HasPrefix(trimmed, []byte("<")):
		text = indentXML(payload)
	case json.Valid(trimmed):
		var b bytes.Buffer
		if json.Indent(&b, trimmed, "", "  ") == nil {
			text = b.Bytes()
		}
	}
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

// indentXML lays out a document that the gateway itself can read.
func indentXML(payload []byte) []byte {
	tree, err := document.Read(payload)
	if err != nil {
		return payload
	}
	tree.Release()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(payload); err != nil {
		return payload
	}
	doc.Indent(2)
	text, err := doc.WriteToBytes()
	if err != nil {
		return payload
	}
	return text
}

// maxRevised bounds the work of finding the fewest differences; past it what lies
// between the first and the last one counts as different.
const maxRevised = 4 << 20

// revise finds the longest lines in common.
func revise(a, b []string) (out []revisionLine) {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	for _, l := range a[:head] {
		out = append(out, revisionLine{' ', l})
	}
	out = append(out, between(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, l := range a[len(a)-tail:] {
		out = append(out, revisionLine{' ', l})
	}
	return out
}

// between is revise of lines that differ at both ends.
func between(a, b []string) (out []revisionLine) {
	i, j := 0, 0
	if len(a)*len(b) <= maxRevised {
		common := commonLines(a, b)
		for i < len(a) && j < len(b) {
			switch {
			case a[i] == b[j]:
				out = append(out, revisionLine{' ', a[i]})
				i, j = i+1, j+1
			case common[i+1][j] >= common[i][j+1]:
				out = append(out, revisionLine{'-', a[i]})
				i++
			default:
				out = append(out, revisionLine{'+', b[j]})
				j++
			}
		}
	}
	for ; i < len(a); i++ {
		out = append(out, revisionLine{'-', a[i]})
	}
	for ; j < len(b); j++ {
		out = append(out, revisionLine{'+', b[j]})
	}
	return out
}

// commonLines counts, for each pair of places, the lines in common after them.
func commonLines(a, b []string) [][]int32 {
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	return common
}
