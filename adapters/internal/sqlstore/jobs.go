package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// itemsOf enters what a listing finds as the messages of a job, which is the last
// parameter. A message with several parked deliveries is one.
func itemsOf(l *listing) string {
	return "INSERT INTO {job_item} (job_id, message_id, state, code) SELECT DISTINCT @p" + fmt.Sprint(len(l.args)+1) + ", " + l.id + ", 'open', '' FROM " + l.from + l.where()
}

// StartJob keeps a new job with the messages that its selection finds now.
func (s *Store) StartJob(ctx context.Context, j *gateway.Job) error {
	selection, err := json.Marshal(j.Selection)
	if err != nil {
		return s.fail("starting a job", err)
	}
	l := parkedMessages(j.Selection, s.dialect.Time)
	if j.Selection.Channel != "" {
		l = parkedDeliveries(j.Selection, true, s.dialect.Time)
	}
	err = s.write(ctx, func(q Querier) error {
		_, err := q.ExecContext(ctx, s.text.startJob, j.ID[:], string(j.Act), s.dialect.Document(string(selection)), clip(j.Reason, maxHoldReason), clip(j.By, 400),
			clip(j.Login, 400), s.dialect.Time(j.CreatedAt), j.Rate, string(j.State), make([]byte, 16))
		if err != nil {
			return err
		}
		n, err := affected(q.ExecContext(ctx, s.dialect.Text(itemsOf(l)), append(l.args, j.ID[:])...))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.CodeNothing, "")
		}
		j.Total = int(n)
		_, err = q.ExecContext(ctx, s.text.countItems, j.ID[:])
		return err
	})
	return s.fail("starting a job", err)
}

// Job returns one, or fault.NotFound.
func (s *Store) Job(ctx context.Context, id gateway.ID) (*gateway.Job, error) {
	j := &gateway.Job{}
	err := s.scanJob(s.dialect.Reader().QueryRowContext(ctx, s.text.job, id[:]).Scan, j)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.CodeJobNotFound, "")
	}
	return j, s.fail("reading a job", err)
}

// Jobs returns the newest ones, of one state unless that is empty.
func (s *Store) Jobs(ctx context.Context, state gateway.JobState, limit int) ([]gateway.Job, error) {
	text, args := s.text.jobs, []any{limit}
	if state != "" {
		text, args = s.text.jobsOf, []any{string(state), limit}
	}
	rows, err := s.dialect.Reader().QueryContext(ctx, text, args...)
	if err != nil {
		return nil, s.fail("listing jobs", err)
	}
	defer rows.Close()
	out := []gateway.Job{}
	for rows.Next() {
		var j gateway.Job
		if err := s.scanJob(rows.Scan, &j); err != nil {
			return nil, s.fail("listing jobs", err)
		}
		out = append(out, j)
	}
	return out, s.fail("listing jobs", rows.Err())
}

func (s *Store) scanJob(scan func(dest ...any) error, j *gateway.Job) error {
	var (
		selection string
		position  gateway.ID
	)
	err := scan(scanID(&j.ID), (*string)(&j.Act), &selection, &j.Reason, &j.By, &j.Login, s.dialect.ScanTime(&j.CreatedAt), s.dialect.ScanTime(&j.ChangedAt), &j.Rate,
		(*string)(&j.State), &j.Note, &j.Total, &j.Succeeded, &j.Refused, &j.Gone, &j.Streak, &j.StreakCause, scanID(&position))
	if err != nil {
		return err
	}
	return json.NewDecoder(strings.NewReader(selection)).Decode(&j.Selection)
}

// JobItems returns the next messages that have not had their turn, oldest first.
func (s *Store) JobItems(ctx context.Context, id gateway.ID, limit int) ([]gateway.ID, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.jobItems, id[:], limit)
	if err != nil {
		return nil, s.fail("reading a job's messages", err)
	}
	defer rows.Close()
	var out []gateway.ID
	for rows.Next() {
		var one gateway.ID
		if err := rows.Scan(scanID(&one)); err != nil {
			return nil, s.fail("reading a job's messages", err)
		}
		out = append(out, one)
	}
	return out, s.fail("reading a job's messages", rows.Err())
}

// SettleJob records what became of messages of a job.
func (s *Store) SettleJob(ctx context.Context, id gateway.ID, items []gateway.JobItem, streak int, cause string) error {
	err := s.write(ctx, func(q Querier) error {
		counts := map[string]int{}
		for _, it := range items {
			n, err := affected(q.ExecContext(ctx, s.text.settleItem, id[:], it.Message[:], it.State, clip(it.Code, 16)))
			if err != nil {
				return err
			}
			counts[it.State] += int(n)
		}
		var next gateway.ID
		err := q.QueryRowContext(ctx, s.text.nextItem, id[:]).Scan(scanID(&next))
		over := 0
		if errors.Is(err, sql.ErrNoRows) {
			over, err = 1, nil
			for i := range next {
				next[i] = 0xff
			}
		}
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, s.text.settleJob, id[:], counts[gateway.ItemSucceeded], counts[gateway.ItemRefused], counts[gateway.ItemGone],
			streak, clip(cause, 400), next[:], over, s.dialect.Time(s.now()))
		return err
	})
	return s.fail("settling a job's messages", err)
}

// TurnJob changes the state of a job. What was refused has its turn again when it
// is resumed.
func (s *Store) TurnJob(ctx context.Context, id gateway.ID, state gateway.JobState, note string) error {
	err := s.write(ctx, func(q Querier) error {
		n, err := affected(q.ExecContext(ctx, s.text.turnJob, id[:], string(state), clip(note, maxReason), s.dialect.Time(s.now()), make([]byte, 16)))
		if err == nil && n > 0 && state == gateway.JobRunning {
			_, err = q.ExecContext(ctx, s.text.reopen, id[:])
		}
		if err != nil || n > 0 {
			return err
		}
		j := &gateway.Job{}
		err = s.scanJob(q.QueryRowContext(ctx, s.text.job, id[:]).Scan, j)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.CodeJobNotFound, "")
		}
		if err != nil {
			return err
		}
		return fault.New(fault.CodeJobState, "the job is %s", j.State)
	})
	return s.fail("turning a job", err)
}
