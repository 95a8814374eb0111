package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// simulateFlags say what is tried out.
type simulateFlags struct {
	remote                remoteFlags
	direct, asJSON, asCSV bool
	config                string
	join, leave           []string
	admit, expel          []string
	days, limit           int
}

func newAccessSimulate() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Try a change of groups, roles or grants: who gains, who loses, what would have been refused",
		Long: `Try out a change without making it: other roles and grants, from another configuration;
memberships of users in groups that begin or end; members that roles get or lose. Told
is who would gain and lose which rights, among the people whom roles name before and
after, nested groups included, and which messages of the last days would have been
refused.

The exit status is 1 when somebody loses a right, or a message would have been refused.`,
		Example: `  gatehouse access simulate --new gatehouse.new.yaml --days 30
  gatehouse access simulate --add-member erp.alice:erp-users
  gatehouse access simulate --remove-member erp.alice:"cn=erp-users,ou=Groups,dc=corp,dc=example"
  gatehouse access simulate --role erp-sender:new-erp-users --drop-role erp-sender:erp-users`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.remote.add(cmd)
	directFlag(cmd, &f.direct)
	flags := cmd.Flags()
	flags.StringVar(&f.config, "new", "", "configuration `file` whose roles and grants are tried")
	flags.StringArrayVar(&f.join, "add-member", nil, "`USER:GROUP` that begins to be a member")
	flags.StringArrayVar(&f.leave, "remove-member", nil, "`USER:GROUP` that ends to be a direct member")
	flags.StringArrayVar(&f.admit, "role", nil, "`ROLE:GROUP` that the role gets as a member")
	flags.StringArrayVar(&f.expel, "drop-role", nil, "`ROLE:GROUP` that the role loses")
	flags.IntVar(&f.days, "days", 7, "how many `days` of messages are looked at; 0: none")
	flags.IntVar(&f.limit, "people", gateway.DefaultPeople, "how many `people` are looked at")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.asCSV, "csv", false, "print CSV")
	return cmd
}

// errHarm is an outcome that a script can branch on.
var errHarm = errors.New("somebody would lose what he has")

func (f *simulateFlags) run(cmd *cobra.Command) error {
	change, err := f.change()
	if err != nil {
		return err
	}
	if f.asJSON && f.asCSV {
		return usageError{errors.New("--json and --csv are two forms of one answer")}
	}
	s, err := f.ask(cmd.Context(), change)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	switch {
	case f.asJSON:
		err = printJSON(out, s)
	case f.asCSV:
		err = simulationCSV(out, s)
	default:
		err = simulationText(out, s)
	}
	if err == nil && s.Harms() {
		return errHarm
	}
	return err
}

func (f *simulateFlags) ask(ctx context.Context, change gateway.Change) (s *gateway.Simulation, err error) {
	if f.direct {
		err = withCore(ctx, f.remote.file, func(ctx context.Context, core *gateway.Gateway, _ string) (err error) {
			s, err = core.Simulate(ctx, change)
			return err
		})
		return s, err
	}
	c, err := f.remote.client()
	if err != nil {
		return nil, err
	}
	s = &gateway.Simulation{}
	return s, c.send(ctx, "access/simulate", change, s)
}

// change is what the flags say.
func (f *simulateFlags) change() (gateway.Change, error) {
	out := gateway.Change{Days: f.days, Limit: f.limit}
	var faults []error
	both := func(flag, text string) (left, right string) {
		left, right, found := strings.Cut(text, ":")
		if !found || left == "" || right == "" {
			faults = append(faults, fmt.Errorf("--%s: %q is not two names with a colon between them", flag, text))
		}
		return left, right
	}
	for _, text := range f.join {
		user, group := both("add-member", text)
		out.Join = append(out.Join, gateway.Membership{User: user, Group: group})
	}
	for _, text := range f.leave {
		user, group := both("remove-member", text)
		out.Leave = append(out.Leave, gateway.Membership{User: user, Group: group})
	}
	member := func(flag, text string) gateway.RoleMember {
		role, group := both(flag, text)
		m, err := normalized(memberSection{Group: group})
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
		}
		return gateway.RoleMember{Role: role, Member: m}
	}
	for _, text := range f.admit {
		out.Admit = append(out.Admit, member("role", text))
	}
	for _, text := range f.expel {
		out.Expel = append(out.Expel, member("drop-role", text))
	}
	if f.config != "" {
		rules, err := rulesOf(f.config)
		if err != nil {
			return out, err
		}
		out.Config = rules
	}
	if err := errors.Join(faults...); err != nil {
		return out, usageError{err}
	}
	if err := out.Check(); err != nil {
		return out, usageError{err}
	}
	return out, nil
}

