package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// repeat processes a stored message once more, when the rows that it would change
// have been looked at.
func (f *deedFlags) repeat(cmd *cobra.Command, id gateway.ID) (e *gateway.Effect, err error) {
	if f.direct {
		err := withCore(cmd.Context(), f.remote.file, func(ctx context.Context, core *gateway.Gateway, by string) (err error) {
			e, err = f.look(cmd, func() (*gateway.Differences, error) { return core.Rehearse(ctx, id, gateway.Act{By: by}) }, func(seen string) (*gateway.Effect, error) {
				return core.Repeat(ctx, id, seen, gateway.Act{By: by, Reason: f.reason})
			})
			return err
		})
		return e, err
	}
	c, err := f.remote.client()
	if err != nil {
		return nil, err
	}
	path := "messages/" + id.String() + "/repeat"
	return f.look(cmd, func() (*gateway.Differences, error) {
		d := &gateway.Differences{}
		return d, c.get(cmd.Context(), path, nil, d)
	}, func(seen string) (*gateway.Effect, error) {
		e := &gateway.Effect{}
		return e, c.send(cmd.Context(), path, map[string]string{"seen": seen, "reason": f.reason}, e)
	})
}

// look shows the differences, asks, and does what was looked at.
func (f *deedFlags) look(cmd *cobra.Command, rehearse func() (*gateway.Differences, error), do func(seen string) (*gateway.Effect, error)) (*gateway.Effect, error) {
	d, err := rehearse()
	if err != nil {
		return nil, err
	}
	if f.dryRun && f.asJSON {
		return nil, printJSON(cmd.OutOrStdout(), d)
	}
	shown := cmd.OutOrStdout()
	if f.asJSON {
		shown = cmd.ErrOrStderr()
	}
	printDifferences(shown, d)
	if f.dryRun {
		return nil, nil
	}
	if err := confirm(cmd, "Process it again", f.yes); err != nil {
		return nil, err
	}
	return do(d.Seen)
}

func printDifferences(out io.Writer, d *gateway.Differences) {
	for _, r := range d.Rows {
		fmt.Fprintf(out, "%-10s %s%s\n", r.Effect, r.Table, columnsText(r.Columns))
	}
	for _, r := range d.Deleted {
		fmt.Fprintf(out, "%-10s %s%s\n", "deleted", r.Table, columnsText(r.Columns))
	}
	if d.MoreDeleted > 0 {
		fmt.Fprintf(out, "%-10s %s\n", "deleted", plural.Of(d.MoreDeleted, "more row", "more rows"))
	}
	for _, p := range d.Publications {
		fmt.Fprintf(out, "%-10s %s to %s: %s\n", "published", oneLine(p.Type), oneLine(p.Channel), oneLine(p.RoutingKey))
	}
	switch {
	case d.Outcome == gateway.Superseded.String():
		fmt.Fprintln(out, "The tables have a newer version: the message would be superseded, and change nothing.")
	case d.Changes() == 0:
		fmt.Fprintln(out, "No row would change.")
	default:
		fmt.Fprintf(out, "%s would change.\n", plural.Of(d.Changes(), "row", "rows"))
	}
}

func columnsText(columns []gateway.ColumnChange) string {
	var b strings.Builder
	for _, c := range columns {
		before, after := nullText(c.Before), nullText(c.After)
		switch {
		case before == after, c.After == nil && c.Before != nil:
			fmt.Fprintf(&b, " %s=%s", c.Name, before)
		case c.Before == nil:
			fmt.Fprintf(&b, " %s=%s", c.Name, after)
		default:
			fmt.Fprintf(&b, " %s: %s -> %s", c.Name, before, after)
		}
	}
	return oneLine(b.String())
}

func nullText(s *string) string {
	if s == nil {
		return null
	}
	return fmt.Sprintf("%q", *s)
}
