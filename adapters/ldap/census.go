package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Directory is a gateway.Census too: it tells people who check, explain and review
// access which groups there are, what is above them and who is in them. Nothing here
// decides anything, and what it holds up is no login: its connections are its own.
var _ gateway.Census = (*Directory)(nil)

// Place says which directory is asked, and below which base; that is empty as long as
// it is the server's own and no server was asked yet.
func (d *Directory) Place() string {
	base := d.config.GroupSearch.BaseDN
	for _, s := range d.servers {
		if p := s.known(); p != nil && base == "" {
			base = p.base
		}
	}
	return fmt.Sprintf("%s, below %q", strings.Join(d.config.URLs, ", "), base)
}

// Find returns the groups that a name means: a distinguished name, a security
// identifier, or the name attribute. Its errors are fault.CodeDirectoryUnavailable.
func (d *Directory) Find(ctx context.Context, group string) (found []gateway.GroupEntry, err error) {
	err = d.ask(ctx, func(ctx context.Context, q *question) error {
		found, err = q.find(ctx, group)
		return err
	})
	return found, err
}

// Above returns the groups that an entry is directly a member of.
func (d *Directory) Above(ctx context.Context, dn string) (found []gateway.GroupEntry, err error) {
	err = d.ask(ctx, func(ctx context.Context, q *question) error {
		found, err = q.above(ctx, dn)
		return err
	})
	return found, err
}

// Below returns who is in a group, through others too. Past max_groups groups it is
// cut as well.
func (d *Directory) Below(ctx context.Context, dn string, limit int) (people []string, cut bool, err error) {
	err = d.ask(ctx, func(ctx context.Context, q *question) error {
		w := &walk{question: q, limit: limit, seen: map[string]bool{}}
		err := w.down(ctx, dn)
		people, cut = w.people, w.cut
		return err
	})
	return people, cut, err
}

// ask puts a question to the first server that answers. Each of its searches has
// request_timeout; the whole of it ends with ctx, or with the Directory. Who stops
// waiting has not found the server down.
func (d *Directory) ask(ctx context.Context, put func(context.Context, *question) error) error {
	if !d.enter() {
		return d.mute(errClosed)
	}
	defer d.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.life, cancel)()
	err := d.anyServer(ctx, func(ctx context.Context, s *server) error {
		err := s.census.use(ctx, func(c *conn) error {
			p := s.known()
			if p == nil {
				return errLost
			}
			return put(ctx, &question{conn: c, config: &d.config, profile: p})
		})
		if o, down := asOutage(err); down && ctx.Err() != nil {
			return &outage{doing: o.doing, err: o.err, local: true}
		}
		return err
	})
	if err != nil {
		return d.mute(err)
	}
	return nil
}

// mute is the fault of a question without an answer. It is told to whoever asked, and
// is no edge for the log: the question may have been at fault.
func (d *Directory) mute(err error) error {
	f := fault.New(fault.CodeDirectoryUnavailable, "").Because(err)
	f.RetryAfter = d.config.RetryDownServerAfter
	return f
}

// question is asked on one connection.
type question struct {
	conn    *conn
	config  *Config
	profile *profile
}

func (q *question) base() string { return q.profile.groupBase(q.config) }

func (q *question) find(ctx context.Context, group string) ([]gateway.GroupEntry, error) {
	c := q.config.GroupSearch
	switch {
	case strings.Contains(group, "="):
		if _, err := NormalizeDN(group); err != nil {
			return nil, nil //nolint:nilerr // what is no name is no group's
		}
		return q.groups(ctx, group, goldap.ScopeBaseObject, c.Filter)
	case gateway.IsSID(group):
		sid, ok := parseSID(group)
		if !ok {
			return nil, nil
		}
		return q.groups(ctx, q.base(), goldap.ScopeWholeSubtree, allOf(c.Filter, binaryEquality("objectSid", sid)))
	}
	return q.groups(ctx, q.base(), goldap.ScopeWholeSubtree, allOf(c.Filter, equality(c.NameAttribute, group)))
}

func (q *question) above(ctx context.Context, dn string) ([]gateway.GroupEntry, error) {
	values, err := q.namedBy(ctx, dn)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	var parts []string
	for _, v := range values {
		parts = append(parts, equality(q.config.GroupSearch.MemberAttribute, v))
	}
	return q.groups(ctx, q.base(), goldap.ScopeWholeSubtree, allOf(q.config.GroupSearch.Filter, anyOf(parts)))
}

