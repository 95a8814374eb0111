package sqlserver

import (
	"context"
	"database/sql/driver"
	"net"
	"sync/atomic"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// connector bounds dialling, TLS and login together.
type connector struct {
	*mssql.Connector
	timeout time.Duration
}

// login is what connector and dialer share about one connection being made.
type login struct{ done atomic.Bool }

type loginKey struct{}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	l := &login{}
	conn, err := c.Connector.Connect(context.WithValue(ctx, loginKey{}, l))
	l.done.Store(true)
	return conn, err
}

// dialer makes connections on which no read or write lasts for ever.
type dialer struct{ silence time.Duration }

// DialContext implements mssql.Dialer.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var plain net.Dialer
	conn, err := plain.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	guarded := &guardedConn{Conn: conn, silence: d.silence}
	guarded.login, _ = ctx.Value(loginKey{}).(*login)
	guarded.loginEnd, _ = ctx.Deadline()
	return guarded, nil
}

// guardedConn gives each read and write a deadline: the end of the login while
// that lasts, then how long the server may stay silent.
type guardedConn struct {
	net.Conn
	silence  time.Duration
	login    *login
	loginEnd time.Time
}

func (c *guardedConn) deadline() time.Time {
	if c.login != nil && !c.login.done.Load() {
		return c.loginEnd
	}
	return time.Now().Add(c.silence)
}

// Read implements net.Conn.
func (c *guardedConn) Read(b []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c *guardedConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
