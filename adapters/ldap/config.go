package ldap

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Config is the `directory` section. Zero values stand for the defaults named
// with each field.
type Config struct {
	// URLs are the servers, tried in order: ldaps://host[:636] or
	// ldap://host[:389]. The latter needs start_tls or allow_plaintext.
	URLs           []string `yaml:"urls"`
	StartTLS       bool     `yaml:"start_tls"`
	AllowPlaintext bool     `yaml:"allow_plaintext"` // passwords travel in clear: loopback and tests only
	TLS            TLS      `yaml:"tls"`

	ConnectTimeout       time.Duration `yaml:"connect_timeout"`         // TCP, TLS and service bind of one server; 3s
	RequestTimeout       time.Duration `yaml:"request_timeout"`         // of one operation; 5s
	LoginTimeout         time.Duration `yaml:"login_timeout"`           // of a whole login over all servers; 10s
	RetryDownServerAfter time.Duration `yaml:"retry_down_server_after"` // until then a failed server comes last; 30s
	// RefusalDelay: a refused login is answered when a multiple of it has passed
	// since the login began, so that its time does not tell why; 250ms.
	RefusalDelay time.Duration `yaml:"refusal_delay"`
	Pool         Pool          `yaml:"pool"`

	// BindDN is the service account that searches; empty: anonymous, or, with
	// user_dn_template, the user's own.
	BindDN       string        `yaml:"bind_dn"`
	BindPassword config.Secret `yaml:"bind_password"`

	// UserDNTemplate makes the name to bind with from the user name, without a
	// search: uid={{.Username}},ou=people,dc=corp or {{.Username}}@corp.example.
	UserDNTemplate string      `yaml:"user_dn_template"`
	UserSearch     UserSearch  `yaml:"user_search"`
	GroupSearch    GroupSearch `yaml:"group_search"`
	// Attributes of a user's entry that grants on views may compare rows with, as
	// $principal/attribute/<name>.
	Attributes   []string     `yaml:"attributes"`
	AccountState AccountState `yaml:"account_state"`
	// FollowReferrals can only be false: to another server the password would go too.
	FollowReferrals bool         `yaml:"follow_referrals"`
	Cache           Cache        `yaml:"cache"`
	LockoutGuard    LockoutGuard `yaml:"lockout_guard"`
	// ClientCertificates says whose the certificates of callers are; absent: nobody's.
	ClientCertificates *ClientCertificates `yaml:"client_certificates"`
}

// TLS says whom to trust and who to be.
type TLS struct {
	CAFile             config.Path `yaml:"ca_file"`     // PEM; empty: the system's authorities
	ServerName         string      `yaml:"server_name"` // empty: the host of the URL
	MinVersion         string      `yaml:"min_version"` // 1.2 (default) or 1.3
	CertFile           config.Path `yaml:"cert_file"`
	KeyFile            config.Path `yaml:"key_file"`
	InsecureSkipVerify bool        `yaml:"insecure_skip_verify"`
}

// Pool bounds the connections to one server, for searches and, apart from
// them, for logins.
type Pool struct {
	MaxOpen     int           `yaml:"max_open"`     // 8
	MaxIdle     int           `yaml:"max_idle"`     // 2
	IdleTimeout time.Duration `yaml:"idle_timeout"` // 60s
	MaxLifetime time.Duration `yaml:"max_lifetime"` // 10m
}

// UserSearch finds the entry of a user name.
type UserSearch struct {
	BaseDN string `yaml:"base_dn"` // empty: the server's default naming context
	Scope  string `yaml:"scope"`   // sub (default), one
	Filter string `yaml:"filter"`  // (objectClass=person)
	// UsernameAttributes hold what users type; the first one that an entry has
	// is its login. Default: uid; in Active Directory sAMAccountName, userPrincipalName.
	UsernameAttributes []string `yaml:"username_attributes"`
	// IDAttribute tells an entry from a later one of the same name. Default:
	// entryUUID; in Active Directory objectGUID.
	IDAttribute string `yaml:"id_attribute"`
}

// GroupSearch finds the groups of an entry.
type GroupSearch struct {
	Strategy        string `yaml:"strategy"`         // auto (default), member_of, search, recursive, in_chain, token_groups
	BaseDN          string `yaml:"base_dn"`          // empty: the server's default naming context
	Filter          string `yaml:"filter"`           // groupOfNames, groupOfUniqueNames and group
	MemberAttribute string `yaml:"member_attribute"` // member
	UserAttribute   string `yaml:"user_attribute"`   // what member holds: dn (default) or an attribute of the user
	NameAttribute   string `yaml:"name_attribute"`   // cn
	MaxDepth        int    `yaml:"max_depth"`        // of nested groups; 10
	PageSize        int    `yaml:"page_size"`        // 500
	MaxGroups       int    `yaml:"max_groups"`       // of one user; 1000
}

// AccountState says which states of an account refuse a login that the
// directory itself lets through.
type AccountState struct {
	RejectMustChange        *bool `yaml:"reject_must_change"`         // default true
	CheckUserAccountControl *bool `yaml:"check_user_account_control"` // Active Directory's disabled flag; default true
}