// namedBy is what groups name an entry by.
func (q *question) namedBy(ctx context.Context, dn string) ([]string, error) {
	attribute := q.config.GroupSearch.UserAttribute
	if strings.EqualFold(attribute, "dn") {
		return []string{dn}, nil
	}
	entries, err := q.search(ctx, dn, goldap.ScopeBaseObject, "(objectClass=*)", attribute)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return append(entries[0].GetEqualFoldAttributeValues(attribute), dn), nil
}

// groups are those that a filter finds, at most max_groups.
func (q *question) groups(ctx context.Context, base string, scope int, filter string) ([]gateway.GroupEntry, error) {
	g := newGroupSearch(q.conn, q.profile)
	if _, err := g.query(ctx, base, scope, filter); err != nil {
		return nil, err
	}
	g.found.sort()
	return g.found.groups, nil
}

// search asks for one entry, of which it reads one attribute. Two are returned where
// there are several.
func (q *question) search(ctx context.Context, base string, scope int, filter, attribute string) ([]*goldap.Entry, error) {
	request := goldap.NewSearchRequest(base, scope, goldap.NeverDerefAliases, 2, 0, false, filter, []string{attribute}, nil)
	result, err := q.conn.search(ctx, request)
	if err != nil && !errors.Is(err, goldap.ErrSizeLimitExceeded) {
		return nil, err
	}
	return result.Entries, nil
}

// walk goes down a group, breadth first. What was seen is not looked at again, which
// ends cycles.
type walk struct {
	*question
	limit  int
	seen   map[string]bool // by normalised name
	people []string
	groups []string // yet to be looked into
	cut    bool
}

func (w *walk) down(ctx context.Context, dn string) error {
	w.groups = []string{dn}
	for n := 0; len(w.groups) > 0 && !w.cut; n++ {
		if n >= w.config.GroupSearch.MaxGroups {
			w.cut = true
			return nil
		}
		next := w.groups[0]
		w.groups = w.groups[1:]
		if err := w.into(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// into notes who is directly in a group.
func (w *walk) into(ctx context.Context, group string) error {
	attribute := w.config.GroupSearch.MemberAttribute
	entries, err := w.search(ctx, group, goldap.ScopeBaseObject, "(objectClass=*)", attribute)
	if err != nil || len(entries) == 0 {
		return err
	}
	return w.conn.parts(ctx, entries[0], attribute, func(values []string) (more bool, err error) {
		for _, value := range values {
			if err := w.note(ctx, value); err != nil || w.cut {
				return false, err
			}
		}
		return true, nil
	})
}

// note adds a member to the people or to the groups.
func (w *walk) note(ctx context.Context, value string) error {
	value, dn, err := w.named(ctx, value)
	if err != nil || dn == "" || w.seen[dn] {
		return err
	}
	w.seen[dn] = true
	isGroup, exists, err := w.kind(ctx, value)
	switch {
	case err != nil || !exists:
		return err
	case isGroup:
		w.groups = append(w.groups, value)
	case len(w.people) == w.limit:
		w.cut = true
	default:
		w.people = append(w.people, dn)
	}
	return nil
}

// named is the name of a member as the directory has it, and normalised; empty when
// it is nobody's.
func (w *walk) named(ctx context.Context, value string) (written, normal string, err error) {
	attribute := w.config.GroupSearch.UserAttribute
	if !strings.EqualFold(attribute, "dn") && !strings.Contains(value, "=") {
		entries, err := w.search(ctx, w.base(), goldap.ScopeWholeSubtree, equality(attribute, value), "1.1")
		if err != nil || len(entries) != 1 {
			return "", "", err
		}
		value = entries[0].DN
	}
	if normal, err = NormalizeDN(value); err != nil {
		return "", "", nil //nolint:nilerr // a member that is no name is nobody
	}
	return value, normal, nil
}

// kind finds out what an entry is. One that is gone, or that the service account may
// not see, does not exist.
func (w *walk) kind(ctx context.Context, dn string) (isGroup, exists bool, err error) {
	for _, filter := range []string{w.config.GroupSearch.Filter, "(objectClass=*)"} {
		entries, err := w.search(ctx, dn, goldap.ScopeBaseObject, filter, "1.1")
		if err != nil || len(entries) > 0 {
			return filter == w.config.GroupSearch.Filter, err == nil, err
		}
	}
	return false, false, nil
}
