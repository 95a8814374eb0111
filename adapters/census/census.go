// Package census asks an LDAP directory about its groups: whether there is one, what
// they are members of, and who is in them. It is for people who check, explain and
// review access; whoever comes to a door is judged by adapters/ldap, and nothing here
// decides anything. It asks one question at a time, on one connection, and knows no
// passwords but the service account's.
package census

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Config says whom to ask and how groups look there. It is made of the directory
// section of the configuration, which has been validated.
type Config struct {
	Servers      []Server    // tried in order
	TLS          *tls.Config // its server name is filled in for each server, unless it is set
	StartTLS     bool
	Timeout      time.Duration // of connecting, and of each question
	BindDN       string        // empty: anonymous
	BindPassword config.Secret

	Base            string // below which groups are; empty: the server's own
	Filter          string // what takes groups alone
	MemberAttribute string // of a group
	UserAttribute   string // that MemberAttribute holds of a user; dn
	NameAttribute   string // of a group
	PageSize        int
	MaxGroups       int // that one question walks through

	// Normalize writes a distinguished name in the one form that names are compared in.
	Normalize func(dn string) (string, error)
}

// Server is one of the directory's servers.
type Server struct {
	URL     string
	Address string // to dial
	Host    string // that the certificate is for
	TLS     bool   // from the first byte
}

// Directory is a gateway.Census.
type Directory struct {
	config Config

	mu   sync.Mutex // held for the time of a question
	conn *goldap.Conn
	tcp  net.Conn
	base string

	refused error // of the service account, until
	until   time.Time
}

// New returns a Directory, which connects to nothing yet.
func New(c Config) *Directory { return &Directory{config: c, base: c.Base} }

// Close ends the connection.
func (d *Directory) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop()
	return nil
}

// Place says which directory is asked, and below which base.
func (d *Directory) Place() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var urls []string
	for _, s := range d.config.Servers {
		urls = append(urls, s.URL)
	}
	return fmt.Sprintf("%s, below %q", strings.Join(urls, ", "), d.base)
}

// Find returns the groups that a name means.
func (d *Directory) Find(ctx context.Context, group string) (found []gateway.GroupEntry, err error) {
	err = d.ask(ctx, func(ctx context.Context) error {
		found, err = d.find(ctx, group)
		return err
	})
	return found, err
}

func (d *Directory) find(ctx context.Context, group string) ([]gateway.GroupEntry, error) {
	c := &d.config
	switch {
	case strings.Contains(group, "="):
		return d.groups(ctx, group, goldap.ScopeBaseObject, c.Filter)
	case gateway.IsSID(group):
		return d.groups(ctx, d.base, goldap.ScopeWholeSubtree, allOf(c.Filter, "(objectSid="+sidFilter(group)+")"))
	}
	return d.groups(ctx, d.base, goldap.ScopeWholeSubtree, allOf(c.Filter, equality(c.NameAttribute, group)))
}

// Above returns the groups that an entry is directly a member of.
func (d *Directory) Above(ctx context.Context, dn string) (found []gateway.GroupEntry, err error) {
	err = d.ask(ctx, func(ctx context.Context) error {
		values, err := d.namedBy(ctx, dn)
		if err != nil || len(values) == 0 {
			return err
		}
		parts := ""
		for _, v := range values {
			parts += equality(d.config.MemberAttribute, v)
		}
		found, err = d.groups(ctx, d.base, goldap.ScopeWholeSubtree, allOf(d.config.Filter, "(|"+parts+")"))
		return err
	})
	return found, err
}

// namedBy is what groups name an entry by.
func (d *Directory) namedBy(ctx context.Context, dn string) ([]string, error) {
	attribute := d.config.UserAttribute
	if strings.EqualFold(attribute, "dn") {
		return []string{dn}, nil
	}
	result, err := d.search(ctx, dn, goldap.ScopeBaseObject, "(objectClass=*)", []string{attribute}, nil)
	if err != nil || len(result.Entries) == 0 {
		return nil, err
	}
	return append(result.Entries[0].GetEqualFoldAttributeValues(attribute), dn), nil
}

// Below returns who is in a group, through others too.
func (d *Directory) Below(ctx context.Context, dn string, limit int) (people []string, cut bool, err error) {
	err = d.ask(ctx, func(ctx context.Context) error {
		w := &walk{directory: d, limit: limit, seen: map[string]bool{}}
		err := w.down(ctx, dn)
		people, cut = w.people, w.cut
		return err
	})
	return people, cut, err
}

// walk goes down a group, breadth first. What was seen is not looked at again, which
// ends cycles.
type walk struct {
	directory *Directory
	limit     int
	seen      map[string]bool // by normalised name
	people    []string
	cut       bool
}

func (w *walk) down(ctx context.Context, dn string) error {
	groups := []string{dn}
	for n := 0; len(groups) > 0; n++ {
		if n >= w.directory.config.MaxGroups {
			w.cut = true
			return nil
		}
		members, err := w.directory.members(ctx, groups[0], w)
		if err != nil || w.cut {
			return err
		}
		groups = append(groups[1:], members...)
	}
	return nil
}

