package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/plural"
	"github.com/gatehouse/gatehouse/internal/sample"
)

func newContractSampleCommand() *cobra.Command {
	var f sampleFlags
	cmd := &cobra.Command{
		Use:   "sample FILE#[SERVICE.]OPERATION",
		Short: "Print sample messages of an operation: minimal, full, random or broken",
		Long: `Print sample messages of an operation, as whole SOAP envelopes.

A minimal sample has what must be there; a full one everything that may be, what
repeats twice; a random one anything that is valid, the same for the same seed.
With --invalid there is one message for each constraint of the contract that can be
broken alone: --list tells what is wrong with each, --only picks those of a label,
or of a kind such as maxLength.

Every valid sample has been validated against the contract before it is printed, and
every broken one has been refused. Where no valid sample can be made the exit status
is 1, and the place and the reason are told.

With --dir the samples are written to files, and FILE alone stands for all of its
operations with their requests, replies and faults.`,
		Example: `  gatehouse contract sample wsdl/orders/orders.wsdl#SubmitOrder --full --docs
  gatehouse contract sample wsdl/orders/orders.wsdl#SubmitOrder --random --seed 7 --count 3
  gatehouse contract sample wsdl/orders/orders.wsdl#SubmitOrder --invalid --list
  gatehouse contract sample wsdl/orders/orders.wsdl --full --dir samples`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args[0]); err != nil {
				return usageError{err}
			}
			return f.run(cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0])
		},
	}
	rootFlag(cmd, &f.root)
	cmd.Flags().BoolVar(&f.minimal, "minimal", false, "only what must be there (the default)")
	cmd.Flags().BoolVar(&f.full, "full", false, "everything that may be there")
	cmd.Flags().BoolVar(&f.random, "random", false, "anything that is valid")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "with --random: the `number` that it follows from")
	cmd.Flags().IntVar(&f.count, "count", 1, "with --random: how `many`, each of the next seed")
	cmd.Flags().BoolVar(&f.invalid, "invalid", false, "one message for each constraint that can be broken")
	cmd.Flags().BoolVar(&f.list, "list", false, "with --invalid: only tell what is wrong with each")
	cmd.Flags().StringVar(&f.only, "only", "", "with --invalid: only this `label` or kind")
	cmd.Flags().BoolVar(&f.reply, "reply", false, "the reply instead of the request")
	cmd.Flags().StringVar(&f.fault, "fault", "", "the declared fault of this `name` instead of the request")
	cmd.Flags().BoolVar(&f.soap12, "soap12", false, "in a SOAP 1.2 envelope instead of 1.1")
	cmd.Flags().BoolVar(&f.payload, "payload", false, "without the envelope")
	cmd.Flags().BoolVar(&f.json, "json", false, "as JSON")
	cmd.Flags().BoolVar(&f.docs, "docs", false, "with the contract's documentation as comments")
	cmd.Flags().StringVar(&f.dir, "dir", "", "write files into this `folder`")
	return cmd
}

// sampleFlags are what sample is asked for.
type sampleFlags struct {
	root, only, fault, dir         string
	minimal, full, random, invalid bool
	list, reply                    bool
	soap12, payload, json, docs    bool
	seed                           uint64
	count                          int
}

// check finds flags that do not go together.
func (f *sampleFlags) check(arg string) error {
	modes := 0
	for _, on := range []bool{f.minimal, f.full, f.random, f.invalid} {
		if on {
			modes++
		}
	}
	_, operation, named := strings.Cut(arg, "#")
	switch {
	case modes > 1:
		return errors.New("--minimal, --full, --random and --invalid exclude each other")
	case f.reply && f.fault != "":
		return errors.New("--reply and --fault exclude each other")
	case f.json && (f.soap12 || f.payload || f.docs || f.invalid):
		return errors.New("--json goes with none of --soap12, --payload, --docs and --invalid")
	case f.payload && f.soap12:
		return errors.New("--payload has no envelope: --soap12 says nothing")
	case (f.list || f.only != "") && !f.invalid:
		return errors.New("--list and --only need --invalid")
	case f.count != 1 && !f.random:
		return errors.New("--count needs --random: all other samples are the same each time")
	case f.count < 1:
		return errors.New("--count: at least 1")
	case !named && f.dir == "":
		return errors.New("which operation? FILE#OPERATION names one; FILE alone needs --dir")
	case !named && (f.reply || f.fault != ""):
		return errors.New("FILE alone is for all messages: --reply and --fault need an operation")
	case named && operation == "":
		return errors.New("the name of the operation is missing behind the #")
	}
	return nil
}

