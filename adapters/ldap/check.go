package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Check asks every server and tells, line by line, what `gatehouse check
// --connect` prints: how it is reached, whether the service account works, what
// kind of directory it is, whether the bases and attributes configured lead
// anywhere and, unless login is empty, what is known of that user. The error
// joins all that is wrong; the lines stand beside it.
func (d *Directory) Check(ctx context.Context, login string) ([]string, error) {
	var r report
	for _, s := range d.servers {
		d.checkServer(ctx, s, &r)
	}
	if login != "" {
		d.checkLogin(ctx, login, &r)
	}
	return r.lines, errors.Join(r.faults...)
}

type report struct {
	lines  []string
	faults []error
}

func (r *report) say(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *report) fault(where, text string) {
	r.say("%s: %s", where, text)
	r.faults = append(r.faults, fmt.Errorf("%s: %s", where, text))
}

func (d *Directory) checkServer(ctx context.Context, s *server, r *report) {
	ctx, cancel := context.WithTimeout(ctx, d.config.LoginTimeout)
	defer cancel()
	c, err := s.openService(ctx)
	if err != nil {
		r.fault(s.url, explain(s, err))
		return
	}
	defer c.close()
	r.say("%s: %s", s.url, transport(c))
	if d.config.BindDN != "" {
		r.say("%s: bound as %s", s.url, d.config.BindDN)
	}
	p := s.known()
	if p == nil {
		r.fault(s.url, "the server failed meanwhile")
		return
	}
	kind := "not Active Directory"
	if p.activeDirectory {
		kind = "Active Directory"
	}
	if p.vendor != "" {
		kind += ", " + p.vendor
	}
	r.say("%s: %s; groups by %s below %q", s.url, kind, p.strategy(&d.config), p.groupBase(&d.config))
	d.checkSearches(ctx, c, p, r)
}

func transport(c *conn) string {
	state, ok := c.ldap.TLSConnectionState()
	if !ok {
		return "connected WITHOUT TLS"
	}
	text := "connected with " + tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		text += fmt.Sprintf(", certificate of %s until %s", leaf.Subject, leaf.NotAfter.Format("2006-01-02"))
	}
	return text
}

// checkSearches looks for a value of each attribute that a search relies on: an
// unknown attribute in a filter is no error to any server, it finds nothing.
func (d *Directory) checkSearches(ctx context.Context, c *conn, p *profile, r *report) {
	users, groups := p.userBase(&d.config), p.groupBase(&d.config)
	found := 0
	for _, a := range p.usernameAttributes(&d.config) {
		found += d.checkAttribute(ctx, c, users, d.config.UserSearch.Filter, a, r)
	}
	if found == 0 {
		r.fault(c.server.url, fmt.Sprintf("no user is found below %q: check user_search", users))
	}
	switch p.strategy(&d.config) {
	case strategySearch, strategyRecursive, strategyInChain:
		if d.checkAttribute(ctx, c, groups, d.config.GroupSearch.Filter, d.config.GroupSearch.MemberAttribute, r) == 0 {
			r.fault(c.server.url, fmt.Sprintf("no group is found below %q: check group_search", groups))
		}
	}
}

// checkAttribute returns 1 when an entry that the filter takes has the attribute.
func (d *Directory) checkAttribute(ctx context.Context, c *conn, base, filter, attribute string, r *report) int {
	request := goldap.NewSearchRequest(base, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 1, 0, false,
		allOf(filter, "("+attribute+"=*)"), []string{"1.1"}, nil)
	result, err := c.search(ctx, request)
	if err != nil && !errors.Is(err, goldap.ErrSizeLimitExceeded) {
		r.fault(c.server.url, err.Error())
		return 0
	}
	if len(result.Entries) == 0 {
		r.say("%s: no entry below %q that %s takes has %s", c.server.url, base, filter, attribute)
		return 0
	}
	r.say("%s: %s found below %q", c.server.url, attribute, base)
	return 1
}

func (d *Directory) checkLogin(ctx context.Context, login string, r *report) {
	identity, err := d.Lookup(ctx, login)
	if err != nil {
		text := err.Error()
		if cause := fault.Of(err).Cause; cause != nil {
			text = cause.Error()
		}
		r.fault("user "+login, text)
		return
	}
	r.lines = append(r.lines, describeIdentity(identity)...)
}

func describeIdentity(id *gateway.Identity) []string {
	lines := []string{fmt.Sprintf("user %s: %s", id.Login, id.DN)}
	if len(id.Groups) == 0 {
		return append(lines, fmt.Sprintf("user %s: in no group", id.Login))
	}
	for i, dn := range id.Groups {
		lines = append(lines, fmt.Sprintf("user %s: in %s (%s)", id.Login, id.GroupNames[i], dn))
	}
	return lines
}
