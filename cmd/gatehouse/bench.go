package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/bench"
)

func newBench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Put load on a gateway, then look whether anything was lost or stored twice",
		Long: `Put load on a gateway through its real doors, SOAP and AMQP, and afterwards read the
database: everything that was answered positively must be there once, with all that
belongs to it; everything refused not at all; every event confirmed, without a gap.

With --demo it needs nothing: directory, broker and a database file are its own, and
the sample's orders are sent. Otherwise -c names a configuration. A gateway is started
on it, or --server names one that runs. Messages are made from the route's contract,
or from --message, with an identity and natural keys of their own. THEY STAY IN THE
TABLES of the configured database; --yes-write-to has to repeat its name.

The exit status is 0 only when nothing is wrong.`,
		Example: `  gatehouse bench --demo
  gatehouse bench --demo --mixed 70/30 --duplicates 5% --invalid 1% --faults 200ms
  gatehouse bench -c staging.yaml --route submit-order --message order.xml \
      --user erp.load --password-file erp.load --yes-write-to staging --rate 200 --duration 5m`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.configured = cmd.Flags().Changed("config")
			if err := f.check(); err != nil {
				return usageError{err}
			}
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	cmd.AddCommand(newBenchGateway())
	return cmd
}

// benchFlags are what a load test is asked for.
type benchFlags struct {
	demo, configured, json, baseline bool
	named                            time.Time // when the run was

	file, server, metrics, caFile     string
	route, message, sample, confirmed string
	user, passwordFile                string
	brokerUser, brokerPasswordFile    string
	profile                           string

	doors, mixed, size, duplicates, invalid, replies string

	messages, concurrency, backlog     int
	duration, warmup, faults, patience time.Duration
	rate                               float64
	seed                               uint64

	load  bench.Load // what the flags come to
	bytes int
}

func (f *benchFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	configFlag(cmd, &f.file)
	flags.BoolVar(&f.demo, "demo", false, "the sample, with directory, broker and database of its own")
	flags.StringVar(&f.server, "server", "", "`URL` of the public listener of a gateway that runs on the configuration (default: one is started)")
	flags.StringVar(&f.metrics, "metrics", "", "`URL` of /metrics of that gateway")
	flags.StringVar(&f.caFile, "ca-file", "", "PEM `file` of the authority to trust at the SOAP door (default: the system's)")
	flags.StringVar(&f.confirmed, "yes-write-to", "", "`name` of the configured database, whose tables are written to")
	flags.StringVar(&f.route, "route", "", "the `route` that messages go to (default: the only one)")
	flags.StringVar(&f.message, "message", "", "`file` with a valid message that all others are like")
	flags.StringVar(&f.sample, "sample", "any", "without --message: which sample of the contract, minimal, full, or the first `mode` that the mapping takes")
	flags.StringVarP(&f.user, "user", "u", "", "`login` at the SOAP door")
	flags.StringVar(&f.passwordFile, "password-file", "", "`file` with its password (default: $GATEHOUSE_PASSWORD)")
	flags.StringVar(&f.brokerUser, "broker-user", "", "`login` of the producers (default: the configuration's own)")
	flags.StringVar(&f.brokerPasswordFile, "broker-password-file", "", "`file` with its password")

	flags.StringVar(&f.doors, "door", "soap", "`door` that messages are sent to: soap or amqp")
	flags.StringVar(&f.mixed, "mixed", "", "both doors, in this `mixture` of SOAP and AMQP: 70/30")
	flags.StringVar(&f.size, "size", "2KB", "with --demo: about so many `bytes` a message, such as 20KB")
	flags.IntVar(&f.concurrency, "concurrency", 64, "SOAP connections, each with one request; messages to the queue that are unconfirmed")
	flags.IntVar(&f.messages, "messages", 0, "how many messages are sent (default: as many as the duration allows)")
	flags.DurationVar(&f.duration, "duration", 10*time.Second, "how long they are sent; without effect beside --messages")
	flags.DurationVar(&f.warmup, "warmup", 2*time.Second, "how long they are sent before anything is measured")
	flags.Float64Var(&f.rate, "rate", 0, "send so many messages per second, whatever the answers take (default: as fast as answers come)")
	flags.StringVar(&f.duplicates, "duplicates", "0", "`share` of messages that are sent again, half of them at the same time")
	flags.StringVar(&f.invalid, "invalid", "0", "`share` of messages that break the contract")
	flags.DurationVar(&f.faults, "faults", 0, "cut a connection of a sender after each such time; senders try again")
	flags.StringVar(&f.replies, "replies", "5%", "`share` of messages to the queue that ask for a reply, by which the time until they are stored is known")
	flags.IntVar(&f.backlog, "backlog", 5000, "messages that may wait in the queue, as far as replies tell")
	flags.DurationVar(&f.patience, "patience", time.Minute, "how long nothing may move at the end")
	flags.Uint64Var(&f.seed, "seed", 0, "what choices follow from (default: a new one)")
	flags.BoolVar(&f.baseline, "baseline", false, "with --demo: insert the same rows by hand, too, and compare")
	flags.StringVar(&f.profile, "profile", "", "write CPU and allocation profiles of the gateway that is started into this `folder`")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
}

