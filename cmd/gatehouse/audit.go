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
	"github.com/gatehouse/gatehouse/internal/plural"
)

func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify who did what, and what was taken",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditVerify(), newAuditHeads())
	return cmd
}

// auditFlags say what is verified.
type auditFlags struct {
	remote   remoteFlags
	since    string
	expected []string
	anchor   string
	resume   string
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
them to the next verification with --anchor or --expect: whoever can write all of the
database can write the chains anew, or restore an older state of it, but not change what
you have noted. The exit status is 0 when everything fits, 1 when something does not, of
which the first is told, or could not be read, and 2 for a mistake in the command line.

It takes no more memory for a longer trail. --resume names a file that keeps how far it
has come: the same command goes on from there.`,
		Example: `  gatehouse audit heads >> /mnt/elsewhere/heads
  gatehouse audit verify --anchor /mnt/elsewhere/heads
  gatehouse audit verify --since 720h --expect 1:1841:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.remote.add(cmd)
	directFlag(cmd, &f.direct)
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "begin at "+instantUsage+"; what is before is taken for granted")
	flags.StringArrayVar(&f.expected, "expect", nil, "`head` of a chain that was noted before, as chain:seq:hash; may be repeated")
	flags.StringVar(&f.anchor, "anchor", "", "`file` of heads that were noted before, one a line; lines that begin with # are not read")
	flags.StringVar(&f.resume, "resume", "", "`file` that keeps how far it has come; go on from there when it exists")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// newAuditHeads prints what is to be noted, without a verification.
func newAuditHeads() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "heads",
		Short: "Print the last entry of each chain, to be noted elsewhere",
		Long: `Print the last entry of each chain of the audit trail as it is now, as chain:seq:hash,
without verifying anything. Append them now and then to a file where whoever administers
the database cannot write: audit verify --anchor holds the trail against it.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			heads, err := f.heads(cmd.Context())
			if err != nil {
				return err
			}
			if f.asJSON {
				return printJSON(cmd.OutOrStdout(), operations.AuditHeads{Heads: heads})
			}
			return printHeads(cmd.OutOrStdout(), heads)
		},
	}
	f.remote.add(cmd)
	directFlag(cmd, &f.direct)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *auditFlags) heads(ctx context.Context) (heads []gateway.AuditHead, err error) {
	if f.direct {
		err = withStore(ctx, f.remote.file, func(ctx context.Context, s store, _ *project) error {
			heads, err = gateway.WrittenHeads(ctx, s)
			return err
		})
		return heads, err
	}
	c, err := f.remote.client()
	if err != nil {
		return nil, err
	}
	var found operations.AuditHeads
	err = c.get(ctx, "audit/heads", nil, &found)
	return found.Heads, err
}

func printHeads(out io.Writer, heads []gateway.AuditHead) error {
	var b strings.Builder
	for _, h := range heads {
		fmt.Fprintf(&b, "%s\n", h)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (f *auditFlags) run(cmd *cobra.Command) error {
	since, err := parseInstant(f.since)
	if err != nil {
		return usageError{fmt.Errorf("--since: %w", err)}
	}
	expected, err := f.noted()
	if err != nil {
		return usageError{err}
	}
	var report *gateway.AuditReport
	walk := func(ctx context.Context, trail auditTrail) (err error) {
		report, err = f.walk(ctx, cmd.ErrOrStderr(), trail, since, expected)
		return err
	}
	if err := f.withTrail(cmd.Context(), walk); err != nil {
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

// auditTrail is a trail of a gateway, or of a store.
type auditTrail struct {
	begin func(since time.Time) (*gateway.AuditSpan, error)
	read  func(*gateway.AuditSpan) gateway.AuditReader
}

func (f *auditFlags) withTrail(ctx context.Context, do func(context.Context, auditTrail) error) error {
	if f.direct {
		return withStore(ctx, f.remote.file, func(ctx context.Context, s store, _ *project) error {
			return do(ctx, auditTrail{
				begin: func(since time.Time) (*gateway.AuditSpan, error) {
					return gateway.BeginAudit(ctx, s, time.Now().UTC(), since)
				},
				read: func(span *gateway.AuditSpan) gateway.AuditReader { return gateway.ReadAudit(ctx, s, span) },
			})
		})
	}
	c, err := f.remote.client()
	if err != nil {
		return err
	}
	return do(ctx, remoteTrail(ctx, c))
}

func remoteTrail(ctx context.Context, c *client) auditTrail {
	return auditTrail{
		begin: func(since time.Time) (*gateway.AuditSpan, error) {
			query := url.Values{}
			if !since.IsZero() {
				query.Set("since", since.Format(time.RFC3339Nano))
			}
			span := &gateway.AuditSpan{}
			return span, c.get(ctx, "audit", query, span)
		},
		read: func(span *gateway.AuditSpan) gateway.AuditReader {
			return gateway.AuditReader{
				Part: func(after gateway.AuditHead) (*gateway.AuditPart, error) {
					p := &gateway.AuditPart{}
					return p, c.get(ctx, "audit/verify", url.Values{
						"after": {after.String()}, "from": {span.From.Format(time.RFC3339Nano)}, "until": {span.Until.Format(time.RFC3339Nano)},
					}, p)
				},
				Entry: func(chain int, seq int64) (*gateway.AuditEntry, error) {
					var found operations.AuditFound
					err := c.get(ctx, "audit/entry", url.Values{"at": {gateway.AuditHead{Chain: chain, Seq: seq}.String()}}, &found)
					return found.Entry, err
				},
			}
		},
	}
}

func printAudit(out io.Writer, r *gateway.AuditReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s and %s\n", plural.Of(int(r.Entries), "entry fits", "entries fit"), plural.Of(int(r.Acts), "act", "acts"), plural.Of(int(r.Messages), "message", "messages"))
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
		if r.Noted > 0 || r.TooOld > 0 {
			fmt.Fprintf(&b, "%s\n", notedText(r))
		}
		b.WriteString("Nothing was changed. Heads, to be noted elsewhere:\n")
		for _, h := range r.Heads {
			fmt.Fprintf(&b, "%s\n", h)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func notedText(r *gateway.AuditReport) string {
	text := fmt.Sprintf("%s as noted", plural.Of(r.Noted, "head is", "heads are"))
	if r.TooOld > 0 {
		text += fmt.Sprintf(", %d are of entries that retention has removed", r.TooOld)
	}
	return text
}
