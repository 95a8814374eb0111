package operations

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// last is the selection that the core was asked for last.
func (g *fakeGateway) last() gateway.Selection { return g.selected[len(g.selected)-1] }

// Groups are those of the routes that somebody may read.
func TestGroupsAreConfined(t *testing.T) {
	d := newDoor(t, Config{})
	var got ParkedGroups
	d.as("olga", http.MethodGet, "/api/v1/messages/groups?code=GH-2002&since=2026-03-01T06:00:00Z", "").wants(http.StatusOK, "").into(&got)
	if len(got.Groups) != 2 || d.gateway.last().Routes != nil || !slices.Equal(d.gateway.last().Codes, []string{"GH-2002"}) || d.gateway.last().Since.IsZero() {
		t.Errorf("an operator of everything: %+v of %+v", got, d.gateway.last())
	}
	d.as("nora", http.MethodGet, "/api/v1/messages/groups?channel=order-events", "").wants(http.StatusOK, "")
	if s := d.gateway.last(); !slices.Equal(s.Routes, []string{"orders"}) || s.Channel != "order-events" {
		t.Errorf("an operator of one route: %+v", s)
	}
	d.as("nora", http.MethodGet, "/api/v1/messages/groups?route=invoices", "").wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("rita", http.MethodGet, "/api/v1/messages/groups", "").wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("carl", http.MethodGet, "/api/v1/messages/groups", "").wants(http.StatusForbidden, fault.CodeForbidden)
	for _, query := range []string{"code=GH-77", "code=forbiden", "outcome=parked", "since=yesterday", "code=GH-2&code=GH-3"} {
		d.as("olga", http.MethodGet, "/api/v1/messages/groups?"+query, "").wants(http.StatusBadRequest, fault.CodeRequest)
	}
}

func TestJobsAreBegun(t *testing.T) {
	d := newDoor(t, Config{})
	var planned Planned
	d.as("olga", http.MethodPost, "/api/v1/jobs", `{"act": "replay", "code": "forbidden", "dry_run": true}`).wants(http.StatusOK, "").into(&planned)
	if planned.Messages != 5 || len(planned.Groups) != 2 || len(d.gateway.jobs) != 0 {
		t.Errorf("planned %+v, %d jobs", planned, len(d.gateway.jobs))
	}
	var j gateway.Job
	d.as("olga", http.MethodPost, "/api/v1/jobs", `{"act": "discard", "route": "orders", "rate": 7, "reason": " sent twice "}`).wants(http.StatusOK, "").into(&j)
	if j.By != "uid=olga" || j.Login != "olga" || j.Act != gateway.Discard || j.Rate != 7 || j.Reason != "sent twice" || j.Selection.Route != "orders" || j.Selection.Routes != nil {
		t.Errorf("began %+v", j)
	}
	// Of everything that is meant, somebody's job has what he may do.
	d.as("dora", http.MethodPost, "/api/v1/jobs", `{"act": "replay", "code": "GH-2"}`).wants(http.StatusOK, "").into(&j)
	if !slices.Equal(j.Selection.Routes, []string{"orders"}) {
		t.Errorf("one route's: %+v", j)
	}
	for user, body := range map[string]string{
		"dora": `{"act": "replay", "route": "invoices"}`,
		"nora": `{"act": "replay", "route": "orders"}`, // reads only
		"rita": `{"act": "replay", "route": "orders"}`, // replays without reading
		"carl": `{"act": "replay", "route": "orders"}`,
	} {
		d.as(user, http.MethodPost, "/api/v1/jobs", body).wants(http.StatusForbidden, fault.CodeForbidden)
	}
	for _, body := range []string{
		``, `{}`, `[]`, `{"act": "replay"}`, `{"act": "park", "route": "orders"}`, `{"act": "replay", "route": "orders", "rate": -1}`, `{"act": "replay", "route": "orders", "rate": 1001}`,
		`{"act": "discard", "route": "orders"}`, `{"act": "replay", "code": "GH-77"}`, `{"act": "replay", "rout": "orders"}`, `{"act": "replay", "route": "orders"} {}`,
		`{"act": "replay", "route": "orders", "since": "yesterday"}`, `{"act": "replay", "route": "orders", "reason": "` + strings.Repeat("x", 1001) + `"}`,
	} {
		d.as("olga", http.MethodPost, "/api/v1/jobs", body).wants(http.StatusBadRequest, fault.CodeRequest)
	}
	d.as("olga", http.MethodPut, "/api/v1/jobs", `{}`).wants(http.StatusBadRequest+5, fault.CodeMethod)
	if len(d.gateway.jobs) != 2 {
		t.Errorf("%d jobs, want 2", len(d.gateway.jobs))
	}
}

