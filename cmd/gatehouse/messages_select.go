package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const instantUsage = "a `time` such as 2026-03-01T06:00:00Z, or how long ago, such as 1h30m"

// parseInstant reads one; empty text is the zero time.
func parseInstant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		if ago < 0 {
			return time.Time{}, fmt.Errorf("%v lies in the future; leave out the sign", ago)
		}
		return time.Now().Add(-ago).UTC().Truncate(time.Millisecond), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2026-03-01T06:00:00Z, and no duration such as 1h30m", text)
}

// selectFlags say which of the parked messages or deliveries are meant.
type selectFlags struct {
	wanted       operations.NewJob
	since, until string
}

func (s *selectFlags) add(cmd *cobra.Command) {
	f, w := cmd.Flags(), &s.wanted
	f.StringVar(&w.Route, "route", "", "parked messages of this `route`")
	f.StringVar(&w.Channel, "channel", "", "parked deliveries of this `channel` instead of messages")
	f.StringVar(&w.Code, "code", "", "`code` (GH-2002), class of codes (GH-2) or kind (forbidden)")
	f.StringVar(&w.Cause, "cause", "", "`cause`, as `messages groups` tells it")
	f.StringVar(&w.Key, "key", "", "business key `value`, such as an order number")
	f.StringVar(&w.Sender, "sender", "", "`sender`: partner:<name> or a DN")
	f.StringVar(&w.Identity, "identity", "", "message `identity`")
	f.StringVar(&s.since, "since", "", "not older than "+instantUsage)
	f.StringVar(&s.until, "until", "", "older than "+instantUsage)
}

// selectNames are the flags that selectFlags add.
var selectNames = []string{"route", "channel", "code", "cause", "key", "sender", "identity", "since", "until"}

// check reads the times, and refuses what would quietly find nothing.
func (s *selectFlags) check() error {
	var faults []error
	for name, flag := range map[string]struct {
		text string
		into *time.Time
	}{"since": {s.since, &s.wanted.Since}, "until": {s.until, &s.wanted.Until}} {
		var err error
		if *flag.into, err = parseInstant(flag.text); err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", name, err))
		}
	}
	if _, err := codesOf(s.wanted.Code); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func codesOf(word string) ([]string, error) {
	codes := gateway.CodesOf(word)
	if word != "" && codes == nil {
		return nil, fmt.Errorf("--code: %q is no code such as GH-2002, no class such as GH-2, and no kind such as forbidden", word)
	}
	if word == "" {
		return nil, nil
	}
	return codes, nil
}

// selection is what is meant, for the store.
func (s *selectFlags) selection() gateway.Selection {
	w := &s.wanted
	sel := gateway.Selection{Channel: w.Channel, Route: w.Route, Sender: w.Sender, Key: w.Key, Identity: w.Identity, Cause: w.Cause, Since: w.Since, Until: w.Until}
	if w.Code != "" {
		sel.Codes = gateway.CodesOf(w.Code)
	}
	return sel
}

// values is what is meant, as the operations API reads it.
func (s *selectFlags) values() url.Values {
	w, v := &s.wanted, url.Values{}
	for name, value := range map[string]string{"channel": w.Channel, "route": w.Route, "sender": w.Sender, "key": w.Key, "identity": w.Identity, "code": w.Code, "cause": w.Cause} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": w.Since, "until": w.Until} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return v
}

func newMessagesGroups() *cobra.Command {
	var (
		remote         remoteFlags
		selected       selectFlags
		direct, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "Tell what is parked and why: counted by cause, with an example and who can mend it",
		Long: `Tell what is parked and why: messages counted by route, code and cause, deliveries by
channel, the largest groups first. The cause is the part of the reason that all of a
group have in common. With --route, --sender and the like only messages are counted,
with --channel only deliveries.`,
		Example: "  gatehouse messages groups --since 12h\n  gatehouse messages groups --route submit-order --code GH-2",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := selected.check(); err != nil {
				return usageError{err}
			}
			found, err := selected.groups(cmd.Context(), &remote, direct)
			if err != nil {
				return err
			}
			if asJSON {
				return printEach(cmd.OutOrStdout(), found)
			}
			return printGroups(cmd.OutOrStdout(), found)
		},
	}
	remote.add(cmd)
	selected.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// groups are those of the messages and, unless something else was asked for, of
// the deliveries.
func (s *selectFlags) groups(ctx context.Context, remote *remoteFlags, direct bool) (found []gateway.ParkedGroup, err error) {
	if !direct {
		c, err := remote.client()
		if err != nil {
			return nil, err
		}
		return s.both(func() ([]gateway.ParkedGroup, error) {
			var page operations.ParkedGroups
			err := c.get(ctx, "messages/groups", s.values(), &page)
			return page.Groups, err
		})
	}
	err = withStore(ctx, remote.file, func(ctx context.Context, st store, _ *project) (err error) {
		found, err = s.both(func() ([]gateway.ParkedGroup, error) { return st.Groups(ctx, s.selection()) })
		return err
	})
	return found, err
}

func (s *selectFlags) both(ask func() ([]gateway.ParkedGroup, error)) ([]gateway.ParkedGroup, error) {
	found, err := ask()
	w := &s.wanted
	if err != nil || cmp.Or(w.Channel, w.Route, w.Sender, w.Key, w.Identity) != "" {
		return found, err
	}
	w.Channel = gateway.AnyChannel
	deliveries, err := ask()
	return append(found, deliveries...), err
}

func printGroups(out io.Writer, found []gateway.ParkedGroup) error {
	if len(found) == 0 {
		_, err := fmt.Fprintln(out, "Nothing is parked.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "COUNT\tOF\tCODE\tMENDER\tFIRST\tLAST\tEXAMPLE\tCAUSE")
	for _, g := range found {
		count, of := fmt.Sprint(g.Count), g.Route
		if g.Channel != "" {
			of = "channel " + g.Channel
			if g.Behind > 0 {
				count = fmt.Sprintf("%d+%d behind", g.Count, g.Behind)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", count, dash(of), dash(g.Code), dash(string(g.Mender)),
			g.First.Format(time.DateTime), g.Last.Format(time.DateTime), exampleText(g), dash(g.Cause))
	}
	return w.Flush()
}

func exampleText(g gateway.ParkedGroup) string {
	if g.Example == (gateway.ID{}) {
		return "-"
	}
	return g.Example.String()
}
