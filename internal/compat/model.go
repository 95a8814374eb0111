package compat

import "github.com/gatehouse/gatehouse/internal/contract"

// What of the type model the comparison needs beyond paths, in the form in which
// it compares.

// elementBlock are the derivations that may not stand for an element.
func elementBlock(e *contract.Element) []string { return e.Block }

// typeBlock are those that may not stand for a type.
func typeBlock(t *contract.Type) []string { return t.Block }

// identities are an element's identity constraints in words, namespaces as
// {namespace}.
func identities(e *contract.Element) []string { return e.Identity }

// attributeWildcards are the wildcards of a type's attributes. Several of them
// are only compared for being the same.
func attributeWildcards(t *contract.Type) []*contract.Wildcard { return t.AnyAttributes }