func TestJobsAreSeenAndTurned(t *testing.T) {
	d := newDoor(t, Config{})
	d.as("olga", http.MethodPost, "/api/v1/jobs", `{"act": "replay", "code": "GH-2"}`).wants(http.StatusOK, "")
	d.as("dora", http.MethodPost, "/api/v1/jobs", `{"act": "replay", "code": "GH-2"}`).wants(http.StatusOK, "")
	all, orders := d.gateway.jobs[0].ID.String(), d.gateway.jobs[1].ID.String()
	for user, want := range map[string]int{"olga": 2, "dora": 1, "nora": 1} {
		var list JobList
		d.as(user, http.MethodGet, "/api/v1/jobs", "").wants(http.StatusOK, "").into(&list)
		if len(list.Jobs) != want {
			t.Errorf("%s sees %d jobs, want %d", user, len(list.Jobs), want)
		}
	}
	d.as("rita", http.MethodGet, "/api/v1/jobs", "").wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("nora", http.MethodGet, "/api/v1/jobs/"+orders, "").wants(http.StatusOK, "")
	d.as("nora", http.MethodGet, "/api/v1/jobs/"+all, "").wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("nora", http.MethodPost, "/api/v1/jobs/"+orders+"/pause", `{}`).wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("dora", http.MethodPost, "/api/v1/jobs/"+all+"/cancel", `{}`).wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("dora", http.MethodPost, "/api/v1/jobs/"+orders+"/cancel", `{"reason": "enough"}`).wants(http.StatusOK, "")
	d.as("olga", http.MethodPost, "/api/v1/jobs/"+orders+"/resume", `{}`).wants(http.StatusOK, "")
	d.as("olga", http.MethodPost, "/api/v1/jobs/"+idOf(77).String()+"/pause", `{}`).wants(http.StatusNotFound, fault.CodeJobNotFound)
	d.as("olga", http.MethodGet, "/api/v1/jobs/nonsense", "").wants(http.StatusNotFound, fault.CodeJobNotFound)
	if want := []string{"cancelled " + orders + " uid=dora enough", "running " + orders + " uid=olga "}; !slices.Equal(d.gateway.acts, want) {
		t.Errorf("acts %q, want %q", d.gateway.acts, want)
	}
}

func TestCorrecting(t *testing.T) {
	d := newDoor(t, Config{})
	address := "/api/v1/messages/" + idOf(0).String() + "/correct"
	d.as("dora", http.MethodPost, address, `{"payload": "PGEvPg==", "reason": "typo"}`).wants(http.StatusOK, "")
	if want := []string{"correct <a/> " + idOf(0).String() + " uid=dora typo"}; !slices.Equal(d.gateway.acts, want) {
		t.Errorf("acts %q, want %q", d.gateway.acts, want)
	}
	d.as("olga", http.MethodPost, address, `{"payload": "PGEvPg==", "reason": "typo"}`).wants(http.StatusForbidden, fault.CodeForbidden) // replays, and corrects nothing
	d.as("dora", http.MethodPost, "/api/v1/messages/"+idOf(1).String()+"/correct", `{"payload": "PGEvPg==", "reason": "typo"}`).wants(http.StatusForbidden, fault.CodeForbidden)
	for _, body := range []string{`{}`, `{"reason": "typo"}`, `{"payload": "PGEvPg=="}`, `{"payload": "<a/>", "reason": "typo"}`, `{"payload": "", "reason": "typo"}`} {
		d.as("dora", http.MethodPost, address, body).wants(http.StatusBadRequest, fault.CodeRequest)
	}
	large := `{"reason": "typo", "payload": "` + strings.Repeat("QUFB", maxCorrected/4) + `"}`
	d.as("dora", http.MethodPost, address, large).wants(http.StatusRequestEntityTooLarge, fault.CodeTooLarge)
	d.gateway.refusal = fault.New(fault.CodeInvalid, "").With(fault.Detail{Message: "still wrong"})
	d.as("dora", http.MethodPost, address, `{"payload": "PGEvPg==", "reason": "typo"}`).wants(http.StatusUnprocessableEntity, fault.CodeInvalid)
}

