package directory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tree is an immutable set of entries with the indexes a search needs.
type tree struct {
	base    string // folded
	root    string // as configured
	ad      bool
	entries []*node
	byDN    map[string]*node
	// parents are, for each folded name, the groups that have it as a member.
	parents map[string][]*node
}

// node is an entry in the tree.
type node struct {
	dn, key    string
	attributes map[string]attribute // by lower-case name
	members    map[string]bool      // the folded values of member
}

type attribute struct {
	name   string
	values []string
}

func plant(config Config) (*tree, error) {
	t := &tree{base: fold(config.Base), root: config.Base, ad: config.ActiveDirectory,
		byDN: make(map[string]*node), parents: make(map[string][]*node)}
	if t.base == "" {
		return nil, errors.New("embedded directory: no base")
	}
	for _, e := range config.Entries {
		n := newNode(e)
		if t.byDN[n.key] != nil {
			return nil, fmt.Errorf("embedded directory: entry %q is there twice", e.DN)
		}
		t.entries, t.byDN[n.key] = append(t.entries, n), n
	}
	for _, n := range t.entries {
		for m := range n.members {
			t.parents[m] = append(t.parents[m], n)
		}
	}
	return t, nil
}

func newNode(e Entry) *node {
	n := &node{dn: e.DN, key: fold(e.DN), attributes: make(map[string]attribute, len(e.Attributes)), members: make(map[string]bool)}
	for name, values := range e.Attributes {
		n.attributes[strings.ToLower(name)] = attribute{name, slices.Clone(values)}
	}
	for _, m := range n.attributes["member"].values {
		n.members[fold(m)] = true
	}
	return n
}

// first is the first value of an attribute, or empty.
func (n *node) first(name string) string {
	if a := n.attributes[name]; len(a.values) > 0 {
		return a.values[0]
	}
	return ""
}

// values are those of an attribute, computed ones included.
func (t *tree) values(n *node, name string) []string {
	switch name = strings.ToLower(name); name {
	case "memberof":
		return names(t.parents[n.key])
	case "entrydn", "distinguishedname":
		return []string{n.dn}
	case "userpassword", "accountstate":
		return nil
	case "objectclass":
		return withSuperiors(n.attributes[name].values)
	case "objectsid", "tokengroups":
		return t.sids(n, name)
	}
	return n.attributes[name].values
}

// superiors are the classes that the usual ones of people imply (RFC 4519 §3,
// RFC 2798 §3, and Active Directory's user).
var superiors = map[string][]string{
	"inetorgperson":        {"organizationalPerson", "person", "top"},
	"user":                 {"organizationalPerson", "person", "top"},
	"organizationalperson": {"person", "top"},
	"person":               {"top"},
}

func withSuperiors(classes []string) []string {
	out := slices.Clone(classes)
	for _, c := range classes {
		for _, s := range superiors[strings.ToLower(c)] {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// sids turns objectSid, kept as S-1-5-21-…, into its binary form.
func (t *tree) sids(n *node, name string) []string {
	if name == "objectsid" {
		return binarySIDs([]*node{n})
	}
	if !t.ad {
		return nil
	}
	return binarySIDs(t.groups(n.key))
}

func binarySIDs(nodes []*node) []string {
	var out []string
	for _, n := range nodes {
		if sid, ok := encodeSID(n.first("objectsid")); ok {
			out = append(out, sid)
		}
	}
	return out
}

// groups are all groups that hold the name, through other groups too.
func (t *tree) groups(key string) []*node {
	seen := make(map[string]bool)
	var out []*node
	for next := []string{key}; len(next) > 0; {
		var above []string
		for _, k := range next {
			for _, g := range t.parents[k] {
				if !seen[g.key] {
					seen[g.key] = true
					out, above = append(out, g), append(above, g.key)
				}
			}
		}
		next = above
	}
	return out
}

func names(nodes []*node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.dn
	}
	return out
}

// below returns the entries of a scope (RFC 4511 §4.5.1.2), and whether its
// base exists.
func (t *tree) below(base string, scope int64) (hits []*node, ok bool) {
	key := fold(base)
	if key != t.base && t.byDN[key] == nil {
		return nil, false
	}
	for _, n := range t.entries {
		if inScope(n.key, key, scope) {
			hits = append(hits, n)
		}
	}
	return hits, true
}

const (
	scopeBase = iota
	scopeOne
	scopeSub
)

func inScope(key, base string, scope int64) bool {
	rest, under := strings.CutSuffix(key, ","+base)
	switch scope {
	case scopeBase:
		return key == base
	case scopeOne:
		return under && !strings.Contains(strings.ReplaceAll(rest, `\,`, ""), ",")
	}
	return key == base || under
}

// account finds who a bind names: by DN, or by the names Active Directory takes.
func (t *tree) account(name string) *node {
	if n := t.byDN[fold(name)]; n != nil || !t.ad {
		return n
	}
	_, sam, isDomain := strings.Cut(name, `\`)
	for _, n := range t.entries {
		if strings.EqualFold(n.first("userprincipalname"), name) ||
			isDomain && strings.EqualFold(n.first("samaccountname"), sam) {
			return n
		}
	}
	return nil
}

// encodeSID is the binary form of a security identifier ([MS-DTYP] §2.4.2.2).
func encodeSID(text string) (string, bool) {
	parts := strings.Split(text, "-")
	if len(parts) < 4 || parts[0] != "S" || parts[1] != "1" {
		return "", false
	}
	out := []byte{1, byte(len(parts) - 3), 0, 0, 0, 0, 0, 0}
	authority, err := strconv.ParseUint(parts[2], 10, 8)
	if err != nil {
		return "", false
	}
	out[7] = byte(authority)
	for _, p := range parts[3:] {
		v, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return "", false
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(v))
	}
	return string(out), true
}
