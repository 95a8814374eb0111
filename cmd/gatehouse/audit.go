package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify who did what, and what was taken",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditVerify())
	return cmd
}

// auditFlags say what is verified.
type auditFlags struct {
	remote   remoteFlags
	since    string
	expected []string
	direct   bool
	asJSON   bool
}

// errBroken is the answer of verify that a script can branch on.
var errBroken = errors.New("the audit trail and the ledger do not fit")

func newAuditVerify() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify that nothing of the audit trail or the ledger was changed",
		Long: `Verify the audit trail: every entry follows the one before it, and what the ledger has
of messages is what was taken. What retention has removed and what was erased is
counted; the trail says that it was.

At its end it prints the last entry of each chain. Note them somewhere else, and give
them to the next verification with --expect: whoever can write all of the database can
write the chains anew, but not what you have noted. The exit status is 1 when something
does not fit; the first of it is told.`,
		Example: "  gatehouse audit verify --since 720h --expect 1:1841:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		Args:    usage(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.remote.add(cmd)
	directFlag(cmd, &f.direct)
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "begin at "+instantUsage+"; what is before is taken for granted")
	flags.StringArrayVar(&f.expected, "expect", nil, "`head` of a chain that was noted before, as chain:seq:hash; may be repeated")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *auditFlags) run(cmd *cobra.Command) error {
	since, err := parseInstant(f.since)
	if err != nil {
		return usageError{fmt.Errorf("--since: %w", err)}
	}
	expected := make([]gateway.AuditHead, len(f.expected))
	for i, text := range f.expected {
		if err := expected[i].UnmarshalText([]byte(text)); err != nil {
			return usageError{fmt.Errorf("--expect: %w", err)}
		}
		if expected[i].Seq == 0 {
			return usageError{fmt.Errorf("--expect: %s is no entry: they are counted from 1", text)}
		}
	}
	report, err := f.verified(cmd.Context(), since, expected)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		err = printAudit(cmd.OutOrStdout(), report)
	}
	if err == nil && report.Break != nil {
		return errBroken
	}
	return err
}

func (f *auditFlags) verified(ctx context.Context, since time.Time, expected []gateway.AuditHead) (*gateway.AuditReport, error) {
	if f.direct {
		return verifyAside(ctx, f.remote.file, since, expected)
	}
	c, err := f.remote.client()
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if !since.IsZero() {
		query.Set("since", since.Format(time.RFC3339Nano))
	}
	span := &gateway.AuditSpan{}
	if err := c.get(ctx, "audit", query, span); err != nil {
		return nil, err
	}
	part := func(after gateway.AuditHead) (*gateway.AuditPart, error) {
		p := &gateway.AuditPart{}
		return p, c.get(ctx, "audit/verify", url.Values{
			"after": {after.String()}, "from": {span.From.Format(time.RFC3339Nano)}, "until": {span.Until.Format(time.RFC3339Nano)},
		}, p)
	}
	entry := func(chain int, seq int64) (*gateway.AuditEntry, error) {
		var found operations.AuditFound
		err := c.get(ctx, "audit/entry", url.Values{"at": {gateway.AuditHead{Chain: chain, Seq: seq}.String()}}, &found)
		return found.Entry, err
	}
	return gateway.WalkAudit(span, expected, part, entry)
}

// verifyAside verifies with the store's credentials.
func verifyAside(ctx context.Context, file string, since time.Time, expected []gateway.AuditHead) (report *gateway.AuditReport, err error) {
	err = withStore(ctx, file, func(ctx context.Context, s store, _ *project) error {
		span, err := gateway.BeginAudit(ctx, s, time.Now().UTC(), since)
		if err != nil {
			return err
		}
		report, err = gateway.WalkAudit(span, expected,
			func(after gateway.AuditHead) (*gateway.AuditPart, error) {
				return gateway.VerifyAudit(ctx, s, after, span)
			},
			func(chain int, seq int64) (*gateway.AuditEntry, error) {
				return gateway.AuditEntryOf(ctx, s, chain, seq)
			})
		return err
	})
	return report, err
}

func printAudit(out io.Writer, r *gateway.AuditReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s and %s\n", counting(int(r.Entries), "entry fits", "entries fit"), counting(int(r.Acts), "act", "acts"), counting(int(r.Messages), "message", "messages"))
	for _, line := range []struct {
		n    int64
		text string
	}{
		{r.MessagesGone.Count, "messages are not in the ledger any more; retention says that it has removed them"},
		{r.PayloadsGone.Count, "messages have no payload any more; retention says that it has removed them"},
		{r.Erased, "messages were erased, by acts of the trail, and cannot be compared"},
	} {
		if line.n > 0 && r.Break == nil {
			fmt.Fprintf(&b, "%d %s\n", line.n, line.text)
		}
	}
	if r.Break != nil {
		fmt.Fprintf(&b, "BROKEN: %s\n", r.Break)
	} else {
		b.WriteString("Nothing was changed. Heads, to be noted elsewhere:\n")
		for _, h := range r.Heads {
			fmt.Fprintf(&b, "%s\n", h)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
