package directory

import (
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	ruleInChain = "1.2.840.113556.1.4.1941"
	ruleBitAnd  = "1.2.840.113556.1.4.803"
)

// filter is a filter (RFC 4511 §4.5.1.7) with its values ready to compare.
type filter struct {
	tag   ber.Tag
	rule  string
	name  string // lower case
	value string // in the form its attribute is compared in
	parts []filter
}

func compile(p *ber.Packet) filter {
	f := filter{tag: p.Tag}
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		for _, c := range p.Children {
			f.parts = append(f.parts, compile(c))
		}
	case ldap.FilterPresent:
		f.name = strings.ToLower(octets(p))
	case ldap.FilterSubstrings:
		f.name = strings.ToLower(octets(child(p, 0)))
		for _, c := range child(p, 1).Children {
			f.parts = append(f.parts, filter{tag: c.Tag, value: strings.ToLower(octets(c))})
		}
	case ldap.FilterExtensibleMatch:
		f.extensible(p)
	default:
		f.name = strings.ToLower(octets(child(p, 0)))
		f.value = comparableForm(f.name, octets(child(p, 1)))
	}
	return f
}

func (f *filter) extensible(p *ber.Packet) {
	value := ""
	for _, c := range p.Children {
		switch c.Tag {
		case 1:
			f.rule = octets(c)
		case 2:
			f.name = strings.ToLower(octets(c))
		case 3:
			value = octets(c)
		}
	}
	f.value = comparableForm(f.name, value)
}

// comparableForm is the form in which values of an attribute are compared.
func comparableForm(name, value string) string {
	switch name {
	case "member", "memberof", "uniquemember", "entrydn", "distinguishedname":
		return fold(value)
	case "objectsid", "tokengroups":
		return value
	}
	return strings.ToLower(strings.Join(strings.Fields(value), " ")) // caseIgnoreMatch, RFC 4518 §2.6.1
}

// match evaluates a filter. What it does not understand matches nothing.
func (t *tree) match(n *node, f filter) bool {
	matches := func(part filter) bool { return t.match(n, part) }
	switch f.tag {
	case ldap.FilterAnd:
		return !slices.ContainsFunc(f.parts, func(part filter) bool { return !matches(part) })
	case ldap.FilterOr:
		return slices.ContainsFunc(f.parts, matches)
	case ldap.FilterNot:
		return len(f.parts) == 1 && !matches(f.parts[0])
	case ldap.FilterPresent:
		return f.name == "objectclass" || len(t.values(n, f.name)) > 0
	case ldap.FilterEqualityMatch, ldap.FilterApproxMatch:
		return t.equal(n, f)
	case ldap.FilterSubstrings:
		return slices.ContainsFunc(t.values(n, f.name), func(v string) bool { return hasParts(strings.ToLower(v), f.parts) })
	case ldap.FilterExtensibleMatch:
		return t.byRule(n, f)
	}
	return false
}

func (t *tree) equal(n *node, f filter) bool {
	if f.name == "member" {
		return n.members[f.value]
	}
	return slices.ContainsFunc(t.values(n, f.name), func(v string) bool { return comparableForm(f.name, v) == f.value })
}

func hasParts(value string, parts []filter) bool {
	for _, p := range parts {
		switch at := strings.Index(value, p.value); {
		case p.tag == ldap.FilterSubstringsFinal:
			return strings.HasSuffix(value, p.value)
		case at < 0, p.tag == ldap.FilterSubstringsInitial && at > 0:
			return false
		default:
			value = value[at+len(p.value):]
		}
	}
	return true
}

func (t *tree) byRule(n *node, f filter) bool {
	switch {
	case f.rule == "":
		return t.equal(n, f)
	case !t.ad: // OpenLDAP answers unknown rules with nothing at all
		return false
	case f.rule == ruleInChain && f.name == "member":
		return contains(t.groups(f.value), n.key)
	case f.rule == ruleInChain && f.name == "memberof":
		return contains(t.groups(n.key), f.value)
	case f.rule == ruleBitAnd:
		return t.hasBits(n, f)
	}
	return false
}

func contains(nodes []*node, key string) bool {
	return slices.ContainsFunc(nodes, func(n *node) bool { return n.key == key })
}

func (t *tree) hasBits(n *node, f filter) bool {
	want, err := strconv.Atoi(f.value)
	return err == nil && slices.ContainsFunc(t.values(n, f.name), func(v string) bool {
		have, err := strconv.Atoi(v)
		return err == nil && have&want == want
	})
}
