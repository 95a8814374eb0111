package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Job is an act on many parked messages: kept in the store, carried by one
// process at a time, slowly enough for the messages that come meanwhile.
type Job struct {
	ID        ID        `json:"id"`
	Act       Verb      `json:"act"` // Replay or Discard
	Selection Selection `json:"selection"`
	Reason    string    `json:"reason,omitempty"`
	By        string    `json:"by"`
	// Login is the operator's, whose grants are judged anew as long as the job
	// runs; empty for who acts on the machine itself.
	Login     string    `json:"login,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	ChangedAt time.Time `json:"changed_at"` // of its state
	Rate      int       `json:"rate"`       // messages a second, at most
	State     JobState  `json:"state"`
	Note      string    `json:"note,omitempty"` // why it is in its state
	Total     int       `json:"total"`          // messages that were parked when it began
	Progress
	// Streak counts the messages that were refused again for StreakCause since
	// the job was begun or resumed, while nothing succeeded; -1 once something has.
	Streak      int    `json:"-"`
	StreakCause string `json:"-"`
}

// Progress is how far a job has come.
type Progress struct {
	Succeeded int `json:"succeeded"` // stored, or given up
	Refused   int `json:"refused"`   // refused again: still parked
	Gone      int `json:"gone"`      // decided by somebody else meanwhile
}

// Left is how many messages have not had their turn.
func (j *Job) Left() int { return j.Total - j.Succeeded - j.Refused - j.Gone }

// JobState is whether a job goes on.
type JobState string

// The states. A cancelled job is over, and so is one that is done.
const (
	JobRunning   JobState = "running"
	JobPaused    JobState = "paused"
	JobDone      JobState = "done"
	JobCancelled JobState = "cancelled"
)

// JobItem is what became of one message of a job: succeeded, refused or gone.
type JobItem struct {
	Message ID
	State   string
	Code    string // why it was refused
}

// The states of a job's messages.
const (
	ItemSucceeded = "succeeded"
	ItemRefused   = "refused"
	ItemGone      = "gone"
)

// Jobs keeps the jobs.
type Jobs interface {
	// Groups tells what is parked, by cause, the largest groups first, at most
	// MaxGroups.
	Groups(ctx context.Context, s Selection) ([]ParkedGroup, error)
	// StartJob keeps a new job with the messages that its selection finds now, and
	// counts them in Total.
	StartJob(ctx context.Context, j *Job) error
	// Job returns one, or fault.NotFound; Jobs the newest ones, of one state unless
	// that is empty.
	Job(ctx context.Context, id ID) (*Job, error)
	Jobs(ctx context.Context, state JobState, limit int) ([]Job, error)
	// JobItems returns the next messages that have not had their turn, oldest first.
	JobItems(ctx context.Context, id ID, limit int) ([]ID, error)
	// SettleJob records what became of messages of a job, and its streak. A message
	// that is settled already is not counted again. The job is done with the last.
	SettleJob(ctx context.Context, id ID, items []JobItem, streak int, cause string) error
	// TurnJob changes the state of a job. fault.Conflict says that it is over, or
	// in that state already. A job that is resumed begins a new streak, and gives
	// what was refused another turn.
	TurnJob(ctx context.Context, id ID, state JobState, note string) error
}

// The limits of a job's rate, in messages a second.
const (
	DefaultRate = 20
	MaxRate     = 1000
)

// Groups tells what is parked, by cause.
func (g *Gateway) Groups(ctx context.Context, s Selection) ([]ParkedGroup, error) {
	return g.store.Groups(ctx, s)
}

// StartJob has a job begin. By, Login, Act, Selection, Reason and Rate are the
// caller's; whether he may is his to judge, by Selection.Routes.
func (g *Gateway) StartJob(ctx context.Context, j *Job) error {
	j.ID = uuid.Must(uuid.NewV7())
	j.CreatedAt = g.now().UTC().Truncate(time.Millisecond)
	j.ChangedAt = j.CreatedAt
	j.State, j.Rate = JobRunning, min(orDefault(j.Rate, DefaultRate), MaxRate)
	err := g.audited(ctx, "job to "+string(j.Act), j.ID.String(), Act{By: j.By, Reason: j.Reason})
	if err == nil {
		err = g.store.StartJob(ctx, j)
	}
	g.config.Metrics.act("job", err)
	if err != nil {
		return err
	}
	g.log.InfoContext(ctx, "job begun", "job", j.ID, "act", string(j.Act), "user", j.By, "reason", j.Reason, "messages", j.Total, "rate", j.Rate)
	g.wakeJobs()
	return nil
}

// TurnJob pauses, resumes or cancels a job.
func (g *Gateway) TurnJob(ctx context.Context, id ID, state JobState, act Act) (*Job, error) {
	note := fmt.Sprintf("%s by %s", turned[state], act.By)
	if act.Reason != "" {
		note += ": " + act.Reason
	}
	if err := g.audited(ctx, "job "+turned[state], id.String(), act); err != nil {
		return nil, err
	}
	if err := g.store.TurnJob(ctx, id, state, note); err != nil {
		return nil, err
	}
	g.log.InfoContext(ctx, "job turned", "job", id, "state", string(state), "user", act.By, "reason", act.Reason)
	g.wakeJobs()
	return g.store.Job(ctx, id)
}

var turned = map[JobState]string{JobRunning: "resumed", JobPaused: "paused", JobCancelled: "cancelled"}

// Runs reports whether a job is running.
func (g *Gateway) Runs(ctx context.Context, id ID) bool {
	j, err := g.store.Job(ctx, id)
	return err == nil && j.State == JobRunning
}

// Routes lists the names of the routes of the running generation.
func (g *Gateway) Routes() []string {
	generation := g.hold()
	defer generation.letGo()
	var out []string
	for _, r := range generation.Routes() {
		out = append(out, r.Name)
	}
	return out
}

func (g *Gateway) wakeJobs() {
	select {
	case g.jobs <- struct{}{}:
	default:
	}
}
