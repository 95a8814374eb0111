package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// What of the type model the comparison needs beyond paths, in the form in which
// it compares.

// elementBlock are the derivations that may not stand for an element. What a
// block does to substitutes and derived types is in the model already.
func elementBlock(e *contract.Element) []string { return blockWords(e.Block) }

// typeBlock are those that may not stand for a type.
func typeBlock(t *contract.Type) []string { return blockWords(t.Block) }

func blockWords(d contract.Derivation) []string {
	var out []string
	for _, one := range []struct {
		is   contract.Derivation
		word string
	}{{contract.ByExtension, "extension"}, {contract.ByRestriction, "restriction"}, {contract.BySubstitution, "substitution"}} {
		if d&one.is != 0 {
			out = append(out, one.word)
		}
	}
	return out
}

var constraintWords = map[contract.ConstraintKind]string{contract.Unique: "unique", contract.Key: "key", contract.KeyRef: "keyref"}

// identities are an element's identity constraints in words, namespaces as
// {namespace}.
func identities(e *contract.Element) []string {
	var out []string
	for _, one := range e.Constraints {
		words := []string{constraintWords[one.Kind] + ", " + one.Name.Local}
		if one.Kind == contract.KeyRef {
			words = append(words, "refers to "+clark(one.Refer))
		}
		words = append(words, "selector "+pathsText(one.Selector))
		for _, field := range one.Fields {
			words = append(words, "field "+pathsText(field))
		}
		out = append(out, strings.Join(words, ", "))
	}
	slices.Sort(out)
	return out
}

func clark(n contract.Name) string { return "{" + n.Space + "}" + n.Local }

// pathsText writes the alternatives of a selector or field.
func pathsText(paths []contract.LocationPath) string {
	var out []string
	for _, p := range paths {
		var steps []string
		if p.Descendants {
			steps = append(steps, ".", "")
		}
		for _, s := range p.Steps {
			step := clark(s.Name)
			if s.AnyLocal {
				step = fmt.Sprintf("{%s}*", s.Name.Space)
			}
			if s.Attribute {
				step = "@" + step
			}
			steps = append(steps, step)
		}
		if len(steps) == 0 {
			steps = []string{"."}
		}
		out = append(out, strings.Join(steps, "/"))
	}
	slices.Sort(out)
	return strings.Join(out, " | ")
}

// attributeWildcards are the wildcards of a type's attributes: one, where there
// is any.
func attributeWildcards(t *contract.Type) []*contract.Wildcard {
	if t.Wildcard == nil {
		return nil
	}
	return []*contract.Wildcard{t.Wildcard}
}
