package sqlserver

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// dribble sends an answer slowly, yet never falls silent.
func dribble(conn net.Conn, answer []byte) {
	for _, b := range answer {
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
}

func mute(net.Conn, []byte) {}

// TestSlowServers: whatever a server does instead of answering, connecting ends
// with connect_timeout and a request with request_timeout, and the next request
// is none the worse.
func TestSlowServers(t *testing.T) {
	on := func(wanted byte, how func(net.Conn, []byte)) func(net.Conn, byte, []byte) {
		return func(conn net.Conn, kind byte, answer []byte) {
			if kind == wanted {
				how(conn, answer)
				return
			}
			conn.Write(answer)
		}
	}
	usual := func(conn net.Conn, answer []byte) { conn.Write(answer) }
	for name, tt := range map[string]struct {
		prelogin func(net.Conn, []byte)
		reply    func(net.Conn, byte, []byte)
	}{
		"accepts and is silent":         {prelogin: mute},
		"hangs after the first answer":  {usual, on(packetLogin, mute)},
		"dribbles its first answer":     {prelogin: dribble},
		"dribbles the login's answer":   {usual, on(packetLogin, dribble)},
		"takes a request and is silent": {usual, on(packetBatch, mute)},
		"dribbles an answer":            {usual, on(packetBatch, dribble)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeServer(t)
			d := fakeDialect(t, f.config())
			before := f.reply
			f.with(func() {
				f.prelogin = tt.prelogin
				if tt.reply != nil {
					f.reply = tt.reply
				}
			})
			start := time.Now()
			err := ask(t, d)
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("it took %s", took)
			}
			if err == nil || classify(err) != sqlstore.Unavailable {
				t.Errorf("class %d: %v", classify(err), err)
			}
			f.with(func() { f.prelogin, f.reply = usual, before })
			if err := ask(t, d); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestLongAnswerForMigrations: what takes longer than request_timeout is no
// fault where migrations run.
func TestLongAnswerForMigrations(t *testing.T) {
	f := newFakeServer(t)
	d := fakeDialect(t, f.config())
	f.with(func() {
		f.reply = func(conn net.Conn, kind byte, answer []byte) {
			if kind == packetBatch {
				<-time.After(d.config.RequestTimeout * 3 / 2)
			}
			conn.Write(answer)
		}
	})
	if err := ask(t, d); classify(err) != sqlstore.Unavailable {
		t.Errorf("a request of the store: %v", err)
	}
	if _, err := d.Pool().ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("a request of a migration: %v", err)
	}
}

// TestRestart: idle connections that the server left are found out before they
// are used, in the pool and in a lane, so that nobody sees an error.
func TestRestart(t *testing.T) {
	f := newFakeServer(t)
	d := fakeDialect(t, f.config())
	var held []sqlstore.Session
	for range 4 {
		s, err := d.Session(t.Context(), sqlstore.AnyLane)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, s)
	}
	lane, err := d.Session(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(held, lane) {
		s.Release(nil)
	}
	f.hangUp()
	for i := range 5 {
		if err := ask(t, d); err != nil {
			t.Errorf("request %d after the restart: %v", i, err)
		}
	}
	again, err := d.Session(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Release(nil)
	if _, err := again.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("the lane after the restart: %v", err)
	}
}

// TestIdle: a connection that nobody used for longer than a request may take is
// as good as before.
func TestIdle(t *testing.T) {
	f := newFakeServer(t)
	c := f.config()
	c.RequestTimeout = 50 * time.Millisecond
	d := fakeDialect(t, c)
	lane, err := d.Session(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lane.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	lane.Release(nil)
	if err := ask(t, d); err != nil {
		t.Fatal(err)
	}
	<-time.After(2 * c.RequestTimeout)
	if err := ask(t, d); err != nil {
		t.Fatal(err)
	}
	lane, err = d.Session(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lane.Release(nil)
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d connections were made for a lane and a request", n)
	}
}

// TestTaintedConnection: no statement follows a failed one on its connection.
func TestTaintedConnection(t *testing.T) {
	f := newFakeServer(t)
	d := fakeDialect(t, f.config())
	for i, lane := range []int{0, sqlstore.AnyLane} {
		s, err := d.Session(t.Context(), lane)
		if err != nil {
			t.Fatal(err)
		}
		f.with(func() {
			usual := f.reply
			f.reply = func(conn net.Conn, _ byte, _ []byte) {
				f.with(func() { f.reply = usual }) // before anybody can connect anew
				conn.Write(packet(failure(547, 16, "conflict")))
			}
		})
		_, err = s.ExecContext(t.Context(), "SELECT 1")
		if classify(err) != sqlstore.Constraint {
			t.Fatalf("class %d: %v", classify(err), err)
		}
		s.Release(err)
		next, err := d.Session(t.Context(), lane)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next.ExecContext(t.Context(), "SELECT 1"); err != nil {
			t.Error(err)
		}
		next.Release(errors.New("dropped, too"))
		if got := f.requests()[2*i:]; !slices.Equal(got, []int{1, 1}) {
			t.Errorf("lane %d: requests by connection are %v", lane, got)
		}
	}
}

// TestEndingContextWhileConnecting: the caller's end is heard, and is not taken
// for the server's.
func TestEndingContextWhileConnecting(t *testing.T) {
	f := newFakeServer(t)
	c := f.config()
	c.ConnectTimeout = time.Minute
	d := fakeDialect(t, c)
	f.with(func() { f.prelogin = mute })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.Session(ctx, 0); err == nil {
		t.Error("connected to a silent server")
	}
}

// readConfig decodes a section as a file holds it.
func readConfig(t *testing.T, file, text string) (c Config, err error) {
	t.Helper()
	n, err := config.Parse(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	err = n.Decode(&c)
	return c.withDefaults(), err
}

// TestRotation: connections made after the secret changed in its file log in
// with the new one.
func TestRotation(t *testing.T) {
	for _, key := range []string{"password", "dsn"} {
		t.Run(key, func(t *testing.T) {
			f := newFakeServer(t)
			file := filepath.Join(t.TempDir(), "secret")
			write := func(password string) {
				if key == "dsn" {
					password = "server=127.0.0.1;port=" + number(f.port()) + ";encrypt=disable;user id=gatehouse;password=" + password
				}
				if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("old")
			text := "dsn_file: " + file
			if key == "password" {
				text = "server: 127.0.0.1\nport: " + number(f.port()) + "\ndatabase: g\nusername: gatehouse\nencrypt: disable\npassword_file: " + file
			}
			c, err := readConfig(t, "f.yaml", text)
			if err != nil {
				t.Fatal(err)
			}
			d := fakeDialect(t, c)
			f.with(func() { f.password = "old" })
			if err := ask(t, d); err != nil {
				t.Fatal(err)
			}
			f.with(func() { f.password = "new" })
			f.hangUp()
			if err := ask(t, d); classify(err) != sqlstore.Unavailable || !strings.Contains(err.Error(), "Login failed") {
				t.Errorf("before the file changed: class %d, %v", classify(err), err)
			}
			write("new")
			if err := ask(t, d); err != nil {
				t.Errorf("after the file changed: %v", err)
			}
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			f.hangUp()
			if err := ask(t, d); err != nil {
				t.Errorf("without the file the last password is as good as before: %v", err)
			}
			f.with(func() { f.password = "newest" })
			f.hangUp()
			if err := ask(t, d); err == nil || !strings.Contains(err.Error(), "Login failed") || !strings.Contains(err.Error(), file) {
				t.Errorf("without the file, and after another rotation: %v", err)
			}
		})
	}
}

// TestFailoverPartner: a first server that leaves us waiting takes nothing of
// the partner's time, and is not asked first again.
func TestFailoverPartner(t *testing.T) {
	first, second := newFakeServer(t), newFakeServer(t)
	first.with(func() { first.prelogin = mute })
	c := first.config()
	c.FailoverPartner, c.FailoverPort = "127.0.0.1", second.port()
	d := fakeDialect(t, c)
	if err := ask(t, d); err != nil {
		t.Fatal(err)
	}
	second.hangUp()
	if err := ask(t, d); err != nil {
		t.Fatal(err)
	}
	if n := len(first.requests()); n != 1 {
		t.Errorf("the first server was tried %d times, want once", n)
	}
	second.with(func() { second.prelogin = mute })
	second.hangUp()
	first.with(func() { first.prelogin = func(conn net.Conn, answer []byte) { conn.Write(answer) } })
	if err := ask(t, d); err != nil {
		t.Errorf("back to the first server: %v", err)
	}
}

// TestManyAddresses: of all addresses of a name the one that is alive is found,
// and no connection is left over.
func TestManyAddresses(t *testing.T) {
	f, other := newFakeServer(t), newFakeServer(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := closed.Addr().String()
	closed.Close()
	conn, err := race(t.Context(), []string{dead, f.listener.Addr().String(), other.listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if to := conn.RemoteAddr().String(); to == dead {
		t.Errorf("connected to %s", to)
	}
	if _, err := race(t.Context(), []string{dead}); err == nil {
		t.Error("connected to nobody")
	}
	if _, err := race(t.Context(), nil); err == nil {
		t.Error("connected to no address")
	}
}

// TestSilentServer: to whoever asks the store, such a server is unavailable,
// and the password stays ours.
func TestSilentServer(t *testing.T) {
	f := newFakeServer(t)
	f.with(func() { f.prelogin = mute })
	dsn := "sqlserver://u:hunter2@" + f.listener.Addr().String() + "?encrypt=disable"
	s, err := Open(t.Context(), Config{DSN: config.NewSecret(dsn), ConnectTimeout: 200 * time.Millisecond}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Ping(t.Context())
	if fault.KindOf(err) != fault.Unavailable || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("ping: %v", err)
	}
}

// TestBuffersAreNotShared: connections that are dropped after errors leave
// nothing behind that two later ones would write into.
func TestBuffersAreNotShared(t *testing.T) {
	f := newFakeServer(t)
	c := f.config()
	c.Lanes, c.RequestTimeout = 4, time.Minute
	d := fakeDialect(t, c)
	var mixed atomic.Int32
	f.with(func() {
		f.inspect = func(body []byte) {
			letters := body[allHeaders(body)+2*len("SELECT "):]
			for i := range letters {
				if letters[i] != letters[i%2] {
					mixed.Add(1)
					return
				}
			}
		}
	})
	send := func(lane int, err error) {
		s, opening := d.Session(t.Context(), lane)
		if opening != nil {
			t.Error(opening)
			return
		}
		if _, sending := s.ExecContext(t.Context(), "SELECT "+strings.Repeat(string(rune('a'+lane)), 100_000)); err == nil {
			err = sending
		}
		s.Release(err)
	}
	for range 20 {
		for lane := range c.Lanes {
			send(lane, errors.New("any"))
		}
		var lanes sync.WaitGroup
		for lane := range c.Lanes {
			lanes.Go(func() { send(lane, nil) })
		}
		lanes.Wait()
	}
	if n := mixed.Load(); n > 0 {
		t.Errorf("%d requests reached the server with another's bytes in them", n)
	}
}
