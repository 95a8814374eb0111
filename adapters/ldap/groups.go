package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// How the groups of a user are found (group_search.strategy).
const (
	strategyAuto        = "auto"
	strategyMemberOf    = "member_of"    // the user's own attribute; not nested
	strategySearch      = "search"       // groups that name the user; not nested
	strategyRecursive   = "recursive"    // and the groups that name those, level by level
	strategyInChain     = "in_chain"     // Active Directory climbs; not the primary group
	strategyTokenGroups = "token_groups" // Active Directory's own list, primary group included
)

var strategies = []string{strategyAuto, strategyMemberOf, strategySearch, strategyRecursive, strategyInChain, strategyTokenGroups}

const (
	ruleInChain = "1.2.840.113556.1.4.1941" // LDAP_MATCHING_RULE_IN_CHAIN
	batch       = 50                        // names in one filter
)

// membership is the groups of one user, each once, in the order found.
type membership struct {
	limit  int
	seen   map[string]bool
	groups []gateway.GroupEntry // by normalised names
	capped string               // which limit cut it short, or empty
}

// add notes a group and reports whether it is new.
func (m *membership) add(dn, name, sid string) bool {
	normal, err := NormalizeDN(dn)
	if err != nil || m.seen[normal] {
		return false
	}
	if len(m.groups) >= m.limit {
		m.capped = "max_groups"
		return false
	}
	if name == "" {
		name = firstValue(dn)
	}
	m.seen[normal] = true
	m.groups = append(m.groups, gateway.GroupEntry{DN: normal, Name: name, SID: sid})
	return true
}

// groupSearch finds groups on one connection.
type groupSearch struct {
	config  *Config
	profile *profile
	conn    *conn
	found   *membership
}

func newGroupSearch(c *conn, p *profile) *groupSearch {
	config := c.server.config
	return &groupSearch{config: config, profile: p, conn: c,
		found: &membership{limit: config.GroupSearch.MaxGroups, seen: make(map[string]bool)}}
}

// groupsOf finds the groups of the entry, sorted by name.
func groupsOf(ctx context.Context, c *conn, p *profile, user *goldap.Entry) (*membership, error) {
	g := newGroupSearch(c, p)
	if err := g.run(ctx, user); err != nil {
		return nil, err
	}
	g.found.sort()
	return g.found, nil
}

func (m *membership) sort() {
	slices.SortFunc(m.groups, func(a, b gateway.GroupEntry) int { return strings.Compare(a.DN, b.DN) })
}

// tell gives the groups to an identity.
func (m *membership) tell(id *gateway.Identity) {
	for _, g := range m.groups {
		id.Groups, id.GroupNames = append(id.Groups, g.DN), append(id.GroupNames, g.Name)
		if g.SID != "" {
			id.GroupSIDs = append(id.GroupSIDs, g.SID)
		}
	}
}

func (g *groupSearch) run(ctx context.Context, user *goldap.Entry) error {
	c := g.config.GroupSearch
	switch g.profile.strategy(g.config) {
	case strategyMemberOf:
		return g.byMemberOf(ctx, user.GetEqualFoldAttributeValues("memberOf"))
	case strategyTokenGroups:
		return g.byToken(ctx, user.DN)
	case strategyInChain:
		filter := "(" + c.MemberAttribute + ":" + ruleInChain + ":=" + goldap.EscapeFilter(user.DN) + ")"
		_, err := g.below(ctx, allOf(c.Filter, filter))
		return err
	case strategySearch:
		_, err := g.holding(ctx, g.userValues(user))
		return err
	}
	return g.climb(ctx, g.userValues(user))
}

// userValues is what groups name the user by.
func (g *groupSearch) userValues(user *goldap.Entry) []string {
	if a := g.config.GroupSearch.UserAttribute; !strings.EqualFold(a, "dn") {
		return user.GetEqualFoldAttributeValues(a)
	}
	return []string{user.DN}
}

// climb goes up level by level. A group already seen is not asked about again,
// which ends cycles.
func (g *groupSearch) climb(ctx context.Context, level []string) error {
	for range g.config.GroupSearch.MaxDepth {
		above, err := g.holding(ctx, level)
		if err != nil || len(above) == 0 {
			return err
		}
		level = above
	}
	g.found.capped = "max_depth"
	return nil
}

