package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// cast answers for the directory with the users of a case book.
type cast map[string]castMember

type castMember struct {
	password string
	identity *gateway.Identity
}

// castUnit is where users and groups are said to be that have no distinguished name.
const castUnit = "ou=cases"

func newCast(users map[string]caseUser) (cast, error) {
	out := cast{}
	for login, u := range users {
		id := &gateway.Identity{DN: "uid=" + login + "," + castUnit, Login: login}
		for _, g := range u.Groups {
			dn, name := "cn="+g+","+castUnit, g
			if strings.Contains(g, "=") {
				var err error
				if dn, err = ldap.NormalizeDN(g); err != nil {
					return nil, fmt.Errorf("user %s: group %q: %w", login, g, err)
				}
				_, name, _ = strings.Cut(strings.SplitN(g, ",", 2)[0], "=")
			}
			id.Groups, id.GroupNames = append(id.Groups, dn), append(id.GroupNames, name)
		}
		out[strings.ToLower(login)] = castMember{u.Password, id}
	}
	return out, nil
}

// Authenticate implements gateway.Directory.
func (c cast) Authenticate(ctx context.Context, username, password string) (*gateway.Identity, error) {
	id, err := c.Lookup(ctx, username)
	if err != nil || subtle.ConstantTimeCompare([]byte(c[strings.ToLower(username)].password), []byte(password)) != 1 || password == "" {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	return id, nil
}

// Lookup implements gateway.Directory.
func (c cast) Lookup(_ context.Context, username string) (*gateway.Identity, error) {
	m, ok := c[strings.ToLower(username)]
	if !ok {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	id := *m.identity
	id.At = time.Now()
	return &id, nil
}

// Ping implements gateway.Directory.
func (c cast) Ping(context.Context) error { return nil }

// rehearsalStage is a stage with the servers of its own: the project's gateway on
// a new SQLite store, its broker embedded, the case book's users for a directory.
type rehearsalStage struct {
	stage
	dir    string
	broker *broker.Broker
	stop   context.CancelFunc
	ended  chan error
}

// openStage starts the project's gateway for one case book. Of the configuration
// everything counts but what names servers.
func openStage(ctx context.Context, file string, book *caseBook, watching func(*mapping.Mapping) *mapping.Mapping) (s *rehearsalStage, err error) {
	s = &rehearsalStage{ended: make(chan error, 1), stop: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	p, err := readProject(file)
	if err != nil {
		return s, err
	}
	if s.dir, err = os.MkdirTemp("", "gatehouse-cases-"); err != nil {
		return s, err
	}
	if err := s.arrange(ctx, p, book); err != nil {
		return s, err
	}
	p.watching = watching
	if err := p.migrateUp(ctx, io.Discard); err != nil {
		return s, err
	}
	return s, s.serve(ctx, p)
}

// arrange puts servers of its own in the place of the project's.
func (s *rehearsalStage) arrange(ctx context.Context, p *project, book *caseBook) error {
	migrations, err := sqliteMigrations(&p.Store)
	if err != nil {
		return err
	}
	s.database = filepath.Join(s.dir, "gatehouse.db")
	p.Store = storeSection{Migrations: migrations, sqlite: &sqlite.Config{Driver: "sqlite", Path: config.Path(s.database)}}
	if p.cast, err = newCast(book.Users); err != nil {
		return err
	}
	p.Listen = listenSection{Public: listenerSection{Address: "127.0.0.1:0"}}
	p.SOAP.RequireTLSForPasswords, p.SOAP.TrustedProxies = nil, nil
	p.Telemetry.Traces = nil
	p.Attachments.Directory = config.Path(filepath.Join(s.dir, "attachments"))
	if p.Broker == nil && len(p.Channels) == 0 {
		return nil
	}
	return s.startBroker(ctx, p, book)
}

// sqliteMigrations are those of the business tables: beside SQL Server's, the
// folder sqlite has the same.
func sqliteMigrations(store *storeSection) (config.Path, error) {
	if store.Migrations == "" || store.sqlite != nil {
		return store.Migrations, nil
	}
	beside := filepath.Join(filepath.Dir(string(store.Migrations)), "sqlite")
	if err := isFolder(beside); err != nil {
		return "", fmt.Errorf("cases run on SQLite, and store.migrations has SQL Server's: %w with the same tables", err)
	}
	return config.Path(beside), nil
}

func (s *rehearsalStage) startBroker(ctx context.Context, p *project, book *caseBook) (err error) {
	own := rand.Text()
	s.broker, err = broker.Listen(broker.Config{Login: func(username, password string) bool {
		u, ok := book.Users[username]
		return username == own && password == own || ok && password == u.Password && password != ""
	}})
	if err != nil {
		return err
	}
	p.Broker = &amqp.Config{URLs: []string{"amqp://" + s.broker.Addr()}, Username: own, Password: config.NewSecret(own)}
	var exchanges, queues []string
	for i := range p.Channels {
		ch := &p.Channels[i]
		ch.Value.rehearse(ch.Name)
		exchanges = append(exchanges, ch.Value.AMQP.Exchange)
	}
	for _, r := range p.Routes {
		for _, e := range r.From {
			if e.AMQP != nil {
				e.AMQP.QueueType = ""
				queues = append(queues, e.AMQP.Queue)
			}
		}
	}
	slices.Sort(exchanges)
	s.events, err = listenTo(ctx, "amqp://"+own+":"+own+"@"+s.broker.Addr(), "gatehouse-cases-"+own, slices.Compact(exchanges), queues)
	s.addresses.broker = s.broker.Addr()
	return err
}

func (s *rehearsalStage) serve(ctx context.Context, p *project) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	serving := make(chan net.Addr, 1)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go func() { s.ended <- p.serve(running, log, func(a net.Addr) { serving <- a }) }()
	select {
	case a := <-serving:
		s.addresses.base = "http://" + a.String()
		return nil
	case err := <-s.ended:
		s.ended <- nil // for close, which waits for the end too
		return err
	}
}

// close ends the gateway first, then its servers, and removes the store.
func (s *rehearsalStage) close() error {
	s.stop()
	var faults []error
	if s.addresses.base != "" {
		faults = append(faults, <-s.ended)
	}
	if s.events != nil {
		faults = append(faults, s.events.close())
	}
	if s.broker != nil {
		faults = append(faults, s.broker.Close())
	}
	if s.dir != "" {
		faults = append(faults, os.RemoveAll(s.dir))
	}
	return errors.Join(faults...)
}
