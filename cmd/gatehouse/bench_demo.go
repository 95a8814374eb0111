package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/bench"
)

// startBenchDemo starts the sample's servers in this process, and a gateway in
// one of its own, on a fresh database.
func (f *benchFlags) startBenchDemo(ctx context.Context, progress io.Writer) (t *benchTarget, err error) {
	t = &benchTarget{}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return t, err
	}
	t.closers = append(t.closers, func() error { return os.RemoveAll(dir) })
	d := &demo{dir: dir, stop: func() {}}
	t.closers = append(t.closers, d.close)
	if err := d.startServers(ctx); err != nil {
		return t, err
	}
	sink := drainEvents(d.events)
	t.closers = append(t.closers, func() error { d.events = nil; return sink() }) // before the broker ends
	file, operations, err := d.benchProject()
	if err != nil {
		return t, err
	}
	if t.project, err = readProject(file); err != nil {
		return t, err
	}
	if err := t.project.migrateUp(ctx, io.Discard); err != nil {
		return t, err
	}
	if err := f.start(ctx, t, file, progress); err != nil {
		return t, err
	}
	t.metrics = newMetricsPage("http://" + operations + "/metrics")
	t.messages = newOrders(f.newRun(), f.bytes)
	t.setting = bench.Setting{File: "demo", Store: "sqlite, synchronous=FULL", Server: "a gateway of its own; directory and broker in the load test's process"}
	return t, t.doors(f, "submit-order", &url.URL{Scheme: "http", Host: t.gateway.public}, demoLogins(d))
}

// logins are who sends.
type logins struct {
	user, password             string
	brokerURL                  string
	brokerUser, brokerPassword string
}

func demoLogins(d *demo) logins {
	const erp = "erp.alice"
	return logins{erp, erp + "-secret", "amqp://" + d.broker.Addr(), erp, erp + "-secret"}
}

// benchProject is the demo's project with an operations door at a known address.
func (d *demo) benchProject() (file, operations string, err error) {
	if file, err = d.writeProject("127.0.0.1:0"); err != nil {
		return "", "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	operations = l.Addr().String()
	text, err := os.ReadFile(file)
	if err := errors.Join(err, l.Close()); err != nil {
		return "", "", err
	}
	changed := strings.Replace(string(text), `operations: {address: "127.0.0.1:0"}`, fmt.Sprintf("operations: {address: %q}", operations), 1)
	if changed == string(text) {
		return "", "", errors.New("the demo's configuration has no operations door to move")
	}
	return file, operations, os.WriteFile(file, []byte(changed), 0o644)
}

// start starts a gateway on a configuration, and opens the look at its database.
func (f *benchFlags) start(ctx context.Context, t *benchTarget, file string, progress io.Writer) (err error) {
	if t.gateway, err = startGateway(ctx, file, f.profile, progress); err != nil {
		return err
	}
	t.closers = append(t.closers, t.gateway.stop)
	return t.openLook()
}

func (t *benchTarget) openLook() (err error) {
	if t.look, err = openLook(&t.project.Store); err == nil {
		t.closers = append(t.closers, t.look.db.Close)
	}
	return err
}

// drainEvents takes every event, and keeps none.
func drainEvents(e *events) (stop func() error) {
	var draining sync.WaitGroup
	draining.Go(func() {
		for range e.in {
		}
	})
	return func() error {
		err := e.close()
		draining.Wait()
		if errors.Is(err, amqp091.ErrClosed) {
			return nil
		}
		return err
	}
}
