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
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// project is gatehouse.yaml as it stands. Each adapter owns its section; this
// file owns what joins them.
type project struct {
	Store     storeSection           `yaml:"store,required"`
	Directory *ldap.Config           `yaml:"directory,required"`
	Broker    *amqp.Config           `yaml:"broker"`
	Contracts []config.Path          `yaml:"contracts,required"`
	Routes    []routeSection         `yaml:"routes,required"`
	Channels  ordered[channelTarget] `yaml:"channels"`
	Roles     ordered[roleSection]   `yaml:"roles"`
	Grants    []grantSection         `yaml:"grants"`
	SOAP      soap.Config            `yaml:"soap"`
	Relay     relaySection           `yaml:"relay"`
	Listen    listenSection          `yaml:"listen,required"`

	file string // the path it was read from
	dir  string // the folder that contracts and mappings are found from
	root *config.Node
}

type routeSection struct {
	Route   string            `yaml:"route,required"`
	Mapping config.Path       `yaml:"mapping,required"`
	From    []endpointSection `yaml:"from,required"`
	node    *config.Node
}

// UnmarshalNode keeps the section's position for complaints that come later.
func (r *routeSection) UnmarshalNode(n *config.Node) error {
	type plain routeSection
	err := n.Decode((*plain)(r))
	r.node = n
	return err
}

type endpointSection struct {
	SOAP string `yaml:"soap,required"` // system/Service.Operation
}

type channelTarget struct {
	AMQP *amqp.Channel `yaml:"amqp,required"`
}

type roleSection struct {
	Members []memberSection `yaml:"members,required"`
	Partner string          `yaml:"partner"`
}

type memberSection struct {
	Group string `yaml:"group"`
	User  string `yaml:"user"`
}

type grantSection struct {
	Role string `yaml:"role,required"`
	May  verbs  `yaml:"may,required"`
	On   string `yaml:"on,required"`
	node *config.Node
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
	section("relay", p.Relay.validate)
	section("listen", p.Listen.validate)
	if p.Directory != nil {
		section("directory", p.Directory.Validate)
	}
	if p.Broker != nil {
		section("broker", p.Broker.Validate)
	}
	p.checkRoles(&faults)
	p.checkGrants(&faults)
	p.checkRoutes(&faults)
	if len(p.Channels) > 0 && p.Broker == nil {
		faults.Add(root.Get("channels").Fault("an amqp channel needs a `broker:` section"))
	}
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

func (p *project) checkGrants(faults *config.Faults) {
	resources := p.resources()
	for _, g := range p.Grants {
		if _, ok := p.Roles.get(g.Role); !ok && g.Role != "" {
			faults.Add(g.node.Get("role").Fault("there is no role %q%s", g.Role, didYouMean(g.Role, p.Roles.names())))
		}
		if g.On != "" && !slices.ContainsFunc(resources, g.covers) {
			faults.Add(g.node.Get("on").Fault("%q names nothing; a grant is on route/<name> or channel/<name>, or on several with a * at the end%s", g.On, didYouMean(g.On, resources)))
		}
	}
}

// resources lists what a grant can be on.
func (p *project) resources() []string {
	var out []string
	for _, r := range p.Routes {
		out = append(out, "route/"+r.Route)
	}
	for _, name := range p.Channels.names() {
		out = append(out, "channel/"+name)
	}
	return out
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
		if slices.Contains(routes, r.Route) {
			faults.Add(r.node.Fault("route %q stands here twice", r.Route))
		}
		routes = append(routes, r.Route)
		for _, e := range r.From {
			if slices.Contains(endpoints, e.SOAP) {
				faults.Add(r.node.Fault("the endpoint %q belongs to another route already", e.SOAP))
			}
			endpoints = append(endpoints, e.SOAP)
		}
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
