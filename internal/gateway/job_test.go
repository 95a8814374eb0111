package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// jobStore keeps one job and the messages it is about, all of the route orders.
type jobStore struct {
	Store
	job     Job
	open    []ID
	closed  map[ID]string
	away    ID // the store fails at this message
	foreign bool
	settled []JobItem
	notes   []string
}

func (*jobStore) Lanes() int  { return 1 }
func (*jobStore) Shards() int { return 1 }

func (s *jobStore) Acquire(context.Context, string, int, string, time.Duration) (Lease, bool, error) {
	return Lease{}, !s.foreign, nil
}

func (s *jobStore) Jobs(_ context.Context, state JobState, _ int) ([]Job, error) {
	if s.job.State != state {
		return nil, nil
	}
	return []Job{s.job}, nil
}

func (s *jobStore) Job(context.Context, ID) (*Job, error) { return &s.job, nil }

func (s *jobStore) JobItems(_ context.Context, _ ID, limit int) ([]ID, error) {
	return s.open[:min(limit, len(s.open))], nil
}

func (s *jobStore) SettleJob(_ context.Context, _ ID, items []JobItem, streak int, cause string) error {
	s.job.Streak, s.job.StreakCause = streak, cause
	for _, it := range items {
		s.settled = append(s.settled, it)
		s.open = s.open[1:]
	}
	if len(s.open) == 0 {
		s.job.State = JobDone
	}
	return nil
}

func (s *jobStore) TurnJob(_ context.Context, _ ID, state JobState, note string) error {
	s.job.State = state
	s.notes = append(s.notes, note)
	return nil
}

func (s *jobStore) Held(_ context.Context, id ID) (*Held, error) {
	return &Held{Message: Message{ID: id, Route: "orders", Endpoint: "amqp:gone"}, Closed: s.closed[id]}, nil
}

func (s *jobStore) DiscardMessage(_ context.Context, id ID, _ Act) error {
	if id == s.away {
		return fault.New(fault.CodeStoreUnavailable, "")
	}
	return nil
}

func (s *jobStore) Message(_ context.Context, id ID) (*Record, error) {
	return &Record{History: []Attempt{{What: "discarded", By: s.closed[id], Reason: "because (job " + s.job.ID.String() + ")"}}}, nil
}

func newJobStore(n int) *jobStore {
	s := &jobStore{closed: map[ID]string{}, job: Job{ID: uuid.Must(uuid.NewV7()), Act: Discard, By: "cn=olga", Login: "olga", Reason: "because", Rate: 1000, State: JobRunning}}
	for range n {
		s.open = append(s.open, uuid.Must(uuid.NewV7()))
	}
	return s
}

