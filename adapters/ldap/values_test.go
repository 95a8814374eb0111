package ldap_test

import (
	"crypto/x509"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// popular is a domain whose anna is in n groups, and that sends seven values of an
// attribute at once.
func popular(n int) directory.Config {
	c := domain()
	c.MaxValues = 7
	for i := range n {
		c.Entries = append(c.Entries, directory.Entry{DN: fmt.Sprintf("CN=many-%03d,CN=Users,%s", i, base), Attributes: map[string][]string{
			"objectClass": {"group"}, "cn": {fmt.Sprintf("many-%03d", i)}, "objectSid": {fmt.Sprintf("S-1-5-21-1-2-3-%d", 2000+i)},
			"member": {`CN=Anna\, Dr.,CN=Users,` + base}}})
	}
	return c
}

// TestRangedAttributes: an attribute that comes in parts is taken whole, whatever
// its length is to the parts', or up to the limit.
func TestRangedAttributes(t *testing.T) {
	for _, strategy := range []string{"member_of", "token_groups"} {
		beside := map[string]int{"member_of": 1, "token_groups": 2}[strategy] // sales, and all by way of it
		for _, n := range []int{0, 6, 7, 13, 40} {
			c := settings(serve(t, popular(n)).URL())
			c.GroupSearch.Strategy = strategy
			id, err := dial(t, c).Authenticate(t.Context(), "anna", "anna-secret")
			if err != nil || len(id.Groups) != n+beside {
				t.Errorf("%s of %d: %+v, %v", strategy, n, id, fault.Of(err))
			}
		}
		c := settings(serve(t, popular(40)).URL())
		c.GroupSearch.Strategy, c.GroupSearch.MaxGroups = strategy, 10
		d := dial(t, c)
		id, err := d.Authenticate(t.Context(), "anna", "anna-secret")
		if err != nil || len(id.Groups) != 10 || d.log.count("max_groups") != 1 {
			t.Errorf("%s up to a limit: %+v, %v", strategy, id, fault.Of(err))
		}
	}
}

// TestRangedCertificates: a certificate is found among many of one entry.
func TestRangedCertificates(t *testing.T) {
	cert := certificate(t, func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, alternative(t, "", "otto@corp.example"))
	})
	c := domain()
	c.MaxValues = 2
	for _, e := range c.Entries {
		if strings.HasPrefix(e.DN, "CN=Otto") {
			e.Attributes["userCertificate"] = []string{"one", "two", "three", "four", string(cert.Raw)}
		}
	}
	s := settings(serve(t, c).URL())
	s.ClientCertificates = &ldap.ClientCertificates{By: []string{"upn"}, Pinned: true}
	if id, err := dial(t, s).Holder(t.Context(), cert); err != nil || id.Login != "otto" {
		t.Errorf("%+v, %v", id, fault.Of(err))
	}
}

// TestRangesThatDoNotGoOn: a server that has more and does not send it is not
// asked for ever, and nobody is let in with half of his groups.
func TestRangesThatDoNotGoOn(t *testing.T) {
	s := serve(t, popular(40))
	var reads atomic.Int32
	s.SetHook(func(r directory.Request) directory.Fault {
		if r.Operation == "search" && strings.HasPrefix(r.DN, `CN=Anna`) && reads.Add(1) == 2 {
			if err := s.Replace(popular(3).Entries); err != nil {
				t.Error(err)
			}
		}
		return directory.Fault{}
	})
	c := settings(s.URL())
	c.GroupSearch.Strategy = "member_of"
	d := dial(t, c)
	if _, err := d.Authenticate(t.Context(), "anna", "anna-secret"); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "does not send memberOf;range=14-*") {
		t.Errorf("%v", err)
	}
	if id, err := d.Authenticate(t.Context(), "anna", "anna-secret"); err != nil || len(id.Groups) != 4 {
		t.Errorf("afterwards: %+v, %v", id, err)
	}
}
