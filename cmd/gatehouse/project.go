package main

import (
	"errors"
	"fmt"
	"maps"
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
	"github.com/gatehouse/gatehouse/internal/fault"
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
	// Streams bounds streams of changes.
	Streams rest.StreamConfig `yaml:"streams"`
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

	views []*declared // of Views, in their order
	// unfit is what is wrong with views and with grants on them. It is told where files
	// are compiled: migrations need none of them.
	unfit config.Faults

	// What cases are played with: who is asked in place of the directory, and who
	// looks on while mappings are applied. Both are nil in service.
	cast     gateway.Directory
	watching func(*mapping.Mapping) *mapping.Mapping
}

type routeSection struct {
	Route   string            `yaml:"route,required"`   // the name that logs, ledger and grants call it by
	Mapping config.Path       `yaml:"mapping,required"` // the file that says what becomes of a message
	From    []endpointSection `yaml:"from,required"`    // where its messages come in
	OnError onErrorSection    `yaml:"on_error"`         // of queues; whoever waits is refused
	Retry   retrySection      `yaml:"retry"`            // of on_error: {not_yet: retry}
	// Retention is what the route keeps for another time than the others.
	Retention routeRetentionSection `yaml:"retention"`
	node      *config.Node
}

// UnmarshalNode keeps the section's position for complaints that come later.
func (r *routeSection) UnmarshalNode(n *config.Node) error {
	type plain routeSection
	err := n.Decode((*plain)(r))
	r.node = n
	for i := range r.From {
		r.From[i].route = r.Route
	}
	return err
}

// endpointSection is one inbound door: exactly one field is set.
type endpointSection struct {
	SOAP string         `yaml:"soap"` // system/Service.Operation
	REST *restEndpoint  `yaml:"rest"` // JSON, at /api/ and the route's name
	AMQP *amqp.Endpoint `yaml:"amqp"` // a queue that is consumed
	// Authentication is what senders at a soap or rest endpoint may prove who they are
	// with; default: every way in that is configured.
	Authentication waysIn `yaml:"authentication"`
	// Security is what senders at a soap endpoint have to sign, and whether its
	// answers are signed (WS-Security).
	Security *securitySection `yaml:"security"`

	route string
}

// name is the endpoint as the gateway, the ledger and the log call it.
func (e endpointSection) name() string {
	switch {
	case e.AMQP != nil:
		return e.AMQP.Name()
	case e.REST != nil:
		return "rest:" + e.route
	}
	return "soap:" + e.SOAP
}

// operation is what the endpoint says that it takes; a queue says nothing.
func (e endpointSection) operation() string {
	if e.REST != nil {
		return e.REST.Operation
	}
	return e.SOAP
}

func (r *routeSection) endpoints() []string {
	var out []string
	for _, e := range r.From {
		out = append(out, e.name())
	}
	return out
}

// asynchronous reports whether the route has a door at which nobody waits.
func (r *routeSection) asynchronous() bool {
	return slices.ContainsFunc(r.From, func(e endpointSection) bool { return e.AMQP != nil })
}

// retry is how long messages wait for what they refer to.
func (r *routeSection) retry() gateway.Retry {
	out := gateway.Retry{For: r.Retry.For, First: r.Retry.First, Longest: r.Retry.Longest}
	if r.OnError[fault.NotYet.String()] == park {
		out.For = -1
	}
	return out
}

// retrySection says how long a message waits for what it refers to.
type retrySection struct {
	For     time.Duration `yaml:"for"`     // until it is parked; 24h
	First   time.Duration `yaml:"first"`   // pause before the second attempt; 1s
	Longest time.Duration `yaml:"longest"` // longest pause; 5m
}

func (s retrySection) validate() error {
	if s.For < 0 || s.First < 0 || s.Longest < 0 {
		return errors.New("a negative value")
	}
	return nil
}

// onErrorSection says, by kind of fault, what becomes of a message of a queue
// that cannot be stored.
type onErrorSection map[string]action

