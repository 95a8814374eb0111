package bench

import (
	"reflect"
	"slices"
	"testing"
)

// sound is a load in which everything went well: message 0 by SOAP, 1 by AMQP, 2
// invalid by SOAP, 3 invalid by AMQP, 4 sent and never answered, nor stored.
func sound() (Statement, *Evidence) {
	a := NewAccount()
	a.Send(Task{Number: 0}, SOAP)
	a.Reply(0, 11)
	a.Reply(0, 11)
	a.Send(Task{Number: 1}, AMQP)
	a.Confirm(1)
	a.Send(Task{Number: 2, Invalid: true}, SOAP)
	a.Refuse(2, "GH-3001", "no")
	a.Send(Task{Number: 3, Invalid: true}, AMQP)
	a.Confirm(3)
	a.Send(Task{Number: 4}, SOAP)
	whole := func() Stored {
		return Stored{Messages: 1, Claims: 1, Payloads: 1, Replies: 1, Deliveries: 1, Rows: []int{1, 3}}
	}
	none := func() Stored { return Stored{Rows: []int{0, 0}} }
	parked := none()
	parked.Parked = 1
	return a.Statement(), &Evidence{
		Stored:     []Stored{whole(), whole(), none(), parked, none()},
		Tables:     []Table{{"sales.sales_order", func(int) int { return 1 }}, {"sales.order_line", func(int) int { return 3 }}},
		Deliveries: 1, Replies: true,
		Shards: []Shard{{Channel: "order-events", Drawn: 2, Found: 2, Numbers: 2, Confirmed: 2}},
	}
}

// TestJudgeSound finds nothing where nothing is wrong.
func TestJudgeSound(t *testing.T) {
	s, e := sound()
	if f := Judge(s, e); f.Any() {
		t.Errorf("%+v", f)
	}
	s.Sent[3].Retries, e.Stored[3].Parked = 1, 2
	if f := Judge(s, e); f.Any() {
		t.Errorf("an invalid message that was sent again is parked again: %+v", f)
	}
	e.Stored[4] = e.Stored[0] // stored, though the sender never heard of it
	if f := Judge(s, e); f.Any() {
		t.Errorf("a message whose answer was lost: %+v", f)
	}
}