// holding finds the groups that name any of members; it returns those not seen before.
func (g *groupSearch) holding(ctx context.Context, members []string) (fresh []string, err error) {
	c := g.config.GroupSearch
	for chunk := range slices.Chunk(members, batch) {
		parts := make([]string, len(chunk))
		for i, m := range chunk {
			parts[i] = equality(c.MemberAttribute, m)
		}
		more, err := g.below(ctx, allOf(c.Filter, anyOf(parts)))
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, more...)
	}
	return fresh, nil
}

// byMemberOf takes the groups that the entry itself names. Their security identifiers
// are not beside them: Active Directory is asked for those.
func (g *groupSearch) byMemberOf(ctx context.Context, dns []string) error {
	if g.profile.activeDirectory {
		for chunk := range slices.Chunk(dns[:min(len(dns), g.found.limit)], batch) {
			parts := make([]string, len(chunk))
			for i, dn := range chunk {
				parts[i] = equality("distinguishedName", dn)
			}
			if _, err := g.query(ctx, g.profile.base, goldap.ScopeWholeSubtree, anyOf(parts)); err != nil {
				return err
			}
		}
	}
	for _, dn := range dns { // those of other domains are known by name only
		g.found.add(dn, "", "")
	}
	return nil
}

// byToken asks Active Directory for the security identifiers it would put into
// the user's token ([MS-ADTS] §3.1.1.4.5.19) and then whose they are.
func (g *groupSearch) byToken(ctx context.Context, user string) error {
	request := goldap.NewSearchRequest(user, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)",
		[]string{"tokenGroups"}, nil)
	result, err := g.conn.search(ctx, request)
	if err != nil {
		return err
	}
	if len(result.Entries) == 0 {
		return &Refusal{Reason: ReasonUnknown, Detail: "the entry is gone"}
	}
	if err := g.conn.complete(ctx, result.Entries[0], g.found.limit); err != nil {
		return err
	}
	for chunk := range slices.Chunk(result.Entries[0].GetRawAttributeValues("tokenGroups"), batch) {
		parts := make([]string, len(chunk))
		for i, sid := range chunk {
			parts[i] = binaryEquality("objectSid", sid)
		}
		if _, err := g.query(ctx, g.profile.base, goldap.ScopeWholeSubtree, anyOf(parts)); err != nil {
			return err
		}
	}
	return nil
}

// below adds what a filter finds where groups are.
func (g *groupSearch) below(ctx context.Context, filter string) (fresh []string, err error) {
	return g.query(ctx, g.profile.groupBase(g.config), goldap.ScopeWholeSubtree, filter)
}

// query adds what a filter finds, page by page, and returns what was new. A page may
// be empty (RFC 2696 §3); more of them than there may be groups are a server's loop.
func (g *groupSearch) query(ctx context.Context, base string, scope int, filter string) (fresh []string, err error) {
	page := goldap.NewControlPaging(uint32(g.config.GroupSearch.PageSize))
	for range g.found.limit + 2 {
		request := goldap.NewSearchRequest(base, scope, goldap.NeverDerefAliases, g.found.limit+1, 0, false, filter,
			[]string{g.config.GroupSearch.NameAttribute, "objectSid"}, []goldap.Control{page})
		result, err := g.conn.search(ctx, request)
		cut := errors.Is(err, goldap.ErrSizeLimitExceeded)
		if err != nil && !cut {
			return nil, err
		}
		fresh = append(fresh, g.take(result)...)
		if cut || g.found.capped != "" {
			g.found.capped = "max_groups"
			g.conn.dead = true // a search left half way
			return fresh, nil
		}
		cookie := nextPage(result)
		if len(cookie) == 0 {
			return fresh, nil
		}
		page.SetCookie(cookie)
	}
	return nil, &misfit{fmt.Sprintf("%s: searching %q: the server sends pages without an end", g.conn.server.url, base)}
}

func (g *groupSearch) take(result *goldap.SearchResult) (fresh []string) {
	for _, e := range result.Entries {
		name, sid := e.GetEqualFoldAttributeValue(g.config.GroupSearch.NameAttribute), e.GetEqualFoldRawAttributeValue("objectSid")
		if g.found.add(e.DN, name, sidText(sid)) {
			fresh = append(fresh, e.DN)
		}
	}
	return fresh
}

func nextPage(result *goldap.SearchResult) []byte {
	control, ok := goldap.FindControl(result.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging)
	if !ok {
		return nil
	}
	return control.Cookie
}

// shortfall says which limit hid groups, or nothing.
func (m *membership) shortfall() string {
	if m.capped == "" {
		return ""
	}
	return fmt.Sprintf("only %s taken: group_search.%s", plural.Of(len(m.groups), "group is", "groups are"), m.capped)
}