// action is what is done with a message that cannot be stored.
type action string

const (
	park  action = "park"
	retry action = "retry"
)

// actions are the choices for each kind; the first is what happens unless
// configured otherwise.
var actions = map[string][]action{
	fault.Invalid.String():         {park},
	fault.Unauthenticated.String(): {park},
	fault.Forbidden.String():       {park},
	fault.Conflict.String():        {park},
	fault.TooLarge.String():        {park},
	fault.Internal.String():        {park},
	fault.NotYet.String():          {retry, park},
	fault.Unavailable.String():     {retry},
}

// UnmarshalNode reads the section and refuses what would lose messages, or stop
// a queue for good.
func (s *onErrorSection) UnmarshalNode(n *config.Node) error {
	*s = onErrorSection{}
	var faults config.Faults
	for _, e := range n.Entries() {
		kind, chosen := e.Key, action(e.Value.Text())
		allowed, known := actions[kind]
		switch {
		case !known:
			faults.Add(e.Value.Fault("there is no kind of fault %q%s", kind, didYouMean(kind, slices.Sorted(maps.Keys(actions)))))
		case chosen == "refuse":
			faults.Add(e.Value.Fault("nobody waits at a queue who could be refused: %s: %s", kind, allowed[0]))
		case !slices.Contains(allowed, chosen):
			faults.Add(e.Value.Fault("%s: %q is not possible; choose from %v", kind, chosen, allowed))
		default:
			(*s)[kind] = chosen
		}
	}
	return faults.Err()
}

type roleSection struct {
	Members []memberSection `yaml:"members,required"` // whoever is one of them has the role
	Partner string          `yaml:"partner"`          // whose messages are compared with each other; default: each user's
	// Limits bound what all members send together through this role.
	Limits limitSection `yaml:"limits"`
}

type memberSection struct {
	Group string `yaml:"group"` // a short name, a distinguished name, or a security identifier; nested groups count
	User  string `yaml:"user"`  // a login, or a distinguished name
}

type grantSection struct {
	Role string `yaml:"role,required"`
	May  verbs  `yaml:"may,required"` // one verb or a list
	On   string `yaml:"on,required"`  // route/<name>, channel/<name>, view/<name>, message/<route>, configuration, access, console; a * at the end covers several
	// Columns are the fields and children that a view shows by this grant. Default: all.
	Columns []string `yaml:"columns"`
	// Rows is which rows a view shows by this grant: those that have, in each column
	// named here, one of the values. $principal/login, $principal/dn and
	// $principal/partner stand for who asks, $principal/group for any of his groups,
	// $principal/attribute/<name> for any value of an attribute of his entry that
	// directory.attributes lists. Default: all.
	Rows rowFilters `yaml:"rows"`
	// Classes are those of which fields are shown too: personal, secret. Default: only
	// fields without a class.
	Classes []string `yaml:"classes"`
	node    *config.Node
}

// UnmarshalNode keeps the section's position for complaints that come later.
func (g *grantSection) UnmarshalNode(n *config.Node) error {
	type plain grantSection
	err := n.Decode((*plain)(g))
	g.node = n
	return err
}

// verbs is one verb or a list of them.
type verbs []gateway.Verb

