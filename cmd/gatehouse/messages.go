package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

func newMessages() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "messages",
		Short: "Look at the ledger: what arrived, what became of it",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMessagesList(), newMessagesShow())
	return cmd
}

func newMessagesList() *cobra.Command {
	var (
		file   string
		q      gateway.Query
		since  time.Duration
		before string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List messages and refusals, newest first",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkQuery(q, since); err != nil {
				return usageError{err}
			}
			if since > 0 {
				q.Since = time.Now().Add(-since)
			}
			if before != "" {
				id, err := uuid.Parse(before)
				if err != nil {
					return usageError{fmt.Errorf("--before: %q is no message id", before)}
				}
				q.Before = id
			}
			return withStore(cmd.Context(), file, func(ctx context.Context, s store) error {
				found, err := s.Messages(ctx, q)
				if err != nil {
					return err
				}
				return printSummaries(cmd.OutOrStdout(), found, asJSON)
			})
		},
	}
	configFlag(cmd, &file)
	f := cmd.Flags()
	f.StringVar(&q.Key, "key", "", "business key `value`, such as an order number")
	f.StringVar(&q.Route, "route", "", "`route`")
	f.StringVar(&q.Sender, "sender", "", "`sender`: partner:<name> or a DN")
	f.StringVar(&q.Identity, "identity", "", "message `identity`")
	f.StringVar(&q.Outcome, "outcome", "", "`outcome`: "+strings.Join(outcomes, ", "))
	f.DurationVar(&since, "since", 0, "only the last `duration`, such as 1h30m")
	f.StringVar(&before, "before", "", "only messages older than this `id` (for paging)")
	f.IntVar(&q.Limit, "limit", 50, "at most so many")
	f.BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// outcomes are what a message of the ledger can have come to.
var outcomes = []string{gateway.Stored.String(), gateway.Superseded.String(), gateway.Refused.String()}

// checkQuery refuses what would quietly find nothing, or everything.
func checkQuery(q gateway.Query, since time.Duration) error {
	var faults []error
	if q.Outcome != "" && !slices.Contains(outcomes, q.Outcome) {
		faults = append(faults, fmt.Errorf("--outcome: %q is none of %s%s", q.Outcome, strings.Join(outcomes, ", "), didYouMean(q.Outcome, outcomes)))
	}
	if q.Limit < 1 {
		faults = append(faults, fmt.Errorf("--limit: %d is less than 1", q.Limit))
	}
	if since < 0 {
		faults = append(faults, fmt.Errorf("--since: %v lies in the future; leave out the sign", since))
	}
	return errors.Join(faults...)
}

func newMessagesShow() *cobra.Command {
	var (
		file   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one message with payload, reply and deliveries",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return usageError{fmt.Errorf("%q is no message id; `gatehouse messages list` shows them", args[0])}
			}
			return withStore(cmd.Context(), file, func(ctx context.Context, s store) error {
				r, err := s.Message(ctx, id)
				if err != nil {
					return fmt.Errorf("%s: %w", id, err)
				}
				return printRecord(cmd.OutOrStdout(), r, asJSON)
			})
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; payload and reply are base64")
	return cmd
}

// withStore opens the store of a configuration for one look at it.
func withStore(ctx context.Context, file string, do func(context.Context, store) error) error {
	p, err := readProject(file)
	if err != nil {
		return err
	}
	s, err := p.Store.openExisting(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer s.Close()
	return do(ctx, s)
}

func printSummaries(out io.Writer, found []gateway.Summary, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		for _, s := range found {
			if err := enc.Encode(s); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tRECEIVED\tROUTE\tSENDER\tIDENTITY\tOUTCOME\tKEYS")
	for _, s := range found {
		outcome := s.Outcome
		if s.Code != "" {
			outcome += " " + s.Code
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.ReceivedAt.Format(time.DateTime), dash(s.Route),
			dash(cmp.Or(s.Sender, s.Principal)), dash(s.Identity), outcome, keys(s.Keys))
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func keys(list []mapping.Key) string {
	var out []string
	for _, k := range list {
		out = append(out, k.Name+"="+k.Value)
	}
	return strings.Join(out, " ")
}

func printRecord(out io.Writer, r *gateway.Record, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	line("message", r.ID.String())
	line("received", r.ReceivedAt.Format(time.RFC3339Nano))
	line("endpoint", r.Endpoint)
	line("route", r.Route)
	line("principal", r.Principal)
	line("sender", r.Sender)
	line("identity", r.Identity)
	line("keys", keys(r.Keys))
	line("outcome", r.Outcome)
	line("code", r.Code)
	line("reason", r.Reason)
	line("mapping", r.Mapping)
	line("contract", r.Contract)
	line("trace", r.TraceParent)
	for _, d := range r.Deliveries {
		state := d.State
		if !d.ConfirmedAt.IsZero() {
			state += " " + d.ConfirmedAt.Format(time.RFC3339Nano)
		}
		line("delivery", fmt.Sprintf("%s %s: %s %s", d.Channel, d.RoutingKey, state, d.Reason))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		text []byte
	}{{"payload", r.Payload}, {"reply", r.Reply}} {
		if len(part.text) > 0 {
			fmt.Fprintf(out, "\n%s:\n%s\n", part.name, part.text)
		}
	}
	return nil
}
