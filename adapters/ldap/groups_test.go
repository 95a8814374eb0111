package ldap_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// domain is a small Active Directory: anna is in sales, sales is in all, and
// her primary group, staff, does not name her.
func domain() directory.Config {
	group := func(name, sid string, members ...string) directory.Entry {
		return directory.Entry{DN: "CN=" + name + ",CN=Users," + base, Attributes: map[string][]string{
			"objectClass": {"group"}, "cn": {name}, "objectSid": {sid}, "member": members}}
	}
	user := func(name, sam, upn string) directory.Entry {
		return directory.Entry{DN: "CN=" + name + ",CN=Users," + base, Attributes: map[string][]string{
			"objectClass": {"user"}, "cn": {name}, "sAMAccountName": {sam}, "userPrincipalName": {upn},
			"userAccountControl": {"512"}, "userPassword": {sam + "-secret"}}}
	}
	return directory.Config{ActiveDirectory: true, Base: base, Entries: []directory.Entry{
		{DN: base, Attributes: map[string][]string{"objectClass": {"domain"}}},
		{DN: service, Attributes: map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"gatehouse"}, "userPassword": {"gatehouse-secret"}}},
		user(`Anna\, Dr.`, "anna", "anna.long@corp.example"),
		user("Otto", "otto", "otto@corp.example"),
		group("sales", "S-1-5-21-1-2-3-1001", `CN=Anna\, Dr.,CN=Users,`+base),
		group("all", "S-1-5-21-1-2-3-1002", "CN=sales,CN=Users,"+base, "CN=Otto,CN=Users,"+base),
	}}
}

func TestActiveDirectory(t *testing.T) {
	s := serve(t, domain())
	for _, strategy := range []string{"auto", "token_groups", "in_chain", "recursive"} {
		c := settings(s.URL())
		c.GroupSearch.Strategy = strategy
		d := dial(t, c)
		for _, typed := range []string{"anna", "ANNA", "anna.long@corp.example", `CORP\anna`} {
			id, err := d.Authenticate(t.Context(), typed, "anna-secret")
			if err != nil {
				t.Errorf("%s, %s: %v", strategy, typed, err)
				continue
			}
			if id.DN != `cn=anna\, dr.,cn=users,`+base || id.Login != "anna" || strings.Join(id.GroupNames, " ") != "all sales" {
				t.Errorf("%s, %s: %+v", strategy, typed, id)
			}
		}
	}
	lines, err := dial(t, settings(s.URL())).Check(t.Context(), "anna")
	if text := strings.Join(lines, "\n"); err != nil || !strings.Contains(text, "Active Directory; groups by token_groups") {
		t.Errorf("check: %s\n%v", text, err)
	}
}

// TestGroupSIDs: the groups of an Active Directory have their security identifiers,
// whichever way they were found; grants may name them.
func TestGroupSIDs(t *testing.T) {
	s := serve(t, domain())
	for strategy, want := range map[string]string{
		"auto": "S-1-5-21-1-2-3-1002 S-1-5-21-1-2-3-1001", "token_groups": "S-1-5-21-1-2-3-1002 S-1-5-21-1-2-3-1001",
		"in_chain": "S-1-5-21-1-2-3-1002 S-1-5-21-1-2-3-1001", "recursive": "S-1-5-21-1-2-3-1002 S-1-5-21-1-2-3-1001",
		"search": "S-1-5-21-1-2-3-1001", "member_of": "S-1-5-21-1-2-3-1001",
	} {
		c := settings(s.URL())
		c.GroupSearch.Strategy = strategy
		d := dial(t, c)
		id, err := d.Authenticate(t.Context(), "anna", "anna-secret")
		if err != nil || strings.Join(id.GroupSIDs, " ") != want {
			t.Errorf("%s: %+v, %v", strategy, id, fault.Of(err))
		}
		d.clock.forward(2 * time.Minute) // they are looked up anew
		if id, err := d.Lookup(t.Context(), "anna"); err != nil || strings.Join(id.GroupSIDs, " ") != want {
			t.Errorf("%s, looked up: %+v, %v", strategy, id, fault.Of(err))
		}
	}
}

