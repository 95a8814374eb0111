package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// runMany does a deed to all that is selected: as a job.
func (d deed) runMany(cmd *cobra.Command, f *deedFlags) error {
	if !d.many {
		return usageError{fmt.Errorf("%s takes the id of a message", d.name)}
	}
	if f.payload != "" || f.again || f.yes {
		return usageError{errors.New("--payload, --again and --yes are for one message; name its id")}
	}
	if err := f.selected.check(); err != nil {
		return usageError{err}
	}
	w := &f.selected.wanted
	w.Act, w.Reason, w.DryRun = d.verb, f.reason, f.dryRun
	if _, err := w.Selection(); err != nil {
		return usageError{fmt.Errorf("%w; name an id, or --route, --code and the like", err)}
	}
	switch {
	case f.dryRun:
		return f.plan(cmd)
	case f.direct:
		return f.carry(cmd)
	}
	c, err := f.remote.client()
	if err != nil {
		return err
	}
	j := &gateway.Job{}
	if err := c.send(cmd.Context(), "jobs", w, j); err != nil {
		return err
	}
	if f.follow {
		return follow(cmd, c, j, f.asJSON)
	}
	return printJob(cmd.OutOrStdout(), j, f.asJSON)
}

// plan tells what is meant.
func (f *deedFlags) plan(cmd *cobra.Command) error {
	var p operations.Planned
	if f.direct {
		err := withStore(cmd.Context(), f.remote.file, func(ctx context.Context, s store, _ *project) error {
			groups, err := s.Groups(ctx, f.selected.selection())
			p = *operations.NewPlanned(groups)
			return err
		})
		if err != nil {
			return err
		}
	} else {
		c, err := f.remote.client()
		if err == nil {
			err = c.send(cmd.Context(), "jobs", &f.selected.wanted, &p)
		}
		if err != nil {
			return err
		}
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), p)
	}
	if err := printGroups(cmd.OutOrStdout(), p.Groups); err != nil || p.Messages == 0 {
		return err
	}
	one, many := "message is", "messages are"
	if f.selected.wanted.Channel != "" {
		one, many = "delivery is", "deliveries are"
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s meant. Nothing was done.\n", plural.Of(p.Messages, one, many))
	return err
}

// carry begins the job and carries it in this process.
func (f *deedFlags) carry(cmd *cobra.Command) error {
	return withCore(cmd.Context(), f.remote.file, func(ctx context.Context, core *gateway.Gateway, by string) error {
		w := &f.selected.wanted
		j := &gateway.Job{Act: w.Act, Selection: f.selected.selection(), Reason: w.Reason, By: by, Rate: w.Rate}
		if err := core.StartJob(ctx, j); err != nil {
			return err
		}
		return carryJob(ctx, cmd, core, j.ID, f.asJSON)
	})
}

// carryJob works on a job until it runs no more.
func carryJob(ctx context.Context, cmd *cobra.Command, core *gateway.Gateway, id gateway.ID, asJSON bool) error {
	progress := newProgress(cmd)
	err := core.Carry(ctx, id, progress.tell)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted; job %s goes on in a gateway, or with `gatehouse messages jobs resume --direct`", id)
	}
	if err != nil {
		return err
	}
	return progress.end(asJSON)
}

// followInterval is how often a job is asked about.
const followInterval = 500 * time.Millisecond

// follow waits until a job runs no more.
func follow(cmd *cobra.Command, c *client, j *gateway.Job, asJSON bool) error {
	progress := newProgress(cmd)
	for {
		progress.tell(j)
		if j.State != gateway.JobRunning {
			return progress.end(asJSON)
		}
		timer := time.NewTimer(followInterval)
		select {
		case <-timer.C:
		case <-cmd.Context().Done():
			timer.Stop()
			return fmt.Errorf("not followed any further; job %s goes on", j.ID)
		}
		if err := c.get(cmd.Context(), "jobs/"+j.ID.String(), nil, j); err != nil {
			return err
		}
	}
}

