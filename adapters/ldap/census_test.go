package ldap_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

const (
	belowGroups = ",ou=groups," + base
	belowPeople = ",ou=people," + base
)

func TestCensus(t *testing.T) { testCensus(t, dial(t, settings(serve(t, directory.Config{}).URL()))) }

func TestSlapdCensus(t *testing.T) {
	testCensus(t, dial(t, settings("ldap://"+realDirectory(t).address)))
}

func testCensus(t *testing.T, d client) {
	for name, want := range map[string]string{
		"erp-users":                      "cn=erp-users" + belowGroups,
		"ERP-Users":                      "cn=erp-users" + belowGroups,
		"CN=erp-users,OU=Groups," + base: "cn=erp-users" + belowGroups,
		"Einkauf, Süd (EDI)":             `cn=einkauf\, süd (edi)` + belowGroups,
		"erp-usrs":                       "",
		"cn=erp-usrs,ou=Groups," + base:  "",
		"uid=carol,ou=People," + base:    "", // no group
		"*":                              "",
		"a)(objectClass=*":               "",
		"cn=,,,":                         "",
		"nosuchtype=x," + base:           "",
		"S-1-5-21-1004336348-1177238915-68200-51": "",
		"S-1-5-99999999999":                       "",
	} {
		found, err := d.Find(t.Context(), name)
		got := ""
		for _, g := range found {
			got += g.DN
		}
		if err != nil || got != want {
			t.Errorf("%q is %q, want %q: %v", name, got, want, fault.Of(err))
		}
	}
	for dn, want := range map[string][]string{
		"uid=erp.alice" + belowPeople: {"erp-clerks-north"},
		"cn=erp-clerks" + belowGroups: {"erp-users"},
		"uid=nobody" + belowPeople:    nil,
		`cn=a)(b=\*\\` + belowGroups:  nil,
		`cn=not a name at all, x`:     nil,
	} {
		found, err := d.Above(t.Context(), dn)
		var names []string
		for _, g := range found {
			names = append(names, g.Name)
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s is directly in %v, want %v: %v", dn, names, want, fault.Of(err))
		}
	}
	for group, want := range map[string][]string{
		"cn=erp-users" + belowGroups: {"uid=erp.alice" + belowPeople},
		"cn=cycle-a" + belowGroups:   {"uid=dora" + belowPeople},
		"cn=edi-users" + belowGroups: {`cn=müller\, jörg (edi) \+\"1\"\\*#` + belowPeople},
		"cn=nobody" + belowGroups:    nil,
	} {
		got, cut, err := d.Below(t.Context(), group, 10)
		if err != nil || cut || !slices.Equal(got, want) {
			t.Errorf("in %s are %q, %v: %v", group, got, cut, fault.Of(err))
		}
	}
	if !strings.Contains(d.Place(), "ldap://") || !strings.Contains(d.Place(), base) {
		t.Errorf("the place is %s", d.Place())
	}
}

// TestADCensus: groups by name, distinguished name and security identifier, what is
// above an entry, and who is below a group, with a cycle in it.
func TestADCensus(t *testing.T) {
	a := activeDirectory(t)
	normal := func(dn string) string {
		t.Helper()
		text, err := ldap.NormalizeDN(dn)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	anna, otto := a.user("anna", "66048", nil), a.user("otto = müller, the 2nd", "66050", nil)
	direct := a.group("direct, of ü", anna, otto)
	middle := a.group("middle", direct)
	top := a.group("top", middle, anna)
	a.modify(middle, "member", direct, top) // a cycle
	d := dial(t, a.settings())
	found, err := d.Find(t.Context(), a.login("direct, of ü"))
	if err != nil || len(found) != 1 || found[0].DN != normal(direct) || !strings.HasPrefix(found[0].SID, "S-1-5-21-") {
		t.Fatalf("by name: %+v, %v", found, fault.Of(err))
	}
	for _, name := range []string{found[0].SID, strings.ToLower(found[0].SID), direct, strings.ToUpper(direct)} {
		again, err := d.Find(t.Context(), name)
		if err != nil || !slices.Equal(again, found) {
			t.Errorf("%s: %+v, %v", name, again, fault.Of(err))
		}
	}
	for _, none := range []string{anna, "S-1-5-21-1-2-3-4", "cn=nobody," + a.unit, "*"} {
		if again, err := d.Find(t.Context(), none); err != nil || len(again) > 0 {
			t.Errorf("%s: %+v, %v", none, again, fault.Of(err))
		}
	}
	for dn, want := range map[string][]string{
		normal(anna): {normal(direct), normal(top)}, normal(otto): {normal(direct)}, normal(middle): {normal(top)}, "cn=nobody," + a.unit: nil,
	} {
		above, err := d.Above(t.Context(), dn)
		var names []string
		for _, g := range above {
			names = append(names, g.DN)
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("above %s are %q, want %q: %v", dn, names, want, fault.Of(err))
		}
	}
	got, cut, err := d.Below(t.Context(), normal(top), 10)
	slices.Sort(got)
	want := []string{normal(anna), normal(otto)}
	slices.Sort(want)
	if err != nil || cut || !slices.Equal(got, want) {
		t.Errorf("below: %q, %v, %v", got, cut, fault.Of(err))
	}
	if got, cut, err := d.Below(t.Context(), normal(top), 1); err != nil || !cut || len(got) != 1 {
		t.Errorf("cut: %q, %v, %v", got, cut, fault.Of(err))
	}
}

// TestBelowIsBounded: a group of hundreds, which comes in parts or at once, is cut
// where it is said, and says so; one that names itself, people twice and people who
// are gone ends.
func TestBelowIsBounded(t *testing.T) {
	for _, at := range []int{0, 7, 300, 1000} {
		c := directory.Config{Entries: corp(t), MaxValues: at}
		var members []string
		for i := range 300 {
			dn := fmt.Sprintf("uid=u%d,ou=People,%s", i, base)
			c.Entries = append(c.Entries, directory.Entry{DN: dn, Attributes: map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {fmt.Sprint("u", i)}}})
			members = append(members, dn)
		}
		members = append(members, members[0], "uid=gone,ou=People,"+base, "no name", "cn=large,ou=Groups,"+base)
		c.Entries = append(c.Entries, directory.Entry{DN: "cn=large,ou=Groups," + base,
			Attributes: map[string][]string{"objectClass": {"groupOfNames"}, "cn": {"large"}, "member": members}})
		d := dial(t, settings(serve(t, c).URL()))
		for limit, want := range map[int]int{10: 10, 299: 299, 300: 300, 1000: 300} {
			got, cut, err := d.Below(t.Context(), "cn=large"+belowGroups, limit)
			if err != nil || len(got) != want || cut != (limit < 300) {
				t.Errorf("%d at once, limit %d: %d, cut %v, %v", at, limit, len(got), cut, fault.Of(err))
			}
		}
	}
}

