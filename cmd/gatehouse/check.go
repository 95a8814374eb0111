package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// connectTimeout bounds each part of check --connect.
const connectTimeout = 30 * time.Second

func newCheck() *cobra.Command {
	var (
		file    string
		connect bool
		user    string
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check configuration, contracts and mappings, and with --connect the servers",
		Long: `Check configuration, contracts and mappings against each other.

With --connect the directory, the broker and the database are asked too: can they
be reached, do groups, exchanges, tables, columns and rights exist, and which
values the contract allows that a column would refuse. Nothing is changed anywhere.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := readProject(file)
			if err != nil {
				return err
			}
			return p.verify(cmd.Context(), cmd.OutOrStdout(), connect, user)
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&connect, "connect", false, "ask directory, broker and database too")
	cmd.Flags().StringVar(&user, "user", "", "with --connect: look this `login` up and show groups and roles")
	return cmd
}

func (p *project) verify(ctx context.Context, out io.Writer, connect bool, user string) error {
	c, err := p.compile()
	if err != nil {
		return err
	}
	p.report(out, c)
	if !connect {
		return nil
	}
	log := slog.New(slog.DiscardHandler) // what it would say is said by the report
	r, err := p.assemble(ctx, log)
	if err != nil {
		return err
	}
	defer r.close(ctx)
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return errors.Join(r.checkDirectory(ctx, out, user), r.checkBroker(ctx, out), r.checkStore(ctx, out))
}

// report tells what was found without asking anybody.
func (p *project) report(out io.Writer, c *compiled) {
	for _, contract := range c.contracts {
		for _, s := range contract.Services {
			state := "ok"
			if reason := s.Degraded(); reason != "" {
				state = "degraded: " + reason
			}
			fmt.Fprintf(out, "contract  %s/%s: %d operations, schema %s\n", contract.System, s.Name, len(s.Operations), state)
		}
	}
	for i, r := range p.Routes {
		m := c.mappings[i]
		fmt.Fprintf(out, "route     %s: %s, %d tables, channels %v\n", r.Route, m.Operation.Name, len(m.Tables), m.Channels)
		if !m.HasIdentity {
			fmt.Fprintf(out, "  warning: no identity: a repeat is told only by wsa:MessageID\n")
		}
		for _, w := range m.Warnings {
			fmt.Fprintf(out, "  warning: %s\n", w)
		}
	}
}

func (r *running) checkDirectory(ctx context.Context, out io.Writer, user string) error {
	lines, err := r.directory.Check(ctx, user)
	for _, line := range lines {
		fmt.Fprintf(out, "directory %s\n", line)
	}
	return err
}

func (r *running) checkBroker(ctx context.Context, out io.Writer) error {
	if r.broker == nil {
		return nil
	}
	channels := map[string]amqp.Channel{}
	for _, c := range r.project.Channels {
		channels[c.Name] = *c.Value.AMQP
	}
	err := r.broker.Check(ctx, channels)
	if err == nil {
		fmt.Fprintf(out, "broker    reached; every exchange is there\n")
	}
	return err
}

func (r *running) checkStore(ctx context.Context, out io.Writer) error {
	lines, err := r.store.Check(ctx)
	for _, line := range lines {
		fmt.Fprintf(out, "database  %s\n", line)
	}
	if err == nil {
		err = r.migrated(ctx)
	}
	if err != nil {
		return err
	}
	var faults []error
	for i, section := range r.project.Routes {
		w, err := r.store.Writer(ctx, r.compiled.mappings[i])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		fmt.Fprintf(out, "tables    %s: agree with the mapping\n", section.Route)
		for _, n := range w.Mapping().Narrowings {
			fmt.Fprintf(out, "  narrowing: %s\n", n)
		}
	}
	return errors.Join(faults...)
}

// gatewayWaits reports whether err goes away by itself once a server is back.
func gatewayWaits(err error) bool {
	return err != nil && fault.Of(err).Code == fault.CodeStoreUnavailable
}
