package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func newAccess() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "access",
		Short: "Explain who may do what, and why",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAccessExplain(), newAccessWhoAmI(), newAccessSimulate(), newAccessReport(), newAccessLimits())
	return cmd
}

// errDenied is the answer of explain that a script can branch on.
var errDenied = errors.New("denied")

func newAccessExplain() *cobra.Command {
	var (
		remote         remoteFlags
		direct, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "explain USER VERB RESOURCE",
		Short: "Explain whether a user may do something, and what it would take",
		Long: `Explain whether a user may do something: what the directory says of the user, the
roles that follow, the grant that decides; and when it is denied, which roles would
allow it and which groups have them. The exit status is 1 when it is denied.

A resource is route/<name>, channel/<name>, view/<name>, message/<route>,
configuration, access, audit or console; a verb is send, cause, read, replay, park,
discard, reload or use.`,
		Example: "  gatehouse access explain erp.alice send route/submit-order",
		Args:    usage(cobra.ExactArgs(3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := gateway.Question{Login: args[0], Verb: gateway.Verb(args[1]), On: args[2]}
			if err := q.Check(); err != nil {
				return usageError{err}
			}
			e, err := explain(cmd.Context(), &remote, direct, q)
			if err != nil {
				return err
			}
			return printExplanation(cmd.OutOrStdout(), e, asJSON)
		},
	}
	remote.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func explain(ctx context.Context, remote *remoteFlags, direct bool, q gateway.Question) (*gateway.Explanation, error) {
	if direct {
		return explainAside(ctx, remote.file, q)
	}
	c, err := remote.client()
	if err != nil {
		return nil, err
	}
	e := &gateway.Explanation{}
	return e, c.get(ctx, "access/explain", url.Values{"user": {q.Login}, "verb": {string(q.Verb)}, "on": {q.On}}, e)
}

// explainAside asks the directory of a configuration, with its service account.
func explainAside(ctx context.Context, file string, q gateway.Question) (*gateway.Explanation, error) {
	p, err := readProject(file)
	if err != nil {
		return nil, err
	}
	var faults []error
	access := p.access(&faults)
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	directory, err := ldap.New(*p.Directory, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		return nil, err
	}
	e, err := access.Explain(ctx, directory, directory, q)
	if err == nil {
		e.Missing = !slices.Contains(p.resources(), q.On)
	}
	return e, errors.Join(err, directory.Close())
}

func printExplanation(out io.Writer, e *gateway.Explanation, asJSON bool) error {
	var err error
	if asJSON {
		err = printJSON(out, e)
	} else {
		_, err = fmt.Fprint(out, e)
	}
	if err == nil && !e.Allowed {
		return errDenied
	}
	return err
}

func newAccessWhoAmI() *cobra.Command {
	var (
		remote remoteFlags
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Tell what a gateway knows of you: entry, groups, roles and what they allow",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := remote.client()
			if err != nil {
				return err
			}
			s := &gateway.Standing{}
			if err := c.get(cmd.Context(), "access/whoami", nil, s); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), s)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), s)
			return err
		},
	}
	remote.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printJSON(out io.Writer, value any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}