// progress tells how a job fares, on standard error, once a second.
type progress struct {
	cmd  *cobra.Command
	last time.Time
	job  gateway.Job
}

func newProgress(cmd *cobra.Command) *progress { return &progress{cmd: cmd, last: time.Now()} }

func (p *progress) tell(j *gateway.Job) {
	p.job = *j
	if now := time.Now(); now.Sub(p.last) >= time.Second {
		p.last = now
		fmt.Fprintln(p.cmd.ErrOrStderr(), countsText(j))
	}
}

// errJob is the answer of a job that came to less than it was begun for.
var errJob = errors.New("the job did not come to its end, or not with every message")

func (p *progress) end(asJSON bool) error {
	if err := printJob(p.cmd.OutOrStdout(), &p.job, asJSON); err != nil {
		return err
	}
	if p.job.State != gateway.JobDone || p.job.Refused > 0 {
		return errJob
	}
	return nil
}

func countsText(j *gateway.Job) string {
	return fmt.Sprintf("%d of %d: %d done, %d refused again, %d decided by others, %d left", j.Total-j.Left(), j.Total, j.Succeeded, j.Refused, j.Gone, j.Left())
}

func printJob(out io.Writer, j *gateway.Job, asJSON bool) error {
	if asJSON {
		return printJSON(out, j)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, oneLine(value))
		}
	}
	line("job", j.ID.String())
	line("act", string(j.Act)+" "+selectionText(&j.Selection))
	line("by", j.By)
	line("reason", j.Reason)
	line("begun", j.CreatedAt.Format(time.RFC3339))
	line("rate", fmt.Sprintf("%d/s", j.Rate))
	line("state", string(j.State)+" since "+j.ChangedAt.Format(time.RFC3339))
	line("note", j.Note)
	line("messages", countsText(j))
	return w.Flush()
}

// selectionText tells what is meant, as flags.
func selectionText(s *gateway.Selection) string {
	text := ""
	for _, f := range []struct{ name, value string }{
		{"channel", s.Channel}, {"route", s.Route}, {"sender", s.Sender}, {"key", s.Key}, {"identity", s.Identity}, {"cause", s.Cause},
	} {
		if f.value != "" {
			text += fmt.Sprintf(" --%s %q", f.name, f.value)
		}
	}
	for _, c := range s.Codes {
		text += " --code " + c
	}
	if !s.Since.IsZero() {
		text += " --since " + s.Since.Format(time.RFC3339)
	}
	if !s.Until.IsZero() {
		text += " --until " + s.Until.Format(time.RFC3339)
	}
	return text
}

