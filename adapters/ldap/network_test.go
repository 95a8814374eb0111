package ldap_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// authority makes a certificate for names, signed by itself, and the file to
// trust it by.
func authority(t testing.TB, until time.Time, names ...string) (*tls.Config, config.Path) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "directory"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if len(names) == 0 {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, config.Path(file)
}

func TestTLS(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	good, ca := authority(t, tomorrow)
	named, namedCA := authority(t, tomorrow, "ldap.corp.example")
	old, oldCA := authority(t, time.Now().Add(-time.Minute))
	for name, c := range map[string]struct {
		server   directory.Config
		change   func(*ldap.Config)
		complain string // empty: the login works
	}{
		"ldaps":          {directory.Config{TLS: good, Implicit: true}, func(c *ldap.Config) { c.TLS.CAFile = ca }, ""},
		"StartTLS":       {directory.Config{TLS: good}, func(c *ldap.Config) { c.TLS.CAFile, c.StartTLS = ca, true }, ""},
		"1.3":            {directory.Config{TLS: good}, func(c *ldap.Config) { c.TLS.CAFile, c.StartTLS, c.TLS.MinVersion = ca, true, "1.3" }, ""},
		"other name":     {directory.Config{TLS: named, Implicit: true}, func(c *ldap.Config) { c.TLS = ldap.TLS{CAFile: namedCA, ServerName: "ldap.corp.example"} }, ""},
		"insecure":       {directory.Config{TLS: good}, func(c *ldap.Config) { c.TLS.InsecureSkipVerify, c.StartTLS = true, true }, ""},
		"unknown CA":     {directory.Config{TLS: good, Implicit: true}, func(c *ldap.Config) {}, "set tls.ca_file"},
		"unknown CA, St": {directory.Config{TLS: good}, func(c *ldap.Config) { c.StartTLS = true }, "set tls.ca_file"},
		"wrong name":     {directory.Config{TLS: named, Implicit: true}, func(c *ldap.Config) { c.TLS.CAFile = namedCA }, "set tls.server_name"},
		"wrong name, St": {directory.Config{TLS: named}, func(c *ldap.Config) { c.TLS.CAFile, c.StartTLS = namedCA, true }, "set tls.server_name"},
		"expired":        {directory.Config{TLS: old, Implicit: true}, func(c *ldap.Config) { c.TLS.CAFile = oldCA }, "has expired"},
		"no TLS there":   {directory.Config{}, func(c *ldap.Config) { c.StartTLS = true }, "refuses StartTLS"},
		"not TLS at all": {directory.Config{}, func(c *ldap.Config) { c.URLs[0] = strings.Replace(c.URLs[0], "ldap:", "ldaps:", 1) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.server)
			settings := settings(s.URL())
			settings.AllowPlaintext = false
			c.change(&settings)
			if strings.HasPrefix(settings.URLs[0], "ldap:") && !settings.StartTLS {
				t.Fatal("the case tests nothing")
			}
			_, err := dial(t, settings).Authenticate(t.Context(), alice, alicesPass)
			switch {
			case name == "not TLS at all":
				if fault.KindOf(err) != fault.Unavailable {
					t.Errorf("%v", err)
				}
			case c.complain == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.complain != "" && (err == nil || fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), c.complain)):
				t.Errorf("%v, want unavailable: %s", err, c.complain)
			}
		})
	}
}

func TestTLSDemandedByServer(t *testing.T) {
	for _, code := range []uint16{8, 13} {
		s := serve(t, directory.Config{})
		s.SetHook(func(r directory.Request) directory.Fault {
			if r.Operation == "bind" {
				return directory.Fault{Code: code}
			}
			return directory.Fault{}
		})
		_, err := dial(t, settings(s.URL())).Authenticate(t.Context(), alice, alicesPass)
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "over TLS only") {
			t.Errorf("code %d: %v", code, err)
		}
	}
}

