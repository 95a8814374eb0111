package operations

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func (d *door) list(user, query string) MessageList {
	d.t.Helper()
	var list MessageList
	d.as(user, http.MethodGet, "/api/v1/messages"+query, "").wants(http.StatusOK, "").into(&list)
	return list
}

func TestListsHoldWhatMayBeRead(t *testing.T) {
	d := newDoor(t, Config{})
	if got := d.list("olga", ""); len(got.Messages) != 5 || got.Next != (gateway.ID{}) {
		t.Errorf("an operator of all messages sees %+v", got)
	}
	got := d.list("nora", "")
	if len(got.Messages) != 2 || got.Messages[0].ID != idOf(3) || got.Messages[1].ID != idOf(0) {
		t.Errorf("an operator of one route sees %+v", got)
	}
	if got := d.list("nora", "?route=orders"); len(got.Messages) != 2 {
		t.Errorf("with the route: %+v", got)
	}
	d.as("nora", http.MethodGet, "/api/v1/messages?route=invoices", "").wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("rita", http.MethodGet, "/api/v1/messages", "").wants(http.StatusForbidden, fault.CodeForbidden)
}

// Whoever may see one message in a thousand pages through the others' without
// being shown them, and without the ledger being read to its end at once.
func TestPagesOfASparseReader(t *testing.T) {
	d := newDoor(t, Config{})
	d.gateway.records = nil
	wanted := map[gateway.ID]bool{}
	for i := range 3000 {
		route := "invoices"
		if i%700 == 0 {
			route = "orders"
			wanted[idOf(i)] = true
		}
		d.gateway.add(idOf(i), route)
	}
	query, pages := "?limit=2", 0
	for ; ; pages++ {
		page := d.list("nora", query)
		if len(page.Messages) > 2 || pages > 20 {
			t.Fatalf("page %d: %+v", pages, page)
		}
		for _, m := range page.Messages {
			if !wanted[m.ID] {
				t.Errorf("%v is shown, or twice", m.ID)
			}
			delete(wanted, m.ID)
		}
		if page.Next == (gateway.ID{}) {
			break
		}
		query = "?limit=2&before=" + page.Next.String()
	}
	if len(wanted) != 0 {
		t.Errorf("never shown: %v", wanted)
	}
}

func TestQueries(t *testing.T) {
	d := newDoor(t, Config{})
	d.list("olga", "?sender=partner:erp&key=PO-1&identity=x&outcome=parked&since=2026-03-01T06:00:00Z&until=2026-03-02T06:00:00%2B01:00&before="+idOf(3).String()+"&limit=500")
	for _, query := range []string{"?limit=0", "?limit=501", "?limit=-1", "?limit=1e3", "?limit=", "?outcome=lost", "?since=yesterday", "?until=0", "?before=1", "?before={" + idOf(1).String() + "}",
		"?rout=orders", "?route=a&route=b", "?key=%00", "?key=%ff", "?key=" + strings.Repeat("x", 513), "?%zz", "?a;b", "?" + strings.Repeat("x", 4000) + "=1"} {
		a := d.as("olga", http.MethodGet, "/api/v1/messages"+query, "")
		if query == "?limit=" { // a parameter without a value restricts nothing
			a.wants(http.StatusOK, "")
			continue
		}
		a.wants(http.StatusBadRequest, fault.CodeRequest)
		if a.Body.Len() > 2000 {
			t.Errorf("%.20s: an answer of %d bytes", query, a.Body.Len())
		}
	}
}

