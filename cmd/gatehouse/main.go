// Command gatehouse is the gateway: one static binary between enterprise
// systems and SQL Server. main picks a subcommand; each has a file of its own.
// This package is the only one that knows every adapter.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones named in mappings resolve on machines that have none

	"github.com/spf13/cobra"
)

// version is set by the build.
var version = "development"

// Exit codes, the same for every subcommand.
const (
	exitOK    = 0
	exitFault = 1 // something is wrong with what was looked at, or failed
	exitUsage = 2 // the command line itself is wrong
)

func main() { os.Exit(exitCode(underManager(run))) }

func run(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return newRoot().ExecuteContext(ctx)
}

// exitCode prints what went wrong and returns what the process ends with.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(os.Stderr, "gatehouse:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFault
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "gatehouse",
		Short:         "An integration gateway between enterprise systems and SQL Server",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newDemo(), newServe(), newCheck(), newMigrate(), newMessages(), newCall(), newBench(), newExport(), newFeed(), newAccess(), newAudit(), newLogin(), newLogout(), newConfig(), newContract(), newMapping())
	root.AddCommand(platformCommands()...)
	return root
}

// usage marks what args complains about as a usage error.
func usage(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
		}
		return nil
	}
}

// configFlag adds -c, the configuration file.
func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "config", "c", "gatehouse.yaml", "configuration `file`")
}

// logFlags adds how the log is written.
type logFlags struct{ format, level string }

func (l *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.format, "log-format", "text", "log as `text` or json")
	cmd.Flags().StringVar(&l.level, "log-level", "info", "least `level` logged: debug, info, warn, error")
}

func (l *logFlags) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level: %q is no level", l.level)}
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	default:
		return nil, usageError{fmt.Errorf("--log-format: %q is neither text nor json", l.format)}
	}
}