func TestStrategies(t *testing.T) {
	s := serve(t, directory.Config{})
	for strategy, want := range map[string]string{
		"auto": "erp-clerks erp-clerks-north erp-users", "recursive": "erp-clerks erp-clerks-north erp-users",
		"search": "erp-clerks-north", "member_of": "erp-clerks-north",
	} {
		c := settings(s.URL())
		c.GroupSearch.Strategy = strategy
		id, err := dial(t, c).Authenticate(t.Context(), alice, alicesPass)
		if err != nil || strings.Join(id.GroupNames, " ") != want {
			t.Errorf("%s: %+v, %v; want %s", strategy, id, err, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	corpDN, ad := serve(t, directory.Config{}), serve(t, domain())
	for name, c := range map[string]struct {
		url, template, user, password string
		service                       bool
		want                          string
	}{
		"DN, no service":        {corpDN.URL(), "uid={{.Username}},ou=People," + base, alice, alicesPass, false, "erp.alice 3"},
		"DN, service":           {corpDN.URL(), "uid={{.Username}},ou=People," + base, alice, alicesPass, true, "erp.alice 3"},
		"other letters":         {corpDN.URL(), "uid={{.Username}},ou=People," + base, " ERP.alice", alicesPass, true, "erp.alice 3"},
		"wrong password":        {corpDN.URL(), "uid={{.Username}},ou=People," + base, alice, "wrong", false, "!" + string(ldap.ReasonPassword)},
		"injection":             {corpDN.URL(), "uid={{.Username}},ou=People," + base, "erp.alice,ou=People", alicesPass, false, "!" + string(ldap.ReasonPassword)},
		"injection, two values": {corpDN.URL(), "uid={{.Username}},ou=People," + base, "erp.alice+cn=x", alicesPass, false, "!" + string(ldap.ReasonPassword)},
		"principal, no service": {ad.URL(), "{{.Username}}@corp.example", "otto", "otto-secret", false, "otto 1"},
		"principal, service":    {ad.URL(), "{{.Username}}@corp.example", "otto", "otto-secret", true, "otto 1"},
		"domain":                {ad.URL(), `CORP\{{.Username}}`, "anna", "anna-secret", true, "anna 2"},
		"principal by its name": {ad.URL(), "{{.Username}}@corp.example", "anna.long", "anna-secret", true, "anna 2"},
		"principal injection":   {ad.URL(), "{{.Username}}@corp.example", "otto@corp.example", "otto-secret", true, "!" + string(ldap.ReasonCharacters)},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(c.url)
			s.UserDNTemplate = c.template
			if !c.service {
				s.BindDN, s.BindPassword = "", config.Secret{}
			}
			id, err := dial(t, s).Authenticate(t.Context(), c.user, c.password)
			if want, refused := strings.CutPrefix(c.want, "!"); refused {
				if string(reasonOf(err)) != want {
					t.Errorf("%+v, %v; want %s", id, err, want)
				}
				return
			}
			if err != nil || fmt.Sprint(id.Login, " ", len(id.Groups)) != c.want {
				t.Errorf("%+v, %v; want %s", id, err, c.want)
			}
		})
	}
}

func TestTemplateRegroups(t *testing.T) {
	s := serve(t, directory.Config{})
	c := settings(s.URL())
	c.UserDNTemplate = "uid={{.Username}},ou=People," + base
	c.BindDN, c.BindPassword = "", config.Secret{}
	d := dial(t, c)
	for range 3 {
		if _, err := d.Authenticate(t.Context(), alice, alicesPass); err != nil {
			t.Error(err)
		}
		d.clock.forward(time.Minute)
	}
}

// many returns corp.ldif with n groups that hold alice, a group with n members,
// and a chain of n groups above dora.
func many(t testing.TB, n int) []directory.Entry {
	entries := corp(t)
	group := func(name string, members ...string) {
		entries = append(entries, directory.Entry{DN: "cn=" + name + ",ou=Groups," + base,
			Attributes: map[string][]string{"objectClass": {"groupOfNames"}, "cn": {name}, "member": members}})
	}
	crowd := []string{aliceDN}
	below := "uid=dora,ou=People," + base
	for i := range n {
		group(fmt.Sprintf("many-%05d", i), aliceDN)
		group(fmt.Sprintf("chain-%05d", i), below)
		below = fmt.Sprintf("cn=chain-%05d,ou=Groups,%s", i, base)
		crowd = append(crowd, fmt.Sprintf("uid=u%d,ou=People,%s", i, base))
	}
	group("crowd", crowd...)
	return entries
}

func TestManyGroups(t *testing.T) {
	for name, c := range map[string]struct {
		server directory.Config
		limit  int
		user   string
		want   int
		capped string
	}{
		"pages":             {directory.Config{}, 10_000, alice, 1204, ""},
		"exactly the limit": {directory.Config{}, 1204, alice, 1204, ""},
		"max_groups":        {directory.Config{}, 700, alice, 700, "max_groups"},
		"no limit there":    {directory.Config{IgnoreSizeLimit: true}, 100, alice, 100, "max_groups"},
		"max_depth":         {directory.Config{}, 1000, "dora", 12, "max_depth"},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.Entries = many(t, 1200)
			s := settings(serve(t, c.server).URL())
			s.GroupSearch.MaxGroups = c.limit
			d := dial(t, s)
			id, err := d.Authenticate(t.Context(), c.user, c.user+"-secret")
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, g := range id.Groups {
				seen[g] = true
			}
			if len(id.Groups) != c.want || len(seen) != c.want {
				t.Errorf("%d groups, %d different; want %d", len(id.Groups), len(seen), c.want)
			}
			if told := d.log.count("group_search." + c.capped); c.capped != "" && told != 1 || c.capped == "" && d.log.count("too many groups") > 0 {
				t.Errorf("told %d times of %s", told, c.capped)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	s := serve(t, directory.Config{})
	d := dial(t, settings(s.URL()))
	lines, err := d.Check(t.Context(), alice)
	text := strings.Join(lines, "\n")
	for _, want := range []string{"connected WITHOUT TLS", "bound as " + service, "not Active Directory; groups by recursive",
		"uid found below", "member found below", "user erp.alice: " + strings.ToLower(aliceDN), "in erp-users (cn=erp-users,"} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s\n%v", want, text, err)
		}
	}
	for want, change := range map[string]func(*ldap.Config){
		"no user is found":  func(c *ldap.Config) { c.UserSearch.UsernameAttributes = []string{"sAMAccountName"} },
		"no group is found": func(c *ldap.Config) { c.GroupSearch.MemberAttribute = "uniqueMember" },
		"nothing listens":   func(c *ldap.Config) { c.URLs = append(c.URLs, "ldap://127.0.0.1:1") },
		"no such user":      func(c *ldap.Config) { c.UserSearch.Filter = "(objectClass=robot)" },
		"does not exist":    func(c *ldap.Config) { c.UserSearch.BaseDN = "dc=nowhere" },
	} {
		c := settings(s.URL())
		change(&c)
		lines, err := dial(t, c).Check(t.Context(), alice)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("want %q in %v\n%v", want, err, lines)
		}
	}
	if _, err := d.Authenticate(t.Context(), "x", "y"); fault.KindOf(err) != fault.Unauthenticated {
		t.Error(err)
	}
}
