package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// connectTimeout bounds each part of check --connect but those that ask the database,
// of which the store's request_timeout bounds every statement: catalogues are as slow
// as they are large.
const connectTimeout = 30 * time.Second

// checkOptions are the flags of check.
type checkOptions struct {
	connect bool
	strict  bool
	user    string
	asJSON  bool
}

func newCheck() *cobra.Command {
	var (
		file string
		o    checkOptions
		live bool
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check configuration, contracts and mappings, and with --connect the servers",
		Long: `Check configuration, contracts and mappings against each other.

With --connect the directory, the broker, the buckets of feeds and the database are
asked too: can they be reached, do groups, exchanges, tables, columns and rights exist, and which
values the contract allows that a column would refuse. What would mend that is
proposed. Nothing is changed anywhere.

With --strict, which asks the servers too, a value that the contract allows and a
column would refuse is a fault. A mapping that says strict: true always means that.

With --live the running gateway is asked whether it lives, at listen.operations, and
nothing else is looked at.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.connect = o.connect || o.strict
			if o.user != "" && !o.connect {
				return usageError{errors.New("--user needs --connect")}
			}
			if live {
				return checkLive(cmd.Context(), cmd.OutOrStdout(), file)
			}
			return check(cmd.Context(), cmd.OutOrStdout(), file, o)
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&o.connect, "connect", false, "ask directory, broker, buckets and database too")
	cmd.Flags().BoolVar(&o.strict, "strict", false, "as --connect, and what a column takes less than the contract allows is a fault")
	cmd.Flags().StringVar(&o.user, "user", "", "with --connect: look this `login` up and show groups and roles")
	cmd.Flags().BoolVar(&live, "live", false, "only ask the running gateway whether it lives")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// check reports on a configuration: as it goes along, or as JSON in the end.
func check(ctx context.Context, out io.Writer, file string, o checkOptions) error {
	r := &checkReport{out: out}
	if o.asJSON {
		r.out = io.Discard
	}
	p, err := readProject(file)
	if err == nil {
		err = p.verify(ctx, r, o)
	}
	if !o.asJSON {
		return err
	}
	r.OK, r.Faults = err == nil, linesOf(err)
	return errors.Join(err, printJSON(out, r))
}

func (p *project) verify(ctx context.Context, r *checkReport, o checkOptions) error {
	c, err := p.compile()
	if err := errors.Join(append(c.broken, p.checkFiles(), p.checkSigners(), err)...); err != nil {
		return err
	}
	p.report(r, c)
	if err := p.checkCertificates(r, time.Now()); err != nil {
		return err
	}
	if !o.connect {
		return nil
	}
	log := slog.New(slog.DiscardHandler) // what it would say is said by the report
	running, err := p.assemble(ctx, log, nil)
	if err != nil {
		return err
	}
	defer running.close(ctx)
	return errors.Join(
		inTime(ctx, func(ctx context.Context) error { return running.checkDirectory(ctx, r, o.user) }),
		inTime(ctx, func(ctx context.Context) error { return running.checkIssuers(ctx, r) }),
		inTime(ctx, func(ctx context.Context) error { return running.checkBroker(ctx, r) }),
		inTime(ctx, func(ctx context.Context) error { return running.checkPartners(ctx, r) }),
		inTime(ctx, func(ctx context.Context) error { return running.checkFeeds(ctx, r) }),
		running.checkStore(ctx, r, o.strict), running.checkViews(ctx, r))
}

// inTime gives ask connectTimeout of its own: what one server takes, the next one has
// not less.
func inTime(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return ask(ctx)
}

// checkFiles looks at what only a running gateway opens.
func (p *project) checkFiles() error {
	faults := []error{located(p.root.Get("store"), p.Store.folders())}
	doors := map[string]*tlsSection{"public": p.Listen.Public.TLS}
	if o := p.Listen.Operations; o != nil {
		doors["operations"] = o.TLS
	}
	for _, door := range slices.Sorted(maps.Keys(doors)) {
		_, err := doors[door].of(door, slog.New(slog.DiscardHandler))
		faults = append(faults, located(p.root, err))
	}
	return errors.Join(faults...)
}

// report tells what was found without asking anybody.
func (p *project) report(r *checkReport, c *compiled) {
	for _, contract := range c.contracts {
		for _, s := range contract.Services {
			state := "ok"
			if reason := s.Degraded(); reason != "" {
				state = "degraded: " + reason
			}
			r.service(checkedService{contract.System + "/" + s.Name, len(s.Operations), state})
		}
	}
	for i, section := range p.Routes {
		if q := c.queries[i]; q != nil {
			r.reportQuery(&section, q)
			continue
		}
		m := c.mappings[i]
		one := checkedRoute{Route: section.Route, Operation: m.Operation.Name, Tables: len(m.Tables), Channels: m.Channels, Split: m.Split(), Around: m.ReadsAround(),
			Unrepeatable: gateway.Unrepeatable(m)}
		for _, f := range m.Faults {
			one.Faults = append(one.Faults, f.String())
		}
		for _, w := range m.Warnings {
			one.Warnings = append(one.Warnings, w.Error())
		}
		if !slices.ContainsFunc(p.Grants, func(g grantSection) bool {
			return g.covers("route/"+section.Route) && slices.Contains(g.May, gateway.Send)
		}) {
			one.Warnings = append(one.Warnings, "no grant lets anybody send: {role: …, may: send, on: route/"+section.Route+"}")
		}
		r.route(one)
	}
	for _, d := range p.views {
		of, _ := d.ViewName()
		r.view(checkedView{View: d.Name, File: d.Path, Report: of})
	}
	p.reportWays(r)
	for _, ch := range p.Channels {
		r.channel(checkedChannel{ch.Name, ch.Value.words()})
		if ch.Value.Replies != nil && p.unnamed(ch.Name) {
			r.warn("channel %s: no grant lets anybody name its addresses: {role: …, may: cause, on: channel/%s}", ch.Name, ch.Name)
		}
	}
	for _, note := range p.notesOnGrants() {
		r.warn("%s", note)
	}
	p.noteSecrets(r)
	if len(p.Routes) == 0 {
		r.warn("there is no route; every message will be refused")
	}
	for _, role := range p.Roles {
		if !slices.ContainsFunc(p.Grants, func(g grantSection) bool { return g.Role == role.Name }) {
			r.warn("role %s may do nothing: no grant names it", role.Name)
		}
		if len(role.Value.Members) == 0 {
			r.warn("role %s has no members", role.Name)
		}
	}
}

// sameWhile says what of the whole message counts when a part of it comes again.
func sameWhile(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	verb := "is"
	if len(paths) > 1 {
		verb = "are"
	}
	return "; the same again while " + strings.Join(paths, ", ") + " around it " + verb
}

func (r *running) checkDirectory(ctx context.Context, report *checkReport, user string) error {
	lines, err := r.directory.Check(ctx, user)
	report.servers(&report.Directory, "directory", lines...)
	if err != nil {
		return err
	}
	return r.checkGroups(ctx, report)
}

func (r *running) checkIssuers(ctx context.Context, report *checkReport) error {
	if r.tokens == nil {
		return nil
	}
	lines, err := r.tokens.Check(ctx)
	report.servers(&report.Issuers, "issuer", lines...)
	return err
}

func (r *running) checkBroker(ctx context.Context, report *checkReport) error {
	if r.broker == nil {
		return nil
	}
	channels := map[string]amqp.Channel{}
	for _, c := range r.project.Channels {
		if c.Value.AMQP != nil {
			channels[c.Name] = *c.Value.AMQP
		}
	}
	var queues []amqp.Endpoint
	for _, section := range r.project.Routes {
		for _, e := range section.From {
			if e.AMQP != nil {
				queues = append(queues, *e.AMQP)
			}
		}
	}
	hints, err := r.broker.Check(ctx, channels, queues)
	if err == nil {
		report.servers(&report.Broker, "broker", "reached; every exchange and queue is there")
	}
	for _, hint := range hints {
		report.warn("%s", hint)
	}
	return err
}

func (r *running) checkStore(ctx context.Context, report *checkReport, strict bool) error {
	lines, err := r.store.Check(ctx, r.compiled.stored())
	report.servers(&report.Database, "database", lines...)
	var newer []string
	if err == nil {
		newer, err = r.migrated(ctx)
	}
	for _, m := range newer {
		report.servers(&report.Database, "database", "warning: "+m+" was applied by a newer version")
	}
	if err != nil {
		return err
	}
	var faults []error
	for i, section := range r.project.Routes {
		if section.query {
			continue
		}
		found, err := r.store.Examine(ctx, r.compiled.mappings[i])
		if gatewayWaits(err) {
			return errors.Join(append(faults, err)...) // and would wait for every route
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if strict {
			found.Tighten()
		}
		report.tables(section.Route, found)
		faults = append(faults, found.Err(r.compiled.mappings[i].Name))
	}
	return errors.Join(faults...)
}

// gatewayWaits reports whether err goes away by itself once a server is back.
func gatewayWaits(err error) bool {
	return err != nil && fault.Of(err).Code == fault.CodeStoreUnavailable
}
