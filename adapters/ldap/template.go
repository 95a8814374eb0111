package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"
)

// loginByTemplate binds with a name made from the user name, then finds out
// whose name that was. Without a service account all of it happens on the
// user's own connection, which is not used again.
func (d *Directory) loginByTemplate(ctx context.Context, s *server, c credentials) (a accepted, err error) {
	name, ok := bindName(d.config.UserDNTemplate, c.name)
	if !ok {
		return a, &Refusal{Reason: ReasonCharacters}
	}
	var reason Reason
	var detail string
	err = s.users.use(ctx, func(conn *conn) error {
		err := d.prove(ctx, entryKey(name), c.password, func(ctx context.Context) (Reason, string, error) {
			reason, detail, err = conn.bind(ctx, name, c.password)
			return reason, detail, err
		})
		if err != nil {
			return err
		}
		a, err = d.bound(ctx, conn, name)
		return err
	})
	return a, err
}

// entryKey is what wrong passwords are counted by before the entry is known.
func entryKey(name string) string {
	if dn, err := NormalizeDN(name); err == nil {
		return dn
	}
	return foldSpace(name)
}

// bound reads the entry that a connection is bound as.
func (d *Directory) bound(ctx context.Context, user *conn, name string) (accepted, error) {
	if d.config.BindDN == "" {
		user.dead = true
		if err := user.server.learn(ctx, user); err != nil {
			return accepted{}, err
		}
		return d.describe(ctx, user, user, name)
	}
	var a accepted
	err := user.server.service.use(ctx, func(service *conn) (err error) {
		a, err = d.describe(ctx, user, service, name)
		return err
	})
	return a, err
}

// describe reads entry and groups with one connection, of who the other is bound as.
func (d *Directory) describe(ctx context.Context, user, reader *conn, name string) (accepted, error) {
	entry, p, err := d.entryOf(ctx, user, reader, name)
	if err != nil {
		return accepted{}, err
	}
	identity, err := d.identify(p, entry)
	if err != nil {
		return accepted{}, err
	}
	if err := d.addGroups(ctx, reader, entry, identity); err != nil {
		return accepted{}, err
	}
	return d.acceptedNow(entry, identity), nil
}

// entryOf finds the entry by the name that was bound with, if that is a DN, and
// else by what the server says the connection is: a search for the user name
// could find somebody else's entry.
func (d *Directory) entryOf(ctx context.Context, user, reader *conn, name string) (*goldap.Entry, *profile, error) {
	if _, err := NormalizeDN(name); err == nil {
		return d.read(ctx, reader, name)
	}
	who, err := user.whoAmI(ctx)
	if unsupported(err) {
		return d.principal(ctx, reader, name)
	}
	if err != nil {
		return nil, nil, err
	}
	if dn, ok := strings.CutPrefix(who, "dn:"); ok && dn != "" {
		return d.read(ctx, reader, dn)
	}
	if account, ok := strings.CutPrefix(who, "u:"); ok && account != "" { // Active Directory: u:DOMAIN\user
		return d.find(ctx, reader, account)
	}
	return nil, nil, &misfit{fmt.Sprintf("%s: the server does not say who %q is: use a template that makes a DN", user.server.url, who)}
}

// principal finds the one account whose user principal name was bound with, for a
// domain controller that does not say who a connection is: Samba does not.
func (d *Directory) principal(ctx context.Context, reader *conn, name string) (*goldap.Entry, *profile, error) {
	p := reader.server.known()
	if p == nil {
		return nil, nil, errLost
	}
	user, err := d.one(ctx, reader, p, p.base, goldap.ScopeWholeSubtree, equality("userPrincipalName", name))
	if r, ok := errors.AsType[*Refusal](err); ok && r.Reason == ReasonUnknown {
		err = &misfit{fmt.Sprintf("%s: the server does not say who %q is, and no entry has that userPrincipalName: use a template that makes a DN, or a search", reader.server.url, name)}
	}
	return user, p, err
}

// notInPrincipal are the characters that no Active Directory account name holds.
const notInPrincipal = "\"/\\[]:;|=,+*?<>@"

// bindName fills the template: a DN's value is escaped, a principal's checked.
func bindName(template, username string) (string, bool) {
	if strings.Contains(template, "=") {
		return strings.Replace(template, usernameSlot, bindable(username), 1), true
	}
	if strings.ContainsAny(username, notInPrincipal) {
		return "", false
	}
	return strings.Replace(template, usernameSlot, username, 1), true
}
