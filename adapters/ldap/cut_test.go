package ldap_test

import (
	"flag"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/internal/fault"
)

var cuts = flag.Int("cuts", 100, "how often the link to the directory is cut")

// TestCutLinks cuts the link while and between people log in: it is shut, half
// closed, reset or delayed. A login that meets a cut succeeds or cannot be judged,
// and is never refused; the next one succeeds. No goroutine is left, and an outage
// has one line where it begins and one where it ends.
func TestCutLinks(t *testing.T) {
	goroutines(t, func(t *testing.T) {
		s := serve(t, directory.Config{})
		way := newRoad(t, s.Addr())
		d := dial(t, settings("ldap://"+way.addr))
		login := func() error {
			d.Flush()
			_, err := d.Authenticate(t.Context(), alice, alicesPass)
			return err
		}
		met := 0
		for range *cuts {
			mend := way.cut(s)
			err := login()
			if err != nil && fault.KindOf(err) != fault.Unavailable {
				t.Fatalf("a login that met a cut: %v", err)
			}
			if err != nil {
				met++
			}
			mend()
			await(t, "a login after the cut", func() bool { return login() == nil })
		}
		down, up := d.log.count("does not answer"), d.log.count("answers again")
		if down != up || down > met || met == 0 {
			t.Errorf("%d lines tell of the beginning of an outage and %d of the end; %d logins met one", down, up, met)
		}
		t.Logf("%d of %d cuts were met by a login", met, *cuts)
	})
}

// cut does something bad to the connections there are, or to the next ones, and
// returns what ends it.
func (r *road) cut(s *directory.Server) (mend func()) {
	var requests atomic.Int32
	at := 1 + rand.Int32N(8) // of the requests of one login
	once := func(f directory.Fault) {
		s.SetHook(func(directory.Request) directory.Fault {
			if requests.Add(1) == at {
				return f
			}
			return directory.Fault{}
		})
	}
	switch rand.IntN(5) {
	case 0:
		r.shut()
		return r.open
	case 1:
		r.halfClose()
	case 2:
		s.DropConnections()
	case 3:
		once(directory.Fault{Reset: true})
	case 4:
		once(directory.Fault{Delay: time.Duration(rand.IntN(20)) * time.Millisecond})
	}
	return func() { s.SetHook(nil) }
}

// halfClose ends what either side says, while it may go on listening.
func (r *road) halfClose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.(*net.TCPConn).CloseWrite()
	}
}
