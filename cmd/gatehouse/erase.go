package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// eraseFlags say whose messages are erased.
type eraseFlags struct {
	request operations.ErasureRequest
	key     string
}

func newMessagesErase() *cobra.Command {
	var (
		remote         remoteFlags
		erase          eraseFlags
		direct, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "erase --key NAME=VALUE --reason TEXT",
		Short: "Take what is known of a customer, or of another business key, out of the ledger",
		Long: `Take what the ledger knows of somebody out of it: payload, reply, keys, identity and
texts of every message that has the business key, and the reasons of refusals that
name its value. Who did so and why, when what came, and what had been published
stays, and a repeat of an erased message is still recognised.

Look first with --dry-run. What waits is left, and what is parked too unless
--include-parked gives it up: the report says so, and the exit status is 1. The
command may be repeated whatever ended it. It does not touch the business tables;
the report names them. Do not write into the reason whom it is about.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := erase.check(); err != nil {
				return usageError{err}
			}
			report, err := erase.done(cmd.Context(), &remote, direct)
			if report == nil {
				return err
			}
			// What was done before a fault is told all the same: the key leads there no more.
			return errors.Join(err, printErased(cmd.OutOrStdout(), report, asJSON), unfinished(report))
		},
	}
	remote.add(cmd)
	directFlag(cmd, &direct)
	f := cmd.Flags()
	f.StringVar(&erase.key, "key", "", "business key as `name=value`, such as customer=4711")
	f.StringVar(&erase.request.Reason, "reason", "", "`text` that is kept with the messages")
	f.BoolVar(&erase.request.DryRun, "dry-run", false, "only tell what would be erased")
	f.BoolVar(&erase.request.IncludeParked, "include-parked", false, "give up what is parked, and erase it")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (e *eraseFlags) check() error {
	name, value, found := strings.Cut(e.key, "=")
	var faults []error
	if !found || name == "" || value == "" {
		faults = append(faults, fmt.Errorf("--key: %q is no name=value, such as customer=4711", e.key))
	}
	e.request.Key, e.request.Value = name, value
	if err := operations.CheckReason(e.request.Reason, true); err != nil {
		faults = append(faults, fmt.Errorf("--reason: %w", err))
	}
	return errors.Join(faults...)
}

// done erases part by part until there is no more. What was erased before a
// fault is in the report that comes with it.
func (e *eraseFlags) done(ctx context.Context, remote *remoteFlags, direct bool) (*gateway.Erased, error) {
	if direct {
		return e.aside(ctx, remote.file)
	}
	c, err := remote.client()
	if err != nil {
		return nil, err
	}
	return e.whole(func(after gateway.ID) (*gateway.Erased, error) {
		e.request.After = after
		part := &gateway.Erased{}
		return part, c.send(ctx, "erasures", e.request, part)
	})
}

// aside does it in this process, as other acts are done past the API.
func (e *eraseFlags) aside(ctx context.Context, file string) (report *gateway.Erased, err error) {
	r := e.request
	err = withCore(ctx, file, func(ctx context.Context, core *gateway.Gateway, by string) error {
		report, err = e.whole(func(after gateway.ID) (*gateway.Erased, error) {
			what := gateway.Erasure{Key: mapping.Key{Name: r.Key, Value: r.Value}, After: after, DryRun: r.DryRun, IncludeParked: r.IncludeParked}
			return core.Erase(ctx, what, gateway.Act{By: by, Reason: strings.TrimSpace(r.Reason)})
		})
		return err
	})
	return report, err
}

func (e *eraseFlags) whole(part func(after gateway.ID) (*gateway.Erased, error)) (*gateway.Erased, error) {
	report, err := part(gateway.ID{})
	if err != nil {
		return nil, err
	}
	for report.Next != (gateway.ID{}) {
		next, err := part(report.Next)
		if err != nil {
			return report, err
		}
		next.At, next.After = report.At, gateway.ID{}
		next.Messages = append(report.Messages, next.Messages...)
		report = next
	}
	return report, nil
}

// unfinished is the fault of a report that says that something was left.
func unfinished(r *gateway.Erased) error {
	if n := r.Open(); n > 0 && !r.DryRun {
		return fmt.Errorf("%s left; the report says why", plural.Of(n, "message is", "messages are"))
	}
	return nil
}

func printErased(out io.Writer, r *gateway.Erased, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	var b strings.Builder
	done := "erased"
	if r.DryRun {
		done = "would be erased"
	}
	fmt.Fprintf(&b, "%s of %s=%s %s, by %s at %s\n", plural.Of(len(r.Messages)-r.Open(), "message", "messages"),
		oneLine(r.Key.Name), oneLine(r.Key.Value), done, oneLine(r.By), r.At.Format(time.RFC3339))
	for _, m := range r.Messages {
		printErasedMessage(&b, &m, done)
	}
	if r.Refusals > 0 {
		fmt.Fprintf(&b, "\n%s named the value: the text %s\n", plural.Of(r.Refusals, "refusal", "refusals"), done)
	}
	if len(r.Remains) > 0 {
		b.WriteString("\nWhat remains:\n")
	}
	for _, line := range r.Remains {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func printErasedMessage(b *strings.Builder, m *gateway.ErasedMessage, done string) {
	fmt.Fprintf(b, "\n%s  %s", m.ID, oneLine(m.Route))
	if !m.ReceivedAt.IsZero() {
		fmt.Fprintf(b, "  received %s  %s", m.ReceivedAt.Format(time.RFC3339), m.Outcome)
	}
	b.WriteString("\n")
	if m.Open != "" {
		fmt.Fprintf(b, "  left: %s\n", oneLine(m.Open))
	} else {
		fmt.Fprintf(b, "  %s: payload (%s), reply (%s), %s, identity, %s\n", done, plural.Of(m.Payload, "byte", "bytes"), plural.Of(m.Reply, "byte", "bytes"),
			plural.Of(m.Keys, "key", "keys"), plural.Of(m.History, "text of the history", "texts of the history"))
	}
	for _, d := range m.Published {
		fmt.Fprintf(b, "  published before: %s as %s at %s\n", oneLine(d.Channel), d.WireID, d.ConfirmedAt.Format(time.RFC3339))
	}
	if len(m.Tables) > 0 {
		fmt.Fprintf(b, "  its owner's: rows in %s\n", strings.Join(m.Tables, ", "))
	}
}
