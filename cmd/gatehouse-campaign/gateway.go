package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// gateway is one of the gateways: an address and a configuration, and now and
// then a process.
type gateway struct {
	binary, file, address string
	log                   string // the file that its processes write to
	lives                 int
	links                 []*link // to the broker; to the database, when that is a server
}

// newGateway is the n-th gateway, on an address of its own.
func (c *campaign) newGateway(n int) (*gateway, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	targets := []string{c.broker.host}
	if c.database.dsn != nil {
		targets = append(targets, c.database.dsn.Host)
	}
	var links []*link
	for _, target := range targets {
		l, err := newLink(target)
		if err != nil {
			return nil, err
		}
		links = append(links, l)
	}
	name := fmt.Sprintf("gateway-%d", n+1)
	g := &gateway{binary: c.binary, address: address, file: filepath.Join(c.dir, name+".yaml"), log: filepath.Join(c.dir, name+".log"), links: links}
	return g, c.configure(g)
}

// lapses counts how often its processes say that they stopped publishing since they
// could not renew a lease in time.
func (g *gateway) lapses() (int, error) {
	said, err := os.ReadFile(g.log)
	return bytes.Count(said, []byte(`msg="lease lapsed"`)), err
}

// process is one life of a gateway.
type process struct {
	*exec.Cmd
	gateway *gateway
	fuse    string        // the file that arms its failpoint
	ended   chan struct{} // closed when it is over
	result  error         // then: how it ended
}

// start begins a life that ends at the failpoint crashAt, if it is reached after
// it was armed.
func (g *gateway) start(crashAt string) (*process, error) {
	log, err := os.OpenFile(g.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	fmt.Fprintf(log, "campaign: starting, to crash at %q\n", crashAt)
	g.lives++
	p := &process{Cmd: exec.Command(g.binary, "serve", "-c", g.file), gateway: g, fuse: fmt.Sprintf("%s.armed-%d", g.file, g.lives), ended: make(chan struct{})}
	p.Env = append(os.Environ(), "GATEHOUSE_CRASH_AT="+crashAt, "GATEHOUSE_CRASH_WHEN="+p.fuse)
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", g.binary, err)
	}
	go func() {
		defer close(p.ended)
		p.result = p.Wait()
	}()
	return p, nil
}

// arm lets the process die at its failpoint from now on.
func (p *process) arm() error { return os.WriteFile(p.fuse, nil, 0o600) }

// killed reports whether the process, which has ended, was killed: by itself at
// a failpoint, or by the campaign.
func (p *process) killed() bool {
	status, ok := p.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// unasked is the fault of a process that ended when nobody had it end.
func (p *process) unasked() error {
	return fmt.Errorf("a gateway ended by itself: %v\n%s", p.result, tail(p.gateway.log, 20))
}

// serves waits until the process takes connections.
func (p *process) serves(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", p.gateway.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return p.unasked()
		case <-ctx.Done():
			return fmt.Errorf("a gateway does not serve after %v: %w", patience, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill ends the process as a power failure would.
func (p *process) kill() error {
	if err := p.Process.Kill(); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// orderly is how long a process may take to end when it is told to.
const orderly = 30 * time.Second

// stop tells the process to end, and returns how long that took.
func (p *process) stop() (time.Duration, error) {
	begin := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, fmt.Errorf("telling a gateway to stop: %w", err)
	}
	select {
	case <-p.ended:
	case <-time.After(orderly):
		return orderly, errors.Join(fmt.Errorf("a gateway did not stop within %v\n%s", orderly, tail(p.gateway.log, 20)), p.kill())
	}
	if p.result != nil {
		return time.Since(begin), fmt.Errorf("a gateway that was told to stop ended with %w\n%s", p.result, tail(p.gateway.log, 20))
	}
	return time.Since(begin), nil
}