func newMessagesJobs() *cobra.Command {
	var (
		remote         remoteFlags
		direct, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "Show the jobs that replay or discard many messages; pause, resume and cancel them",
		Long: `Show the newest jobs. One gateway of all carries them; they go on after its end in
another. A paused job goes on where it was; a cancelled one is over, and what it has
done stays.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			jobs, err := listJobs(cmd.Context(), &remote, direct)
			if err != nil {
				return err
			}
			if asJSON {
				return printEach(cmd.OutOrStdout(), jobs)
			}
			return printJobs(cmd.OutOrStdout(), jobs)
		},
	}
	remote.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	cmd.AddCommand(newJobsShow())
	for _, t := range turns {
		cmd.AddCommand(t.command())
	}
	return cmd
}

func listJobs(ctx context.Context, remote *remoteFlags, direct bool) (jobs []gateway.Job, err error) {
	if direct {
		err = withStore(ctx, remote.file, func(ctx context.Context, s store, _ *project) (err error) {
			jobs, err = s.Jobs(ctx, "", 100)
			return err
		})
		return jobs, err
	}
	c, err := remote.client()
	if err != nil {
		return nil, err
	}
	var list operations.JobList
	err = c.get(ctx, "jobs", nil, &list)
	return list.Jobs, err
}

func printJobs(out io.Writer, jobs []gateway.Job) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tACT\tSTATE\tTOTAL\tDONE\tREFUSED\tGONE\tLEFT\tBY\tNOTE")
	for _, j := range jobs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", j.ID, j.Act, j.State, j.Total, j.Succeeded, j.Refused, j.Gone, j.Left(), oneLine(j.By), dash(j.Note))
	}
	return w.Flush()
}

func newJobsShow() *cobra.Command {
	var (
		remote                 remoteFlags
		direct, asJSON, follow bool
	)
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one job; with --follow, wait for its end",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseJobID(args[0])
			if err != nil {
				return err
			}
			return showJob(cmd, &remote, id, direct, asJSON, follow)
		},
	}
	remote.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&follow, "follow", false, "wait until the job runs no more; exit status 1 unless every message succeeded")
	return cmd
}

func parseJobID(text string) (gateway.ID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return id, usageError{fmt.Errorf("%q is no id of a job; `gatehouse messages jobs` shows them", text)}
	}
	return id, nil
}

func showJob(cmd *cobra.Command, remote *remoteFlags, id gateway.ID, direct, asJSON, following bool) error {
	j := &gateway.Job{}
	if direct {
		if following {
			return usageError{errors.New("--follow asks a gateway; with --direct, `jobs resume` carries a job here")}
		}
		err := withStore(cmd.Context(), remote.file, func(ctx context.Context, s store, _ *project) (err error) {
			j, err = s.Job(ctx, id)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		return printJob(cmd.OutOrStdout(), j, asJSON)
	}
	c, err := remote.client()
	if err == nil {
		err = c.get(cmd.Context(), "jobs/"+id.String(), nil, j)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", id, err)
	case following:
		return follow(cmd, c, j, asJSON)
	}
	return printJob(cmd.OutOrStdout(), j, asJSON)
}

// turn changes the state of a job.
type turn struct {
	name, short string
	state       gateway.JobState
}

var turns = []turn{
	{"pause", "Pause a job", gateway.JobPaused},
	{"resume", "Have a paused job go on", gateway.JobRunning},
	{"cancel", "End a job; what it has done stays", gateway.JobCancelled},
}

func (t turn) command() *cobra.Command {
	var (
		remote         remoteFlags
		reason         string
		direct, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   t.name + " ID",
		Short: t.short,
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseJobID(args[0])
			if err == nil {
				err = checkReason(reason, false)
			}
			if err != nil {
				return err
			}
			if direct {
				return t.aside(cmd, remote.file, id, reason, asJSON)
			}
			c, err := remote.client()
			if err != nil {
				return err
			}
			j := &gateway.Job{}
			if err := c.post(cmd.Context(), "jobs/"+id.String()+"/"+t.name, reason, j); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			return printJob(cmd.OutOrStdout(), j, asJSON)
		},
	}
	remote.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().StringVar(&reason, "reason", "", "`text` that is kept with the job")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// aside turns it in this process, and carries what goes on.
func (t turn) aside(cmd *cobra.Command, file string, id gateway.ID, reason string, asJSON bool) error {
	return withCore(cmd.Context(), file, func(ctx context.Context, core *gateway.Gateway, by string) error {
		j, err := core.TurnJob(ctx, id, t.state, gateway.Act{By: by, Reason: reason})
		switch {
		case t.state == gateway.JobRunning && fault.Of(err) != nil && fault.Of(err).Code == fault.CodeJobState && core.Runs(ctx, id):
			return carryJob(ctx, cmd, core, id, asJSON) // nobody else does, or it is looked on
		case err != nil:
			return fmt.Errorf("%s: %w", id, err)
		case t.state == gateway.JobRunning:
			return carryJob(ctx, cmd, core, id, asJSON)
		}
		return printJob(cmd.OutOrStdout(), j, asJSON)
	})
}
