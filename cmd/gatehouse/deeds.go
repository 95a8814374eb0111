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
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// deed is something an operator does to one message.
type deed struct {
	name, short, long string
	needsReason       bool
	do                func(*gateway.Gateway, context.Context, gateway.ID, gateway.Act) (*gateway.Effect, error)
}

var deeds = []deed{
	{
		name:  "replay",
		short: "Have a parked or waiting message processed again, or its parked deliveries sent",
		long: `Have a message that is parked or waits processed again, by the configuration that
runs now. It keeps its identity; its sender is looked up and authorised anew. When
it is refused again the command says why, and the message stays where it was.

Of a message that is stored, the parked deliveries are put back in line.`,
		do: (*gateway.Gateway).Replay,
	},
	{
		name:  "park",
		short: "Take a waiting message, or the waiting deliveries of a stored one, out of the way",
		do:    (*gateway.Gateway).Park,
	},
	{
		name:  "discard",
		short: "Give up a parked or waiting message, or the parked deliveries of a stored one",
		long: `Give up a message that is parked or waits, for good. It stays in the ledger with
your name and reason. Of a message that is stored, the parked deliveries are given
up; those of the same key behind them go on.`,
		needsReason: true,
		do:          (*gateway.Gateway).Discard,
	},
}

func (d deed) command() *cobra.Command {
	var (
		remote         remoteFlags
		reason         string
		direct, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   d.name + " ID",
		Short: d.short,
		Long:  cmp.Or(d.long, d.short+"."),
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID(args[0])
			if err != nil {
				return err
			}
			if err := operations.CheckReason(reason, d.needsReason); err != nil {
				return usageError{fmt.Errorf("--reason: %w", err)}
			}
			e, err := d.done(cmd.Context(), &remote, direct, id, reason)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			return printEffect(cmd.OutOrStdout(), e, asJSON)
		},
	}
	remote.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().StringVar(&reason, "reason", "", "`text` that is kept with the act")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (d deed) done(ctx context.Context, remote *remoteFlags, direct bool, id gateway.ID, reason string) (*gateway.Effect, error) {
	if direct {
		return d.aside(ctx, remote.file, id, reason)
	}
	c, err := remote.client()
	if err != nil {
		return nil, err
	}
	e := &gateway.Effect{}
	return e, c.post(ctx, "messages/"+id.String()+"/"+d.name, reason, e)
}

// aside does it in this process: with core, store and directory, and without
// doors and channels, so that nothing else is processed or sent.
func (d deed) aside(ctx context.Context, file string, id gateway.ID, reason string) (e *gateway.Effect, err error) {
	err = withCore(ctx, file, func(ctx context.Context, core *gateway.Gateway, by string) (err error) {
		e, err = d.do(core, ctx, id, gateway.Act{By: by, Reason: reason})
		return err
	})
	return e, err
}

// withCore has act use the core of a configuration, without doors and channels;
// by is who it is recorded as.
func withCore(ctx context.Context, file string, act func(ctx context.Context, core *gateway.Gateway, by string) error) (err error) {
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
	core := gateway.New(gateway.Config{}, r.store, r.generation, time.Now, log)
	return core.Aside(ctx, func(ctx context.Context) error { return act(ctx, core, by) })
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
	deliveries := fmt.Sprintf("%d deliveries of message %s are", e.Deliveries, e.Message)
	if e.Deliveries == 1 {
		deliveries = fmt.Sprintf("1 delivery of message %s is", e.Message)
	}
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
