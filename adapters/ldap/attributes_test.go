package ldap_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/ldap"
)

// TestAttributes: an identity has the attributes that are listed, all of their
// values, and no others; one with too many values counts as absent.
func TestAttributes(t *testing.T) {
	c := people(nil)
	for i := range c.Entries {
		if strings.HasPrefix(c.Entries[i].DN, "uid=alice") {
			c.Entries[i].Attributes["departmentNumber"] = []string{"12", "13"}
			c.Entries[i].Attributes["employeeType"] = []string{"staff"}
			for n := range 1001 {
				c.Entries[i].Attributes["carLicense"] = append(c.Entries[i].Attributes["carLicense"], fmt.Sprint(n))
			}
		}
	}
	s := settings(serve(t, c).URL())
	s.UserSearch.UsernameAttributes = []string{"uid"}
	s.Attributes = []string{"departmentnumber", "title", "carLicense"}
	d := dial(t, s)
	for range 2 { // the second answer is remembered
		id, err := d.Lookup(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		if len(id.Attributes) != 1 || !slices.Equal(id.Attributes["departmentnumber"], []string{"12", "13"}) {
			t.Errorf("attributes %v", id.Attributes)
		}
	}
}

func TestAttributesRefused(t *testing.T) {
	for list, want := range map[string]string{
		"uid)(x":                "attributes[0]: \"uid)(x\" is not the name of an attribute",
		"mail USERPASSWORD":     "attributes[1]: USERPASSWORD is never read",
		"department Department": "attributes[1]: Department stands here twice",
	} {
		c := ldap.Config{URLs: []string{"ldaps://dc1"}, Attributes: strings.Fields(list)}
		if _, err := ldap.New(c, slog.New(slog.DiscardHandler), time.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