func TestShow(t *testing.T) {
	d := newDoor(t, Config{})
	show := func(user, id string) answer {
		return d.as(user, http.MethodGet, "/api/v1/messages/"+id, "")
	}
	var r gateway.Record
	show("nora", idOf(0).String()).wants(http.StatusOK, "").into(&r)
	if r.ID != idOf(0) || string(r.Payload) != "<secret/>" {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(d.log.String(), `"operator read a message" user="uid=nora"`) {
		t.Errorf("log: %s", d.log)
	}
	a := show("nora", idOf(1).String()).wants(http.StatusForbidden, fault.CodeForbidden)
	if strings.Contains(a.Body.String(), "secret") {
		t.Errorf("a refusal tells of the payload: %s", a.Body)
	}
	show("nora", idOf(2).String()).wants(http.StatusForbidden, fault.CodeForbidden) // came to no route
	show("olga", idOf(2).String()).wants(http.StatusOK, "")
	show("olga", idOf(99).String()).wants(http.StatusNotFound, fault.CodeMessageNotFound)
	// Who may read nothing does not learn which messages there are.
	show("rita", idOf(0).String()).wants(http.StatusForbidden, fault.CodeForbidden)
	show("rita", idOf(99).String()).wants(http.StatusForbidden, fault.CodeForbidden)
}

func TestHostileIDs(t *testing.T) {
	d := newDoor(t, Config{})
	for _, id := range []string{"1", "nonsense", "'%20OR%201=1--", "%00", "%ff", "urn:uuid:" + idOf(0).String(), "%7B" + idOf(0).String() + "%7D",
		strings.ReplaceAll(idOf(0).String(), "-", ""), strings.Repeat("a", 8000), "%2e%2e", "..%2f..%2fetc%2fpasswd"} {
		a := d.as("olga", http.MethodGet, "/api/v1/messages/"+id, "").wants(http.StatusNotFound, fault.CodeMessageNotFound)
		if a.Body.Len() > 1000 {
			t.Errorf("%.20s: an answer of %d bytes", id, a.Body.Len())
		}
	}
}

func TestActs(t *testing.T) {
	d := newDoor(t, Config{})
	act := func(user, what string, n int, body string) answer {
		return d.as(user, http.MethodPost, "/api/v1/messages/"+idOf(n).String()+"/"+what, body)
	}
	var e gateway.Effect
	act("olga", "replay", 0, `{}`).wants(http.StatusOK, "").into(&e)
	if e.Message != idOf(0) || e.Outcome != "replay" {
		t.Errorf("got %+v", e)
	}
	act("olga", "park", 1, `{"reason": " later "}`).wants(http.StatusOK, "")
	act("olga", "discard", 2, because).wants(http.StatusOK, "")
	act("rita", "replay", 3, `{}`).wants(http.StatusOK, "")

	act("olga", "discard", 0, `{}`).wants(http.StatusBadRequest, fault.CodeRequest)
	act("olga", "replay", 99, `{}`).wants(http.StatusNotFound, fault.CodeMessageNotFound)
	act("rita", "replay", 1, `{}`).wants(http.StatusForbidden, fault.CodeForbidden)
	act("rita", "park", 0, `{}`).wants(http.StatusForbidden, fault.CodeForbidden)
	act("nora", "replay", 0, `{}`).wants(http.StatusForbidden, fault.CodeForbidden)

	want := []string{"replay " + idOf(0).String() + " uid=olga ", "park " + idOf(1).String() + " uid=olga later",
		"discard " + idOf(2).String() + " uid=olga because", "replay " + idOf(3).String() + " uid=rita "}
	if got := strings.Join(d.gateway.acts, "|"); got != strings.Join(want, "|") {
		t.Errorf("acts are %q", got)
	}
}

// A message that is refused again is no mistake of the operator, and its sender
// is not he.
func TestRefusedActs(t *testing.T) {
	for _, c := range []struct {
		fault  *fault.Error
		status int
	}{
		{fault.New(fault.CodeForbidden, "erp may not send on route/orders"), http.StatusUnprocessableEntity},
		{fault.New(fault.CodeUnauthenticated, ""), http.StatusUnprocessableEntity},
		{fault.New(fault.CodeInvalid, "").With(fault.Detail{Path: "/o", Message: "wrong", Found: "4711"}), http.StatusUnprocessableEntity},
		{fault.New(fault.CodeKeyReused, ""), http.StatusUnprocessableEntity},
		{fault.New(fault.CodeNotYet, ""), http.StatusUnprocessableEntity},
		{fault.New(fault.CodeNotHeld, "nothing of this message is parked"), http.StatusConflict},
		{fault.New(fault.CodeMessageNotFound, ""), http.StatusNotFound},
		{fault.New(fault.CodeStoreUnavailable, ""), http.StatusServiceUnavailable},
		{fault.New(fault.CodeDraining, ""), http.StatusServiceUnavailable},
		{fault.New(fault.CodeInternal, ""), http.StatusInternalServerError},
	} {
		d := newDoor(t, Config{})
		d.gateway.refusal = c.fault
		target := "/api/v1/messages/" + idOf(0).String() + "/replay"
		a := d.as("olga", http.MethodPost, target, `{}`).wants(c.status, c.fault.Code)
		if len(c.fault.Details) > 0 && !strings.Contains(a.Body.String(), `"found":"4711"`) {
			t.Errorf("who may read is not told what is wrong: %s", a.Body)
		}
		if a := d.as("rita", http.MethodPost, target, `{}`).wants(c.status, c.fault.Code); strings.Contains(a.Body.String(), "4711") {
			t.Errorf("who may not read sees what stands in the message: %s", a.Body)
		}
		if a.Header().Get("WWW-Authenticate") != "" {
			t.Error("the operator is asked for his password again")
		}
	}
}

func TestHolding(t *testing.T) {
	d := newDoor(t, Config{})
	var held Held
	d.as("nora", http.MethodGet, "/api/v1/holding", "").wants(http.StatusOK, "").into(&held)
	if len(held.Messages) != 1 || held.Messages[0] != (HeldMessages{"orders", 2, 3}) {
		t.Errorf("got %+v", held.Messages)
	}
	if len(held.Deliveries) != 2 || held.Deliveries[0] != (HeldDeliveries{"order-events", 7, 0}) || held.Deliveries[1] != (HeldDeliveries{"price-events", 0, 1}) {
		t.Errorf("got %+v", held.Deliveries)
	}
	d.as("olga", http.MethodGet, "/api/v1/holding", "").wants(http.StatusOK, "").into(&held)
	if len(held.Messages) != 2 {
		t.Errorf("got %+v", held.Messages)
	}
}

// TestErase: whose messages are meant, why, and of which routes they may be.
func TestErase(t *testing.T) {
	d := newDoor(t, Config{})
	ask := func(user, body string) answer { return d.as(user, http.MethodPost, "/api/v1/erasures", body) }
	whole := `{"key": "customer", "value": "4711", "reason": " request 17 ", "include_parked": true, "after": "` + idOf(7).String() + `"}`
	var report gateway.Erased
	ask("erna", whole).wants(http.StatusOK, "").into(&report)
	open := 0
	for _, m := range report.Messages {
		if (m.Open != "") != (m.Route != "orders") {
			t.Errorf("%+v", m)
		}
		if m.Open != "" {
			open++
		}
	}
	if open == 0 || open != report.Open() || !report.IncludeParked || report.DryRun {
		t.Errorf("got %+v", report)
	}
	if want := "erase customer=4711 " + idOf(7).String() + " uid=erna request 17"; strings.Join(d.gateway.acts, "|") != want {
		t.Errorf("acts are %q, want %q", d.gateway.acts, want)
	}
	ask("olga", whole).wants(http.StatusForbidden, fault.CodeForbidden)
	for _, body := range []string{`{}`, `{"key": "customer", "value": "4711"}`, `{"key": "", "value": "4711", "reason": "x"}`,
		`{"key": "customer", "reason": "x"}`, `{"key": "customer", "value": "4711", "reason": "x", "all": true}`, `[]`, ``} {
		ask("erna", body).wants(http.StatusBadRequest, fault.CodeRequest)
	}
	d.gateway.refusal = fault.New(fault.CodeStoreUnavailable, "")
	ask("erna", whole).wants(http.StatusServiceUnavailable, fault.CodeStoreUnavailable)
	if len(d.gateway.acts) != 1 {
		t.Errorf("acts are %q", d.gateway.acts)
	}
}
