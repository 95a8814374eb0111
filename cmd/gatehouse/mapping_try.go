package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

type tryFlags struct {
	config     string
	named      bool // the configuration was named, not taken by default
	as         string
	properties map[string]string
	connect    bool
	asJSON     bool
}

func newMappingTry() *cobra.Command {
	var f tryFlags
	cmd := &cobra.Command{
		Use:   "try MAPPING MESSAGE",
		Short: "Show what a mapping makes of one message, before anything is deployed",
		Long: `Show what a mapping makes of one message: identity and keys, the rows with the
source of every column, publications and reply.

MAPPING is a route, a mapping's name or its file. MESSAGE is a file, or - for
standard input: a SOAP envelope, the payload alone, or its JSON twin.

Without --connect no server is asked: what is stored is shown as a placeholder such
as $order/id, look-ups as questions. With --connect the configured database is asked,
in one transaction that is rolled back: whether each row would be inserted, updated
(before -> after), kept, superseded or deleted, what look-ups find, the reply with
real values. Nothing is stored. Numbers that the database draws for new rows are used
up on SQL Server, and the rows are locked for that moment.

--as says who sends. With --connect the directory is asked about him, and what he may
not do is refused.

Exit status 0: the message would be stored; 1: it would be refused; 2: usage.`,
		Example: "  gatehouse mapping try submit-order mappings/cases/order.xml --as erp.alice --connect",
		Args:    usage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.named = cmd.Flags().Changed("config")
			return f.run(cmd.Context(), cmd.OutOrStdout(), args[0], args[1])
		},
	}
	configFlag(cmd, &f.config)
	cmd.Flags().StringVar(&f.as, "as", "", "the `login` that sends")
	cmd.Flags().StringToStringVar(&f.properties, "property", nil, "an AMQP property or header, `name=value`")
	cmd.Flags().BoolVar(&f.connect, "connect", false, "ask the database, and with --as the directory")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// errRefused is the answer of try that a script can branch on; what it is about
// has been printed.
var errRefused = errors.New("the message would be refused")

func (f *tryFlags) run(ctx context.Context, out io.Writer, name, message string) error {
	c, err := chooseMapping(f.config, f.named, name)
	if err != nil {
		return err
	}
	if f.connect && c.compiled == nil {
		return usageError{errors.New("--connect needs a configuration, which says where the database is")}
	}
	t := newTrial(c, f.connect)
	if err := t.run(ctx, f, message); err != nil {
		return err
	}
	if f.asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(t)
	} else {
		b := bufio.NewWriter(out)
		t.print(b)
		err = b.Flush()
	}
	if err == nil && t.Fault != nil {
		return errRefused
	}
	return err
}

// run takes the message as far as it comes. The error is not about the message.
func (t *trial) run(ctx context.Context, f *tryFlags, message string) error {
	limit := soap.Config{}.Effective().MaxBodyBytes
	if t.chosen.compiled != nil {
		limit = t.chosen.project.SOAP.Effective().MaxBodyBytes
	}
	p, err := readPaper(message, int64(limit))
	if p != nil {
		defer p.release()
		t.paper, t.Message = p, p
	}
	if err == nil {
		err = p.input(t.chosen.mapping)
	}
	var sender *gateway.Principal
	if err == nil {
		sender, err = t.chosen.sender(ctx, f)
	}
	if err == nil {
		now, id := time.Now().UTC().Truncate(time.Millisecond), uuid.Must(uuid.NewV7())
		p.facts(id.String(), now, mapping.Principal{Login: sender.Login, DN: sender.DN, Partner: sender.Partner}, f.properties)
		if t.chosen.mapping.Splits() {
			err = t.split(ctx, f, sender)
		} else {
			err = t.play(ctx, f, sender, id)
		}
	}
	return t.refuse(err)
}

// play has one message mapped, by the database where it is asked.
func (t *trial) play(ctx context.Context, f *tryFlags, sender *gateway.Principal, id gateway.ID) error {
	if f.connect {
		return t.rehearse(ctx, sender, id)
	}
	return t.imagine()
}

// refuse keeps what is against the message; everything else is returned.
func (t *trial) refuse(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Mender() == fault.Operator || e.Code == fault.CodeSchema || e.Kind() == fault.Internal {
		return err
	}
	t.Outcome, t.Fault = gateway.Refused.String(), newTrialFault(fault.Of(t.paper.located(e)))
	return nil
}