// TestCensusOutages: whatever a server does, the question ends in time, as
// unavailable; the next server, or the next question, is answered.
func TestCensusOutages(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	c := settings("ldap://" + silent.Addr().String())
	c.ConnectTimeout = 100 * time.Millisecond
	if _, err := dial(t, c).Find(t.Context(), "erp-users"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a silent server: %v", err)
	}
	there := newRoad(t, serve(t, directory.Config{}).Addr())
	d := dial(t, settings("ldap://127.0.0.1:1", "ldap://"+there.addr))
	find := func(what string) {
		t.Helper()
		if found, err := d.Find(t.Context(), "erp-users"); err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", what, found, fault.Of(err))
		}
	}
	find("the second server")
	there.shut()
	there.open() // as a server does that was restarted
	find("after the connection broke")
	d.Close()
	if _, err := d.Find(t.Context(), "erp-users"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("after the end: %v", err)
	}
}

// TestCensusStandsAside: reviews that hang, or that nobody waits for any more, keep
// no login from its connection and are no outage of the server.
func TestCensusStandsAside(t *testing.T) {
	hold := make(chan struct{})
	var held atomic.Int32
	s := serve(t, directory.Config{})
	s.SetHook(func(r directory.Request) directory.Fault {
		if r.Operation == "search" && strings.Contains(r.DN, "erp-users") {
			held.Add(1)
			<-hold
		}
		return directory.Fault{}
	})
	c := settings(s.URL())
	c.Pool.MaxOpen = 1
	d := dial(t, c)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if _, _, err := d.Below(ctx, "cn=erp-users"+belowGroups, 10); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("answered to nobody: %v", err)
			}
		})
	}
	await(t, "two questions under way", func() bool { return held.Load() == 2 })
	if _, err := d.Authenticate(t.Context(), alice, alicesPass); err != nil {
		t.Errorf("a login beside them: %v", fault.Of(err))
	}
	stop()
	all.Wait()
	close(hold)
	if n := d.log.count("does not answer"); n != 0 {
		t.Errorf("%d outages were logged", n)
	}
}

// TestCensusDoesNotLockTheServiceAccount: its wrong password is not tried with every
// question.
func TestCensusDoesNotLockTheServiceAccount(t *testing.T) {
	var binds atomic.Int32
	s := serve(t, directory.Config{})
	s.SetHook(func(r directory.Request) directory.Fault {
		if r.Operation == "bind" {
			binds.Add(1)
		}
		return directory.Fault{}
	})
	c := settings(s.URL())
	c.BindPassword = config.NewSecret("wrong")
	d := dial(t, c)
	for range 5 {
		if _, err := d.Find(t.Context(), "erp-users"); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("got %v", err)
		}
	}
	if binds.Load() != 1 {
		t.Errorf("%d binds", binds.Load())
	}
	d.clock.forward(time.Hour)
	if _, err := d.Find(t.Context(), "erp-users"); err == nil || binds.Load() != 2 {
		t.Errorf("later: %d binds, %v", binds.Load(), err)
	}
}
