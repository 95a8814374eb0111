package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// archive is a ledger of some messages, which notes what it was asked and what of it
// was read.
type archive struct {
	messages []gateway.Record // newest first
	asked    gateway.Query
	read     []string
}

func (a *archive) Messages(_ context.Context, q gateway.Query) (out []gateway.Summary, err error) {
	a.asked = q
	for i := range a.messages {
		m := &a.messages[i]
		if (q.Before == gateway.ID{} || m.ID.String() < q.Before.String()) && len(out) < q.Limit {
			out = append(out, m.Summary)
		}
	}
	return out, nil
}

func (a *archive) Message(_ context.Context, id gateway.ID) (*gateway.Record, error) {
	for i := range a.messages {
		if a.messages[i].ID == id {
			return &a.messages[i], nil
		}
	}
	return nil, fault.New(fault.CodeMessageNotFound, "")
}

func (a *archive) Audited(_ context.Context, what, target string, act gateway.Act) error {
	a.read = append(a.read, what+" "+target+" "+act.By)
	return nil
}

func numbered(n int) gateway.ID {
	return uuid.MustParse(fmt.Sprintf("01900000-0000-7000-8000-%012d", n))
}

// withMessages is a stand with a ledger of twenty messages of two routes, of which
// olga may read one.
func withMessages(t *testing.T) (*stand, *archive) {
	s, a := newStand(t, SearchConfig{}), &archive{}
	for n := 20; n > 0; n-- {
		r := gateway.Record{ContentType: "text/xml; charset=utf-8", Payload: []byte("<o/>")}
		r.Summary = gateway.Summary{
			ID: numbered(n), ReceivedAt: time.Date(2026, 3, 2, 9, 30, n, 0, time.UTC), Route: []string{"orders", "prices"}[n%2], Principal: "cn=erp", Sender: "partner:erp",
			Identity: fmt.Sprint("m", n), Outcome: "stored", Keys: []mapping.Key{{Name: "order", Value: fmt.Sprint("PO-", n)}, {Name: "customer", Value: "C-1"}},
		}
		a.messages = append(a.messages, r)
	}
	a.messages[0].Payload, a.messages[0].PayloadGone = nil, "removed"
	views := s.resources[0].(*Views)
	views.AddMessages(&Messages{Ledger: a, Core: a})
	views.askers.(people)["olga"] = &gateway.Grant{Role: "reader", May: []gateway.Verb{gateway.Read}, On: "message/orders"}
	return s, a
}

// TestMessages holds that the ledger is a view of the messages that may be read.
func TestMessages(t *testing.T) {
	s, a := withMessages(t)
	p := s.page("olga", "messages?$top=4&$expand=keys($select=value)&$select=id,route,partner")
	row, err := json.Marshal(p.Value[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := string(row); len(p.Value) != 4 || got != `{"id":"01900000-0000-7000-8000-000000000020","keys":[{"value":"PO-20"},{"value":"C-1"}],"partner":"erp","route":"orders"}` {
		t.Errorf("%s", got)
	}
	seen := 0
	for ; ; p = s.page("olga", p.Next) {
		seen += len(p.Value)
		for _, row := range p.Value {
			if string(row["route"]) != `"orders"` {
				t.Errorf("olga sees %v", row)
			}
		}
		if p.Next == "" {
			break
		}
	}
	if seen != 10 {
		t.Errorf("olga sees %d messages", seen)
	}
	s.page("olga", "messages?$orderby=received_at desc&$filter=partner eq 'erp' and key eq 'PO-7' and outcome eq 'stored' and code in ('GH-1001','GH-2002')"+
		" and received_at ge 2026-03-01T00:00:00Z and (received_at lt 2026-03-03T00:00:00Z and route eq 'orders')")
	want := gateway.Query{Route: "orders", Sender: "partner:erp", Key: "PO-7", Outcome: "stored", Codes: []string{"GH-1001", "GH-2002"}, Limit: 100,
		Since: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)}
	if fmt.Sprint(a.asked) != fmt.Sprint(want) {
		t.Errorf("the ledger is asked %v, not %v", a.asked, want)
	}
	for target, code := range map[string]fault.Code{
		"messages?$filter=route eq 'a' or route eq 'b'":            fault.CodeUnserved,
		"messages?$filter=route eq 'a' and route eq 'b'":           fault.CodeUnserved,
		"messages?$filter=contains(identity,'a')":                  fault.CodeUnserved,
		"messages?$filter=received_at gt 2026-03-01T00:00:00Z":     fault.CodeUnserved,
		"messages?$filter=not (route eq 'a')":                      fault.CodeUnserved,
		"messages?$filter=route eq ''":                             fault.CodeUnserved,
		"messages?$filter=outcome eq 'lost'":                       fault.CodeUnserved,
		"messages?$filter=code eq 'GH-1001' and code eq 'GH-1002'": fault.CodeUnserved,
		"messages?$orderby=received_at":                            fault.CodeUnserved,
		"messages?$filter=principal eq 'a'":                        fault.CodeQuery,
		"messages?$count=true":                                     fault.CodeQuery,
	} {
		if p := s.refused("olga", target, 400); p.Code != code {
			t.Errorf("%s: %+v", target, p)
		}
	}
}

// TestMessagePayload holds that a payload is read under the grant of its route only,
// and that who has read it is on record before he has it.
func TestMessagePayload(t *testing.T) {
	s, a := withMessages(t)
	if got := s.ask("olga", "GET", "messages/"+numbered(4).String()+"?$select=identity").Body.String(); got != `{"identity":"m4"}`+"\n" {
		t.Errorf("%s", got)
	}
	w := s.ask("olga", "GET", "messages/"+numbered(4).String()+"/payload")
	if w.Code != 200 || w.Body.String() != "<o/>" || w.Header().Get("Content-Type") != "application/xml" || w.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if len(a.read) != 1 || a.read[0] != "read "+numbered(4).String()+" cn=olga" {
		t.Errorf("on record is %v", a.read)
	}
	for _, c := range []struct {
		user, target string
		status       int
	}{
		{"olga", "messages/" + numbered(3).String(), 404}, {"olga", "messages/" + numbered(3).String() + "/payload", 404},
		{"olga", "messages/" + numbered(99).String() + "/payload", 404}, {"olga", "messages/x/payload", 404}, {"olga", "messages/x", 404},
		{"olga", "messages/" + numbered(20).String() + "/payload", 409}, {"alice", "messages", 403}, {"alice", "messages/" + numbered(4).String() + "/payload", 403},
		{"", "messages/" + numbered(4).String() + "/payload", 401}, {"alice", "orders/4/payload", 404},
	} {
		p := s.refused(c.user, c.target, c.status)
		if c.status == 403 && p.Detail != "alice may not read on view/messages" { // as of a view that there is not
			t.Errorf("%s: %s", c.target, p.Detail)
		}
	}
	if len(a.read) != 1 {
		t.Errorf("on record is %v", a.read)
	}
	if got := s.ask("olga", "GET", "openapi.json").Body.String(); !strings.Contains(got, `"/api/messages/{id}"`) || strings.Contains(got, `"/api/orders"`) {
		t.Errorf("%s", got)
	}
	if got := newStand(t, SearchConfig{}).ask("alice", "GET", "messages"); got.Code != 404 {
		t.Errorf("where it is not served: %d", got.Code)
	}
}
