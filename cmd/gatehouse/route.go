package main

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

type routeSection struct {
	Route   string            `yaml:"route,required"`   // the name that logs, ledger and grants call it by
	Mapping config.Path       `yaml:"mapping,required"` // the file that says what becomes of a message, or that it is a query and what is asked
	From    []endpointSection `yaml:"from,required"`    // where its messages come in
	OnError onErrorSection    `yaml:"on_error"`         // of queues; whoever waits is refused
	Retry   retrySection      `yaml:"retry"`            // of on_error: {not_yet: retry}
	// Retention is what the route keeps for another time than the others.
	Retention routeRetentionSection `yaml:"retention"`
	node      *config.Node
	query     bool // its file is one of a query: it is answered from a view
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
		if n := r.node.Get(key); n != nil && !r.asynchronous() && !r.query {
			faults.Add(n.Fault("%s is for messages of queues: at the other endpoints the sender waits, and is told", key))
		}
	}
	if n := r.node.Get("retry"); n != nil {
		faults.Add(located(n, r.Retry.validate()))
	}
}
