// Package directory is an LDAP v3 directory inside the process, on loopback,
// for the demo and for tests only: it keeps its entries in memory, compares
// passwords in clear text and knows no access rules. It never stands in for a
// directory that anybody relies on.
//
// What it speaks is real (RFC 4511): simple bind, search with every filter,
// paged results (RFC 2696), StartTLS (RFC 4511 §4.14), Who am I (RFC 4532), the
// password policy control, and of Active Directory what a client can tell it
// by: supportedCapabilities, tokenGroups, the chain matching rule, user
// principal names and the sub-codes of a refused bind. Tests can make it slow,
// silent or rude. It refuses every write.
package directory

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Entry is one entry. Attribute names are matched without regard to case.
//
// Two attributes are read by the directory itself: userPassword, in clear text,
// and accountState, the Active Directory sub-code of why a bind is refused (532
// expired, 533 disabled, 701 account expired, 773 must change, 775 locked).
// memberOf and, in Active Directory, tokenGroups are computed from member and
// objectSid.
type Entry struct {
	DN         string
	Attributes map[string][]string
}

// Config says what to serve. The zero value but for Base serves an empty
// directory on a free port.
type Config struct {
	Base    string // naming context, e.g. dc=corp,dc=example
	Entries []Entry
	Address string // host:port of a loopback address; empty: 127.0.0.1 and a free port
	// TLS offers StartTLS; with Implicit, TLS is spoken from the first byte (ldaps).
	TLS      *tls.Config
	Implicit bool
	// ActiveDirectory answers as a domain controller would.
	ActiveDirectory bool
	AnonymousSearch bool
	SizeLimit       int  // entries of one answer; zero: no limit
	IgnoreSizeLimit bool // send more entries than the client asked for, as Samba does
	// MaxValues of one attribute are sent at once, as Active Directory does: the
	// rest is to be asked for by range; zero: no limit.
	MaxValues int
	// Hook is asked before each request is answered; nil answers all.
	Hook func(Request) Fault
}

// Request describes what a Hook decides about.
type Request struct {
	Operation string // connect, bind, search, extended, unbind or other
	DN        string // of the bind or the search's base
	Count     int64  // how many requests the directory has had before
}

// Fault is what a Hook makes of a request. The zero Fault answers it.
type Fault struct {
	Delay  time.Duration // wait before answering
	Silent bool          // never answer
	Reset  bool          // drop the connection with a TCP reset
	Code   uint16        // answer with this result code instead
}

// Server is a running directory. It is safe for concurrent use.
type Server struct {
	config   Config
	listener net.Listener
	closing  chan struct{}
	running  sync.WaitGroup
	requests atomic.Int64

	mu    sync.RWMutex
	tree  *tree
	hook  func(Request) Fault
	conns map[net.Conn]struct{}
	binds map[string]int
}

// Start serves config until Close.
func Start(config Config) (*Server, error) {
	if config.Address == "" {
		config.Address = "127.0.0.1:0"
	}
	if config.Implicit && config.TLS == nil {
		return nil, errors.New("embedded directory: implicit TLS without a certificate")
	}
	t, err := plant(config)
	if err != nil {
		return nil, err
	}
	listener, err := listenLoopback(config.Address)
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, listener: listener, closing: make(chan struct{}), tree: t, hook: config.Hook,
		conns: make(map[net.Conn]struct{}), binds: make(map[string]int)}
	s.running.Go(s.accept)
	return s, nil
}

// listenLoopback refuses to be reached from elsewhere.
func listenLoopback(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("embedded directory: %w", err)
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("embedded directory: %s is not a loopback address", address)
	}
	return listener, nil
}

// Addr is host:port of the directory.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is what a client is configured with.
func (s *Server) URL() string {
	if s.config.Implicit {
		return "ldaps://" + s.Addr()
	}
	return "ldap://" + s.Addr()
}

// Requests is how many requests have arrived since Start.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Binds is how many binds were tried as dn, right and wrong.
func (s *Server) Binds(dn string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.binds[fold(dn)]
}

// SetHook replaces the hook; nil answers all.
func (s *Server) SetHook(hook func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// Replace puts other entries in place of all there are.
func (s *Server) Replace(entries []Entry) error {
	config := s.config
	config.Entries = entries
	t, err := plant(config)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tree = t
	return nil
}

// DropConnections resets every connection, as a restart would.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		reset(c)
	}
}

// Close ends the directory and all its connections and returns when nothing of
// it runs any more.
func (s *Server) Close() error {
	s.mu.Lock()
	select {
	case <-s.closing:
		s.mu.Unlock()
		return nil
	default:
	}
	close(s.closing)
	err := s.listener.Close()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	return err
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.enter(c) {
			c.Close()
			return
		}
		s.running.Go(func() {
			defer s.leave(c)
			newSession(s, c).serve()
		})
	}
}

// enter notes a connection, so that Close ends it; false when Close was first.
func (s *Server) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closing:
		return false
	default:
		s.conns[c] = struct{}{}
		return true
	}
}

func (s *Server) leave(c net.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	c.Close()
}

func (s *Server) contents() *tree {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tree
}

// ask puts a request to the hook.
func (s *Server) ask(r Request) Fault {
	s.mu.RLock()
	hook := s.hook
	s.mu.RUnlock()
	if hook == nil {
		return Fault{}
	}
	return hook(r)
}

func (s *Server) countBind(dn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binds[fold(dn)]++
}

// reset makes the peer see a reset instead of an orderly end.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

// fold is the form in which names are compared.
func fold(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return strings.ToLower(dn)
	}
	for _, rdn := range parsed.RDNs {
		for _, a := range rdn.Attributes {
			a.Value = strings.ToLower(strings.Join(strings.Fields(a.Value), " "))
		}
	}
	return parsed.String()
}
