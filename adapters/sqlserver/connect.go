package sqlserver

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// connector makes connections, each with the secrets as they are then: a
// password that changed in its file needs no restart.
type connector struct {
	timeout time.Duration // of each attempt to connect
	limit   time.Duration // of each request

	mu     sync.Mutex
	config Config // with its defaults
	// preferred is the server that answered last: 0, or 1 for the failover partner.
	preferred int
}

// Connect implements driver.Connector. Each server has the whole of
// connect_timeout.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	r, err := c.route()
	if err != nil {
		return nil, &connectError{[]error{err, r.stale}}
	}
	failed := &connectError{}
	for i := range r.servers {
		n := (r.first + i) % len(r.servers)
		conn, err := c.connect(ctx, r.servers[n], r.all)
		if err == nil {
			c.prefer(n)
			return conn, nil
		}
		failed.causes = append(failed.causes, err)
		if ctx.Err() != nil {
			break
		}
	}
	failed.causes = append(failed.causes, r.stale)
	return nil, failed
}

// route is whom to connect to, and how.
type route struct {
	servers []*mssql.Connector
	first   int   // which of them to try first
	all     bool  // dial every address of a name at once
	stale   error // why a secret is the one read before
}

func (c *connector) route() (route, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := route{first: c.preferred, stale: c.config.refresh()}
	t, err := c.config.target()
	if err != nil {
		return r, err
	}
	r.all = t.params.MultiSubnetFailover
	r.servers, err = t.connectors()
	return r, err
}

func (c *connector) prefer(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.preferred = n
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return &mssql.Driver{} }

func (c *connector) connect(ctx context.Context, server *mssql.Connector, all bool) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	d := &dialer{limit: c.limit, all: all}
	server.Dialer = d
	made, err := server.Connect(ctx)
	if err != nil {
		return nil, err
	}
	d.link.established()
	return &conn{made.(*mssql.Conn), d.link}, nil
}

// conn is a connection that knows when its server has left it.
type conn struct {
	*mssql.Conn
	link *link
}

// ResetSession implements driver.SessionResetter: the pool asks before it hands
// the connection out again, and makes a new one when this one is dead. Without
// it each connection that idled through a restart would fail once.
func (c *conn) ResetSession(ctx context.Context) error {
	if !c.alive() {
		return driver.ErrBadConn
	}
	return c.Conn.ResetSession(ctx)
}

func (c *conn) alive() bool { return c.link.alive() }

// Close implements driver.Conn by closing the link, and leaves the rest to the
// garbage collector. The driver's own Close gives the connection's buffer to
// whoever connects next, while its reader may still be at it, and twice when it
// is called twice, as it is for a connection that is dropped: two later ones
// would then write into each other's requests.
func (c *conn) Close() error { return c.link.Close() }

// connectError says that no connection came about: whatever the reason, from
// the network to a wrong password, it is the operator's to mend, and nothing of
// a batch has reached the server.
type connectError struct{ causes []error }

// Error implements error, on one line.
func (e *connectError) Error() string {
	var parts []string
	for _, cause := range e.causes {
		if cause != nil {
			parts = append(parts, cause.Error())
		}
	}
	return "connecting: " + strings.ReplaceAll(strings.Join(parts, "; "), "\n", "; ")
}

// Unwrap returns what was tried.
func (e *connectError) Unwrap() []error { return slices.DeleteFunc(slices.Clone(e.causes), isNil) }

func isNil(err error) bool { return err == nil }
