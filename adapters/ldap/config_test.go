package ldap_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/config"
)

// The section as the documentation shows it.
const documented = `
urls: [ldaps://dc1.corp.example:636, ldaps://dc2.corp.example]
start_tls: false
tls: { ca_file: , server_name: , min_version: "1.2", cert_file: , key_file: , insecure_skip_verify: false }
connect_timeout: 3s
request_timeout: 5s
login_timeout: 10s
retry_down_server_after: 30s
pool: { max_open: 8, max_idle: 2, idle_timeout: 60s, max_lifetime: 10m }
bind_dn: "CN=svc-gateway,OU=Services,DC=corp,DC=example"
bind_password: x
user_dn_template: ""
user_search: { base_dn: , scope: sub, filter: "(objectClass=person)", username_attributes: [sAMAccountName, userPrincipalName], id_attribute: objectGUID }
group_search:
  strategy: auto
  base_dn:
  filter: "(objectClass=group)"
  member_attribute: member
  user_attribute: dn
  name_attribute: cn
  max_depth: 10
  page_size: 500
  max_groups: 1000
follow_referrals: false
account_state: { reject_must_change: true, check_user_account_control: true }
cache: { ttl: 60s, group_ttl: 60s, negative_ttl: 30s, max_entries: 10000, serve_stale_for: 0s }
lockout_guard: { max_failures: 2, window: 5m }
`

func TestConfigDocumented(t *testing.T) {
	n, err := config.Parse("f.yaml", []byte(documented))
	if err != nil {
		t.Fatal(err)
	}
	var c ldap.Config
	if err := n.Decode(&c); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.Pool.IdleTimeout != time.Minute || *c.AccountState.RejectMustChange != true || c.BindPassword.Reveal() != "x" {
		t.Errorf("%+v", c)
	}
	if err := (ldap.Config{URLs: []string{"ldaps://dc1"}}).Validate(); err != nil {
		t.Errorf("zero values: %v", err)
	}
}

func TestConfigFaults(t *testing.T) {
	for want, change := range map[string]func(*ldap.Config){
		"urls: at least one server":                      func(c *ldap.Config) { c.URLs = nil },
		"urls[0]: \"http://x\" is not ldap://":           func(c *ldap.Config) { c.URLs = []string{"http://x"} },
		"would carry passwords in clear text":            func(c *ldap.Config) { c.URLs = []string{"ldap://x"} },
		"TLS from the start":                             func(c *ldap.Config) { c.StartTLS = true },
		"is not ldaps://host":                            func(c *ldap.Config) { c.URLs = []string{"ldaps://u:p@x/dc=y"} },
		"not a URL":                                      func(c *ldap.Config) { c.URLs = []string{"ldaps://x:port"} },
		"follow_referrals: referrals are never followed": func(c *ldap.Config) { c.FollowReferrals = true },
		"tls.min_version":                                func(c *ldap.Config) { c.TLS.MinVersion = "1.1" },
		"cert_file and key_file":                         func(c *ldap.Config) { c.TLS.CertFile = "x" },
		"bind_password: is missing":                      func(c *ldap.Config) { c.BindDN = service },
		"bind_dn: is missing":                            func(c *ldap.Config) { c.BindPassword = config.NewSecret("x") },
		"does not hold {{.Username}}":                    func(c *ldap.Config) { c.UserDNTemplate = "uid=x" },
		"is not a distinguished name":                    func(c *ldap.Config) { c.UserDNTemplate = "uid={{.Username}},x" },
		"user_search.base_dn":                            func(c *ldap.Config) { c.UserSearch.BaseDN = "corp" },
		"user_search.filter":                             func(c *ldap.Config) { c.UserSearch.Filter = "(a=b" },
		"user_search.scope":                              func(c *ldap.Config) { c.UserSearch.Scope = "base" },
		"is not the name of an attribute":                func(c *ldap.Config) { c.UserSearch.UsernameAttributes = []string{"uid)(x"} },
		"group_search.strategy":                          func(c *ldap.Config) { c.GroupSearch.Strategy = "magic" },
		"group_search.page_size":                         func(c *ldap.Config) { c.GroupSearch.PageSize = 2000 },
		"must not be negative":                           func(c *ldap.Config) { c.Pool.MaxOpen = -1 },
		"tls.ca_file: open":                              func(c *ldap.Config) { c.TLS.CAFile = "/nowhere" },
	} {
		c := ldap.Config{URLs: []string{"ldaps://dc1"}}
		change(&c)
		if _, err := ldap.New(c, slog.New(slog.DiscardHandler), time.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c := ldap.Config{TLS: ldap.TLS{MinVersion: "1"}, GroupSearch: ldap.GroupSearch{Strategy: "x"}}
	if err := c.Validate(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all faults at once: %v", err)
	}
	file := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	c = ldap.Config{URLs: []string{"ldaps://dc1"}, TLS: ldap.TLS{CAFile: config.Path(file)}}
	if _, err := ldap.New(c, slog.New(slog.DiscardHandler), time.Now); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("%v", err)
	}
}

func BenchmarkCached(b *testing.B) {
	d := dial(b, settings(serve(b, directory.Config{}).URL()))
	if _, err := d.Authenticate(b.Context(), alice, alicesPass); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Authenticate(b.Context(), alice, alicesPass); err != nil {
			b.Fatal(err)
		}
	}
}