func (f *sampleFlags) run(out, log io.Writer, arg string) error {
	file, operation, named := strings.Cut(arg, "#")
	c, err := loadContractFile(file, f.root)
	if err != nil {
		return err
	}
	to := &sampleOutput{out: out, flags: f}
	if named {
		s, op, err := findOperation(c, operation)
		if err != nil {
			return err
		}
		warnDegraded(log, s)
		err = f.write(to, sample.New(c, s), op, sample.Direction{Reply: f.reply, Fault: f.fault})
		return errors.Join(err, to.finish())
	}
	return errors.Join(f.everything(to, log, c), to.finish())
}

// everything writes all messages of all operations that are served.
func (f *sampleFlags) everything(to *sampleOutput, log io.Writer, c *contract.Contract) error {
	var faults []error
	for _, s := range c.Services {
		warnDegraded(log, s)
		m := sample.New(c, s)
		for _, op := range s.Operations {
			if op.Unsupported != "" {
				fmt.Fprintf(log, "operation %s of service %s is left out: %s\n", op.Name, s.Name, op.Unsupported)
				continue
			}
			for _, d := range directionsOf(op) {
				if err := f.write(to, m, op, d); err != nil {
					faults = append(faults, fmt.Errorf("%s: %w", op.Name, err))
				}
			}
		}
	}
	return errors.Join(faults...)
}

func directionsOf(op *contract.Operation) []sample.Direction {
	out := []sample.Direction{{}}
	if !op.OneWay() {
		out = append(out, sample.Direction{Reply: true})
	}
	for _, one := range op.Faults {
		out = append(out, sample.Direction{Fault: one.Name})
	}
	return out
}

func warnDegraded(log io.Writer, s *contract.Service) {
	if reason := s.Degraded(); reason != "" {
		fmt.Fprintf(log, "warning: the schemas of service %s do not compile, so that no sample of it could be judged: %s\n", s.Name, reason)
	}
}

// write makes and writes the samples of one message.
func (f *sampleFlags) write(to *sampleOutput, m *sample.Maker, op *contract.Operation, d sample.Direction) error {
	to.operation, to.direction = op.Name, d
	if f.invalid {
		return f.writeBroken(to, m, op, d)
	}
	mode, name := sample.Minimal, "minimal"
	switch {
	case f.full:
		mode, name = sample.Full, "full"
	case f.random:
		mode = sample.Random
	}
	for i := range f.count {
		o := sample.Options{Mode: mode, Seed: f.seed + uint64(i), Declared: f.json}
		msg, err := m.Message(op, d, o)
		if err != nil {
			return err
		}
		if f.random {
			name = fmt.Sprintf("random-%d", o.Seed)
		}
		if err := to.message(name, "", msg); err != nil {
			return err
		}
	}
	return nil
}

func (f *sampleFlags) writeBroken(to *sampleOutput, m *sample.Maker, op *contract.Operation, d sample.Direction) error {
	all, err := m.Invalid(op, d)
	if err != nil {
		return err
	}
	if f.only != "" {
		all = slices.DeleteFunc(all, func(b *sample.Broken) bool { return b.Label() != f.only && b.Kind != f.only })
		if len(all) == 0 {
			return usageError{fmt.Errorf("--only: no broken message of %s has label or kind %q; --list shows them", op.Name, f.only)}
		}
	}
	to.many = len(all) > 1
	for _, b := range all {
		if f.list {
			fmt.Fprintf(to.out, "%s\t%s\n", b.Label(), b.Refusals[0].Message)
			continue
		}
		if err := to.message("invalid-"+b.Label(), b.Label()+": "+b.Refusals[0].Message, b.Message); err != nil {
			return err
		}
	}
	return nil
}

