package ldap_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

const (
	base       = "dc=corp,dc=example"
	service    = "cn=gatehouse,ou=Services," + base
	aliceDN    = "uid=erp.alice,ou=People," + base
	alice      = "erp.alice"
	alicesPass = "erp.alice-secret"
)

// corp are the entries of corp.ldif.
func corp(t testing.TB) []directory.Entry {
	t.Helper()
	src, err := os.ReadFile("../../testdata/ldap/corp.ldif")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := directory.ParseLDIF(src)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func serve(t testing.TB, c directory.Config) *directory.Server {
	t.Helper()
	c.Base = base
	if c.Entries == nil {
		c.Entries = corp(t)
	}
	s, err := directory.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// settings are a working configuration with times fit for tests.
func settings(urls ...string) ldap.Config {
	return ldap.Config{
		URLs: urls, AllowPlaintext: true, BindDN: service, BindPassword: config.NewSecret("gatehouse-secret"),
		ConnectTimeout: 5 * time.Second, RequestTimeout: 5 * time.Second, LoginTimeout: 10 * time.Second, RefusalDelay: time.Millisecond,
	}
}

// client is a Directory with its log and its clock in the test's hands.
type client struct {
	*ldap.Directory
	log   *logged
	clock *clock
}

func dial(t testing.TB, c ldap.Config) client {
	t.Helper()
	log, clock := &logged{out: t.Output()}, &clock{at: time.Now()}
	d, err := ldap.New(c, slog.New(slog.NewTextHandler(log, nil)), clock.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return client{d, log, clock}
}

// clock runs, and can be put forward.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// logged keeps what was logged.
type logged struct {
	mu   sync.Mutex
	out  io.Writer
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	return l.out.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// reasonOf is why a login was refused; empty when it was not.
func reasonOf(err error) ldap.Reason {
	f := fault.Of(err)
	if f == nil {
		return ""
	}
	if r, ok := f.Cause.(*ldap.Refusal); ok {
		return r.Reason
	}
	return ldap.Reason(f.Error())
}

// await fails the test when the condition does not come true.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// road is a TCP forwarder that can be closed and opened again at one address:
// a directory that goes down and comes back.
type road struct {
	t      testing.TB
	to     string
	addr   string
	mu     sync.Mutex
	listen net.Listener
	conns  map[net.Conn]bool
	all    sync.WaitGroup
}

func newRoad(t testing.TB, to string) *road {
	r := &road{t: t, to: to, addr: "127.0.0.1:0", conns: make(map[net.Conn]bool)}
	r.open()
	t.Cleanup(r.shut)
	return r
}

func (r *road) open() {
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.listen, r.addr = l, l.Addr().String()
	r.mu.Unlock()
	r.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.all.Go(func() { r.carry(c) })
		}
	})
}

func (r *road) carry(c net.Conn) {
	far, err := net.Dial("tcp", r.to)
	if err != nil {
		c.Close()
		return
	}
	r.mu.Lock()
	r.conns[c], r.conns[far] = true, true
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { io.Copy(far, c); far.Close(); c.Close() })
	both.Go(func() { io.Copy(c, far); far.Close(); c.Close() })
	both.Wait()
}

func (r *road) shut() {
	r.mu.Lock()
	r.listen.Close()
	for c := range r.conns {
		c.Close()
	}
	clear(r.conns)
	r.mu.Unlock()
	r.all.Wait()
}

// slapd is what GATEHOUSE_TEST_LDAP says of a real directory that holds
// corp.ldif and states.ldif: ldap://host:port/base?binddn=…&password=…, with
// ca_file and tls_port where it speaks TLS (testdata/ldap/slapd.sh prints it).
type slapd struct{ address, tlsPort, caFile string }

func realDirectory(t testing.TB) slapd {
	t.Helper()
	text := os.Getenv("GATEHOUSE_TEST_LDAP")
	if text == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("GATEHOUSE_TEST_LDAP is not set: run testdata/ldap/slapd.sh start")
		}
		t.Skip("set GATEHOUSE_TEST_LDAP to what testdata/ldap/slapd.sh start prints, or run under testdata/servers/run.sh")
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatalf("GATEHOUSE_TEST_LDAP: %v", err)
	}
	q := u.Query()
	if strings.Trim(u.Path, "/") != base || q.Get("binddn") != service || q.Get("password") != "gatehouse-secret" {
		t.Fatalf("GATEHOUSE_TEST_LDAP: %s is not the directory of testdata/ldap", text)
	}
	return slapd{u.Host, q.Get("tls_port"), q.Get("ca_file")}
}

func caPath(s slapd) config.Path { return config.Path(filepath.Clean(s.caFile)) }

func lab(t *testing.T, address string) gatewaytest.DirectoryLab {
	r := newRoad(t, address)
	d := dial(t, settings("ldap://"+r.addr))
	return gatewaytest.DirectoryLab{Directory: d, Stop: r.shut, Start: r.open}
}
