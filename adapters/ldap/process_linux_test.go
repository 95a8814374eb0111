package ldap_test

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// ownSlapd starts a slapd that no other test uses, to be stopped in every way.
type ownSlapd struct {
	t    *testing.T
	dir  string
	port string
	slapd
}

func startSlapd(t *testing.T) *ownSlapd {
	t.Helper()
	realDirectory(t) // or there is none to start
	o := &ownSlapd{t: t, dir: t.TempDir()}
	for range 5 { // somebody may take the port first
		o.port = freePort(t)
		if out, err := o.run("start", o.dir, o.port); err == nil {
			u, err := url.Parse(strings.TrimSpace(out))
			if err != nil {
				t.Fatal(err)
			}
			o.address = u.Host
			t.Cleanup(func() {
				o.signal(syscall.SIGCONT)
				o.run("stop", o.dir)
			})
			return o
		}
	}
	t.Fatal("slapd does not start")
	return nil
}

func (o *ownSlapd) run(args ...string) (string, error) {
	cmd := exec.Command("../../testdata/ldap/slapd.sh", args...)
	cmd.Stderr = o.t.Output()
	out, err := cmd.Output()
	return string(out), err
}

// freePort is one that nothing listens on, below those that the system hands out.
func freePort(t *testing.T) string {
	for port := 21000 + os.Getpid()%9000; port < 32000; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no free port")
	return ""
}

func (o *ownSlapd) pid() int {
	o.t.Helper()
	text, err := os.ReadFile(filepath.Join(o.dir, "slapd.pid"))
	if err != nil {
		o.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		o.t.Fatal(err)
	}
	return pid
}

func (o *ownSlapd) signal(s syscall.Signal) {
	o.t.Helper()
	if err := syscall.Kill(o.pid(), s); err != nil {
		o.t.Fatal(err)
	}
}

// freeze stops every thread: one that has not got the signal yet may still answer.
func (o *ownSlapd) freeze() {
	o.t.Helper()
	o.signal(syscall.SIGSTOP)
	await(o.t, "slapd to stand still", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", o.pid()))
		if err != nil || len(threads) == 0 {
			o.t.Fatalf("no threads of slapd: %v", err)
		}
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			if err != nil {
				return false // it has ended meanwhile
			}
			if !strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " T") { // proc(5): the state follows the name
				return false
			}
		}
		return true
	})
}

// TestSlapdStopped: a directory that is there and does nothing costs bounded time
// and refuses nobody. When it goes on, its late answers are nobody's, and every
// login is who he is.
func TestSlapdStopped(t *testing.T) {
	goroutines(t, func(t *testing.T) {
		o := startSlapd(t)
		c := o.settings()
		c.ConnectTimeout, c.RequestTimeout, c.LoginTimeout = 500*time.Millisecond, 500*time.Millisecond, 2*time.Second
		d := dial(t, c)
		who := func(login string) (string, error) {
			d.Flush()
			id, err := d.Authenticate(t.Context(), login, login+"-secret")
			if err != nil {
				return "", err
			}
			return id.Login, nil
		}
		if _, err := who(alice); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			o.freeze()
			began := time.Now()
			if _, err := who(alice); err == nil || fault.KindOf(err) != fault.Unavailable || fault.Of(err).RetryAfter <= 0 {
				t.Errorf("while it is stopped: %v", err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("took %v", took)
			}
			o.signal(syscall.SIGCONT)
			for _, login := range []string{"wms.bob", "carol", alice, "dora"} {
				await(t, login+" to come in again", func() bool {
					got, err := who(login)
					if err == nil && got != login {
						t.Errorf("%s is %s", login, got)
					}
					if err != nil && fault.KindOf(err) != fault.Unavailable {
						t.Errorf("%s: %v", login, err)
					}
					return err == nil
				})
			}
		}
	})
}

// TestSlapdRestarted: killed or ended in order, it is used again as soon as it is
// there again.
func TestSlapdRestarted(t *testing.T) {
	o := startSlapd(t)
	d := dial(t, o.settings())
	login := func() error {
		d.Flush()
		_, err := d.Authenticate(t.Context(), alice, alicesPass)
		return err
	}
	for _, end := range []func(){
		func() { o.run("stop", o.dir) },
		func() {
			o.signal(syscall.SIGKILL)
			os.Remove(filepath.Join(o.dir, "slapd.pid"))
		},
	} {
		if err := login(); err != nil {
			t.Fatal(err)
		}
		end()
		await(t, "its end", func() bool {
			c, err := net.Dial("tcp", o.address)
			if err == nil {
				c.Close()
			}
			return err != nil
		})
		if err := login(); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("while it is down: %v", err)
		}
		if _, err := o.run("start", o.dir, o.port); err != nil {
			t.Fatal(err)
		}
		if err := login(); err != nil {
			t.Errorf("the first login after it: %v", err)
		}
	}
}