// UnmarshalNode reads `send` as well as `[read, replay]`.
func (v *verbs) UnmarshalNode(n *config.Node) error {
	nodes := n.Items()
	if n.Kind == config.Scalar {
		nodes = []*config.Node{n}
	}
	for _, item := range nodes {
		verb := gateway.Verb(item.Text())
		if !slices.Contains(gateway.Verbs, verb) {
			return item.Fault("%q is nothing a grant can allow; it is one of %v", item.Text(), gateway.Verbs)
		}
		*v = append(*v, verb)
	}
	if len(*v) == 0 {
		return n.Fault("a grant allows at least one of %v", gateway.Verbs)
	}
	return nil
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
	section("streams", p.Streams.Validate)
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
	p.readViews(root, &p.unfit)
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

func (p *project) checkRoles(faults *config.Faults) {
	for _, r := range p.Roles {
		for _, m := range r.Value.Members {
			if (m.Group == "") == (m.User == "") {
				faults.Add(r.node.Fault("a member of role %s names either a group or a user", r.Name))
			}
		}
	}
}

func (p *project) checkGrants(all *config.Faults) {
	resources := p.resources()
	for _, g := range p.Grants {
		faults := all
		if strings.HasPrefix(g.On, "view/") {
			faults = &p.unfit
		}
		p.checkView(&g, faults)
		if _, ok := p.Roles.get(g.Role); !ok && g.Role != "" {
			faults.Add(g.node.Get("role").Fault("there is no role %q%s", g.Role, didYouMean(g.Role, p.Roles.names())))
		}
		on := slices.DeleteFunc(slices.Clone(resources), func(r string) bool { return !g.covers(r) })
		if g.On != "" && len(on) == 0 {
			faults.Add(g.node.Get("on").Fault("%q names nothing; a grant is on route/<name>, channel/<name>, view/<name>, message/<route>, configuration, access or console, or on several with a * at the end%s", g.On, didYouMean(g.On, resources)))
			continue
		}
		for _, verb := range g.May {
			if !slices.ContainsFunc(on, func(r string) bool { return slices.Contains(gateway.VerbsOn(r), verb) }) {
				faults.Add(g.node.Get("may").Fault("%s means nothing on %s", verb, g.On))
			}
		}
	}
}

// resources lists what a grant can be on.
func (p *project) resources() []string {
	var routes []string
	for _, r := range p.Routes {
		routes = append(routes, r.Route)
	}
	return gateway.Resources(routes, p.Channels.names(), p.viewNames()...)
}

// covers reports whether the grant is on resource.
func (g grantSection) covers(resource string) bool {
	prefix, open := strings.CutSuffix(g.On, "*")
	return g.On == resource || open && strings.HasPrefix(resource, prefix)
}

func (p *project) checkRoutes(faults *config.Faults) {
	var routes, endpoints []string
	for _, r := range p.Routes {
		if len(r.From) == 0 && r.node.Get("from") != nil {
			faults.Add(r.node.Get("from").Fault("route %q comes from nowhere; name an endpoint, such as {soap: system/Service.Operation}", r.Route))
		}
		p.checkEndpoints(&r, faults)
		r.checkREST(faults)
		if slices.Contains(routes, r.Route) {
			faults.Add(r.node.Fault("route %q stands here twice", r.Route))
		}
		routes = append(routes, r.Route)
		for _, e := range r.From {
			if e.REST == nil && slices.Contains(endpoints, e.name()) {
				faults.Add(r.node.Fault("the endpoint %q belongs to another route already", e.name()))
			}
			endpoints = append(endpoints, e.name())
		}
	}
}

func (p *project) checkEndpoints(r *routeSection, faults *config.Faults) {
	for i, e := range r.From {
		if e.doors() != 1 {
			faults.Add(r.node.Get("from").Items()[i].Fault("an endpoint is one of soap:, rest: and amqp:"))
			continue
		}
		if e.AMQP == nil {
			continue
		}
		at := r.node.Get("from").Items()[i].Get("amqp")
		faults.Add(located(at, e.AMQP.Validate()))
		if p.Broker == nil {
			faults.Add(at.Fault("an amqp endpoint needs a `broker:` section"))
		}
	}
	for _, key := range []string{"on_error", "retry"} {
		if n := r.node.Get(key); n != nil && !r.asynchronous() {
			faults.Add(n.Fault("%s is for messages of queues: at the other endpoints the sender waits, and is told", key))
		}
	}
	if n := r.node.Get("retry"); n != nil {
		faults.Add(located(n, r.Retry.validate()))
	}
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
