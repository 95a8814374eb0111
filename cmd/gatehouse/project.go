package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/blob"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/adapters/telemetry"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// project is gatehouse.yaml as it stands. Each adapter owns its section; this
// file owns what joins them.
type project struct {
	// Store is the database, and the driver that speaks to it.
	Store storeSection `yaml:"store,required"`
	// Directory is the LDAP directory that knows who senders and operators are.
	Directory *ldap.Config `yaml:"directory,required"`
	// Authentication opens ways in besides passwords in clear and client
	// certificates (directory.client_certificates).
	Authentication authenticationSection `yaml:"authentication"`
	// Broker is the message broker of queues and channels; without them there is
	// no need of it.
	Broker *amqp.Config `yaml:"broker"`
	// Contracts are the WSDL files that are served.
	Contracts []config.Path `yaml:"contracts,required"`
	// Routes say what becomes of messages: from their endpoints through a mapping
	// into tables.
	Routes []routeSection `yaml:"routes,required"`
	// Views are the files of the views and reports that can be searched.
	Views []config.Path `yaml:"views"`
	// Search bounds searches of views.
	Search rest.SearchConfig `yaml:"search"`
	// Streams bounds streams of changes.
	Streams rest.StreamConfig `yaml:"streams"`
	// Exports bounds exports of views.
	Exports rest.ExportConfig `yaml:"exports"`
	// Feeds are views of which a warehouse gets the changes in files.
	Feeds []feedSection `yaml:"feeds"`
	// Channels are what mappings publish to, by name.
	Channels ordered[channelSection] `yaml:"channels"`
	// Roles are sets of people and systems of the directory, by name. Of several
	// roles that allow a message, the first one's partner counts.
	Roles ordered[roleSection] `yaml:"roles"`
	// Partners are the counterparts that roles belong to, by name; one that has no
	// limits need not stand here.
	Partners ordered[partnerSection] `yaml:"partners"`
	// Grants say what each role may do; what no grant names is denied.
	Grants []grantSection `yaml:"grants"`
	// SOAP tunes the SOAP endpoints.
	SOAP soap.Config `yaml:"soap"`
	// Attachments says where what comes beside an envelope is kept.
	Attachments blob.Config `yaml:"attachments"`
	// Relay tunes what carries committed events to the channels.
	Relay relaySection `yaml:"relay"`
	// Retention says how long the gateway's own tables keep what nobody works on
	// any more.
	Retention retentionSection `yaml:"retention"`
	// Drift says how the tables that routes write are watched.
	Drift driftSection `yaml:"drift"`
	// Telemetry is where traces go.
	Telemetry telemetrySection `yaml:"telemetry"`
	// Listen says at which addresses the gateway is reached.
	Listen listenSection `yaml:"listen,required"`
	// LiteralSecrets lets passwords and keys stand in this file itself: for a
	// demonstration or a test. They belong into files of their own (password_file:), or
	// into the environment (password: ${NAME}).
	LiteralSecrets bool `yaml:"literal_secrets"`

	file string // the path it was read from
	dir  string // the folder that contracts and mappings are found from
	root *config.Node

	views   []*declared          // of Views, in their order
	queries []*mapping.QueryFile // of Routes; nil for those that store
	// unfit is what is wrong with views and with grants on them. It is told where files
	// are compiled: migrations need none of them.
	unfit config.Faults

	// What cases are played with: who is asked in place of the directory, and who
	// looks on while mappings are applied. Both are nil in service.
	cast     gateway.Directory
	watching func(*mapping.Mapping) *mapping.Mapping
}

type telemetrySection struct {
	Traces *telemetry.Config `yaml:"traces"` // absent: nothing is traced
}

func (s telemetrySection) validate() error {
	if s.Traces == nil {
		return nil
	}
	var faults []error
	if err := s.Traces.Validate(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			faults = append(faults, errors.New("traces."+line))
		}
	}
	return errors.Join(faults...)
}

type relaySection struct {
	Window      int           `yaml:"window"`       // deliveries published at once per shard; 100
	MaxAttempts int           `yaml:"max_attempts"` // tries of a delivery that the channel refuses, before it is parked; 5
	Poll        time.Duration `yaml:"poll"`         // how often an idle shard is looked at; 1s
	LeaseTTL    time.Duration `yaml:"lease_ttl"`    // how long a dead process holds its shards; 15s
}

func (s relaySection) validate() error {
	if s.Window < 0 || s.MaxAttempts < 0 || s.Poll < 0 || s.LeaseTTL < 0 {
		return errors.New("a negative value")
	}
	return nil
}

