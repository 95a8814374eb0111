package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// maxAnswer is how many bytes one operation may bring in. The BER decoder's own
// limit is two gigabytes and belongs to the whole process.
const maxAnswer = 16 << 20

var errAnswerTooLarge = errors.New("the answer is larger than 16 MiB")

// wire is the TCP connection under a conn: it bounds what an answer may cost.
type wire struct {
	net.Conn
	left atomic.Int64
}

func (w *wire) refill() { w.left.Store(maxAnswer) }

// Read counts down what is left for the operation.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.left.Add(-int64(n)) < 0 {
		return 0, errAnswerTooLarge
	}
	return n, err
}

// conn is one connection to one server, used by one goroutine at a time.
//
// The library has no context and, after StartTLS or with a full send buffer, no
// timeout either; a timeout of its own leaves the connection open, where a late
// answer to a bind changes who it is. So every operation runs under a context,
// and the end of the context closes the TCP connection below.
type conn struct {
	server *server
	wire   *wire
	ldap   *goldap.Conn
	opened time.Time
	idle   time.Time // when it was put back
	reused bool
	dead   bool // must not be used again
}

// dial connects and speaks TLS as configured.
func (s *server) dial(ctx context.Context) (*conn, error) {
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, &outage{doing: "connecting", err: err}
	}
	w := &wire{Conn: tcp}
	w.refill()
	var under net.Conn = w
	if s.implicit {
		secured := tls.Client(w, s.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			tcp.Close()
			return nil, &outage{doing: "TLS handshake", err: timeoutOr(ctx, err)}
		}
		under = secured
	}
	c := &conn{server: s, wire: w, ldap: goldap.NewConn(under, s.implicit), opened: s.now()}
	c.ldap.SetTimeout(s.config.RequestTimeout) // so that nothing inside the library waits for ever
	c.ldap.Start()
	if s.config.StartTLS {
		if err := c.startTLS(ctx); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *conn) startTLS(ctx context.Context) error {
	err := c.run(ctx, "StartTLS", func() error { return c.ldap.StartTLS(c.server.tls) })
	if refused, ok := errors.AsType[*goldap.Error](err); ok && !isLocal(refused) {
		return &misfit{fmt.Sprintf("%s: the server refuses StartTLS: %v", c.server.url, refused.Err)}
	}
	return err
}

// run runs one operation. Whatever ends it but an answer ends the connection.
func (c *conn) run(ctx context.Context, doing string, operation func() error) error {
	ctx, cancel := context.WithTimeout(ctx, c.server.config.RequestTimeout)
	defer cancel()
	c.wire.refill()
	stop := context.AfterFunc(ctx, func() { c.wire.Close() })
	err := operation()
	if !stop() {
		c.dead = true
		return &outage{doing: doing, err: timeoutOr(ctx, err)}
	}
	if err == nil || errors.Is(err, goldap.ErrSizeLimitExceeded) {
		return err
	}
	answer, ok := errors.AsType[*goldap.Error](err)
	if !ok || isLocal(answer) { // a reset comes as a plain error
		c.dead = true
		return &outage{doing: doing, err: err}
	}
	if answer.ResultCode == goldap.ErrorFilterCompile {
		return &misfit{fmt.Sprintf("%s: a filter that cannot be sent: %v", doing, answer)}
	}
	if isBusy(answer) {
		return &outage{doing: doing, err: err}
	}
	return err
}

// isLocal tells the library's own errors from result codes (RFC 4511 §4.1.9).
func isLocal(err *goldap.Error) bool {
	return err.ResultCode >= goldap.ErrorNetwork && err.ResultCode != goldap.ErrorFilterCompile
}

// isBusy tells the result codes by which a server says that another may do better.
func isBusy(err *goldap.Error) bool {
	switch err.ResultCode {
	case goldap.LDAPResultBusy, goldap.LDAPResultUnavailable, goldap.LDAPResultTimeLimitExceeded, goldap.LDAPResultOther:
		return true
	}
	return false
}

// timeoutOr names the context's end as what happened; err is then only how the
// closed connection looked from inside.
func timeoutOr(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return context.Cause(ctx)
}

// close ends the connection. The TCP connection goes first: with a peer that
// does not read, the library would wait for its own writes.
func (c *conn) close() {
	c.wire.Close()
	_ = c.ldap.Close()
}

