package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/view"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show which configuration runs, have it loaded again, print its schema",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShow(), newConfigReload(), newConfigSchema())
	return cmd
}

func newConfigShow() *cobra.Command {
	var (
		remote         remoteFlags
		direct, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the configuration that runs, with every default and without secrets",
		Long: `Show the configuration that runs: its version, since when, what the last reload
came to, and all settings as YAML with every default filled in and stars for secrets.

With --direct no gateway is asked: the configuration is compiled as it lies on the
disk, and shown as it would run.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if direct {
				return showCompiled(cmd.OutOrStdout(), remote.file, asJSON)
			}
			c, err := remote.client()
			if err != nil {
				return err
			}
			var running operations.Running
			if err := c.get(cmd.Context(), "configuration", nil, &running); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), running)
			}
			return printRunning(cmd.OutOrStdout(), c.base.String(), &running)
		},
	}
	remote.add(cmd)
	directFlag(cmd, &direct)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; the settings are YAML in it")
	return cmd
}

func printRunning(out io.Writer, server string, r *operations.Running) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Configuration %s runs at %s since %s.\n", r.Version, server, r.Since.Format(time.RFC3339))
	fmt.Fprintf(&b, "# It was read from %s; the program is gatehouse %s.\n", r.File, r.Binary)
	if l := r.Reload; l != nil {
		verdict := "it was loaded"
		if !l.Loaded {
			verdict = "it was not loaded"
		}
		fmt.Fprintf(&b, "# Last reload at %s by %s: %s.\n", l.At.Format(time.RFC3339), l.By, verdict)
		for _, fault := range l.Faults {
			fmt.Fprintf(&b, "#   %s\n", strings.ReplaceAll(fault, "\n", "\n#   "))
		}
	}
	for _, s := range r.Stopped {
		fmt.Fprintf(&b, "# Route %s writes nothing since %s: its mapping does not fit the tables any more.\n", s.Route, s.Since.Format(time.RFC3339))
		for _, change := range s.Changes {
			fmt.Fprintf(&b, "#   changed: %s\n", strings.ReplaceAll(change, "\n", " "))
		}
		for _, fault := range s.Faults {
			fmt.Fprintf(&b, "#   fault: %s\n", strings.ReplaceAll(fault, "\n", " "))
		}
	}
	_, err := io.WriteString(out, b.String()+r.Effective)
	return err
}

// showCompiled shows what would run, also when some contracts would not.
func showCompiled(out io.Writer, file string, asJSON bool) error {
	p, err := readProject(file)
	if err != nil {
		return err
	}
	c, err := p.compile()
	if err != nil {
		return errors.Join(append(c.broken, err)...)
	}
	r := operations.Running{Version: c.version, File: p.file, Binary: version, Effective: p.effective()}
	if asJSON {
		err = printJSON(out, r)
	} else {
		_, err = fmt.Fprintf(out, "# Configuration %s would run; no gateway was asked.\n# It was read from %s; the program is gatehouse %s.\n%s", r.Version, r.File, r.Binary, r.Effective)
	}
	return errors.Join(append(c.broken, err)...)
}

func newConfigReload() *cobra.Command {
	var (
		remote remoteFlags
		reason string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running gateway load its configuration again",
		Long: `Have a running gateway load its configuration again. Messages that are on their way
finish on the one they started on. When anything is wrong with it, every fault is
printed, and the one before goes on.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := operations.CheckReason(reason, false); err != nil {
				return usageError{fmt.Errorf("--reason: %w", err)}
			}
			return reloadRemote(cmd.Context(), &remote, reason, asJSON, cmd.OutOrStdout())
		},
	}
	remote.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "`text` that is logged with the act")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func reloadRemote(ctx context.Context, remote *remoteFlags, reason string, asJSON bool, out io.Writer) error {
	c, err := remote.client()
	if err != nil {
		return err
	}
	var done operations.Reloaded
	if err := c.post(ctx, "configuration/reload", reason, &done); err != nil {
		return err
	}
	switch {
	case asJSON:
		return printJSON(out, done)
	case done.Version == done.Before:
		_, err = fmt.Fprintf(out, "Configuration %s was loaded again; nothing in it has changed.\n", done.Version)
	default:
		_, err = fmt.Fprintf(out, "Configuration %s runs; before it was %s.\n", done.Version, done.Before)
	}
	return err
}

// schema is the JSON Schema of gatehouse.yaml, made of the configuration's
// structs: go test ./cmd/gatehouse -run TestSchema -update writes it again.
//
//go:embed schema.json
var schema string

func newConfigSchema() *cobra.Command {
	var views, reports bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of gatehouse.yaml, or of views or reports, for editors",
		Long: `Print the JSON Schema (2020-12) of gatehouse.yaml; with --views that of the files of
views, with --reports that of the files of reports. Editors that speak to a YAML
language server complete and check a file with it, after a first line such as

  # yaml-language-server: $schema=gatehouse.schema.json

Schemas know keys and their forms. Tables, fields and indexes are what gatehouse check
looks at.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			text := schema
			switch {
			case views && reports:
				return usageError{errors.New("--views and --reports are two schemas; ask for one")}
			case views:
				text = view.FileSchema()
			case reports:
				text = view.ReportSchema()
			}
			_, err := io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	cmd.Flags().BoolVar(&views, "views", false, "the schema of views")
	cmd.Flags().BoolVar(&reports, "reports", false, "the schema of reports")
	return cmd
}
