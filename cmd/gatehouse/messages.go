package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

func newMessages() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "messages",
		Short: "Look at messages, and decide what becomes of those that need somebody",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMessagesList(), newMessagesShow(), newMessagesGroups(), newMessagesEdit(), newMessagesJobs(), newMessagesAdopt())
	for _, d := range deeds {
		cmd.AddCommand(d.command())
	}
	cmd.AddCommand(newMessagesErase())
	return cmd
}

// listFlags say which messages are listed.
type listFlags struct {
	query                      gateway.Query
	code, since, until, before string
}

func (l *listFlags) add(cmd *cobra.Command) {
	f, q := cmd.Flags(), &l.query
	f.StringVar(&q.Key, "key", "", "business key `value`, such as an order number")
	f.StringVar(&q.Route, "route", "", "`route`")
	f.StringVar(&q.Sender, "sender", "", "`sender`: partner:<name> or a DN")
	f.StringVar(&q.Identity, "identity", "", "message `identity`")
	f.StringVar(&q.Outcome, "outcome", "", "`outcome`: "+strings.Join(operations.Outcomes, ", "))
	f.StringVar(&l.code, "code", "", "of what was refused or kept: `code` (GH-2002), class of codes (GH-2) or kind (forbidden)")
	f.StringVar(&l.since, "since", "", "not older than "+instantUsage)
	f.StringVar(&l.until, "until", "", "older than "+instantUsage)
	f.StringVar(&l.before, "before", "", "only messages older than this `id` (for paging)")
	f.IntVar(&q.Limit, "limit", 50, "at most so many")
}

// check refuses what would quietly find nothing, or everything.
func (l *listFlags) check() error {
	q := &l.query
	var faults []error
	if q.Outcome != "" && !slices.Contains(operations.Outcomes, q.Outcome) {
		faults = append(faults, fmt.Errorf("--outcome: %q is none of %s%s", q.Outcome, strings.Join(operations.Outcomes, ", "), didYouMean(q.Outcome, operations.Outcomes)))
	}
	if q.Limit < 1 {
		faults = append(faults, fmt.Errorf("--limit: %d is less than 1", q.Limit))
	}
	var err error
	if q.Since, err = parseInstant(l.since); err != nil {
		faults = append(faults, fmt.Errorf("--since: %w", err))
	}
	if q.Until, err = parseInstant(l.until); err != nil {
		faults = append(faults, fmt.Errorf("--until: %w", err))
	}
	if q.Codes, err = codesOf(l.code); err != nil {
		faults = append(faults, err)
	}
	if l.before != "" {
		if q.Before, err = uuid.Parse(l.before); err != nil {
			faults = append(faults, fmt.Errorf("--before: %q is no message id", l.before))
		}
	}
	return errors.Join(faults...)
}

// values is the query as the operations API reads it.
func (l *listFlags) values(limit int) url.Values {
	q, v := &l.query, url.Values{}
	for name, value := range map[string]string{"route": q.Route, "sender": q.Sender, "key": q.Key, "identity": q.Identity, "outcome": q.Outcome, "code": l.code} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	if !q.Until.IsZero() {
		v.Set("until", q.Until.UTC().Format(time.RFC3339Nano))
	}
	if q.Before != (gateway.ID{}) {
		v.Set("before", q.Before.String())
	}
	v.Set("limit", strconv.Itoa(min(limit, operations.MaxLimit)))
	return v
}

func newMessagesList() *cobra.Command {
	var (
		remote         remoteFlags
		list           listFlags
		direct, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List messages and refusals, newest first",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := list.check(); err != nil {
				return usageError{err}
			}
			found, err := list.find(cmd.Context(), &remote, direct)
			if err != nil {
				return err
			}
			return printSummaries(cmd.OutOrStdout(), found, asJSON)
		},
	}
	remote.add(cmd)
	list.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func (l *listFlags) find(ctx context.Context, remote *remoteFlags, direct bool) (found []gateway.Summary, err error) {
	if direct {
		err = withStore(ctx, remote.file, func(ctx context.Context, s store, _ *project) (err error) {
			found, err = s.Messages(ctx, l.query)
			return err
		})
		return found, err
	}
	c, err := remote.client()
	if err != nil {
		return nil, err
	}
	for wanted := l.query.Limit; len(found) < wanted; {
		var page operations.MessageList
		if err := c.get(ctx, "messages", l.values(wanted-len(found)), &page); err != nil {
			return nil, err
		}
		found = append(found, page.Messages...)
		if page.Next == (gateway.ID{}) {
			break
		}
		l.query.Before = page.Next
	}
	return found, nil
}