// sender is who sends. Without the directory nothing is known but the login.
func (c *chosen) sender(ctx context.Context, f *tryFlags) (*gateway.Principal, error) {
	unknown := func(login string) *gateway.Principal {
		return &gateway.Principal{Identity: &gateway.Identity{Login: login, DN: "$principal/dn"}, Partner: "$principal/partner", Sender: "?"}
	}
	switch {
	case f.as == "":
		return unknown("$principal/login"), nil
	case !f.connect:
		return unknown(f.as), nil
	}
	d, err := ldap.New(*c.project.Directory, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	id, err := d.Lookup(ctx, f.as)
	if err != nil || c.route == nil {
		return &gateway.Principal{Identity: id}, err
	}
	return c.compiled.access.Authorize(id, gateway.Send, "route/"+c.route.Route)
}

// imagine applies the mapping without a database.
func (t *trial) imagine() error {
	in := &t.paper.in
	changes, err := t.watched().Apply(in)
	if err != nil {
		return err
	}
	t.changed(changes, nil)
	t.Outcome = "mapped"
	rendered, note := t.placeholders(in)
	t.rendered(rendered)
	t.Note = note
	return nil
}

// rehearse has the database tell.
func (t *trial) rehearse(ctx context.Context, sender *gateway.Principal, id gateway.ID) error {
	s, err := t.chosen.project.Store.openExisting(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var changes *mapping.Changeset
	r, err := s.Rehearse(ctx, t.watched(), func(checked *mapping.Checked) (*gateway.Entry, error) {
		var err error
		if changes, err = checked.Apply(&t.paper.in); err != nil {
			return nil, err
		}
		return gateway.RehearsalEntry(t.chosen.routeName(), sender, checked.Mapping, &t.paper.in, changes, id), nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	t.changed(changes, r)
	t.Outcome = r.Outcome.Status.String()
	t.rendered(&r.Rendered)
	switch r.Outcome.Status {
	case gateway.Superseded:
		t.Note = "what is stored is newer: a caller that waits is told so (GH-5003)"
	case gateway.Duplicate:
		t.Note = "the same message is stored already: its reply is given again, and nothing is written"
		t.Reply = string(r.Outcome.Reply)
	}
	return r.Outcome.Err
}

// newTrialFault tells the sender's part and the author's apart.
func newTrialFault(e *fault.Error) *trialFault {
	out := &trialFault{Code: string(e.Code), Kind: e.Kind().String(), Mender: string(e.Mender()), Message: e.Message, Details: e.Details, More: e.More}
	if e.Cause != nil {
		out.Cause = e.Cause.Error()
	}
	return out
}

// trialFault is why a message would be refused.
type trialFault struct {
	Code    string         `json:"code"`
	Kind    string         `json:"kind"`
	Mender  string         `json:"mender"`
	Message string         `json:"message"`
	Details []fault.Detail `json:"details,omitempty"`
	More    int            `json:"more,omitempty"`
	Cause   string         `json:"cause,omitempty"` // for the author: no sender is told
}

func (f *trialFault) print(out io.Writer) {
	fmt.Fprintf(out, "refused   %s: %s (%s; the %s can mend it)\n", f.Code, inertText(f.Message), f.Kind, f.Mender)
	for _, d := range f.Details {
		told := d
		told.Source, told.Target = "", ""
		fmt.Fprintf(out, "  %s\n", inertText(told.String()))
		if d.Doc != "" {
			fmt.Fprintf(out, "    contract: %s\n", inertText(d.Doc))
		}
		switch {
		case d.Source != "" && d.Target != "":
			fmt.Fprintf(out, "    author:   rule %s, for %s\n", d.Source, d.Target)
		case d.Source != "":
			fmt.Fprintf(out, "    author:   rule %s\n", d.Source)
		case d.Target != "":
			fmt.Fprintf(out, "    author:   for %s\n", d.Target)
		}
	}
	if f.More > 0 {
		fmt.Fprintf(out, "  and %d more\n", f.More)
	}
	if f.Cause != "" {
		fmt.Fprintf(out, "    author:   %s\n", inertText(f.Cause))
	}
}

// inertText is text of several lines that a terminal may show.
func inertText(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.Map(inert, strings.ReplaceAll(lines[i], "\t", " "))
	}
	return strings.Join(lines, "\n")
}