// bind proves a name and a password. The reason is empty when they are right.
// It decides by the answer alone: after a refusal some servers keep the
// connection anonymous, some on the old identity, some on the new one, and so
// the connection is never used again.
func (c *conn) bind(ctx context.Context, name, password string) (reason Reason, detail string, err error) {
	var result *goldap.SimpleBindResult
	err = c.run(ctx, "bind", func() (err error) {
		request := goldap.NewSimpleBindRequest(name, password, []goldap.Control{goldap.NewControlBeheraPasswordPolicy()})
		result, err = c.ldap.SimpleBind(request)
		return err
	})
	var controls []goldap.Control
	if result != nil {
		controls = result.Controls
	}
	if err == nil {
		if policyReason(controls) == ReasonMustChange {
			c.dead = true
			return ReasonMustChange, "", nil
		}
		return "", "", nil
	}
	c.dead = true
	answer, ok := errors.AsType[*goldap.Error](err)
	if !ok || isOutage(err) {
		return "", "", err
	}
	if reason := bindReason(answer, controls); reason != "" {
		return reason, answer.Err.Error(), nil
	}
	return "", "", bindMisfit(c.server, answer)
}

func bindMisfit(s *server, answer *goldap.Error) error {
	switch answer.ResultCode {
	case goldap.LDAPResultStrongAuthRequired, goldap.LDAPResultConfidentialityRequired:
		return &misfit{s.url + ": the directory takes passwords over TLS only: use ldaps:// or start_tls"}
	}
	return &misfit{fmt.Sprintf("%s: bind: %v", s.url, answer)}
}

// search asks for at most limit entries; more is the error ErrSizeLimitExceeded
// with those that came. Referrals are never followed.
func (c *conn) search(ctx context.Context, request *goldap.SearchRequest) (*goldap.SearchResult, error) {
	request.EnforceSizeLimit = true // Samba does not
	var result *goldap.SearchResult
	err := c.run(ctx, "search", func() (err error) {
		result, err = c.ldap.Search(request)
		return err
	})
	if errors.Is(err, goldap.ErrSizeLimitExceeded) {
		c.dead = true // the rest of the answer is still coming
		return result, err
	}
	answer, ok := errors.AsType[*goldap.Error](err)
	switch {
	case !ok || isOutage(err):
		return result, err
	case request.Scope == goldap.ScopeBaseObject && (answer.ResultCode == goldap.LDAPResultNoSuchObject || answer.ResultCode == goldap.LDAPResultInvalidDNSyntax):
		return &goldap.SearchResult{}, nil // the entry asked for is not there, or could not be
	}
	return result, c.searchFault(request, answer)
}

// searchFault tells what a search's result code means for the gateway.
func (c *conn) searchFault(request *goldap.SearchRequest, answer *goldap.Error) error {
	switch answer.ResultCode {
	case goldap.LDAPResultSizeLimitExceeded:
		return goldap.ErrSizeLimitExceeded
	case goldap.LDAPResultInsufficientAccessRights, goldap.LDAPResultOperationsError:
		// Also what a connection answers that lost its bind (OpenLDAP 50, Active
		// Directory 1): a new one is worth trying.
		c.dead = true
		if c.reused {
			return &outage{doing: "search", err: answer}
		}
		return &misfit{fmt.Sprintf("%s: the service account may not search %q: %v", c.server.url, request.BaseDN, answer)}
	case goldap.LDAPResultNoSuchObject:
		return &misfit{fmt.Sprintf("%s: the base %q does not exist, or the service account may not see it", c.server.url, request.BaseDN)}
	case goldap.LDAPResultReferral:
		return &misfit{fmt.Sprintf("%s: the base %q lies on another server; referrals are not followed", c.server.url, request.BaseDN)}
	}
	return &misfit{fmt.Sprintf("%s: searching %q: %v", c.server.url, request.BaseDN, answer)}
}

// whoAmI asks the server who the connection is (RFC 4532).
func (c *conn) whoAmI(ctx context.Context) (string, error) {
	var who string
	err := c.run(ctx, "who am I", func() error {
		result, err := c.ldap.WhoAmI(nil)
		if result != nil {
			who = result.AuthzID
		}
		return err
	})
	return who, err
}

// unsupported reports whether a server does not know an extended operation (RFC
// 4511 §4.12).
func unsupported(err error) bool {
	answer, ok := errors.AsType[*goldap.Error](err)
	return ok && answer.ResultCode == goldap.LDAPResultProtocolError
}
