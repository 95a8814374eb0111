// Package ldap proves who somebody is against the LDAP directory that is there
// already: OpenLDAP, Active Directory, 389 Directory Server and their like.
//
// A login finds the entry of the user name, binds as it with the password, and
// gathers its groups, nested ones included. Identity is the entry found, never
// the name as typed: directories take "Alice", "alice " and "ALICE" for one, and
// so must every counter, cache and stored message. A refused login is an answer;
// a directory that does not answer, or not as configured, is a breakdown; the two
// are never taken for each other, and the reasons of the first are for the audit
// trail only (Refusal).
//
// The package refuses to know roles and grants, to follow referrals, to change
// anything in a directory, to keep a password, and to try a refused password on
// a second server: that would count twice towards a lock. It never sends an
// empty password, which some servers take as no password asked (RFC 4513 §5.1.2).
package ldap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/singleflight"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Directory implements gateway.Directory. It is safe for concurrent use.
type Directory struct {
	config  Config
	log     *slog.Logger
	now     func() time.Time
	servers []*server
	account serviceAccount
	memory  *memory
	proving stripes
	dozing  chan struct{} // one for each refusal that may block a thread
	flights singleflight.Group

	life    context.Context // ends with Close
	end     context.CancelFunc
	mu      sync.Mutex // guards closed, against running
	closed  bool
	running sync.WaitGroup
	trouble edge
	stale   fallback
}

// New returns a Directory; it connects to nothing yet. The error is Validate's,
// or what is wrong with the certificates.
func New(c Config, log *slog.Logger, now func() time.Time) (*Directory, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	base, err := c.TLS.tlsConfig()
	if err != nil {
		return nil, err
	}
	d := &Directory{config: c, log: log, now: now, memory: newMemory(c, now), proving: newStripes(), dozing: make(chan struct{}, maxDozing)}
	d.life, d.end = context.WithCancel(context.Background())
	for _, url := range c.URLs {
		d.servers = append(d.servers, newServer(d, url, base))
	}
	return d, nil
}

// Close ends all connections and returns when no login runs any more. Logins
// after it fail as if the directory were down.
func (d *Directory) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.end()
	d.running.Wait()
	for _, s := range d.servers {
		s.close()
	}
	return nil
}

// Flush forgets all that is cached: right and wrong logins and their counts.
func (d *Directory) Flush() { d.memory.flush() }

// Authenticate checks a user name and password. A refused login is
// fault.CodeUnauthenticated with one sentence for all reasons, whose cause is a
// *Refusal; a directory that cannot answer is fault.CodeDirectoryUnavailable. The
// end of ctx ends the waiting, not the login, which others may wait for too.
func (d *Directory) Authenticate(ctx context.Context, username, password string) (*gateway.Identity, error) {
	if r := inadmissible(username, password); r != nil {
		return nil, refused(r)
	}
	c := credentials{name: oneSpace(username), password: password}
	c.key = d.memory.digest(ofLogin, strings.ToLower(c.name), password)
	if identity, err, known := d.remembered(c.key); known {
		return identity, err
	}
	return d.share(ctx, c.key, func(ctx context.Context) (*gateway.Identity, error) {
		return d.authenticate(ctx, c)
	})
}

// Lookup returns what the directory knows of a user name without proving
// anything: for senders that something else has authenticated, and for showing
// an administrator what a user may do. Its errors are those of Authenticate.
func (d *Directory) Lookup(ctx context.Context, username string) (*gateway.Identity, error) {
	if r := inadmissible(username, "-"); r != nil {
		return nil, refused(r)
	}
	key := d.memory.digest(ofLookup, foldSpace(username), "")
	if identity, err, known := d.remembered(key); known {
		return identity, err
	}
	return d.share(ctx, key, func(ctx context.Context) (*gateway.Identity, error) {
		return d.conclude(ctx, key, func(ctx context.Context) (accepted, error) {
			return d.lookup(ctx, oneSpace(username))
		})
	})
}

// Ping answers whether a server can be asked now: nil or
// fault.CodeDirectoryUnavailable.
func (d *Directory) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.config.LoginTimeout)
	defer cancel()
	err := d.anyServer(ctx, func(ctx context.Context, s *server) error {
		return s.service.use(ctx, func(c *conn) error {
			_, err := readProfile(ctx, c)
			return err
		})
	})
	if err != nil {
		return d.unavailable(err)
	}
	return nil
}

// credentials are what somebody claims.
type credentials struct {
	name     string // without outer and double spaces
	password string
	key      digest
}

const maxCredential = 1024 // bytes; directories take less

// inadmissible refuses what must not reach a directory: OpenLDAP may take an
// empty password as an anonymous bind, Samba cuts names and passwords at a NUL.
func inadmissible(username, password string) *Refusal {
	if strings.TrimSpace(username) == "" || strings.TrimSpace(password) == "" {
		return &Refusal{Reason: ReasonEmpty}
	}
	if !printable(username) || !printable(password) {
		return &Refusal{Reason: ReasonCharacters}
	}
	return nil
}