// members notes the people who are directly in a group, and returns its groups.
func (d *Directory) members(ctx context.Context, group string, w *walk) (groups []string, err error) {
	attribute := d.config.MemberAttribute
	for from := 0; ; {
		values, next, err := d.values(ctx, group, attribute, from)
		if err != nil {
			return nil, err
		}
		for _, value := range values {
			dn, isGroup, err := d.member(ctx, value)
			if err != nil {
				return nil, err
			}
			if dn == "" || w.seen[dn] {
				continue
			}
			if w.seen[dn] = true; isGroup {
				groups = append(groups, dn)
				continue
			}
			if len(w.people) == w.limit {
				w.cut = true
				return nil, nil
			}
			w.people = append(w.people, dn)
		}
		if next == 0 {
			return groups, nil
		}
		from = next
	}
}

// values reads values of an attribute from a place on. Active Directory gives them by
// the thousand ([MS-ADTS] §3.1.1.3.1.3.3); next is where to go on, zero at the end.
func (d *Directory) values(ctx context.Context, dn, attribute string, from int) (values []string, next int, err error) {
	asked := attribute
	if from > 0 {
		asked = fmt.Sprintf("%s;range=%d-*", attribute, from)
	}
	result, err := d.search(ctx, dn, goldap.ScopeBaseObject, "(objectClass=*)", []string{asked}, nil)
	if err != nil || len(result.Entries) == 0 {
		return nil, 0, err
	}
	for _, a := range result.Entries[0].Attributes {
		name, option, ranged := strings.Cut(strings.ToLower(a.Name), ";range=")
		if !strings.EqualFold(name, attribute) || len(a.Values) == 0 {
			continue
		}
		if _, last, _ := strings.Cut(option, "-"); ranged && last != "*" {
			next = from + len(a.Values)
		}
		values = append(values, a.Values...)
	}
	return values, next, nil
}

// member finds out who a value of a group's members is. Nobody: the entry is gone, or
// the service account may not see it.
func (d *Directory) member(ctx context.Context, value string) (dn string, isGroup bool, err error) {
	if !strings.EqualFold(d.config.UserAttribute, "dn") && !strings.Contains(value, "=") {
		result, err := d.search(ctx, d.base, goldap.ScopeWholeSubtree, equality(d.config.UserAttribute, value), []string{"1.1"}, nil)
		if err != nil || len(result.Entries) != 1 {
			return "", false, err
		}
		value = result.Entries[0].DN
	}
	if dn, err = d.config.Normalize(value); err != nil {
		return "", false, nil //nolint:nilerr // a member that is no name is nobody
	}
	result, err := d.search(ctx, value, goldap.ScopeBaseObject, "(objectClass=*)", []string{"1.1"}, nil)
	if err != nil || len(result.Entries) == 0 {
		return "", false, err
	}
	result, err = d.search(ctx, value, goldap.ScopeBaseObject, d.config.Filter, []string{"1.1"}, nil)
	return dn, err == nil && len(result.Entries) > 0, err
}

// groups searches groups, page by page.
func (d *Directory) groups(ctx context.Context, base string, scope int, filter string) ([]gateway.GroupEntry, error) {
	page := goldap.NewControlPaging(uint32(d.config.PageSize))
	controls := []goldap.Control{page}
	if scope == goldap.ScopeBaseObject {
		controls = nil
	}
	var out []gateway.GroupEntry
	for {
		result, err := d.search(ctx, base, scope, filter, []string{d.config.NameAttribute, "objectSid"}, controls)
		if err != nil {
			return nil, err
		}
		for _, e := range result.Entries {
			dn, err := d.config.Normalize(e.DN)
			if err != nil {
				continue // what has no name that could be written down is in no grant
			}
			out = append(out, gateway.GroupEntry{DN: dn, Name: e.GetEqualFoldAttributeValue(d.config.NameAttribute), SID: sidText(e.GetRawAttributeValue("objectSid"))})
		}
		next, ok := goldap.FindControl(result.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging)
		if !ok || len(next.Cookie) == 0 || len(out) >= d.config.MaxGroups {
			slices.SortFunc(out, func(a, b gateway.GroupEntry) int { return strings.Compare(a.DN, b.DN) })
			return out, nil
		}
		page.SetCookie(next.Cookie)
	}
}

// unavailable is the fault of a directory that gives no answer.
func unavailable(err error) error {
	return fault.New(fault.CodeDirectoryUnavailable, "").Because(err)
}

func allOf(filters ...string) string { return "(&" + strings.Join(filters, "") + ")" }

func equality(attribute, value string) string {
	return "(" + attribute + "=" + goldap.EscapeFilter(value) + ")"
}

// errClosed says that a connection was given up.
var errClosed = errors.New("no server answers")