// sampleOutput writes messages to the screen or into files.
type sampleOutput struct {
	out       io.Writer
	flags     *sampleFlags
	operation string
	direction sample.Direction
	many      bool
	files     []string
}

// message writes one message. On the screen, where it is one of many, a comment
// says which.
func (t *sampleOutput) message(name, remark string, msg *sample.Message) error {
	text, kind, err := t.text(msg)
	if err != nil {
		return err
	}
	if t.flags.dir == "" {
		if t.many && remark != "" {
			fmt.Fprintf(t.out, "<!-- %s -->\n", strings.ReplaceAll(remark, "--", "- -"))
		}
		_, err := t.out.Write(text)
		return err
	}
	return t.file(name+kind, text)
}

func (t *sampleOutput) text(msg *sample.Message) (text []byte, kind string, err error) {
	form := sample.Form{SOAP12: t.flags.soap12, Docs: t.flags.docs}
	switch {
	case t.flags.json:
		text, err = msg.JSON()
		return text, ".json", err
	case t.flags.payload:
		return msg.Payload(form), ".xml", nil
	}
	return msg.Envelope(form), ".xml", nil
}

// file writes one file, named after the message; a name that is taken gets a
// number.
func (t *sampleOutput) file(name string, text []byte) error {
	if err := os.MkdirAll(t.flags.dir, 0o755); err != nil {
		return err
	}
	message := t.operation
	switch {
	case t.direction.Reply:
		message += "-reply"
	case t.direction.Fault != "":
		message += "-" + t.direction.Fault
	}
	base := fileSafe(message + "-" + strings.TrimSuffix(name, filepath.Ext(name)))
	path := base + filepath.Ext(name)
	for i := 2; slices.Contains(t.files, path); i++ {
		path = fmt.Sprintf("%s-%d%s", base, i, filepath.Ext(name))
	}
	t.files = append(t.files, path)
	return os.WriteFile(filepath.Join(t.flags.dir, path), text, 0o644)
}

// maxFileName keeps names short enough for every file system.
const maxFileName = 120

// fileSafe makes a file name of a label.
func fileSafe(label string) string {
	out := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, label), "-")
	return out[:min(len(out), maxFileName)]
}

// finish tells how many files were written.
func (t *sampleOutput) finish() error {
	if t.flags.dir == "" || len(t.files) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(t.out, "%s in %s\n", plural.Of(len(t.files), "file", "files"), t.flags.dir)
	return err
}

// findOperation resolves [SERVICE.]OPERATION.
func findOperation(c *contract.Contract, name string) (*contract.Service, *contract.Operation, error) {
	var found []string
	var service *contract.Service
	var names []string
	for _, s := range c.Services {
		for _, op := range s.Operations {
			full := s.Name + "." + op.Name
			if full == name {
				return s, op, nil
			}
			if op.Name == name && !slices.Contains(found, full) {
				found, service = append(found, full), s
			}
			if len(c.Services) == 1 {
				full = op.Name
			}
			names = append(names, full)
		}
	}
	switch len(found) {
	case 1:
		return service, service.OperationNamed(name), nil
	case 0:
		return nil, nil, usageError{noOperation(c, name, names)}
	}
	return nil, nil, usageError{fmt.Errorf("several services have an operation %s: say %s", name, strings.Join(found, " or "))}
}

func noOperation(c *contract.Contract, name string, names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("%s has no operations: no service of it has a SOAP port", c.Path)
	}
	return fmt.Errorf("%s has no operation %s%s\nit has %s", c.Path, name, didYouMean(name, names), strings.Join(names, ", "))
}
