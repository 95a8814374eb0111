package draft

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// CodeSet is the file of a code set: the values that a type of the contract
// enumerates, each standing for itself.
type CodeSet struct{ Name, Text string }

// maxCodes is how many values a code set of a draft has at most.
const maxCodes = 500

// codeSets has the columns of a table translate what the contract enumerates,
// once for each type. What rows are found by stays as it is.
func (b *builder) codeSets(t *table) {
	for _, l := range t.leaves {
		if l.simple == nil || !enumerates(l.simple) || l.column.kind != textKind || slices.Contains(t.match, l.column.name) {
			continue
		}
		if b.sets[l.simple] == "" {
			name := l.column.name
			if local := l.simple.Name.Local; local != "" {
				name = identifier(local, name)
			}
			b.sets[l.simple] = unique(b.setNames, name)
			b.codes = append(b.codes, CodeSet{b.sets[l.simple], codeFile(b.sets[l.simple], l.simple)})
		}
		l.column.codes, l.column.note = b.sets[l.simple], ""
	}
}

func enumerates(s *contract.Simple) bool {
	n := len(s.Enumeration)
	return s.Variety == contract.Atomic && xpath.ClassOf(s) == xpath.String && n > 1 && n <= maxCodes
}

// codeFile writes a code set. Values are quoted, so that none is a number.
func codeFile(name string, s *contract.Simple) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# A draft, from what the contract enumerates. TODO decide what each code stands for.\ncode_set: %s\nowner: %q\n", name, "TODO decide who can add a code")
	if text := comment(s.Doc); text != "" {
		fmt.Fprintf(&w, "description: %s\n", strconv.Quote(text))
	}
	w.WriteString("codes:\n")
	for i, code := range s.Enumeration {
		if !slices.Contains(s.Enumeration[:i], code) {
			fmt.Fprintf(&w, "  - {code: %s, value: %s}\n", strconv.Quote(code), strconv.Quote(code))
		}
	}
	return w.String()
}
