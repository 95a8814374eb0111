package directory

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	maxRequest     = 1 << 20
	oidStartTLS    = "1.3.6.1.4.1.1466.20037"
	oidWhoAmI      = "1.3.6.1.4.1.4203.1.11.3"
	oidADCapable   = "1.2.840.113556.1.4.800"
	resultOK       = ldap.LDAPResultSuccess
	resultUnwilled = ldap.LDAPResultUnwillingToPerform
)

// session is one connection. Only its own goroutine touches it.
type session struct {
	server *Server
	raw    net.Conn // as accepted
	conn   net.Conn // what is spoken over: raw, or TLS on it
	limit  *io.LimitedReader
	reader *bufio.Reader
	bound  *node
	pages  map[string][]*node
}

func newSession(s *Server, c net.Conn) *session {
	ss := &session{server: s, raw: c, pages: make(map[string][]*node)}
	ss.speak(c)
	if s.config.Implicit {
		ss.speak(tls.Server(c, s.config.TLS))
	}
	return ss
}

func (ss *session) speak(c net.Conn) {
	ss.conn = c
	ss.limit = &io.LimitedReader{R: c}
	ss.reader = bufio.NewReader(ss.limit)
}

// request is one LDAPMessage (RFC 4511 §4.1.1).
type request struct {
	id       int64
	op       *ber.Packet
	controls []*ber.Packet
}

func (ss *session) serve() {
	if !ss.permitted(Request{Operation: "connect"}, nil) {
		return
	}
	for {
		r, ok := ss.read()
		if !ok || !ss.answer(r) {
			return
		}
	}
}

func (ss *session) read() (*request, bool) {
	ss.limit.N = maxRequest
	p, err := ber.ReadPacket(ss.reader)
	if err != nil || len(p.Children) < 2 {
		return nil, false
	}
	id, ok := p.Children[0].Value.(int64)
	return &request{id: id, op: p.Children[1], controls: child(p, 2).Children}, ok
}

// answer reports whether the session goes on.
func (ss *session) answer(r *request) bool {
	about := Request{Operation: operation(r.op), DN: subject(r.op), Count: ss.server.requests.Add(1) - 1}
	if !ss.permitted(about, r) {
		return about.Operation != "unbind" && ss.alive()
	}
	switch r.op.Tag {
	case ldap.ApplicationUnbindRequest:
		return false
	case ldap.ApplicationAbandonRequest:
	case ldap.ApplicationBindRequest:
		ss.bind(r)
	case ldap.ApplicationSearchRequest:
		ss.search(r)
	case ldap.ApplicationExtendedRequest:
		return ss.extended(r)
	default:
		ss.send(r, result(r.op.Tag+1, resultUnwilled, "this directory is read-only"))
	}
	return true
}

func operation(op *ber.Packet) string {
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		return "bind"
	case ldap.ApplicationSearchRequest:
		return "search"
	case ldap.ApplicationExtendedRequest:
		return "extended"
	case ldap.ApplicationUnbindRequest:
		return "unbind"
	}
	return "other"
}

func subject(op *ber.Packet) string {
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		return octets(child(op, 1))
	case ldap.ApplicationSearchRequest:
		return octets(child(op, 0))
	}
	return ""
}

// permitted lets the hook have its way; false when the request is done with.
func (ss *session) permitted(about Request, r *request) bool {
	f := ss.server.ask(about)
	switch {
	case f.Reset:
		reset(ss.raw)
		return false
	case f.Silent:
		if r == nil { // a connection that nobody ever reads from
			<-ss.server.closing
		}
		return false
	case f.Delay > 0 && !ss.wait(f.Delay):
		return false
	case f.Code != 0 && r != nil:
		ss.send(r, result(responseTag(r.op), int(f.Code), "as the hook says"))
		return false
	}
	return true
}

// alive reports whether the peer may go on after a request that the hook took:
// a silent directory keeps its connections open.
func (ss *session) alive() bool {
	select {
	case <-ss.server.closing:
		return false
	default:
		return true
	}
}

func (ss *session) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ss.server.closing:
		return false
	}
}

// extended answers StartTLS and Who am I.
func (ss *session) extended(r *request) bool {
	switch octets(child(r.op, 0)) {
	case oidStartTLS:
		return ss.startTLS(r)
	case oidWhoAmI:
		reply := result(ldap.ApplicationExtendedResponse, resultOK, "")
		reply.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, ss.authzID(), ""))
		ss.send(r, reply)
	default:
		ss.send(r, result(ldap.ApplicationExtendedResponse, ldap.LDAPResultProtocolError, "unknown operation"))
	}
	return true
}

// authzID says who the session is (RFC 4513 §5.2.1.8); Active Directory answers
// with its own form of a user name.
func (ss *session) authzID() string {
	switch {
	case ss.bound == nil:
		return ""
	case ss.server.config.ActiveDirectory && ss.bound.first("samaccountname") != "":
		return `u:CORP\` + ss.bound.first("samaccountname")
	}
	return "dn:" + ss.bound.dn
}

func (ss *session) startTLS(r *request) bool {
	if ss.server.config.TLS == nil || ss.conn != ss.raw {
		ss.send(r, result(ldap.ApplicationExtendedResponse, ldap.LDAPResultUnavailable, "no TLS here"))
		return true
	}
	ss.send(r, result(ldap.ApplicationExtendedResponse, resultOK, ""))
	if f := ss.server.ask(Request{Operation: "handshake"}); f.Silent {
		<-ss.server.closing
		return false
	}
	secured := tls.Server(ss.raw, ss.server.config.TLS)
	if secured.Handshake() != nil {
		return false
	}
	ss.bound = nil
	ss.speak(secured)
	return true
}