// rulesOf reads roles and grants of a configuration.
func rulesOf(file string) (*gateway.Rules, error) {
	p, err := readProject(file)
	if err != nil {
		return nil, err
	}
	var faults []error
	access := p.access(&faults)
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	rules := access.Rules()
	rules.Resources = p.resources()
	return rules, nil
}

func simulationText(out io.Writer, s *gateway.Simulation) error {
	w := &teller{out: out}
	for _, one := range s.Shifts {
		w.line("%s (%s)%s", one.Login, one.DN, state(one.Person))
		for _, r := range one.Gains {
			w.line("  gains  %s", r)
		}
		for _, r := range one.Loses {
			w.line("  loses  %s", r)
		}
	}
	for _, v := range s.Refused {
		w.line("refused  %s of %s to %s, the last at %s: %s", plural.Of(v.Messages, "message", "messages"), v.Login, v.Route, v.Last.Format(time.RFC3339), v.Reason)
	}
	for _, v := range s.Moved {
		w.line("moved    %s of %s to %s: %s", plural.Of(v.Messages, "message", "messages"), v.Login, v.Route, v.Reason)
	}
	for _, v := range s.Gone {
		w.line("gone     %s of %s to %s: the sender is not let in any more: %s", plural.Of(v.Messages, "message", "messages"), v.Principal, v.Route, v.Reason)
	}
	for _, g := range s.Missing {
		w.line("warning: there is no group %q", g)
	}
	for _, g := range s.Cut {
		w.line("warning: %s has more people than were looked at; of the others nothing is said (--people)", g)
	}
	if s.More {
		w.line("warning: not all messages were looked at")
	}
	w.line("%s looked at: %s, %s.", plural.Of(s.People, "person", "people"), plural.Of(affected(s.Shifts, func(one gateway.Shift) []gateway.Right { return one.Gains }), "gains", "gain"), plural.Of(affected(s.Shifts, func(one gateway.Shift) []gateway.Right { return one.Loses }), "loses", "lose"))
	if !s.Since.IsZero() {
		var refused int64
		for _, v := range s.Refused {
			refused += v.Messages
		}
		w.line("%s since %s: %d would have been refused.", plural.Of(s.Messages, "message", "messages"), s.Since.Format(time.RFC3339), refused)
	}
	return w.err
}

// teller writes lines that a terminal may show, until one cannot be written.
type teller struct {
	out io.Writer
	err error
}

func (w *teller) line(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintln(w.out, inertText(fmt.Sprintf(format, args...)))
	}
}

func state(p gateway.Person) string {
	switch {
	case p.State == "" && p.Note == "":
		return ""
	case p.State == "":
		return ", " + p.Note
	}
	return ", not let in: " + p.State
}

// affected counts whom a change gives, or takes, any rights.
func affected(shifts []gateway.Shift, rights func(gateway.Shift) []gateway.Right) (n int) {
	for _, one := range shifts {
		if len(rights(one)) > 0 {
			n++
		}
	}
	return n
}

func simulationCSV(out io.Writer, s *gateway.Simulation) error {
	w := csv.NewWriter(out)
	row(w, "what", "login", "dn", "verb", "on", "messages", "last", "note")
	for _, one := range s.Shifts {
		for _, r := range one.Gains {
			row(w, "gains", one.Login, one.DN, string(r.Verb), r.On, "", "", one.State)
		}
		for _, r := range one.Loses {
			row(w, "loses", one.Login, one.DN, string(r.Verb), r.On, "", "", one.State)
		}
	}
	for _, list := range []struct {
		what     string
		verdicts []gateway.Verdict
	}{{"refused", s.Refused}, {"moved", s.Moved}, {"gone", s.Gone}} {
		for _, v := range list.verdicts {
			row(w, list.what, v.Login, v.Principal, string(gateway.Send), gateway.OnRoute(v.Route), strconv.FormatInt(v.Messages, 10), v.Last.Format(time.RFC3339), v.Reason)
		}
	}
	for _, g := range s.Cut {
		row(w, "cut", "", g, "", "", "", "", "more people than were looked at")
	}
	for _, g := range s.Missing {
		row(w, "missing", "", g, "", "", "", "", "there is no such group")
	}
	w.Flush()
	return w.Error()
}

// row writes one row of a table. Its first error is kept by the writer.
func row(w *csv.Writer, cells ...string) {
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	_ = w.Write(cells)
}

// harmless keeps a spreadsheet from taking for a formula what somebody has called
// himself: what begins like one gets an apostrophe in front.
func harmless(cell string) string {
	cell = strings.Map(inert, cell)
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) || strings.HasPrefix(cell, "＝") || strings.HasPrefix(cell, "＋") || strings.HasPrefix(cell, "－") || strings.HasPrefix(cell, "＠") {
		return "'" + cell
	}
	return cell
}