func TestRepeating(t *testing.T) {
	d := newDoor(t, Config{})
	address := "/api/v1/messages/" + idOf(0).String() + "/repeat"
	var seen gateway.Differences
	d.as("dora", http.MethodGet, address, "").wants(http.StatusOK, "").into(&seen)
	d.as("dora", http.MethodPost, address, `{"seen": "`+seen.Seen+`", "reason": "lost"}`).wants(http.StatusOK, "")
	if want := []string{"repeat one-two " + idOf(0).String() + " uid=dora lost"}; !slices.Equal(d.gateway.acts, want) {
		t.Errorf("acts %q, want %q", d.gateway.acts, want)
	}
	for _, body := range []string{`{}`, `{"seen": "one-two"}`, `{"reason": "lost"}`} {
		d.as("dora", http.MethodPost, address, body).wants(http.StatusBadRequest, fault.CodeRequest)
	}
	d.as("olga", http.MethodGet, address, "").wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("olga", http.MethodPost, address, `{"seen": "one-two", "reason": "lost"}`).wants(http.StatusForbidden, fault.CodeForbidden)
	d.gateway.refusal = fault.New(fault.CodeSeen, "")
	d.as("dora", http.MethodPost, address, `{"seen": "one-two", "reason": "lost"}`).wants(http.StatusConflict, fault.CodeSeen)
}

func TestAdopting(t *testing.T) {
	d := newDoor(t, Config{})
	var got gateway.Adopted
	d.as("dora", http.MethodPost, "/api/v1/queues/adopt", `{"queue": "dlq", "route": "orders"}`).wants(http.StatusOK, "").into(&got)
	if got.Parked != 2 || got.Left != 7 || len(d.gateway.adoptions) != 1 || d.gateway.adoptions[0].Limit != 100 {
		t.Errorf("adopted %+v for %+v", got, d.gateway.adoptions)
	}
	d.as("dora", http.MethodPost, "/api/v1/queues/adopt", `{"queue": "dlq", "route": "invoices"}`).wants(http.StatusForbidden, fault.CodeForbidden)
	d.as("olga", http.MethodPost, "/api/v1/queues/adopt", `{"queue": "dlq", "route": "orders"}`).wants(http.StatusForbidden, fault.CodeForbidden)
	for _, body := range []string{`{}`, `{"queue": "dlq"}`, `{"queue": "dlq", "route": "orders", "limit": 0}`, `{"queue": "dlq", "route": "orders", "limit": 1001}`, `{"queue": "` + strings.Repeat("q", 256) + `", "route": "orders"}`} {
		d.as("dora", http.MethodPost, "/api/v1/queues/adopt", body).wants(http.StatusBadRequest, fault.CodeRequest)
	}
	if len(d.gateway.adoptions) != 1 || !strings.Contains(d.log.String(), `msg="dead letters adopted" user=uid=dora queue=dlq route=orders`) && !strings.Contains(d.log.String(), `user="uid=dora" queue=dlq`) {
		t.Errorf("%d adoptions; %s", len(d.gateway.adoptions), d.log)
	}
}
