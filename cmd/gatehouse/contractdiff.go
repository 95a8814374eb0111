package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/compat"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// errBreaking is the answer of diff that a script can branch on.
var errBreaking = errors.New("breaking changes")

func newContractDiff() *cobra.Command {
	var (
		root      string
		asJSON    bool
		allChange bool
	)
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say in words what a new version of a contract breaks",
		Long: `Compare two versions of a WSDL or XSD, OLD with NEW, for senders and clients that
were built for OLD.

A change to what is sent is breaking when a message that was valid may be refused
now; one to what is received when an old client may meet what it does not know. A
notice needs a look; everything else is harmless. A type that has changed is told
of once, with the operations that it touches. Files, prefixes, groups and the order
of declarations may change freely.

The exit status is 1 when anything is breaking, and 2 when a contract does not load.`,
		Example: "  gatehouse contract diff wsdl/orders/orders.wsdl new/orders.wsdl",
		Args:    usage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			old, errOld := loadContractFile(args[0], root)
			new, errNew := loadContractFile(args[1], root)
			if err := errors.Join(errOld, errNew); err != nil {
				return unloaded(cmd.OutOrStdout(), asJSON, err, errOld, errNew)
			}
			d := diffShown(compat.Compare(old, new), args[0], args[1])
			var err error
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), d)
			} else {
				err = d.print(cmd.OutOrStdout(), allChange)
			}
			if err == nil && d.Summary.Breaking > 0 {
				return errBreaking
			}
			return err
		},
	}
	rootFlag(cmd, &root)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&allChange, "all-users", false, "list every message that a change touches, not the first few")
	return cmd
}

// unloaded makes a contract that does not load a mistake in the command line:
// status 1 is kept for what breaks.
func unloaded(out io.Writer, asJSON bool, err error, each ...error) error {
	if !asJSON {
		return usageError{err}
	}
	faults := []remark{}
	for _, one := range each {
		if broken, ok := errors.AsType[brokenContract](one); ok {
			faults = append(faults, remarks(broken.faults)...)
		}
	}
	if len(faults) == 0 {
		return usageError{err}
	}
	if err := printJSON(out, map[string]any{"faults": faults}); err != nil {
		return err
	}
	return usageError{fmt.Errorf("a contract does not load: %s", plural.Of(len(faults), "fault", "faults"))}
}

// shownDiff is what diff prints, and with --json its documented shape: members
// are added, never renamed.
type shownDiff struct {
	Old     string `json:"old"`
	New     string `json:"new"`
	Summary struct {
		Breaking int `json:"breaking"`
		Notice   int `json:"notice"`
		Harmless int `json:"harmless"`
	} `json:"summary"`
	Prefixes map[string]string `json:"prefixes"`
	Changes  []shownChange     `json:"changes"`
}

type shownChange struct {
	compat.Change
	OldAt *place `json:"old_at,omitempty"`
	NewAt *place `json:"new_at,omitempty"`
}

func diffShown(r *compat.Report, old, new string) *shownDiff {
	d := &shownDiff{Old: old, New: new, Prefixes: r.Prefixes, Changes: []shownChange{}}
	d.Summary.Breaking, d.Summary.Notice, d.Summary.Harmless = r.Count(compat.Breaking), r.Count(compat.Notice), r.Count(compat.Harmless)
	for _, c := range r.Changes {
		d.Changes = append(d.Changes, shownChange{c, inFile(old, c.Old), inFile(new, c.New)})
	}
	return d
}

// inFile is a position named from where the user is, or nil.
func inFile(file string, p contract.Position) *place {
	if p.File == "" || p.Line == 0 {
		return nil
	}
	out := placeOf(p)
	out.File = filepath.Join(filepath.Dir(file), filepath.FromSlash(p.File))
	return &out
}

// String renders the place as file:line:column.
func (p *place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

var directionWords = map[compat.Direction]string{
	compat.Sent: "sent", compat.Received: "received", compat.Neither: "service",
}

// print renders the comparison for people, the worst first.
func (d *shownDiff) print(out io.Writer, all bool) error {
	if len(d.Changes) == 0 {
		_, err := fmt.Fprintln(out, "no change: every message means the same and stays valid")
		return err
	}
	fmt.Fprintf(out, "%d breaking, %d to look at, %d harmless\n", d.Summary.Breaking, d.Summary.Notice, d.Summary.Harmless)
	for i := range d.Changes {
		d.Changes[i].print(out, all)
	}
	if len(d.Prefixes) > 0 {
		fmt.Fprintln(out)
	}
	for _, prefix := range slices.Sorted(maps.Keys(d.Prefixes)) {
		fmt.Fprintf(out, "%s = %s\n", prefix, d.Prefixes[prefix])
	}
	return nil
}

func (c *shownChange) print(out io.Writer, all bool) {
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(out, "  %-9s %s\n", label, text)
		}
	}
	fmt.Fprintf(out, "\n%s (%s): ", c.Class, directionWords[c.Direction])
	if c.Path != "" {
		fmt.Fprintf(out, "%s: ", c.Path)
	}
	fmt.Fprintf(out, "%s\n", c.What)
	line("was", c.Was)
	line("is", c.Is)
	line("example", c.Example)
	line("why", c.Why)
	line("type", c.Type)
	if c.OldAt != nil {
		line("old", c.OldAt.String())
	}
	if c.NewAt != nil {
		line("new", c.NewAt.String())
	}
	line("touches", usersText(c.Users, all))
}

// usersText lists who is touched, the first few of many.
func usersText(users []compat.User, all bool) string {
	const most = 5
	words := make([]string, 0, len(users))
	for i, u := range users {
		if i == most && !all && len(users) > most+1 {
			return fmt.Sprintf("%s and %s", strings.Join(words, ", "), plural.Of(len(users)-most, "more message", "more messages"))
		}
		words = append(words, u.String())
	}
	return strings.Join(words, ", ")
}
