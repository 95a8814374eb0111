// Command gatehouse-campaign proves by violence what the gateway promises:
//
//	gatehouse-campaign -binary bin/gatehouse-crash -crashes 60 -messages 6400
//
// It runs gateways on a database and a broker, has ERPs call their SOAP door, now
// and then many with the same order at once, and producers fill their queue; some
// orders are announced to a partner over HTTP, some messages are split, and
// payloads are removed after two seconds. All the while it kills the gateways
// between any two steps, at random, in an orderly way, or freezes them, cuts their
// connections, and kills the broker when it is one of its own. When the dust has
// settled it reads database and broker itself, holds them against what it was
// told, and closes with one line:
//
//	crashes 60, acknowledged 6400, lost 0, twice 0, order 0, ids changed 0, replies differing 0, parked 0, wire duplicates 37 (0.6 per crash)
//
// The words are those of Jepsen's total-queue: what was acknowledged and is
// nowhere is lost, what nobody sent is unexpected. acknowledged counts messages,
// by whichever door they were first answered; order counts keys' inversions
// after repeats were dropped by message-id. What else is wrong is said in the
// lines before, and counted at the end of this one.
//
// It shares no code with the gateway, so that no mistake is made twice: of the
// project it uses the sample's files and the embedded directory, as a server.
// The gateway's binary is built with the tag crash.
//
// It exits 0 when what must be zero is, 1 when it is not or the campaign could
// not be carried through, 2 on wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if err != nil {
		return 2
	}
	fmt.Fprintf(stdout, "campaign with -seed %d\n", s.seed)
	v, err := s.play(ctx, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "gatehouse-campaign:", err)
	}
	if v == nil {
		return 1
	}
	v.print(stdout)
	if err != nil || v.wrong() {
		return 1
	}
	return 0
}

// settings are what a campaign is asked to do.
type settings struct {
	binary   string
	seed     uint64
	messages int
	doors    []string
	store    string // sqlite, or a sqlserver:// URL
	broker   string
	queue    string // quorum or classic
	gateways int
	dir      string

	crashes  int
	random   float64
	stops    int
	freezes  int
	frozen   time.Duration
	poison   bool
	patience time.Duration

	cuts        int
	brokerKills int
	rabbitmq    string // the script that starts a broker
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("gatehouse-campaign", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.binary, "binary", "", "the gateway, built with -tags crash")
	flags.Uint64Var(&s.seed, "seed", 0, "what the campaign's choices follow from (default: a new one)")
	flags.IntVar(&s.messages, "messages", 6400, "how many different messages are sent")
	doors := flags.String("doors", "soap,amqp", "the doors they are sent to")
	flags.StringVar(&s.store, "store", "sqlite", "sqlite, or the sqlserver:// URL of a server on which a database is made, and removed")
	flags.StringVar(&s.broker, "amqp", os.Getenv("GATEHOUSE_TEST_AMQP"), "URL of the broker, with credentials; exchanges and queues are made there, and removed (default: $GATEHOUSE_TEST_AMQP)")
	flags.StringVar(&s.queue, "queue", "quorum", "type of the queue that is consumed: quorum or classic")
	flags.IntVar(&s.gateways, "gateways", 1, "how many gateways run side by side")
	flags.StringVar(&s.dir, "dir", "", "empty folder for project, database and logs, which stay (default: a temporary one, which stays when something is wrong)")
	flags.IntVar(&s.crashes, "crashes", 0, "how often a gateway is killed")
	flags.Float64Var(&s.random, "random", 0.3, "the share of crashes that come at any moment, not at a failpoint")
	flags.IntVar(&s.stops, "terminate", 0, "how often a gateway is told to stop (SIGTERM) under load")
	flags.IntVar(&s.freezes, "freeze", 0, "how often a gateway is stopped in its tracks (SIGSTOP) and continued")
	flags.DurationVar(&s.frozen, "frozen", 20*time.Second, "how long each freeze takes")
	flags.BoolVar(&s.poison, "poison", false, "send one message that kills every gateway that prepares it; needs the amqp door, takes the place of -crashes")
	flags.IntVar(&s.cuts, "cuts", 0, "how often the connections of a gateway with broker and database server are cut, half closed or delayed")
	flags.IntVar(&s.brokerKills, "broker-kills", 0, "how often the broker is killed; it is one of the campaign's own")
	flags.StringVar(&s.rabbitmq, "rabbitmq", "testdata/rabbitmq/rabbitmq.sh", "the script that starts and stops that broker")
	flags.DurationVar(&s.patience, "patience", 60*time.Second, "how long nothing may move before the campaign gives up waiting")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	s.doors = strings.Split(*doors, ",")
	if err := s.validate(flags.NArg()); err != nil {
		fmt.Fprintln(stderr, "gatehouse-campaign:", err)
		return nil, err
	}
	for s.seed == 0 {
		s.seed = rand.Uint64()
	}
	return s, nil
}

func (s *settings) validate(arguments int) error {
	var faults []error
	wrong := func(bad bool, what string) {
		if bad {
			faults = append(faults, errors.New(what))
		}
	}
	wrong(arguments > 0, "there are flags only, no arguments")
	wrong(s.binary == "", "-binary is missing")
	wrong(s.broker == "" && s.brokerKills == 0, "-amqp is missing, and GATEHOUSE_TEST_AMQP is not set")
	wrong(s.queue != "quorum" && s.queue != "classic", "-queue is quorum or classic")
	wrong(s.queue == "classic" && s.brokerKills > 0, "-broker-kills needs a quorum queue: a classic one may lose what came before what it keeps")
	wrong(s.store != "sqlite" && !strings.HasPrefix(s.store, "sqlserver://"), "-store is sqlite or a sqlserver:// URL")
	wrong(s.messages < 1 || s.gateways < 1, "-messages and -gateways are at least 1")
	wrong(s.crashes < 0 || s.cuts < 0 || s.brokerKills < 0 || s.stops < 0 || s.freezes < 0 || s.random < 0 || s.random > 1, "a negative number, or a share of more than 1")
	wrong(s.poison && (!s.through("amqp") || s.crashes+s.stops+s.freezes > 0), "-poison needs the amqp door and goes with no other violence")
	for _, d := range s.doors {
		wrong(d != "soap" && d != "amqp", "-doors are soap and amqp")
	}
	return errors.Join(faults...)
}

// through reports whether messages are sent to the door.
func (s *settings) through(door string) bool { return slices.Contains(s.doors, door) }

// chance is the n-th source of the campaign's choices; they depend on the seed
// only. Each goroutine has its own.
func (s *settings) chance(n uint64) *rand.Rand { return rand.New(rand.NewPCG(s.seed, n)) }
