package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/bench"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// configuredTarget is the gateway of a configuration. Nothing is sent before the
// database was named.
func (f *benchFlags) configuredTarget(ctx context.Context, progress io.Writer) (t *benchTarget, err error) {
	t = &benchTarget{}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.project, err = readProject(f.file); err != nil {
		return t, err
	}
	name, err := t.project.Store.name()
	if err != nil {
		return t, err
	}
	if f.confirmed != name {
		return t, usageError{fmt.Errorf("this writes into the tables of the database %s and leaves its messages there; if you mean that, say --yes-write-to %s", name, name)}
	}
	section, m, err := f.chooseRoute(t.project)
	if err != nil {
		return t, err
	}
	who, err := f.logins(t.project)
	if err != nil {
		return t, err
	}
	if t.messages, err = f.template(m); err != nil {
		return t, err
	}
	base, err := f.reach(ctx, t, progress)
	if err != nil {
		return t, err
	}
	t.setting = bench.Setting{File: f.file, Store: t.project.Store.driver() + ", " + name, Server: cmp.Or(f.server, "a gateway of its own")}
	return t, t.doors(f, section.Route, base, who)
}

// reach starts a gateway, or finds the one that runs.
func (f *benchFlags) reach(ctx context.Context, t *benchTarget, progress io.Writer) (*url.URL, error) {
	if f.metrics != "" {
		t.metrics = newMetricsPage(f.metrics)
	}
	if f.server != "" {
		base, err := url.Parse(f.server)
		if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil {
			return nil, usageError{fmt.Errorf("--server: %q is no URL such as https://gateway.corp.example:8443", f.server)}
		}
		return base, t.openLook()
	}
	if n := t.project.root.Get("listen").Get("operations"); n != nil {
		operations, err := operationsURL(n)
		if err != nil {
			return nil, err
		}
		t.metrics = newMetricsPage(operations.JoinPath("metrics").String())
	}
	if err := f.start(ctx, t, f.file, progress); err != nil {
		return nil, err
	}
	return publicURL(t.project, t.gateway.public)
}

// publicURL is where this machine reaches the public listener.
func publicURL(p *project, address string) (*url.URL, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if p.Listen.Public.TLS != nil {
		u.Scheme = "https"
	}
	return u, nil
}

// name is what a person calls the database: its name on a server, or its file.
func (s *storeSection) name() (string, error) {
	if s.sqlite != nil {
		return filepath.Base(string(s.sqlite.Path)), nil
	}
	return s.sqlserver.DatabaseName()
}

func (s *storeSection) driver() string {
	if s.sqlite != nil {
		return "sqlite, synchronous=FULL"
	}
	return "sqlserver"
}

// chooseRoute finds the route, with its mapping.
func (f *benchFlags) chooseRoute(p *project) (*routeSection, *mapping.Mapping, error) {
	c, err := p.compile()
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for i := range p.Routes {
		r := &p.Routes[i]
		if r.query && r.Route == f.route {
			return nil, nil, r.isQuery()
		}
		if r.query {
			continue
		}
		names = append(names, r.Route)
		if r.Route != f.route && (f.route != "" || p.storing() > 1) {
			continue
		}
		if c.mappings[i] == nil {
			return nil, nil, fmt.Errorf("the contract of route %s did not load: %w", r.Route, errors.Join(c.broken...))
		}
		return r, c.mappings[i], nil
	}
	if f.route == "" {
		return nil, nil, usageError{fmt.Errorf("--route: which of %s?", strings.Join(names, ", "))}
	}
	return nil, nil, usageError{fmt.Errorf("--route: there is no route %q%s", f.route, didYouMean(f.route, names))}
}

// logins are the flags', and where these say nothing the configuration's own at
// the broker.
func (f *benchFlags) logins(p *project) (logins, error) {
	w := logins{user: f.user, brokerUser: f.brokerUser}
	var err error
	if w.password, err = readPassword(f.user, f.passwordFile); err != nil {
		return w, err
	}
	if f.through(bench.SOAP) && f.user == "" {
		return w, usageError{errors.New("--user: who calls the SOAP door?")}
	}
	if p.Broker == nil {
		return w, nil
	}
	w.brokerURL = p.Broker.URLs[0]
	if f.brokerUser == "" {
		w.brokerUser, w.brokerPassword = p.Broker.Username, p.Broker.Password.Reveal()
		return w, nil
	}
	w.brokerPassword, err = readPassword(f.brokerUser, cmp.Or(f.brokerPasswordFile, f.passwordFile))
	return w, err
}

// doors finds the endpoints of a route that messages are to come in by.
func (t *benchTarget) doors(f *benchFlags, route string, base *url.URL, who logins) error {
	base.Path = cmp.Or(base.Path, "/") // or what is joined to it is no absolute path
	i := slices.IndexFunc(t.project.Routes, func(r routeSection) bool { return r.Route == route })
	t.route = &t.project.Routes[i]
	t.setting.Route, t.setting.Mapping, t.setting.Message = route, filepath.Base(string(t.route.Mapping)), t.messages.describe()
	for _, e := range t.route.From {
		switch {
		case e.SOAP != "" && f.through(bench.SOAP) && t.soap == nil:
			service, _, _ := strings.Cut(e.SOAP, ".")
			t.soap = &soapDoor{url: base.JoinPath("soap", service), user: who.user, password: who.password, action: t.messages.action()}
			t.setting.Endpoint = e.SOAP
		case e.AMQP != nil && f.through(bench.AMQP) && t.queue == nil:
			t.queue = &queueDoor{url: who.brokerURL, queue: e.AMQP.Queue, user: who.brokerUser, password: who.brokerPassword}
			t.setting.Queue = e.AMQP.Queue
		}
	}
	switch {
	case f.through(bench.SOAP) && t.soap == nil:
		return usageError{fmt.Errorf("the route %s has no SOAP endpoint", route)}
	case f.through(bench.AMQP) && t.queue == nil:
		return usageError{fmt.Errorf("the route %s has no queue", route)}
	}
	return t.secure(f)
}

// secure reads whom to trust.
func (t *benchTarget) secure(f *benchFlags) (err error) {
	if t.soap != nil && t.soap.url.Scheme == "https" {
		if t.soap.secure, err = (&remoteFlags{caFile: f.caFile}).tls(); err != nil {
			return err
		}
		t.soap.secure.ServerName = t.soap.url.Hostname()
	}
	if t.queue != nil && strings.HasPrefix(t.queue.url, "amqps:") {
		if t.queue.secure, err = (&remoteFlags{caFile: string(t.project.Broker.TLS.CAFile)}).tls(); err != nil {
			return err
		}
		t.queue.secure.ServerName = t.project.Broker.TLS.ServerName // empty: the URL's
	}
	return nil
}

// oneWay reports whether stored messages have no reply.
func (t *benchTarget) oneWay() bool {
	if m, ok := t.messages.(*templateMessages); ok {
		return m.oneWay
	}
	return false
}