// goroutines fails the test when, after f and all clean-up in it, more of them
// run than before.
func goroutines(t *testing.T, f func(t *testing.T)) {
	before := runtime.NumGoroutine()
	t.Run("run", f)
	await(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestRudeServers(t *testing.T) {
	secured, ca := authority(t, time.Now().Add(time.Hour))
	only := func(operation, dn string, f directory.Fault) func(directory.Request) directory.Fault {
		return func(r directory.Request) directory.Fault {
			if r.Operation == operation && (dn == "" || r.DN == dn) {
				return f
			}
			return directory.Fault{}
		}
	}
	for name, c := range map[string]struct {
		server   directory.Config
		startTLS bool
		hook     func(directory.Request) directory.Fault
	}{
		"silent from the start":   {hook: only("connect", "", directory.Fault{Silent: true})},
		"ldaps handshake hangs":   {server: directory.Config{TLS: secured, Implicit: true}, hook: only("connect", "", directory.Fault{Silent: true})},
		"StartTLS, then silence":  {server: directory.Config{TLS: secured}, startTLS: true, hook: only("handshake", "", directory.Fault{Silent: true})},
		"StartTLS unanswered":     {server: directory.Config{TLS: secured}, startTLS: true, hook: only("extended", "", directory.Fault{Silent: true})},
		"service bind unanswered": {hook: only("bind", service, directory.Fault{Silent: true})},
		"search unanswered":       {hook: only("search", base, directory.Fault{Silent: true})},
		"user bind unanswered":    {hook: only("bind", aliceDN, directory.Fault{Silent: true})},
		"user bind late":          {hook: only("bind", aliceDN, directory.Fault{Delay: time.Second})},
		"reset at connect":        {hook: only("connect", "", directory.Fault{Reset: true})},
		"reset at search":         {hook: only("search", base, directory.Fault{Reset: true})},
		"reset at user bind":      {hook: only("bind", aliceDN, directory.Fault{Reset: true})},
		"busy":                    {hook: only("search", base, directory.Fault{Code: 51})},
		"unavailable":             {hook: only("bind", aliceDN, directory.Fault{Code: 52})},
	} {
		t.Run(name, func(t *testing.T) {
			goroutines(t, func(t *testing.T) {
				s := serve(t, c.server)
				s.SetHook(c.hook)
				settings := settings(s.URL())
				settings.ConnectTimeout, settings.RequestTimeout, settings.LoginTimeout = 700*time.Millisecond, 700*time.Millisecond, 2*time.Second
				settings.StartTLS, settings.TLS.CAFile = c.startTLS, ca
				d := dial(t, settings)
				began := time.Now()
				_, err := d.Authenticate(t.Context(), alice, alicesPass)
				if err == nil || fault.KindOf(err) != fault.Unavailable || fault.Of(err).RetryAfter <= 0 {
					t.Errorf("%v", err)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("took %v", took)
				}
				s.SetHook(nil)
				await(t, "a login when it behaves again", func() bool {
					_, err := d.Authenticate(t.Context(), alice, alicesPass)
					return err == nil
				})
			})
		})
	}
}

// A late answer to a bind must not become the identity of a later login.
func TestConnectionIsNotReusedAfterTimeout(t *testing.T) {
	s := serve(t, directory.Config{})
	c := settings(s.URL())
	c.RequestTimeout = 400 * time.Millisecond
	d := dial(t, c)
	s.SetHook(func(r directory.Request) directory.Fault {
		if r.DN == aliceDN {
			return directory.Fault{Delay: 500 * time.Millisecond}
		}
		return directory.Fault{}
	})
	if _, err := d.Authenticate(t.Context(), alice, alicesPass); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("%v", err)
	}
	for range 20 {
		d.Flush()
		if id, err := d.Authenticate(t.Context(), "wms.bob", "wms.bob-secret"); err != nil || id.Login != "wms.bob" || len(id.Groups) != 1 {
			t.Fatalf("%+v, %v", id, err)
		}
	}
}

// After a refused bind a server may take the connection for anonymous, for the
// old user or for the new one.
func TestConnectionIsNotReusedAfterRefusal(t *testing.T) {
	var connections atomic.Int32
	s := serve(t, directory.Config{Hook: func(r directory.Request) directory.Fault {
		if r.Operation == "connect" {
			connections.Add(1)
		}
		return directory.Fault{}
	}})
	d := dial(t, settings(s.URL()))
	login := func(user, password string) int32 {
		before := connections.Load()
		d.Authenticate(t.Context(), user, password)
		return connections.Load() - before
	}
	login(alice, alicesPass)
	if n := login("wms.bob", "wms.bob-secret"); n != 0 {
		t.Errorf("%d connections for a login after a right one, want the kept ones", n)
	}
	login("carol", "wrong")
	if n := login("dora", "dora-secret"); n != 1 {
		t.Errorf("%d connections for a login after a refused one, want a new one", n)
	}
}

func TestIdleConnections(t *testing.T) {
	s := serve(t, directory.Config{})
	d := dial(t, settings(s.URL()))
	login := func(when string) {
		d.Flush()
		if _, err := d.Authenticate(t.Context(), alice, alicesPass); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	login("first")
	before := s.Requests()
	login("on kept connections")
	if n := s.Requests() - before; n > 6 { // search, bind, four levels of groups
		t.Errorf("%d requests: connections are not kept", n)
	}
	s.DropConnections()
	login("after the server dropped them")
	d.clock.forward(2 * time.Minute)
	before = int64(s.Binds(service))
	login("after the idle timeout")
	if int64(s.Binds(service)) != before+1 {
		t.Error("an old connection was used")
	}
}

func TestFailover(t *testing.T) {
	secured, _ := authority(t, time.Now().Add(time.Hour))
	closed := func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return "ldap://" + l.Addr().String()
	}
	for name, first := range map[string]func(*testing.T) string{
		"refused": closed,
		"silent": func(t *testing.T) string {
			s := serve(t, directory.Config{Hook: func(directory.Request) directory.Fault { return directory.Fault{Silent: true} }})
			return s.URL()
		},
		"TLS broken":   func(t *testing.T) string { return serve(t, directory.Config{TLS: secured, Implicit: true}).URL() },
		"no such host": func(*testing.T) string { return "ldap://no-such-host.invalid" },
	} {
		t.Run(name, func(t *testing.T) {
			second := serve(t, directory.Config{})
			c := settings(first(t), second.URL())
			c.ConnectTimeout = time.Second
			d := dial(t, c)
			for _, u := range []string{alice, "carol", "dora"} {
				if _, err := d.Authenticate(t.Context(), u, u+"-secret"); err != nil {
					t.Errorf("%s: %v", u, err)
				}
			}
			if n := d.log.count("does not answer"); n != 1 {
				t.Errorf("told %d times", n)
			}
		})
	}
}

func TestFailoverReturns(t *testing.T) {
	first, second := serve(t, directory.Config{}), serve(t, directory.Config{})
	way := newRoad(t, first.Addr())
	d := dial(t, settings("ldap://"+way.addr, second.URL()))
	login := func() {
		d.Flush()
		if _, err := d.Authenticate(t.Context(), alice, alicesPass); err != nil {
			t.Error(err)
		}
	}
	login()
	way.shut()
	login()
	way.open()
	login() // still resting
	if a, b := first.Binds(aliceDN), second.Binds(aliceDN); a != 1 || b != 2 {
		t.Errorf("binds %d and %d, want 1 and 2", a, b)
	}
	d.clock.forward(31 * time.Second)
	login()
	if n := first.Binds(aliceDN); n != 2 || d.log.count("answers again") != 1 {
		t.Errorf("the first server got %d binds after its rest", n)
	}
}

func TestRefusalIsFinal(t *testing.T) {
	first, second := serve(t, directory.Config{}), serve(t, directory.Config{})
	d := dial(t, settings(first.URL(), second.URL()))
	if _, err := d.Authenticate(t.Context(), alice, "wrong"); reasonOf(err) != ldap.ReasonPassword {
		t.Errorf("%v", err)
	}
	if a, b := first.Binds(aliceDN), second.Requests(); a != 1 || b != 0 {
		t.Errorf("%d binds at the first server, %d requests at the second", a, b)
	}
}

func TestPing(t *testing.T) {
	s := serve(t, directory.Config{})
	d := dial(t, settings(s.URL()))
	if err := d.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	s.Close()
	for range 3 {
		if err := d.Ping(t.Context()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "nothing listens") {
			t.Errorf("%v", err)
		}
	}
	if n := d.log.count("does not answer"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// A server that answers with an endless entry is cut off.
func TestEndlessAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			// A message of 1 GiB is announced, and sent for as long as anybody reads.
			c.Write([]byte{0x30, 0x84, 0x40, 0, 0, 0, 2, 1, 1, 4, 0x84, 0x3f, 0, 0, 0})
			chunk := make([]byte, 1<<20)
			for err == nil {
				_, err = c.Write(chunk)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	d := dial(t, settings("ldap://"+l.Addr().String()))
	_, err = d.Authenticate(t.Context(), alice, alicesPass)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("%v", err)
	}
}