// printable reports whether s may be part of a credential at all.
func printable(s string) bool {
	return len(s) <= maxCredential && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// remembered answers from the cache, if it can.
func (d *Directory) remembered(key digest) (*gateway.Identity, error, bool) {
	if a, fresh, groupsFresh := d.memory.recall(key); fresh && groupsFresh {
		return a.identity, nil, true
	}
	if r := d.memory.refusal(key); r != nil {
		return nil, refused(&Refusal{Reason: ReasonRepeated, DN: r.DN, Detail: string(r.Reason)}), true
	}
	return nil, nil, false
}

// share runs one login for all that ask for the same at the same time.
func (d *Directory) share(ctx context.Context, key digest, login func(context.Context) (*gateway.Identity, error)) (*gateway.Identity, error) {
	result := d.flights.DoChan(string(key[:]), func() (any, error) {
		if !d.enter() {
			return nil, d.unavailable(errClosed)
		}
		defer d.running.Done()
		if identity, err, known := d.remembered(key); known {
			return identity, err
		}
		ctx, cancel := context.WithTimeout(d.life, d.config.LoginTimeout)
		defer cancel()
		return login(ctx)
	})
	select {
	case r := <-result:
		identity, _ := r.Val.(*gateway.Identity)
		return identity, r.Err
	case <-ctx.Done():
		return nil, d.unavailable(ctx.Err())
	}
}

var errClosed = errors.New("the directory client is closed")

func (d *Directory) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.running.Add(1)
	return true
}

// authenticate runs a login that is not in the cache, or whose groups have aged.
func (d *Directory) authenticate(ctx context.Context, c credentials) (*gateway.Identity, error) {
	if a, fresh, _ := d.memory.recall(c.key); fresh && d.searchesItself() {
		return d.conclude(ctx, c.key, func(ctx context.Context) (accepted, error) { return d.regroup(ctx, a) })
	}
	began := d.now()
	identity, err := d.conclude(ctx, c.key, func(ctx context.Context) (accepted, error) { return d.login(ctx, c) })
	if err != nil && fault.KindOf(err) == fault.Unauthenticated {
		d.settle(ctx, began)
	}
	return identity, err
}

// searchesItself reports whether entries can be read without a user's password.
func (d *Directory) searchesItself() bool {
	return d.config.BindDN != "" || d.config.UserDNTemplate == ""
}

// conclude turns how a job ended into what is remembered and answered.
func (d *Directory) conclude(ctx context.Context, key digest, job func(context.Context) (accepted, error)) (*gateway.Identity, error) {
	if d.away() {
		if identity, ok := d.standIn(key); ok {
			return identity, nil
		}
	}
	a, err := job(ctx)
	if err == nil {
		d.answered()
		d.memory.accept(key, a)
		return a.identity, nil
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		d.answered()
		d.memory.refuse(key, r)
		return nil, refused(r)
	}
	if identity, ok := d.standIn(key); ok {
		return identity, nil
	}
	return nil, d.unavailable(err)
}

// answered notes that the directory did what it is there for.
func (d *Directory) answered() {
	d.trouble.over(d.log)
	d.stale.over(d.log)
}

// away reports whether every server failed lately. Who can be answered from memory
// need not wait then for what others have just waited for in vain.
func (d *Directory) away() bool {
	return !slices.ContainsFunc(d.servers, func(s *server) bool { return !s.resting() })
}

// standIn is what the directory said before it went away, if the configuration
// lets that serve. It is marked, and told in the log.
func (d *Directory) standIn(key digest) (*gateway.Identity, bool) {
	identity, ok := d.memory.stale(key)
	if !ok {
		return nil, false
	}
	d.stale.use(d.log, d.config.Cache.ServeStaleFor)
	marked := *identity
	marked.Stale = true
	return &marked, true
}

func refused(r *Refusal) error { return fault.New(fault.CodeUnauthenticated, "").Because(r) }

// unavailable makes the fault of a breakdown. A misfit is logged here, at its
// edges: the servers' own outages are logged by the servers.
func (d *Directory) unavailable(err error) error {
	if m, ok := errors.AsType[*misfit](err); ok {
		d.trouble.begin(d.log, m.message)
	}
	f := fault.New(fault.CodeDirectoryUnavailable, "").Because(err)
	f.RetryAfter = d.config.RetryDownServerAfter
	return f
}

// anyServer runs job on the first server that answers: in the order configured,
// those that failed lately last. Only an outage leads to the next one.
func (d *Directory) anyServer(ctx context.Context, job func(context.Context, *server) error) error {
	var last error
	for _, s := range d.order() {
		err := job(ctx, s)
		o, down := asOutage(err)
		if !down {
			s.ok()
			return err
		}
		s.fail(o)
		last = fmt.Errorf("%s: %s", s.url, explain(s, o))
		if ctx.Err() != nil {
			break
		}
	}
	return last
}

func (d *Directory) order() []*server {
	var first, last []*server
	for _, s := range d.servers {
		if s.resting() {
			last = append(last, s)
		} else {
			first = append(first, s)
		}
	}
	return append(first, last...)
}

// edge logs the beginning and the end of a trouble, each once.
type edge struct {
	mu      sync.Mutex
	message string
}

func (e *edge) begin(log *slog.Logger, message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.message != message {
		e.message = message
		log.Error("directory does not work as configured", "reason", message)
	}
}

func (e *edge) over(log *slog.Logger) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.message != "" {
		e.message = ""
		log.Info("directory works as configured again")
	}
}

// fallback logs that logins are answered from memory, and how many were, each once.
type fallback struct {
	mu      sync.Mutex
	answers int
}

func (f *fallback) use(log *slog.Logger, limit time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answers++; f.answers == 1 {
		log.Warn("directory is away; logins that it let in before are answered from memory", "serve_stale_for", limit)
	}
}

func (f *fallback) over(log *slog.Logger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answers > 0 {
		log.Info("logins are answered by the directory again", "from_memory", f.answers)
		f.answers = 0
	}
}
