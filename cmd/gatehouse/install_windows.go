package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"
)

// platformCommands are the commands of this platform only.
func platformCommands() []*cobra.Command { return []*cobra.Command{newService()} }

func newService() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Make the gateway a service of Windows, or no longer one",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newServiceInstall(), newServiceRemove())
	return cmd
}

// serviceFlags say what to install. The log goes to the event log, which is no
// place for a line per message: hence warn.
type serviceFlags struct{ file, name, account, level string }

func newServiceInstall() *cobra.Command {
	var f serviceFlags
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the service; it starts with the machine",
		Long: `Install the service; it starts with the machine, and again when it failed.

It runs as the virtual account NT SERVICE\<name> unless --account names another,
such as a group managed service account, DOMAIN\gatehouse$. That account needs to
read the configuration and what it names; nothing else is given to it. Its log goes
to the event log of Windows, under Application.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.install(); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "installed %s; start it with: sc.exe start %s\n", f.name, f.name)
			return err
		},
	}
	configFlag(cmd, &f.file)
	cmd.Flags().StringVar(&f.name, "name", "Gatehouse", "`name` of the service and of its source in the event log")
	cmd.Flags().StringVar(&f.account, "account", "", "`account` to run as (default: NT SERVICE\\<name>)")
	cmd.Flags().StringVar(&f.level, "log-level", "warn", "least `level` logged: debug, info, warn, error")
	return cmd
}

func (f serviceFlags) install() (err error) {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	file, err := filepath.Abs(f.file) // a service starts in Windows' own folder
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if f.account == "" {
		f.account = `NT SERVICE\` + f.name
	}
	m, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	defer func() { err = errors.Join(err, m.Disconnect()) }()
	s, err := m.CreateService(f.name, program, mgr.Config{
		DisplayName:      f.name,
		Description:      "Integration gateway between enterprise systems and SQL Server",
		StartType:        mgr.StartAutomatic,
		ServiceStartName: f.account,
	}, "serve", "-c", file, "--log-level", f.level)
	if err != nil {
		return fmt.Errorf("service %s: %w", f.name, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err = restartOnFailure(s); err == nil {
		err = announce(f.name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("service %s: %w", f.name, err), s.Delete())
	}
	return nil
}

// restartOnFailure has the manager start the service again, later each time; a
// day without failures forgets them.
func restartOnFailure(s *mgr.Service) error {
	again := func(after time.Duration) mgr.RecoveryAction {
		return mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: after}
	}
	const day = 24 * 60 * 60 // seconds
	return errors.Join(
		s.SetRecoveryActions([]mgr.RecoveryAction{again(5 * time.Second), again(15 * time.Second), again(time.Minute)}, day),
		s.SetRecoveryActionsOnNonCrashFailures(true),
	)
}

// announce makes the source known to the event log, with the messages that
// Windows' own eventcreate has: they are the text itself.
func announce(source string) error {
	return eventlog.InstallAsEventCreate(source, eventlog.Error|eventlog.Warning|eventlog.Info)
}

func newServiceRemove() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "Stop the service, wait until it has drained, and remove it",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := removeService(cmd.Context(), name); err != nil {
				return fmt.Errorf("service %s: %w", name, err)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", name)
			return err
		},
	}
	cmd.Flags().StringVar(&name, "name", "Gatehouse", "`name` of the service")
	return cmd
}

func removeService(ctx context.Context, name string) (err error) {
	m, err := mgr.Connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Disconnect()) }()
	s, err := m.OpenService(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := stopService(ctx, s); err != nil {
		return err
	}
	return errors.Join(s.Delete(), eventlog.Remove(name))
}

// stopService stops a service that runs, and returns when it has ended.
func stopService(ctx context.Context, s *mgr.Service) error {
	ctx, cancel := context.WithTimeout(ctx, stopHint)
	defer cancel()
	state, err := s.Query()
	if err == nil && state.State != svc.Stopped {
		state, err = s.Control(svc.Stop)
	}
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for err == nil && state.State != svc.Stopped {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for its end: %w", ctx.Err())
		case <-look.C:
			state, err = s.Query()
		}
	}
	return err
}