// check finds flags that do not go together, and reads shares and sizes.
func (f *benchFlags) check() error {
	var faults []error
	wrong := func(bad bool, what string) {
		if bad {
			faults = append(faults, errors.New(what))
		}
	}
	wrong(f.demo == f.configured, "either --demo or -c says what load is put on")
	wrong(f.demo && (f.server != "" || f.metrics != "" || f.route != "" || f.message != "" || f.user != "" || f.brokerUser != "" || f.confirmed != ""),
		"--demo goes with none of --server, --metrics, --route, --message, --user, --broker-user and --yes-write-to")
	wrong(f.baseline && !f.demo, "--baseline needs --demo: rows are inserted by hand into a file of its own")
	wrong(f.profile != "" && f.server != "", "--profile needs a gateway that is started here")
	wrong(f.metrics != "" && f.server == "", "--metrics is of the gateway that --server names")
	wrong(f.doors != "soap" && f.doors != "amqp", "--door is soap or amqp; --mixed is for both")
	wrong(f.sample != "any" && f.sample != "full" && f.sample != "minimal", "--sample is full, minimal or any")
	wrong(f.concurrency < 1 || f.concurrency > 10_000, "--concurrency is between 1 and 10000")
	wrong(f.messages < 0 || f.messages > maxBenchMessages, fmt.Sprintf("--messages is between 1 and %d", maxBenchMessages))
	wrong(f.rate < 0 || f.rate > 1e6, "--rate is between 0 and a million")
	wrong(f.duration <= 0 || f.warmup < 0 || f.faults < 0 || f.patience <= 0 || f.backlog < 1, "a negative time or number, or none at all")
	return errors.Join(append(faults, f.plan()...)...)
}

// maxBenchMessages is how many messages can be told apart by the last part of
// their names.
const maxBenchMessages = 99_999_999

// plan puts the flags together.
func (f *benchFlags) plan() (faults []error) {
	share := func(name, text string, to *float64) {
		got, err := bench.ParseShare(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", name, err))
		}
		*to = got
	}
	l := &f.load
	*l = bench.Load{Messages: f.messages, Rate: f.rate, Slack: 2 * f.concurrency}
	if f.messages == 0 {
		l.Duration = f.duration
	}
	share("duplicates", f.duplicates, &l.Duplicates)
	share("invalid", f.invalid, &l.Invalid)
	share("replies", f.replies, &l.Replies)
	if f.doors == "soap" {
		l.SOAPShare = 1
	}
	var err error
	if f.mixed != "" {
		if l.SOAPShare, err = bench.ParseMix(f.mixed); err != nil {
			faults = append(faults, fmt.Errorf("--mixed: %w", err))
		}
	}
	if f.bytes, err = bench.ParseSize(f.size); err != nil {
		faults = append(faults, fmt.Errorf("--size: %w", err))
	}
	for f.seed == 0 {
		f.seed = rand.Uint64() >> 12 // JSON's numbers have 53 bits
	}
	return faults
}

// through reports whether messages come by the door.
func (f *benchFlags) through(d bench.Door) bool {
	return d == bench.SOAP && f.load.SOAPShare > 0 || d == bench.AMQP && f.load.SOAPShare < 1
}

// errBench ends the process with the exit status of a fault; the report has said
// which.
var errBench = errors.New("the load test found that something is wrong")

func (f *benchFlags) run(ctx context.Context, out, progress io.Writer) (err error) {
	defer f.endSecond()
	defer keepHeapFloor().giveUp() // what collects garbage all the time takes from the gateway
	t, err := f.target(ctx, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	report, err := (&benchRun{flags: f, target: t, progress: progress}).play(ctx)
	if err != nil {
		return err
	}
	if f.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = printBench(out, report)
	}
	if err == nil && report.Verdict != bench.Holds {
		err = errBench
	}
	return err
}

// target is the demo, or what the configuration has.
func (f *benchFlags) target(ctx context.Context, progress io.Writer) (*benchTarget, error) {
	if f.demo {
		return f.startBenchDemo(ctx, progress)
	}
	return f.configuredTarget(ctx, progress)
}
