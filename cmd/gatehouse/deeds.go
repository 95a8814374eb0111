package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// deed is something an operator does to one message, or to many.
type deed struct {
	name, short, long string
	verb              gateway.Verb
	many              bool // it can be done to a selection, as a job
	needsReason       bool
	do                func(*gateway.Gateway, context.Context, gateway.ID, gateway.Act) (*gateway.Effect, error)
}

var deeds = []deed{
	{
		name:  "replay",
		verb:  gateway.Replay,
		many:  true,
		short: "Have parked messages processed again, or their parked deliveries sent",
		long: `Have a message that is parked or waits processed again, by the configuration that
runs now. It keeps its identity; its sender is looked up and authorised anew. When
it is refused again the command says why, and the message stays where it was. Of a
message that is stored, the parked deliveries are put back in line.

With --payload FILE another payload takes the place of the one that came: what
differs is shown first, a reason is required, and what came stays on record.

With --again a message that is stored is processed once more: the rows that would
change are shown first. Its events are published again, under new ids.

Without an ID the flags say which of the parked messages are meant. --dry-run counts
them; without it a job begins that replays them, oldest first, at --rate messages a
second. It stops by itself when the first 20 are refused again for one cause.
See gatehouse messages jobs.`,
		do: (*gateway.Gateway).Replay,
	},
	{
		name:  "park",
		verb:  gateway.Park,
		short: "Take a waiting message, or the waiting deliveries of a stored one, out of the way",
		do:    (*gateway.Gateway).Park,
	},
	{
		name:  "discard",
		verb:  gateway.Discard,
		many:  true,
		short: "Give up parked or waiting messages, or the parked deliveries of stored ones",
		long: `Give up a message that is parked or waits, for good. It stays in the ledger with
your name and reason. Of a message that is stored, the parked deliveries are given
up; those of the same key behind them go on.

Without an ID the flags say which of the parked messages are meant. --dry-run counts
them; without it a job begins that gives them up, --rate messages a second.`,
		needsReason: true,
		do:          (*gateway.Gateway).Discard,
	},
}

// deedFlags are what a deed is told.
type deedFlags struct {
	remote         remoteFlags
	selected       selectFlags
	reason         string
	direct, asJSON bool

	payload string // of a replay
	again   bool
	yes     bool

	dryRun, follow bool // of many
}

func (d deed) command() *cobra.Command {
	var f deedFlags
	cmd := &cobra.Command{
		Use:   d.name + " ID",
		Short: d.short,
		Long:  cmp.Or(d.long, d.short+"."),
		Args:  usage(cobra.ExactArgs(1)),
		RunE:  func(cmd *cobra.Command, args []string) error { return d.run(cmd, &f, args) },
	}
	f.remote.add(cmd)
	directFlag(cmd, &f.direct)
	flags := cmd.Flags()
	flags.StringVar(&f.reason, "reason", "", "`text` that is kept with the act")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	if d.verb == gateway.Replay {
		flags.StringVar(&f.payload, "payload", "", "`file` with the corrected payload, or - for standard input")
		flags.BoolVar(&f.again, "again", false, "process a stored message once more")
		flags.BoolVar(&f.yes, "yes", false, "do not ask whether what was shown is meant")
		cmd.MarkFlagsMutuallyExclusive("payload", "again")
	}
	if d.many {
		cmd.Use = d.name + " [ID]"
		cmd.Args = usage(cobra.MaximumNArgs(1))
		f.selected.add(cmd)
		flags.IntVar(&f.selected.wanted.Rate, "rate", gateway.DefaultRate, "at most so many messages a second")
		flags.BoolVar(&f.dryRun, "dry-run", false, "only show what is meant, and what it would come to")
		flags.BoolVar(&f.follow, "follow", false, "wait for the end of the job")
	}
	return cmd
}