// TestJudgeFaults has each single thing that can be wrong found, once, as what it
// is.
func TestJudgeFaults(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Statement, *Evidence)
		want  string
	}{
		"message gone": {func(_ *Statement, e *Evidence) { e.Stored[0] = Stored{Rows: []int{1, 3}} }, Lost},
		"message twice": {func(_ *Statement, e *Evidence) {
			e.Stored[1] = Stored{Messages: 2, Claims: 2, Payloads: 2, Replies: 2, Deliveries: 2, Rows: []int{1, 3}}
		}, Twice},
		"claim gone":                {func(_ *Statement, e *Evidence) { e.Stored[0].Claims = 0 }, Lost},
		"claim twice":               {func(_ *Statement, e *Evidence) { e.Stored[0].Claims = 2 }, Twice},
		"payload gone":              {func(_ *Statement, e *Evidence) { e.Stored[0].Payloads = 0 }, Lost},
		"reply gone":                {func(_ *Statement, e *Evidence) { e.Stored[1].Replies = 0 }, Lost},
		"delivery gone":             {func(_ *Statement, e *Evidence) { e.Stored[1].Deliveries = 0 }, Lost},
		"delivery twice":            {func(_ *Statement, e *Evidence) { e.Stored[1].Deliveries = 2 }, Twice},
		"order gone":                {func(_ *Statement, e *Evidence) { e.Stored[0].Rows[0] = 0 }, Lost},
		"line gone":                 {func(_ *Statement, e *Evidence) { e.Stored[0].Rows[1] = 2 }, Lost},
		"line twice":                {func(_ *Statement, e *Evidence) { e.Stored[0].Rows[1] = 4 }, Twice},
		"part of an unanswered":     {func(_ *Statement, e *Evidence) { e.Stored[4].Rows = []int{1, 3} }, Lost},
		"invalid stored":            {func(_ *Statement, e *Evidence) { e.Stored[2].Messages = 1 }, Unexpected},
		"invalid with a row":        {func(_ *Statement, e *Evidence) { e.Stored[3].Rows[0] = 1 }, Unexpected},
		"invalid taken":             {func(s *Statement, _ *Evidence) { s.Sent[2].Taken = true }, Accepted},
		"invalid kept after all":    {func(_ *Statement, e *Evidence) { e.Stored[2].Parked = 1 }, Unexpected},
		"invalid not parked":        {func(_ *Statement, e *Evidence) { e.Stored[3].Parked = 0 }, Lost},
		"invalid parked twice":      {func(_ *Statement, e *Evidence) { e.Stored[3].Parked = 2 }, Twice},
		"refused and stored":        {func(s *Statement, _ *Evidence) { s.Sent[0].Refused = true }, Unexpected},
		"valid refused":             {func(s *Statement, _ *Evidence) { s.Refusals["GH-3004"] = 2 }, Refused},
		"valid parked":              {func(_ *Statement, e *Evidence) { e.Stored[1] = Stored{Parked: 1, Rows: []int{0, 0}} }, Refused},
		"two answers":               {func(s *Statement, _ *Evidence) { s.Sent[0].Differing = true }, Differing},
		"an answer of another kind": {func(s *Statement, _ *Evidence) { s.Wrong = []string{"HTTP 418"} }, Broken},
		"somebody else's row":       {func(_ *Statement, e *Evidence) { e.Extra = []string{"one"} }, Unexpected},
		"damage":                    {func(_ *Statement, e *Evidence) { e.Damage = []string{"a page"} }, Damage},
		"gap":                       {func(_ *Statement, e *Evidence) { e.Shards[0].Drawn = 3 }, Lost},
		"number twice":              {func(_ *Statement, e *Evidence) { e.Shards[0].Found = 3 }, Twice},
		"never confirmed":           {func(_ *Statement, e *Evidence) { e.Shards[0].Confirmed = 1 }, Unpublished},
		"still waiting":             {func(_ *Statement, e *Evidence) { e.Shards[0].Confirmed, e.Shards[0].Left = 1, 1 }, Unpublished},
		"delivery parked":           {func(_ *Statement, e *Evidence) { e.Shards[0].Confirmed, e.Shards[0].Parked = 1, 1 }, Unpublished},
	} {
		s, e := sound()
		c.spoil(&s, e)
		f := Judge(s, e)
		if kinds := kindsOf(f); !slices.Equal(kinds, []string{c.want}) || len(f.Words(c.want)) == 0 {
			t.Errorf("%s: %v %+v", name, kinds, f)
		}
	}
}

func kindsOf(f *Findings) (out []string) {
	for _, kind := range Kinds {
		if f.Count(kind) > 0 {
			out = append(out, kind)
		}
	}
	return out
}

// TestAccount tells answers that differ from those that do not.
func TestAccount(t *testing.T) {
	a := NewAccount()
	a.Send(Task{Number: 2}, SOAP)
	a.Reply(2, 1)
	a.Reply(2, 2)
	a.Repeat()
	a.Retry(2)
	a.Wrong(2, "HTTP %d", 418)
	a.Refuse(2, "GH-1", "first")
	a.Refuse(2, "GH-1", "second")
	s := a.Statement()
	if !s.Sent[2].Differing || s.Sent[2].Answers != 2 || s.Repeats != 1 || s.Retries != 1 || len(s.Sent) != 3 {
		t.Errorf("%+v", s)
	}
	if s.Refusals["GH-1"] != 2 || s.Examples["GH-1"] != "first" || !reflect.DeepEqual(s.Wrong, []string{"message 2: HTTP 418"}) {
		t.Errorf("%+v", s)
	}
}

// TestReportPut has a count for every kind, also where nothing was found, and
// bounds the words.
func TestReportPut(t *testing.T) {
	s, e := sound()
	var r Report
	r.Put(Judge(s, e))
	if r.Verdict != Holds || len(r.Wrong) != len(Kinds) || r.Words != nil {
		t.Errorf("%+v", r)
	}
	for range 25 {
		e.Extra = append(e.Extra, "a row")
	}
	r.Put(Judge(s, e))
	if r.Verdict != Fails || r.Wrong[Unexpected] != 25 || len(r.Words) != mostWords {
		t.Errorf("%+v", r)
	}
}
