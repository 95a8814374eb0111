package gatewaytest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Directory is a gateway.Directory in memory. It is safe for concurrent use.
type Directory struct {
	now func() time.Time

	mu    sync.Mutex
	users map[string]User
	down  bool
	calls int
}

// User is somebody a Directory knows. Names in Identity are normalised as a
// real adapter would: lower case.
type User struct {
	Identity gateway.Identity
	Password string
}

// NewDirectory returns a Directory that knows users by their Login.
func NewDirectory(now func() time.Time, users ...User) *Directory {
	d := &Directory{now: now, users: make(map[string]User)}
	for _, u := range users {
		d.users[foldName(u.Identity.Login)] = u
	}
	return d
}

// Corp are the people of testdata/ldap/corp.ldif, as an adapter must tell of
// them. The password of each is the login with -secret.
func Corp() []User {
	const people, groups = ",ou=people,dc=corp,dc=example", ",ou=groups,dc=corp,dc=example"
	user := func(dn, login string, names ...string) User {
		id := gateway.Identity{DN: dn + people, Login: login, GroupNames: names}
		for _, n := range names {
			escaped := strings.ReplaceAll(strings.ToLower(n), ",", `\,`)
			id.Groups = append(id.Groups, "cn="+escaped+groups)
		}
		return User{Identity: id, Password: login + "-secret"}
	}
	return []User{
		user("uid=erp.alice", "erp.alice", "erp-clerks", "erp-clerks-north", "erp-users"),
		user("uid=wms.bob", "wms.bob", "wms-users"),
		user("uid=ops.olga", "ops.olga", "gh-operators"),
		user("uid=carol", "carol"),
		user("uid=dora", "dora", "cycle-a", "cycle-b"),
		user(`cn=müller\, jörg (edi) \+\"1\"\\*#`, "joerg", "edi-users", "Einkauf, Süd (EDI)"),
	}
}

// SetDown takes the directory down, or up again.
func (d *Directory) SetDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// Put adds a user, or replaces the one with the same login.
func (d *Directory) Put(u User) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users[foldName(u.Identity.Login)] = u
}

// Calls is how many users were asked for.
func (d *Directory) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

var (
	errDown  = errors.New("the directory is down")
	errLogin = errors.New("wrong password or no such user")
)

// Authenticate implements gateway.Directory.
func (d *Directory) Authenticate(ctx context.Context, username, password string) (*gateway.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if inadmissible(username) || inadmissible(password) {
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errLogin)
	}
	if err := d.away(ctx); err != nil {
		return nil, err
	}
	u, ok := d.users[foldName(username)]
	if !ok || u.Password != password {
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errLogin)
	}
	return d.identity(u), nil
}

// Lookup implements gateway.Directory.
func (d *Directory) Lookup(ctx context.Context, username string) (*gateway.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if inadmissible(username) {
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errLogin)
	}
	if err := d.away(ctx); err != nil {
		return nil, err
	}
	u, ok := d.users[foldName(username)]
	if !ok {
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errLogin)
	}
	return d.identity(u), nil
}

// Entry implements gateway.Entries.
func (d *Directory) Entry(ctx context.Context, dn string) (*gateway.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if err := d.away(ctx); err != nil {
		return nil, err
	}
	for _, u := range d.users {
		if u.Identity.DN == dn {
			return d.identity(u), nil
		}
	}
	return nil, fault.New(fault.CodeUnauthenticated, "").Because(errLogin)
}

// Ping implements gateway.Directory.
func (d *Directory) Ping(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.away(ctx)
}

func (d *Directory) away(ctx context.Context) error {
	if d.down || ctx.Err() != nil {
		return fault.New(fault.CodeDirectoryUnavailable, "").Because(errors.Join(errDown, ctx.Err()))
	}
	return nil
}

func (d *Directory) identity(u User) *gateway.Identity {
	id := u.Identity
	id.At = d.now()
	return &id
}

// inadmissible tells what no adapter may send to a directory.
func inadmissible(s string) bool {
	return strings.TrimSpace(s) == "" || strings.ContainsFunc(s, unicode.IsControl)
}

// foldName is how directories compare user names: without case and outer spaces.
func foldName(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }
