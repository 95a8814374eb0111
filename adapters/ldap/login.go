package ldap

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// usernameSlot is where user_dn_template takes the user name.
const usernameSlot = "{{.Username}}"

// login proves c and gathers what the directory knows of its entry.
func (d *Directory) login(ctx context.Context, c credentials) (accepted, error) {
	var a accepted
	err := d.anyServer(ctx, func(ctx context.Context, s *server) (err error) {
		if d.config.UserDNTemplate != "" {
			a, err = d.loginByTemplate(ctx, s, c)
		} else {
			a, err = d.loginBySearch(ctx, s, c)
		}
		return err
	})
	return a, err
}

// loginBySearch finds the entry with the service account, then binds as it.
func (d *Directory) loginBySearch(ctx context.Context, s *server, c credentials) (accepted, error) {
	var user *goldap.Entry
	var p *profile
	err := s.service.use(ctx, func(conn *conn) (err error) {
		user, p, err = d.find(ctx, conn, c.name)
		return err
	})
	if err != nil {
		return accepted{}, err
	}
	identity, err := d.identify(p, user)
	if err != nil {
		return accepted{}, err
	}
	err = d.prove(ctx, identity.DN, c.password, func(ctx context.Context) (reason Reason, detail string, err error) {
		err = s.users.use(ctx, func(conn *conn) (err error) {
			reason, detail, err = conn.bind(ctx, user.DN, c.password)
			return err
		})
		return reason, detail, err
	})
	if err != nil {
		return accepted{}, err
	}
	return d.complete(ctx, s, user, identity)
}

// complete adds the groups.
func (d *Directory) complete(ctx context.Context, s *server, user *goldap.Entry, identity *gateway.Identity) (accepted, error) {
	err := s.service.use(ctx, func(conn *conn) error { return d.addGroups(ctx, conn, user, identity) })
	if err != nil {
		return accepted{}, err
	}
	return d.acceptedNow(user, identity), nil
}

func (d *Directory) acceptedNow(user *goldap.Entry, identity *gateway.Identity) accepted {
	now := d.now()
	identity.At = now
	return accepted{identity: identity, entryDN: user.DN, at: now, groupsAt: now}
}

func (d *Directory) addGroups(ctx context.Context, conn *conn, user *goldap.Entry, identity *gateway.Identity) error {
	p := conn.server.known()
	if p == nil {
		return errLost
	}
	found, err := groupsOf(ctx, conn, p, user)
	if err != nil {
		return err
	}
	found.tell(identity)
	if text := found.shortfall(); text != "" {
		d.log.Warn("user has too many groups", "user", identity.DN, "reason", text)
	}
	return nil
}

// regroup looks at the groups of a right login again.
func (d *Directory) regroup(ctx context.Context, a accepted) (accepted, error) {
	var next accepted
	err := d.anyServer(ctx, func(ctx context.Context, s *server) error {
		return s.service.use(ctx, func(conn *conn) error {
			user, p, err := d.read(ctx, conn, a.entryDN)
			if err != nil {
				return err
			}
			identity, err := d.identify(p, user)
			if err != nil {
				return err
			}
			if identity.ID != a.identity.ID {
				return &Refusal{Reason: ReasonUnknown, DN: identity.DN, Detail: "the entry of this name is another one by now"}
			}
			err = d.addGroups(ctx, conn, user, identity)
			next = d.acceptedNow(user, identity)
			return err
		})
	})
	next.at = a.at // the password is as old as it was
	return next, err
}

// lookup finds an entry and its groups without a password.
func (d *Directory) lookup(ctx context.Context, name string) (accepted, error) {
	return d.vouched(ctx, func(ctx context.Context, conn *conn) (*goldap.Entry, *profile, error) {
		return d.find(ctx, conn, name)
	})
}

// vouched takes the entry that find finds for somebody whom something else than a
// password has proved. No bind says then what state the account is in; what the
// entry itself says of that counts.
func (d *Directory) vouched(ctx context.Context, find func(context.Context, *conn) (*goldap.Entry, *profile, error)) (a accepted, err error) {
	err = d.anyServer(ctx, func(ctx context.Context, s *server) error {
		return s.service.use(ctx, func(conn *conn) error {
			user, p, err := find(ctx, conn)
			if err != nil {
				return err
			}
			if reason := d.standing(user); reason != "" {
				return &Refusal{Reason: reason, DN: user.DN}
			}
			identity, err := d.identify(p, user)
			if err != nil {
				return err
			}
			err = d.addGroups(ctx, conn, user, identity)
			a = d.acceptedNow(user, identity)
			return err
		})
	})
	return a, err
}

