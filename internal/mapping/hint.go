package mapping

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
)

// bareWord is an expression that may have been meant as a text.
var bareWord = regexp.MustCompile(`^[\pL_][\pL\pN_.-]*$`)

// constantMeant adds, to the complaint that a word is no child, how a constant is
// written: quotes of YAML are none of the expression's.
func constantMeant(source, message string) string {
	if !bareWord.MatchString(source) || !strings.Contains(message, " no child "+source) || strings.Contains(message, "did you mean") {
		return ""
	}
	return "; a constant is written {value: " + source + "} in a column, {$value: " + source + "} in a body"
}

// strangers are complaints of namespaces that no name of the message has. They
// explain others, so that they stand first; alone they are none.
func (k *compiler) strangers() config.Faults {
	if len(k.faults) == 0 || k.mapping.Operation == nil || len(k.file.Namespaces) == 0 {
		return nil
	}
	known := spaces(k.mapping.Operation.Input.Element)
	declared := k.file.root.Get("namespaces")
	var out config.Faults
	for _, e := range declared.Entries() {
		space := e.Value.Text()
		if slices.Contains(known, space) {
			continue
		}
		if near := config.Nearest(space, known); near != "" || !slices.ContainsFunc(known, func(s string) bool { return slices.Contains(values(k.file.Namespaces), s) }) {
			out = append(out, e.Value.Fault("no element of the message is in the namespace %s%s", space, didYouMean(space, known)))
		}
	}
	return out
}

func values(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// maxSpaces is how many types are gone through for their namespaces.
const maxSpaces = 2000

// spaces lists the namespaces of the elements in an element.
func spaces(root *contract.Element) []string {
	var out []string
	add := func(el *contract.Element) {
		if s := el.Name.Space; s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	add(root)
	queue, seen := []*contract.Type{root.Type}, map[*contract.Type]bool{}
	for len(queue) > 0 && len(seen) < maxSpaces {
		t := queue[0]
		queue = queue[1:]
		if t == nil || seen[t] {
			continue
		}
		seen[t] = true
		for _, c := range t.Children() {
			add(c.Element)
			queue = append(queue, c.Element.Type)
		}
	}
	return out
}
