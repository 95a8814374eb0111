package sqlserver

import (
	"context"
	"fmt"
	"net"
	"time"
)

// dialer makes the link of one connection. It resolves names itself, because
// the driver would do so without a time limit.
type dialer struct {
	limit time.Duration // of each request
	all   bool          // dial all addresses of a name at once
	link  *link         // the one dialled last
}

// HostName marks the dialer as one that resolves names (mssql.HostDialer).
func (d *dialer) HostName() string { return "" }

// DialContext implements mssql.Dialer.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	end, _ := ctx.Deadline()
	d.link = newLink(conn, end, d.limit)
	return d.link, nil
}

// plain dials one address. An idle link whose other end is gone without a word
// is found out in half a minute.
func plain() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !d.all || network != "tcp" {
		return plain().DialContext(ctx, network, address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	found, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i] = net.JoinHostPort(found[i], port)
	}
	return race(ctx, found)
}

// race dials all addresses at once and keeps the first connection: of the
// addresses of an availability group's listener one alone is alive.
func race(ctx context.Context, addresses []string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result)
	for _, address := range addresses {
		go func() {
			conn, err := plain().DialContext(ctx, "tcp", address)
			results <- result{conn, err}
		}()
	}
	var first net.Conn
	err := fmt.Errorf("the name has no address")
	for range addresses {
		switch r := <-results; {
		case r.err != nil:
			err = r.err
		case first != nil:
			r.conn.Close() // a second one, not used yet
		default:
			first = r.conn
			cancel()
		}
	}
	if first != nil {
		return first, nil
	}
	return nil, err
}
