package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// server is one of the directory's servers, with its connections and what is
// known of it.
type server struct {
	config   *Config
	now      func() time.Time
	log      *slog.Logger
	account  *serviceAccount
	url      string
	address  string
	implicit bool
	tls      *tls.Config
	service  *pool // bound as the service account; for searches
	users    *pool // bound as whoever logged in last; for binds only
	census   *pool // as service, for questions that no login waits for

	mu      sync.Mutex
	profile *profile
	downAt  time.Time // zero while it is up
	failed  time.Time // of the last failure
}

// maxCensus is how many reviewers are answered at once; the others wait.
const maxCensus = 2

func newServer(d *Directory, url string, base *tls.Config) *server {
	s := &server{config: &d.config, now: d.now, log: d.log, account: &d.account, url: url, tls: base.Clone()}
	var host string
	s.address, host, s.implicit = hostPort(url)
	if s.tls.ServerName = d.config.TLS.ServerName; s.tls.ServerName == "" {
		s.tls.ServerName = host
	}
	s.service = newPool(d.config.Pool, d.now, s.openService)
	s.users = newPool(d.config.Pool, d.now, s.openUser)
	asking := d.config.Pool
	asking.MaxOpen, asking.MaxIdle = maxCensus, 1
	s.census = newPool(asking, d.now, s.openService)
	return s
}

func (s *server) openUser(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.ConnectTimeout)
	defer cancel()
	return s.dial(ctx)
}

// openService connects, binds the service account and makes sure that the
// server is what the configuration takes it for.
func (s *server) openService(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.ConnectTimeout)
	defer cancel()
	if err := s.account.mayBind(s.now()); err != nil {
		return nil, err
	}
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, c); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (s *server) prepare(ctx context.Context, c *conn) error {
	if s.config.BindDN != "" {
		reason, detail, err := c.bind(ctx, s.config.BindDN, s.config.BindPassword.Reveal())
		if err != nil {
			return err
		}
		if reason != "" {
			return s.account.refused(s.now(), s.config, reason, detail)
		}
		s.account.accepted()
	}
	return s.learn(ctx, c)
}

// learn reads the profile of the server once.
func (s *server) learn(ctx context.Context, c *conn) error {
	if s.known() != nil {
		return nil
	}
	p, err := readProfile(ctx, c)
	if err != nil {
		return err
	}
	if err := p.fits(s.config); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.profile = p
	return nil
}

func (s *server) known() *profile {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.profile
}

// fail notes that the server did not answer; the first time after it did is logged.
// Connections from before are given up: one that still answers would be taken for
// the end of the outage.
func (s *server) fail(o *outage) {
	if o.local {
		return
	}
	s.service.purge()
	s.users.purge()
	s.census.purge()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.failed, s.profile = now, nil // it may come back as another one
	if s.downAt.IsZero() {
		s.downAt = now
		s.log.Error("directory server does not answer", "server", s.url, "reason", explain(s, o))
	}
}

// ok notes that the server answered; the first time after it did not is logged.
func (s *server) ok() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.downAt.IsZero() {
		s.log.Info("directory server answers again", "server", s.url, "down", s.now().Sub(s.downAt).Round(time.Second))
		s.downAt = time.Time{}
	}
}

// resting reports whether the server failed so lately that others go first.
func (s *server) resting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.downAt.IsZero() && s.now().Sub(s.failed) < s.config.RetryDownServerAfter
}

func (s *server) close() {
	s.service.close()
	s.users.close()
	s.census.close()
}

// serviceAccount guards the account that searches: a wrong password in the
// configuration, tried with every login, would lock it.
type serviceAccount struct {
	mu    sync.Mutex
	until time.Time
	wait  time.Duration
	last  *misfit
}

const maxServiceWait = 15 * time.Minute

// mayBind returns the last refusal while it is too early to try again.
func (a *serviceAccount) mayBind(now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last != nil && now.Before(a.until) {
		return a.last
	}
	return nil
}

func (a *serviceAccount) refused(now time.Time, c *Config, reason Reason, detail string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wait = min(max(2*a.wait, c.RetryDownServerAfter), maxServiceWait)
	a.until = now.Add(a.wait)
	a.last = &misfit{fmt.Sprintf("the directory refuses the service account %q: %s: %s", c.BindDN, reason, detail)}
	return a.last
}

func (a *serviceAccount) accepted() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wait, a.last = 0, nil
}

// capActiveDirectory is listed by every Active Directory domain controller ([MS-ADTS] §3.1.1.3.4.3).
const capActiveDirectory = "1.2.840.113556.1.4.800"

// profile is what the root of a server tells of it (RFC 4512 §5.1).
type profile struct {
	activeDirectory bool
	base            string // default naming context
	vendor          string
}

func readProfile(ctx context.Context, c *conn) (*profile, error) {
	request := goldap.NewSearchRequest("", goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)",
		[]string{"supportedCapabilities", "defaultNamingContext", "namingContexts", "vendorName", "vendorVersion"}, nil)
	result, err := c.search(ctx, request)
	if err != nil {
		return nil, err
	}
	if len(result.Entries) != 1 {
		return &profile{}, nil
	}
	root := result.Entries[0]
	p := &profile{
		activeDirectory: slices.Contains(root.GetEqualFoldAttributeValues("supportedCapabilities"), capActiveDirectory),
		base:            root.GetEqualFoldAttributeValue("defaultNamingContext"),
		vendor:          root.GetEqualFoldAttributeValue("vendorName"),
	}
	if contexts := root.GetEqualFoldAttributeValues("namingContexts"); p.base == "" && len(contexts) > 0 {
		p.base = contexts[0]
	}
	return p, nil
}

// fits refuses what would silently find nothing: a server without Active
// Directory's rules answers them with no entries and no error.
func (p *profile) fits(c *Config) error {
	strategy := c.GroupSearch.Strategy
	if !p.activeDirectory && (strategy == strategyInChain || strategy == strategyTokenGroups) {
		return &misfit{fmt.Sprintf("group_search.strategy %s works with Active Directory only, which this server is not", strategy)}
	}
	if p.base == "" && (c.UserSearch.BaseDN == "" || c.GroupSearch.BaseDN == "") {
		return &misfit{"the server names no naming context: set user_search.base_dn and group_search.base_dn"}
	}
	return nil
}

func (p *profile) usernameAttributes(c *Config) []string {
	switch {
	case len(c.UserSearch.UsernameAttributes) > 0:
		return c.UserSearch.UsernameAttributes
	case p.activeDirectory:
		return []string{"sAMAccountName", "userPrincipalName"}
	}
	return []string{"uid"}
}

func (p *profile) idAttribute(c *Config) string {
	switch {
	case c.UserSearch.IDAttribute != "":
		return c.UserSearch.IDAttribute
	case p.activeDirectory:
		return "objectGUID"
	}
	return "entryUUID"
}

func (p *profile) userBase(c *Config) string {
	if c.UserSearch.BaseDN != "" {
		return c.UserSearch.BaseDN
	}
	return p.base
}

func (p *profile) groupBase(c *Config) string {
	if c.GroupSearch.BaseDN != "" {
		return c.GroupSearch.BaseDN
	}
	return p.base
}

// strategy resolves auto: what Active Directory computes itself includes the
// primary group; elsewhere the client climbs.
func (p *profile) strategy(c *Config) string {
	switch {
	case c.GroupSearch.Strategy != strategyAuto:
		return c.GroupSearch.Strategy
	case p.activeDirectory:
		return strategyTokenGroups
	}
	return strategyRecursive
}

func asOutage(err error) (*outage, bool) { return errors.AsType[*outage](err) }