func (s *jobStore) gateway(t *testing.T, may ...Verb) *Gateway {
	t.Helper()
	generation, err := NewGeneration(Parts{
		Access:    NewAccess([]Role{{Name: "operator", Members: []Member{{User: "olga"}}}}, []Grant{{Role: "operator", May: may, On: "message/orders"}}),
		Directory: logins{lookups{"olga": {DN: "cn=olga", Login: "olga"}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{}, s, generation, time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

func (s *jobStore) states() string {
	var out []string
	for _, it := range s.settled {
		out = append(out, it.State)
	}
	return strings.Join(out, " ")
}

// rounds has the foreman work until nothing changes.
func rounds(t *testing.T, g *Gateway, n int) {
	t.Helper()
	f := newForeman(g)
	for range n {
		f.next = map[ID]time.Time{} // no need to wait for the next turn
		f.round(t.Context())
	}
}

func TestJobIsCarried(t *testing.T) {
	s := newJobStore(5)
	s.closed[s.open[1]], s.closed[s.open[3]] = "cn=olga", "cn=otto"
	rounds(t, s.gateway(t, Discard), 3)
	if want := "succeeded succeeded succeeded gone succeeded"; s.states() != want || s.job.State != JobDone {
		t.Errorf("%s is %s, want %s", s.job.State, s.states(), want)
	}
}

// What cannot be asked now stays open, with everything behind it.
func TestJobMeetsAnOutage(t *testing.T) {
	s := newJobStore(5)
	s.away = s.open[2]
	g := s.gateway(t, Discard)
	rounds(t, g, 3)
	if s.states() != "succeeded succeeded" || len(s.open) != 3 || s.job.State != JobRunning {
		t.Errorf("%s: %s, %d open", s.job.State, s.states(), len(s.open))
	}
	s.away = ID{}
	rounds(t, g, 1)
	if len(s.settled) != 5 || s.job.State != JobDone {
		t.Errorf("afterwards %s: %s", s.job.State, s.states())
	}
}

// A job ends with the grant of who began it.
func TestJobIsJudgedAnew(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*jobStore)
		may    []Verb
		want   string
	}{
		"grant taken away":    {func(*jobStore) {}, []Verb{Read, Replay}, "stopped by itself: olga may not discard on message/orders"},
		"operator gone":       {func(s *jobStore) { s.job.Login = "paula" }, []Verb{Discard}, "stopped by itself: the directory knows paula no longer"},
		"somebody else's now": {func(s *jobStore) { s.job.By = "cn=another olga" }, []Verb{Discard}, "stopped by itself: the directory knows olga no longer"},
	} {
		s := newJobStore(3)
		tt.change(s)
		rounds(t, s.gateway(t, tt.may...), 3)
		if len(s.settled) != 0 || s.job.State != JobPaused || len(s.notes) != 1 || s.notes[0] != tt.want {
			t.Errorf("%s: %s, %q, %s", name, s.job.State, s.notes, s.states())
		}
	}
	s := newJobStore(3)
	s.job.Login = "" // on the machine itself
	rounds(t, s.gateway(t), 3)
	if s.job.State != JobDone {
		t.Errorf("past the API: %s, %q", s.job.State, s.notes)
	}
}

// Somebody else's lease is somebody else's work.
func TestJobOfAnotherProcess(t *testing.T) {
	s := newJobStore(3)
	s.foreign = true
	rounds(t, s.gateway(t, Discard), 3)
	if len(s.settled) != 0 {
		t.Errorf("worked without the lease: %s", s.states())
	}
}

func TestStreak(t *testing.T) {
	refused := func(cause string) done { return done{JobItem{State: ItemRefused}, cause} }
	for name, tt := range map[string]struct {
		items  []done
		streak int
	}{
		"one cause":         {[]done{refused("a"), refused("a"), refused("a")}, 3},
		"another":           {[]done{refused("a"), refused("a"), refused("b")}, 1},
		"gone ones between": {[]done{refused("a"), {JobItem{State: ItemGone}, ""}, refused("a")}, 2},
		"one success":       {[]done{refused("a"), {JobItem{State: ItemSucceeded}, ""}, refused("a"), refused("a")}, -1},
	} {
		streak, cause := 0, ""
		for _, it := range tt.items {
			streak, cause = it.extend(streak, cause)
		}
		if streak != tt.streak {
			t.Errorf("%s: %d %q, want %d", name, streak, cause, tt.streak)
		}
	}
}

// While nothing has succeeded no more are tried than it takes to see that nothing
// was mended; live traffic has one of a job's messages beside it.
func TestTurnsOfAJob(t *testing.T) {
	s := newJobStore(100)
	g := s.gateway(t, Discard)
	newForeman(g).turn(t.Context(), &s.job)
	if len(s.settled) != jobStreak {
		t.Errorf("the first turn has %d messages, want %d", len(s.settled), jobStreak)
	}
	newForeman(g).turn(t.Context(), &s.job)
	if n := len(s.settled) - jobStreak; n != jobBatch {
		t.Errorf("the next turn has %d messages, want %d", n, jobBatch)
	}
	for i := range maxBatch + 1 {
		j := &job{entry: &Entry{Message: &Message{OrderingKey: fmt.Sprint(i)}, Done: func() {}}}
		if err := g.lanes.each[0].push(j); err != nil {
			t.Fatal(err)
		}
	}
	before := len(s.settled)
	if wait := newForeman(g).turn(t.Context(), &s.job); len(s.settled) != before+1 || wait != time.Second {
		t.Errorf("beside live traffic: %d messages, then %v", len(s.settled)-before, wait)
	}
	s = newJobStore(10)
	s.job.Rate = 4
	if wait := newForeman(s.gateway(t, Discard)).turn(t.Context(), &s.job); len(s.settled) != 1 || wait < 200*time.Millisecond || wait > 250*time.Millisecond {
		t.Errorf("at four a second: %d messages, then %v", len(s.settled), wait)
	}
}