func newMessagesShow() *cobra.Command {
	var (
		remote                  remoteFlags
		direct, asJSON, payload bool
	)
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one message with payload, reply, deliveries and history",
		Long: `Show one message with payload, reply, deliveries and history. Characters that steer
a terminal are replaced; --json and --payload have every byte.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID(args[0])
			if err != nil {
				return err
			}
			r, err := findRecord(cmd.Context(), &remote, direct, id)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			if payload {
				_, err := cmd.OutOrStdout().Write(r.Payload)
				return err
			}
			return printRecord(cmd.OutOrStdout(), r, asJSON)
		},
	}
	remote.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; payload and reply are base64")
	cmd.Flags().BoolVar(&payload, "payload", false, "print the payload alone, byte by byte")
	cmd.MarkFlagsMutuallyExclusive("json", "payload")
	return cmd
}

func parseID(text string) (gateway.ID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return id, usageError{fmt.Errorf("%q is no message id; `gatehouse messages list` shows them", text)}
	}
	return id, nil
}

func findRecord(ctx context.Context, remote *remoteFlags, direct bool, id gateway.ID) (r *gateway.Record, err error) {
	if direct {
		err = withStore(ctx, remote.file, func(ctx context.Context, s store, p *project) (err error) {
			if r, err = readAside(ctx, s, id); err == nil {
				p.Retention.config().Tell(r, p.retentionOf(r.Route))
			}
			return err
		})
		return r, err
	}
	c, err := remote.client()
	if err != nil {
		return nil, err
	}
	r = &gateway.Record{}
	return r, c.get(ctx, "messages/"+id.String(), nil, r)
}

// readAside reads a message with the store's credentials, which is on record too.
func readAside(ctx context.Context, s store, id gateway.ID) (*gateway.Record, error) {
	r, err := s.Message(ctx, id)
	if err != nil || !r.Discloses() {
		return r, err
	}
	by, err := localActor()
	if err != nil {
		return nil, err
	}
	return r, s.Audit(ctx, gateway.AuditRead, id.String(), gateway.Act{By: by})
}

// withStore opens the store of a configuration for one look at it.
func withStore(ctx context.Context, file string, do func(context.Context, store, *project) error) error {
	p, err := readProject(file)
	if err != nil {
		return err
	}
	s, err := p.Store.openExisting(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, s, p), s.Close())
}

func printSummaries(out io.Writer, found []gateway.Summary, asJSON bool) error {
	if asJSON {
		return printEach(out, found)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tRECEIVED\tROUTE\tSENDER\tIDENTITY\tOUTCOME\tKEYS")
	for _, s := range found {
		outcome := s.Outcome
		if s.Code != "" {
			outcome += " " + s.Code
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.ReceivedAt.Format(time.DateTime), dash(s.Route),
			dash(cmp.Or(s.Sender, s.Principal)), dash(s.Identity), outcome, oneLine(keys(s.Keys)))
	}
	return w.Flush()
}

// printEach prints one JSON object a line.
func printEach[T any](out io.Writer, list []T) error {
	enc := json.NewEncoder(out)
	for _, one := range list {
		if err := enc.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return oneLine(s)
}

// oneLine is text that a terminal may show in a column: what senders write may
// hold lines and control sequences of its own.
func oneLine(s string) string {
	return strings.Map(inert, strings.ReplaceAll(strings.ReplaceAll(s, "\n", "; "), "\t", " "))
}

// inert replaces what would steer a terminal.
func inert(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return unicode.ReplacementChar
	}
	return r
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
		return printJSON(out, r)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, oneLine(value))
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
	line("replay of", r.ReplayOf)
	for _, d := range r.Deliveries {
		state := d.State
		if !d.ConfirmedAt.IsZero() {
			state += " " + d.ConfirmedAt.Format(time.RFC3339Nano)
		}
		line("delivery", strings.TrimSpace(fmt.Sprintf("%s: %s %s", strings.TrimSpace(d.Channel+" "+d.RoutingKey), state, d.Reason)))
		if d.Response != nil {
			line("response", response(d.Response))
		}
	}
	for _, a := range r.History {
		line("history", strings.TrimSpace(fmt.Sprintf("%s %s %s", a.At.Format(time.RFC3339), a.What, attempt(a))))
	}
	for _, a := range r.Attachments {
		line("attachment", fmt.Sprintf("%d: %s, %s, %d bytes, sha256 %s", a.Part, dash(a.ContentID), dash(a.MediaType), a.Size, a.SHA256))
	}
	line("payload", r.PayloadGone)
	if err := w.Flush(); err != nil {
		return err
	}
	type part struct {
		name string
		text []byte
	}
	parts := []part{{"payload", r.Payload}, {"reply", r.Reply}}
	for _, d := range r.Deliveries {
		if d.Response != nil {
			parts = append(parts, part{"response of " + d.Channel, d.Response.Body})
		}
	}
	for _, part := range parts {
		if len(part.text) > 0 {
			fmt.Fprintf(out, "\n%s:\n%s\n", part.name, bytes.Map(inert, part.text))
		}
	}
	return nil
}

// response tells what the other side of a channel answered last, on one line.
func response(r *gateway.ResponseRecord) string {
	text := "no answer"
	if r.Status != 0 {
		text = fmt.Sprintf("HTTP %d %s", r.Status, r.ContentType)
	}
	text = fmt.Sprintf("%s in %v at %s", strings.TrimSpace(text), r.Took.Round(time.Millisecond), r.At.Format(time.RFC3339Nano))
	if r.Attempts > 1 {
		text += fmt.Sprintf(", attempt %d since %s", r.Attempts, r.FirstAt.Format(time.RFC3339Nano))
	}
	if r.Cut {
		text += ", cut"
	}
	if reason := strings.TrimSpace(r.Code + " " + r.Reason); reason != "" {
		text += ": " + reason
	}
	return text
}

// attempt tells by whom and why, on one line.
func attempt(a gateway.Attempt) string {
	text := ""
	if a.By != "" {
		text = "by " + a.By
	}
	if reason := strings.TrimSpace(a.Code + " " + a.Reason); reason != "" {
		text += ": " + reason
	}
	return strings.TrimPrefix(text, ": ")
}