// Cache bounds how old an answer may be. Passwords are not kept: the key is an
// HMAC under a key that dies with the process.
type Cache struct {
	Disabled      bool          `yaml:"disabled"`
	TTL           time.Duration `yaml:"ttl"`             // of a right password; 60s
	GroupTTL      time.Duration `yaml:"group_ttl"`       // of the groups that came with it; 60s
	NegativeTTL   time.Duration `yaml:"negative_ttl"`    // of a refused one; 30s
	MaxEntries    int           `yaml:"max_entries"`     // of each kind; 10000
	ServeStaleFor time.Duration `yaml:"serve_stale_for"` // how long past ttl while the directory is down; 0s
}

// LockoutGuard keeps the gateway from locking accounts: past MaxFailures wrong
// passwords in a window nothing more is asked of the directory for that entry,
// but for a password that worked last. Set it below the directory's threshold.
type LockoutGuard struct {
	Disabled    bool          `yaml:"disabled"`
	MaxFailures int           `yaml:"max_failures"` // 2
	Window      time.Duration `yaml:"window"`       // 5m
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Effective returns the settings with every default filled in that does not
// depend on the server's kind.
func (c Config) Effective() Config { return c.withDefaults() }

// withDefaults returns c with every zero value replaced. What depends on the
// server's kind stays empty.
func (c Config) withDefaults() Config {
	fill(&c.ConnectTimeout, 3*time.Second)
	fill(&c.RequestTimeout, 5*time.Second)
	fill(&c.LoginTimeout, 10*time.Second)
	fill(&c.RetryDownServerAfter, 30*time.Second)
	fill(&c.RefusalDelay, 250*time.Millisecond)
	fill(&c.TLS.MinVersion, "1.2")
	fill(&c.Pool.MaxOpen, 8)
	fill(&c.Pool.MaxIdle, 2)
	fill(&c.Pool.IdleTimeout, time.Minute)
	fill(&c.Pool.MaxLifetime, 10*time.Minute)
	fill(&c.UserSearch.Scope, "sub")
	fill(&c.UserSearch.Filter, "(objectClass=person)")
	fill(&c.GroupSearch.Strategy, strategyAuto)
	fill(&c.GroupSearch.Filter, "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=group))")
	fill(&c.GroupSearch.MemberAttribute, "member")
	fill(&c.GroupSearch.UserAttribute, "dn")
	fill(&c.GroupSearch.NameAttribute, "cn")
	fill(&c.GroupSearch.MaxDepth, 10)
	fill(&c.GroupSearch.PageSize, 500)
	fill(&c.GroupSearch.MaxGroups, 1000)
	fill(&c.AccountState.RejectMustChange, new(true))
	fill(&c.AccountState.CheckUserAccountControl, new(true))
	fill(&c.Cache.TTL, time.Minute)
	fill(&c.Cache.GroupTTL, time.Minute)
	fill(&c.Cache.NegativeTTL, 30*time.Second)
	fill(&c.Cache.MaxEntries, 10_000)
	fill(&c.LockoutGuard.MaxFailures, 2)
	fill(&c.LockoutGuard.Window, 5*time.Minute)
	return c
}

// Validate returns all that is wrong with c, as config.Faults with paths below
// the section. It opens nothing.
func (c Config) Validate() error {
	var fs config.Faults
	bad := func(path, format string, args ...any) {
		fs = append(fs, config.Fault{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if len(c.URLs) == 0 {
		bad("urls", "at least one server is needed, e.g. ldaps://dc1.corp.example")
	}
	for i, u := range c.URLs {
		if err := c.validURL(u); err != nil {
			bad(fmt.Sprintf("urls[%d]", i), "%v", err)
		}
	}
	c.validTLS(bad)
	c.validBind(bad)
	c.validSearches(bad)
	if c.FollowReferrals {
		bad("follow_referrals", "referrals are never followed: whoever sends one would be sent passwords; name every server in urls")
	}
	c.validLimits(bad)
	c.ClientCertificates.validate(bad)
	return fs.Err()
}

func (c Config) validURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "ldap" && u.Scheme != "ldaps":
		return fmt.Errorf("%q is not ldap:// or ldaps://", text)
	case u.Hostname() == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "":
		return fmt.Errorf("%q is not ldaps://host or ldaps://host:port", text)
	case u.Scheme == "ldap" && !c.StartTLS && !c.AllowPlaintext:
		return fmt.Errorf("%q would carry passwords in clear text; use ldaps://, or set start_tls", text)
	case u.Scheme == "ldaps" && c.StartTLS:
		return fmt.Errorf("%q is TLS from the start; start_tls is for ldap://", text)
	}
	return nil
}

func (c Config) validTLS(bad func(path, format string, args ...any)) {
	if v := c.TLS.MinVersion; v != "" && v != "1.2" && v != "1.3" {
		bad("tls.min_version", "%q is not 1.2 or 1.3", v)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		bad("tls", "cert_file and key_file belong together")
	}
}

func (c Config) validBind(bad func(path, format string, args ...any)) {
	if c.BindDN != "" && c.BindPassword.IsZero() {
		bad("bind_password", "is missing; a bind without a password proves nothing")
	}
	if c.BindDN == "" && !c.BindPassword.IsZero() {
		bad("bind_dn", "is missing")
	}
	if t := c.UserDNTemplate; t != "" && strings.Count(t, usernameSlot) != 1 {
		bad("user_dn_template", "%q does not hold %s exactly once", t, usernameSlot)
	} else if t != "" && strings.Contains(t, "=") {
		if _, err := NormalizeDN(strings.Replace(t, usernameSlot, "x", 1)); err != nil {
			bad("user_dn_template", "%v", err)
		}
	}
}

func (c Config) validSearches(bad func(path, format string, args ...any)) {
	for path, dn := range map[string]string{"user_search.base_dn": c.UserSearch.BaseDN, "group_search.base_dn": c.GroupSearch.BaseDN} {
		if dn == "" {
			continue
		}
		if _, err := NormalizeDN(dn); err != nil {
			bad(path, "%v", err)
		}
	}
	for path, filter := range map[string]string{"user_search.filter": c.UserSearch.Filter, "group_search.filter": c.GroupSearch.Filter} {
		if filter == "" {
			continue
		}
		if _, err := goldap.CompileFilter(filter); err != nil {
			bad(path, "%q is not an LDAP filter", filter)
		}
	}
	if s := c.UserSearch.Scope; s != "" && s != "sub" && s != "one" {
		bad("user_search.scope", "%q is not sub or one", s)
	}
	if s := c.GroupSearch.Strategy; s != "" && !slices.Contains(strategies, s) {
		bad("group_search.strategy", "%q is not one of %s", s, strings.Join(strategies, ", "))
	}
	for i, a := range c.Attributes {
		switch {
		case a == "" || strings.Trim(a, attributeLetters) != "":
			bad(fmt.Sprintf("attributes[%d]", i), "%q is not the name of an attribute", a)
		case slices.ContainsFunc(secretAttributes, func(s string) bool { return strings.EqualFold(a, s) }):
			bad(fmt.Sprintf("attributes[%d]", i), "%s is never read", a)
		case slices.ContainsFunc(c.Attributes[:i], func(o string) bool { return strings.EqualFold(a, o) }):
			bad(fmt.Sprintf("attributes[%d]", i), "%s stands here twice", a)
		}
	}
	attributes := append(slices.Clone(c.UserSearch.UsernameAttributes), c.GroupSearch.MemberAttribute,
		c.GroupSearch.UserAttribute, c.GroupSearch.NameAttribute, c.UserSearch.IDAttribute)
	for _, a := range attributes {
		if strings.Trim(a, attributeLetters) != "" {
			bad("user_search", "%q is not the name of an attribute", a)
		}
	}
}

// secretAttributes hold what nobody is told.
var secretAttributes = []string{"userPassword", "unicodePwd", "ntPwdHistory", "lmPwdHistory", "dBCSPwd"}

const attributeLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.;"

func (c Config) validLimits(bad func(path, format string, args ...any)) {
	for path, n := range map[string]int{"pool.max_open": c.Pool.MaxOpen, "pool.max_idle": c.Pool.MaxIdle,
		"group_search.max_depth": c.GroupSearch.MaxDepth, "group_search.page_size": c.GroupSearch.PageSize,
		"group_search.max_groups": c.GroupSearch.MaxGroups, "cache.max_entries": c.Cache.MaxEntries,
		"lockout_guard.max_failures": c.LockoutGuard.MaxFailures} {
		if n < 0 {
			bad(path, "must not be negative")
		}
	}
	if c.GroupSearch.PageSize > 1000 {
		bad("group_search.page_size", "directories refuse pages of more than 1000")
	}
}

// tlsConfig builds the client's side; the server name is filled in per server.
func (t TLS) tlsConfig() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.InsecureSkipVerify}
	if t.MinVersion == "1.3" {
		out.MinVersion = tls.VersionTLS13
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(string(t.CAFile))
		if err != nil {
			return nil, config.Fault{Path: "tls.ca_file", Message: err.Error()}
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, config.Fault{Path: "tls.ca_file", Message: fmt.Sprintf("%s holds no certificate", t.CAFile)}
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(string(t.CertFile), string(t.KeyFile))
		if err != nil {
			return nil, config.Fault{Path: "tls.cert_file", Message: err.Error()}
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// hostPort returns the address to dial and the host that the certificate must name.
func hostPort(text string) (address, host string, implicit bool) {
	u, err := url.Parse(text)
	if err != nil { // Validate has refused it before
		return text, text, false
	}
	port := u.Port()
	implicit = u.Scheme == "ldaps"
	switch {
	case port != "":
	case implicit:
		port = goldap.DefaultLdapsPort
	default:
		port = goldap.DefaultLdapPort
	}
	return net.JoinHostPort(u.Hostname(), port), u.Hostname(), implicit
}
