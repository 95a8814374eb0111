package operations

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// What the fake gateway says of access.

func (g *fakeGateway) Known(_ context.Context, dn string) (*gateway.Operator, error) {
	login := strings.TrimPrefix(dn, "uid=")
	groups, known := people[login]
	switch {
	case g.down != nil:
		return nil, g.down
	case !known:
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errors.New("account disabled"))
	}
	return gateway.NewOperator(&gateway.Identity{DN: dn, Login: login, Groups: make([]string, len(groups)), GroupNames: groups}, access), nil
}

func (g *fakeGateway) Simulate(_ context.Context, c gateway.Change) (*gateway.Simulation, error) {
	return &gateway.Simulation{People: len(c.Join), Shifts: []gateway.Shift{}}, c.Check()
}

func (g *fakeGateway) RoleNames() []string { return access.Roles() }

func (g *fakeGateway) Review(_ context.Context, role string, days, people int) (*gateway.RoleReview, error) {
	return &gateway.RoleReview{Role: fmt.Sprintf("%s %d %d", role, days, people)}, nil
}

func (g *fakeGateway) Limits(context.Context) ([]gateway.LimitState, error) {
	return []gateway.LimitState{{Scope: "role/erp", PerDay: 10, Messages: new(int64(3))}}, nil
}

func with(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func TestSession(t *testing.T) {
	d := newDoor(t, Config{})
	var s Session
	d.as("adam", http.MethodPost, "/api/v1/session", "").wants(http.StatusOK, "").into(&s)
	if s.Login != "adam" || s.DN != "uid=adam" || time.Until(s.Until) > time.Hour || time.Until(s.Until) < 59*time.Minute {
		t.Fatalf("session %+v", s)
	}
	logins := d.gateway.logins
	explain := "/api/v1/access/explain?user=carl&verb=read&on=access"
	d.as("", http.MethodGet, explain, "", with(s.Token)).wants(http.StatusOK, "")
	if d.gateway.logins != logins {
		t.Error("a password was asked for")
	}
	// Only what the directory says now counts.
	people["adam"] = nil
	t.Cleanup(func() { people["adam"] = []string{"admins"} })
	d.as("", http.MethodGet, explain, "", with(s.Token)).wants(http.StatusForbidden, fault.CodeForbidden)
	delete(people, "adam")
	d.as("", http.MethodGet, explain, "", with(s.Token)).wants(http.StatusUnauthorized, fault.CodeUnauthenticated)
	people["adam"] = []string{"admins"}
	d.gateway.down = fault.New(fault.CodeDirectoryUnavailable, "")
	d.as("", http.MethodGet, explain, "", with(s.Token)).wants(http.StatusServiceUnavailable, fault.CodeDirectoryUnavailable)
	d.gateway.down = nil
	// It does not prolong itself, and goes over no wire in clear.
	d.as("", http.MethodPost, "/api/v1/session", "", with(s.Token)).wants(http.StatusBadRequest, fault.CodeRequest)
	d.as("", http.MethodGet, explain, "", with(s.Token), func(r *http.Request) { r.RemoteAddr = "192.0.2.1:99" }).wants(http.StatusForbidden, fault.CodeClearTextPassword)
	// Another process knows nothing of it.
	newDoor(t, Config{}).as("", http.MethodGet, explain, "", with(s.Token)).wants(http.StatusUnauthorized, fault.CodeSession)
	// The end.
	d.as("adam", http.MethodDelete, "/api/v1/session", "").wants(http.StatusBadRequest, fault.CodeRequest)
	d.as("", http.MethodDelete, "/api/v1/session", "", with(s.Token)).wants(http.StatusOK, "")
	d.as("", http.MethodGet, explain, "", with(s.Token)).wants(http.StatusUnauthorized, fault.CodeSession)
	if strings.Contains(d.log.String(), s.Token) {
		t.Error("the token is in the log")
	}
}

func TestSessionTokens(t *testing.T) {
	now := noon
	s := newSessions(time.Hour, func() time.Time { return now })
	token, until := s.issue("uid=olga")
	if c, err := s.read(token); err != nil || c.DN != "uid=olga" || !c.Until.Equal(until) {
		t.Fatalf("read %+v, %v", c, err)
	}
	another, _ := newSessions(time.Hour, func() time.Time { return now }).issue("uid=olga")
	body := base64.RawURLEncoding.EncodeToString([]byte(`{"id":"x","dn":"uid=root","until":"2036-01-01T00:00:00Z"}`))
	signature := token[strings.LastIndexByte(token, '.'):]
	hostile := []string{"", ".", "gh1.", "gh1..", "gh1.x.y", another, token + "A", token[:len(token)-2], "gh1." + body + signature, "gh1." + body + ".", "gh2" + token[3:],
		strings.Repeat("A", 1<<20), tokenPrefix + strings.Repeat(".", 4000)}
	for i := range token { // any one character changed
		c := byte('A')
		if token[i] == 'A' {
			c = 'B'
		}
		hostile = append(hostile, token[:i]+string(c)+token[i+1:])
	}
	for _, h := range hostile {
		if c, err := s.read(h); err == nil && h[:len(h)-1] != token[:len(token)-1] { // the last character has bits that nothing reads
			t.Errorf("%.80q is %+v", h, c)
		}
	}
	now = until
	if _, err := s.read(token); err == nil || fault.Of(err).Code != fault.CodeSession {
		t.Errorf("after its end: %v", err)
	}
}

// What was revoked stays so, and takes no more memory than is said.
func TestRevokedSessionsAreBounded(t *testing.T) {
	now := noon
	s := newSessions(time.Hour, func() time.Time { return now })
	kept, _ := s.issue("uid=olga")
	first, _ := s.issue("uid=olga")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range maxRevoked / 4 {
				token, _ := s.issue("uid=mallory")
				if c, err := s.read(token); err == nil {
					s.revoke(c)
				}
			}
		})
	}
	all.Wait()
	c, err := s.read(first)
	if err != nil {
		t.Fatal(err)
	}
	s.revoke(c) // one more than fit
	for _, token := range []string{first, kept} {
		if _, err := s.read(token); err == nil {
			t.Error("a session outlives the key")
		}
	}
	if len(s.revoked) > maxRevoked {
		t.Errorf("%d are remembered", len(s.revoked))
	}
	token, _ := s.issue("uid=olga")
	c, err = s.read(token)
	if err != nil {
		t.Fatal(err)
	}
	s.revoke(c)
	now = now.Add(2 * time.Hour)
	other, _ := s.issue("uid=olga")
	if c, err = s.read(other); err != nil {
		t.Fatal(err)
	}
	if s.revoke(c); len(s.revoked) != 1 {
		t.Errorf("%d are remembered that ran out", len(s.revoked))
	}
}

