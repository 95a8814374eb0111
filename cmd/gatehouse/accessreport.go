package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// reportFlags say what is reported, and how.
type reportFlags struct {
	remote                remoteFlags
	direct, asJSON, asCSV bool
	days, people          int
}

func newAccessReport() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Report every role for a review: its groups, who is in them, its grants, and their use",
		Long: `Report every role as somebody has to approve of it: the groups that have it and what
they are in the directory, the people in them, nested groups included, with the state
of each account as far as the directory tells it without a password; the grants, and
for those to send how many messages they let in and when the last, for those to act on
messages how many acts of these kinds the audit trail has of the role's people, on
whatever route. Looking at lists is not counted.

The report is written role by role. --json writes one object a line.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.remote.add(cmd)
	directFlag(cmd, &f.direct)
	flags := cmd.Flags()
	flags.IntVar(&f.days, "days", 90, "how many `days` of use are counted")
	flags.IntVar(&f.people, "people", gateway.DefaultPeople, "how many `people` of each member are listed")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON, one role a line")
	flags.BoolVar(&f.asCSV, "csv", false, "print CSV")
	return cmd
}

func (f *reportFlags) run(cmd *cobra.Command) error {
	switch {
	case f.asJSON && f.asCSV:
		return usageError{errors.New("--json and --csv are two forms of one answer")}
	case f.days < 1 || f.days > gateway.MaxDays:
		return usageError{fmt.Errorf("--days: %d is not between 1 and %d", f.days, gateway.MaxDays)}
	case f.people < 1 || f.people > gateway.MaxPeople:
		return usageError{fmt.Errorf("--people: %d is not between 1 and %d", f.people, gateway.MaxPeople)}
	}
	out := cmd.OutOrStdout()
	write := func(r *gateway.RoleReview) error { return reviewText(out, r) }
	switch {
	case f.asJSON:
		write = func(r *gateway.RoleReview) error { return json.NewEncoder(out).Encode(r) }
	case f.asCSV:
		w := csv.NewWriter(out)
		row(w, "role", "partner", "kind", "member", "group", "login", "dn", "state", "may", "on", "messages", "last use", "note")
		write = func(r *gateway.RoleReview) error { return reviewCSV(w, r) }
	}
	if f.direct {
		return f.aside(cmd.Context(), write)
	}
	return f.ask(cmd.Context(), write)
}

// ask asks a gateway about one role after the other.
func (f *reportFlags) ask(ctx context.Context, write func(*gateway.RoleReview) error) error {
	c, err := f.remote.client()
	if err != nil {
		return err
	}
	var roles operations.Roles
	if err := c.get(ctx, "access/roles", nil, &roles); err != nil {
		return err
	}
	for _, role := range roles.Roles {
		r := &gateway.RoleReview{}
		if err := c.get(ctx, "access/report", url.Values{"role": {role}, "days": {strconv.Itoa(f.days)}, "people": {strconv.Itoa(f.people)}}, r); err != nil {
			return err
		}
		if err := write(r); err != nil {
			return err
		}
	}
	return nil
}

// aside looks at one role after the other in this process.
func (f *reportFlags) aside(ctx context.Context, write func(*gateway.RoleReview) error) error {
	return withCore(ctx, f.remote.file, func(ctx context.Context, core *gateway.Gateway, _ string) error {
		for _, role := range core.RoleNames() {
			r, err := core.Review(ctx, role, f.days, f.people)
			if err != nil {
				return err
			}
			if err := write(r); err != nil {
				return err
			}
		}
		return nil
	})
}

func reviewText(out io.Writer, r *gateway.RoleReview) error {
	w := &teller{out: out}
	partner := ""
	if r.Partner != "" {
		partner = " of partner " + r.Partner
	}
	w.line("role %s%s", r.Role, partner)
	for _, l := range r.Limits {
		w.line("  limited by %s", l)
	}
	if len(r.Members) == 0 {
		w.line("  has no members")
	}
	for _, m := range r.Members {
		w.line("  has %s%s", m.Member, meaning(m))
		for _, p := range m.People {
			w.line("    %s (%s)%s", p.Login, p.DN, state(p))
		}
		if m.Cut {
			w.line("    and more (--people)")
		}
	}
	if len(r.Grants) == 0 {
		w.line("  may do nothing")
	}
	for _, g := range r.Grants {
		w.line("  may %s: %s", g.Grant, use(r, g))
	}
	w.line("")
	return w.err
}

// meaning is what the directory has for a member that is a group.
func meaning(m gateway.MemberReview) string {
	switch {
	case m.Group == "":
		return ""
	case len(m.Groups) == 0:
		return ", which the directory does not have"
	}
	return " (" + namesOf(m.Groups) + ")"
}

// use tells how a grant was used.
func use(r *gateway.RoleReview, g gateway.GrantReview) string {
	since := "since " + r.Since.Format(time.DateOnly)
	switch {
	case g.Messages > 0: // below
	case g.ActsCounted && g.Acts > 0:
		return fmt.Sprintf("%s of these kinds by its people %s, the last at %s", plural.Of(g.Acts, "act", "acts"), since, g.LastAct.Format(time.RFC3339))
	case g.ActsCounted && !g.Unused():
		return "no act of these kinds by its people " + since + "; looking at lists is not counted"
	case !g.Counted && !g.ActsCounted:
		return "use is not counted"
	case g.Unused() && r.More:
		return "not used in what was looked at " + since
	case g.Unused():
		return "NOT USED " + since
	}
	return fmt.Sprintf("%s %s, the last at %s", plural.Of(g.Messages, "message", "messages"), since, g.Last.Format(time.RFC3339))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func reviewCSV(w *csv.Writer, r *gateway.RoleReview) error {
	for _, m := range r.Members {
		kind, name := "group", m.Group
		if m.User != "" {
			kind, name = "user", m.User
		}
		if m.Group != "" && len(m.Groups) == 0 {
			row(w, r.Role, r.Partner, kind, name, "", "", "", "", "", "", "", "", "there is no such group")
		}
		for _, p := range m.People {
			row(w, r.Role, r.Partner, kind, name, namesOf(m.Groups), p.Login, p.DN, cmp.Or(p.State, p.Note), "", "", "", "", "")
		}
		if m.Cut {
			row(w, r.Role, r.Partner, kind, name, namesOf(m.Groups), "", "", "", "", "", "", "", "has more people than are listed")
		}
	}
	for _, g := range r.Grants {
		last := ""
		if at := latest(g.Last, g.LastAct); !at.IsZero() {
			last = at.Format(time.RFC3339)
		}
		may, on, _ := strings.Cut(g.String(), " on ")
		row(w, r.Role, r.Partner, "grant", "", "", "", "", "", may, on, strconv.FormatInt(g.Messages, 10), last, use(r, g))
	}
	w.Flush()
	return w.Error()
}

func newAccessLimits() *cobra.Command {
	var (
		remote remoteFlags
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "limits",
		Short: "Tell how much of the limits of roles and partners is used",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := remote.client()
			if err != nil {
				return err
			}
			var found operations.Limits
			if err := c.get(cmd.Context(), "access/limits", nil, &found); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), found)
			}
			w := &teller{out: cmd.OutOrStdout()}
			for _, l := range found.Limits {
				w.line("%s", l)
			}
			if len(found.Limits) == 0 {
				w.line("No role and no partner has limits.")
			}
			return w.err
		},
	}
	remote.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