// find returns the one entry that has the user name.
func (d *Directory) find(ctx context.Context, conn *conn, name string) (*goldap.Entry, *profile, error) {
	p := conn.server.known()
	if p == nil {
		return nil, nil, errLost
	}
	if _, sam, ok := strings.Cut(name, `\`); ok && p.activeDirectory { // DOMAIN\user
		name = sam
	}
	var parts []string
	for _, a := range p.usernameAttributes(&d.config) {
		parts = append(parts, equality(a, name))
	}
	user, err := d.one(ctx, conn, p, p.userBase(&d.config), d.userScope(), allOf(d.config.UserSearch.Filter, anyOf(parts)))
	return user, p, err
}

func (d *Directory) userScope() int {
	if d.config.UserSearch.Scope == "one" {
		return goldap.ScopeSingleLevel
	}
	return goldap.ScopeWholeSubtree
}

var errLost = &outage{doing: "search", err: errors.New("the server failed meanwhile")}

// read returns an entry by its name.
func (d *Directory) read(ctx context.Context, conn *conn, dn string) (*goldap.Entry, *profile, error) {
	p := conn.server.known()
	if p == nil {
		return nil, nil, errLost
	}
	user, err := d.one(ctx, conn, p, dn, goldap.ScopeBaseObject, "(objectClass=*)")
	return user, p, err
}

// one searches for exactly one entry; none or several are a Refusal.
func (d *Directory) one(ctx context.Context, conn *conn, p *profile, base string, scope int, filter string) (*goldap.Entry, error) {
	request := goldap.NewSearchRequest(base, scope, goldap.NeverDerefAliases, 2, 0, false, filter, d.userAttributes(p), nil)
	result, err := conn.search(ctx, request)
	switch {
	case errors.Is(err, goldap.ErrSizeLimitExceeded):
	case err != nil:
		return nil, err
	case len(result.Entries) == 0:
		return nil, &Refusal{Reason: ReasonUnknown}
	case len(result.Entries) == 1:
		return result.Entries[0], conn.complete(ctx, result.Entries[0], d.config.GroupSearch.MaxGroups)
	}
	var names []string
	for _, e := range result.Entries {
		names = append(names, e.DN)
	}
	d.log.Warn("several entries have one user name; none of them can log in", "entries", names)
	return nil, &Refusal{Reason: ReasonAmbiguous, Detail: strings.Join(names, " and ")}
}

// userAttributes are what is read of a user's entry; the password never is.
func (d *Directory) userAttributes(p *profile) []string {
	attributes := append([]string{"userAccountControl", p.idAttribute(&d.config)}, standingAttributes...)
	attributes = append(attributes, p.usernameAttributes(&d.config)...)
	if c := d.config.ClientCertificates; c != nil && c.Pinned {
		attributes = append(attributes, "userCertificate", "userCertificate;binary")
	}
	if p.strategy(&d.config) == strategyMemberOf {
		attributes = append(attributes, "memberOf")
	}
	if a := d.config.GroupSearch.UserAttribute; !strings.EqualFold(a, "dn") {
		attributes = append(attributes, a)
	}
	return append(attributes, d.config.Attributes...)
}

// identify makes the identity of an entry, without groups, unless the entry
// says that its account is disabled.
func (d *Directory) identify(p *profile, user *goldap.Entry) (*gateway.Identity, error) {
	dn, err := NormalizeDN(user.DN)
	if err != nil {
		return nil, &misfit{fmt.Sprintf("an entry with a name that cannot be read: %v", err)}
	}
	if *d.config.AccountState.CheckUserAccountControl {
		flags, err := strconv.ParseInt(user.GetEqualFoldAttributeValue("userAccountControl"), 10, 64)
		if err == nil && flags&disabledFlag != 0 {
			return nil, &Refusal{Reason: ReasonDisabled, DN: dn}
		}
	}
	identity := &gateway.Identity{DN: dn, ID: entryID(user, p.idAttribute(&d.config)), State: d.condition(user)}
	for _, a := range p.usernameAttributes(&d.config) {
		if identity.Login = user.GetEqualFoldAttributeValue(a); identity.Login != "" {
			break
		}
	}
	for _, a := range d.config.Attributes {
		if values := user.GetEqualFoldAttributeValues(a); len(values) > 0 && len(values) <= maxAttributeValues {
			if identity.Attributes == nil {
				identity.Attributes = map[string][]string{}
			}
			identity.Attributes[strings.ToLower(a)] = values
		}
	}
	return identity, nil
}

// maxAttributeValues is how many values an attribute may have that grants go by; one
// with more counts as having none, and so matches no row.
const maxAttributeValues = 1000

// entryID is the value of the attribute that no two entries ever share: as it is
// where it is text, else in hexadecimal; empty where there is none.
func entryID(user *goldap.Entry, attribute string) string {
	value := user.GetEqualFoldRawAttributeValue(attribute)
	if bytes.ContainsFunc(value, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) {
		return hex.EncodeToString(value)
	}
	return string(value)
}

// prove tries a password on an entry, unless that could lock the account. One
// entry is proved at a time: of many wrong passwords at once only as many as the
// guard allows reach the directory.
func (d *Directory) prove(ctx context.Context, entry, password string, bind func(context.Context) (Reason, string, error)) error {
	release, err := d.proving.enter(ctx, entry)
	if err != nil {
		return err
	}
	defer release()
	proof := d.memory.digest(ofProof, entry, password)
	if !d.memory.mayTry(entry, proof) {
		return &Refusal{Reason: ReasonGuard, DN: entry}
	}
	reason, detail, err := bind(ctx)
	if err != nil {
		return err
	}
	if reason == ReasonMustChange && !*d.config.AccountState.RejectMustChange && detail == "" {
		reason = "" // the directory itself let it through
	}
	d.memory.tried(entry, proof, reason == "")
	if reason != "" {
		return &Refusal{Reason: reason, DN: entry, Detail: detail}
	}
	return nil
}

// stripes are locks shared by entries, so that their number is bounded.
type stripes struct {
	seed  maphash.Seed
	locks []chan struct{}
}

func newStripes() stripes {
	s := stripes{seed: maphash.MakeSeed(), locks: make([]chan struct{}, 256)}
	for i := range s.locks {
		s.locks[i] = make(chan struct{}, 1)
	}
	return s
}

func (s stripes) enter(ctx context.Context, entry string) (release func(), err error) {
	lock := s.locks[maphash.String(s.seed, entry)%uint64(len(s.locks))]
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, &outage{doing: "waiting for another login of this user", err: ctx.Err(), local: true}
	}
}