func TestAccessOfOthersTakesAGrant(t *testing.T) {
	for target, method := range map[string]string{
		"/api/v1/access/simulate": http.MethodPost, "/api/v1/access/roles": http.MethodGet, "/api/v1/access/report?role=desk": http.MethodGet, "/api/v1/access/limits": http.MethodGet,
	} {
		d := newDoor(t, Config{})
		body := `{"join": [{"user": "carl", "group": "admins"}]}`
		d.as("", method, target, body).wants(http.StatusUnauthorized, fault.CodeUnauthenticated)
		d.as("olga", method, target, body).wants(http.StatusForbidden, fault.CodeForbidden)
		d.as("adam", method, target, body).wants(http.StatusOK, "")
	}
	d := newDoor(t, Config{})
	for _, target := range []string{"/api/v1/access/report?days=0", "/api/v1/access/report?people=1000000", "/api/v1/access/report?rol=desk", "/api/v1/access/roles?x=1"} {
		d.as("adam", http.MethodGet, target, "").wants(http.StatusBadRequest, fault.CodeRequest)
	}
	for _, body := range []string{"", "{}", `{"jion": []}`, `{"join": [{"user": ""}]}`, `[]`, `{"days": 99999, "join": [{"user": "a", "group": "b"}]}`} {
		d.as("adam", http.MethodPost, "/api/v1/access/simulate", body).wants(http.StatusBadRequest, fault.CodeRequest)
	}
	var r gateway.RoleReview
	d.as("adam", http.MethodGet, "/api/v1/access/report?role=desk&days=7&people=5", "").wants(http.StatusOK, "").into(&r)
	if r.Role != "desk 7 5" {
		t.Errorf("asked for %s", r.Role)
	}
}