type driftSection struct {
	Poll time.Duration `yaml:"poll"` // how often the tables are compared with those that the mappings were checked against; 1m
}

func (s driftSection) validate() error {
	if s.Poll < 0 {
		return errors.New("poll: a negative value")
	}
	return nil
}

// ordered is a map whose entries keep the order they were written in.
type ordered[T any] []named[T]

type named[T any] struct {
	Name  string
	Value T
	node  *config.Node
}

// UnmarshalNode reads the map.
func (o *ordered[T]) UnmarshalNode(n *config.Node) error {
	var faults config.Faults
	for _, e := range n.Entries() {
		item := named[T]{Name: e.Key, node: e.Value}
		faults.Add(e.Value.Decode(&item.Value))
		*o = append(*o, item)
	}
	return faults.Err()
}

func (o ordered[T]) get(name string) (T, bool) {
	i := slices.IndexFunc(o, func(n named[T]) bool { return n.Name == name })
	if i < 0 {
		var zero T
		return zero, false
	}
	return o[i].Value, true
}

func (o ordered[T]) names() []string {
	var out []string
	for _, n := range o {
		out = append(out, n.Name)
	}
	return out
}

// readProject reads and checks a gatehouse.yaml. Every fault in it is reported
// at once, with its position.
func readProject(file string) (*project, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	root, err := config.Parse(file, src)
	if err != nil {
		return nil, err
	}
	p := &project{file: file, dir: filepath.Dir(file), root: root}
	var faults config.Faults
	faults.Add(root.Decode(p))
	faults.Add(p.check(root))
	if len(faults) > 0 { // all of them at once
		faults.Add(p.unfit.Err())
	}
	return p, faults.Err()
}

// check finds what is wrong between sections.
func (p *project) check(root *config.Node) error {
	var faults config.Faults
	section := func(key string, validate func() error) {
		if n := root.Get(key); n != nil {
			faults.Add(located(n, validate()))
		}
	}
	section("soap", p.SOAP.Validate)
	section("search", p.Search.Validate)
	section("streams", p.Streams.Validate)
	section("exports", p.Exports.Validate)
	section("attachments", p.Attachments.Validate)
	section("relay", p.Relay.validate)
	section("drift", p.Drift.validate)
	section("telemetry", p.Telemetry.validate)
	section("listen", p.Listen.validate)
	if p.Directory != nil {
		section("directory", p.Directory.Validate)
	}
	if p.Broker != nil {
		section("broker", p.Broker.Validate)
	}
	p.checkAuthentication(root, &faults)
	p.readQueries(&faults)
	p.readViews(root, &p.unfit)
	p.checkFeeds(root, &faults)
	p.checkRoles(&faults)
	p.checkGrants(&faults)
	p.checkLimits(&faults)
	p.checkRoutes(&faults)
	for _, ch := range p.Channels {
		faults.Add(located(ch.node, ch.Value.validate()))
		if ch.Value.AMQP != nil && p.Broker == nil {
			faults.Add(root.Get("channels").Fault("an amqp channel needs a `broker:` section"))
			break
		}
	}
	p.checkReplies(&faults)
	p.checkRetention(&faults)
	p.checkSecrets(root, &faults)
	return faults.Err()
}

// located puts each line of what a section's Validate says at the part of the
// section that the line begins with the name of, as in "user_search.filter: …".
func located(section *config.Node, err error) error {
	if err == nil {
		return nil
	}
	var faults config.Faults
	for line := range strings.SplitSeq(err.Error(), "\n") {
		name, message, _ := strings.Cut(line, ": ")
		at := part(section, name)
		if at == nil {
			at = part(section, name+"_file") // a secret's other key
		}
		if at == nil {
			at, message = section, line
		}
		faults.Add(at.Fault("%s", message))
	}
	return faults.Err()
}

// part finds a path such as user_search.filter or urls[0] below n, or nil.
func part(n *config.Node, path string) *config.Node {
	for key := range strings.SplitSeq(path, ".") {
		key, index, listed := strings.Cut(strings.TrimSuffix(key, "]"), "[")
		n = n.Get(key)
		if !listed {
			continue
		}
		i, err := strconv.ParseUint(index, 10, 16)
		if err != nil || int(i) >= len(n.Items()) {
			return nil
		}
		n = n.Items()[i]
	}
	return n
}

// didYouMean proposes the name that was probably meant.
func didYouMean(name string, known []string) string {
	if near := config.Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