func (d deed) run(cmd *cobra.Command, f *deedFlags, args []string) error {
	needsReason := (d.needsReason || f.payload != "" || f.again) && !f.dryRun
	if err := checkReason(f.reason, needsReason); err != nil {
		return err
	}
	if len(args) == 0 {
		return d.runMany(cmd, f)
	}
	for _, name := range append([]string{"rate", "follow"}, selectNames...) {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s says which messages are meant, and so does %s", name, args[0])}
		}
	}
	id, err := parseID(args[0])
	if err != nil {
		return err
	}
	e, err := d.runOne(cmd, f, id)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", id, err)
	case e == nil:
		return nil // nothing but shown
	}
	return printEffect(cmd.OutOrStdout(), e, f.asJSON)
}

func (d deed) runOne(cmd *cobra.Command, f *deedFlags, id gateway.ID) (*gateway.Effect, error) {
	switch {
	case f.payload != "":
		return f.correct(cmd, id)
	case f.again:
		return f.repeat(cmd, id)
	case f.dryRun:
		return nil, usageError{errors.New("--dry-run shows what many messages, --payload or --again would come to")}
	case f.direct:
		return d.aside(cmd.Context(), f, id)
	}
	c, err := f.remote.client()
	if err != nil {
		return nil, err
	}
	e := &gateway.Effect{}
	return e, c.post(cmd.Context(), "messages/"+id.String()+"/"+d.name, f.reason, e)
}

// checkReason judges the flag.
func checkReason(reason string, required bool) error {
	err := operations.CheckReason(reason, required)
	if err == nil {
		return nil
	}
	return usageError{fmt.Errorf("--reason: %s", fault.Of(err).Details[0].Message)}
}

// aside does it in this process.
func (d deed) aside(ctx context.Context, f *deedFlags, id gateway.ID) (e *gateway.Effect, err error) {
	err = withCore(ctx, f.remote.file, func(ctx context.Context, core *gateway.Gateway, by string) (err error) {
		e, err = d.do(core, ctx, id, gateway.Act{By: by, Reason: f.reason})
		return err
	})
	return e, err
}

// withCore does something in this process: with core, store and directory, and
// without doors and channels, so that nothing else is processed or sent. by is who
// does it.
func withCore(ctx context.Context, file string, do func(ctx context.Context, core *gateway.Gateway, by string) error) (err error) {
	by, err := localActor()
	if err != nil {
		return err
	}
	p, err := readProject(file)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler) // what is to be said is printed
	r, err := p.assemble(ctx, log, nil)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err = errors.Join(err, r.close(closing))
	}()
	core := gateway.New(gateway.Config{Relay: p.Relay.config()}, r.store, r.generation, time.Now, log)
	return core.Aside(ctx, func(ctx context.Context) error { return do(ctx, core, by) })
}

func printEffect(out io.Writer, e *gateway.Effect, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(e)
	}
	_, err := fmt.Fprintln(out, effectText(e))
	return err
}

// effectText tells what happened, in a sentence.
func effectText(e *gateway.Effect) string {
	deliveries := plural.Of(e.Deliveries, fmt.Sprintf("delivery of message %s is", e.Message), fmt.Sprintf("deliveries of message %s are", e.Message))
	switch e.Outcome {
	case "released":
		return deliveries + " in line again, with what was parked behind."
	case gateway.Parked.String():
		if e.Deliveries > 0 {
			return deliveries + " parked, with what follows under the same key."
		}
		return fmt.Sprintf("Message %s is parked.", e.Message)
	case "discarded":
		if e.Deliveries > 0 {
			return deliveries + " given up; what was parked behind goes on."
		}
		return fmt.Sprintf("Message %s is given up; the ledger keeps it.", e.Message)
	case gateway.Stored.String():
		return fmt.Sprintf("Message %s was processed again and is stored as %s.", e.Message, e.Stored)
	case gateway.Duplicate.String():
		return fmt.Sprintf("Message %s was stored before, as %s; nothing changed.", e.Message, e.Stored)
	case gateway.Superseded.String():
		return fmt.Sprintf("Message %s is kept as %s; the tables have a newer version already.", e.Message, e.Stored)
	}
	return fmt.Sprintf("Message %s is %s.", e.Message, e.Outcome)
}
