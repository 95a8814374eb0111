package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
)

func newMigrate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Create and upgrade the tables: the gateway's own and the project's",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMigrateStatus(), newMigrateUp(), newMigrateGrants())
	return cmd
}

func newMigrateStatus() *cobra.Command {
	var (
		file   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "List migrations, applied and pending; exit status 1 when an applied file has changed",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := readProject(file)
			if err != nil {
				return err
			}
			return p.withMigrations(cmd.Context(), func(ctx context.Context, s store, business fs.FS) error {
				found, err := s.Status(ctx, business)
				if err != nil {
					return err
				}
				return printMigrations(cmd.OutOrStdout(), found, asJSON)
			})
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func printMigrations(out io.Writer, found []sqlite.Migration, asJSON bool) error {
	var drift []error
	enc, w := json.NewEncoder(out), tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, m := range found {
		if m.Drift != "" {
			drift = append(drift, fmt.Errorf("%s/%s: %s", m.Set, m.File, m.Drift))
		}
		if asJSON {
			if err := enc.Encode(m); err != nil {
				return err
			}
			continue
		}
		state := "pending"
		if !m.Pending() {
			state = "applied " + m.AppliedAt.Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Set, m.File, state, m.Drift)
	}
	return errors.Join(w.Flush(), errors.Join(drift...))
}

func newMigrateUp() *cobra.Command {
	var (
		file  string
		login migrationLogin
	)
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Apply what is pending; several at once apply once",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := readProject(file)
			if err != nil {
				return err
			}
			if err := login.use(&p.Store); err != nil {
				return err
			}
			return p.migrateUp(cmd.Context(), cmd.OutOrStdout())
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&login.username, "username", "", "`login` that may change tables (default: the one that serves)")
	cmd.Flags().StringVar(&login.passwordFile, "password-file", "", "`file` with its password")
	return cmd
}

// migrationLogin is another login than the one that serves: changing tables is
// not the running gateway's right. Its zero value changes nothing.
type migrationLogin struct{ username, passwordFile string }

// use has the store opened by this login.
func (l migrationLogin) use(s *storeSection) error {
	switch {
	case l == migrationLogin{}:
		return nil
	case l.username == "" || l.passwordFile == "":
		return usageError{errors.New("--username and --password-file need each other")}
	case s.sqlserver == nil || !s.sqlserver.DSN.IsZero():
		return usageError{errors.New("--username is for stores with the driver sqlserver and keys such as server, not for a dsn, which has a login inside")}
	}
	password, err := os.ReadFile(l.passwordFile)
	if err != nil {
		return fmt.Errorf("--password-file: %w", err)
	}
	s.sqlserver.Username = l.username
	s.sqlserver.Password = config.NewSecret(strings.TrimRight(string(password), "\r\n"))
	return s.sqlserver.Validate()
}

func (p *project) migrateUp(ctx context.Context, out io.Writer) error {
	return p.withMigrations(ctx, func(ctx context.Context, s store, business fs.FS) error {
		applied, err := s.Up(ctx, business)
		for _, m := range applied {
			fmt.Fprintf(out, "applied %s %s\n", m.Set, m.File)
		}
		if err == nil && len(applied) == 0 {
			fmt.Fprintln(out, "nothing to apply")
		}
		return err
	})
}

func newMigrateGrants() *cobra.Command {
	var file, login string
	cmd := &cobra.Command{
		Use:   "grants",
		Short: "Print the script that gives the running login the rights it needs, and no more",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := readProject(file)
			if err != nil {
				return err
			}
			c, err := p.compile()
			if err != nil {
				return err
			}
			return p.withMigrations(cmd.Context(), func(_ context.Context, s store, _ fs.FS) error {
				fmt.Fprintln(cmd.OutOrStdout(), s.Grants(login, c.schemas()))
				return nil
			})
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&login, "login", "gatehouse", "the `login` that serve runs with")
	return cmd
}

// schemas lists the schemas of all tables that mappings write or look up.
func (c *compiled) schemas() []string {
	var out []string
	for _, m := range c.mappings {
		if m == nil {
			continue
		}
		for _, t := range m.Tables {
			out = append(out, t.Name.Schema)
			for _, col := range t.Columns {
				if col.Lookup != nil {
					out = append(out, col.Lookup.Table.Schema)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p *project) withMigrations(ctx context.Context, do func(context.Context, store, fs.FS) error) error {
	business, err := p.Store.business()
	if err != nil {
		return err
	}
	s, err := p.Store.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, s, business), s.Close())
}
