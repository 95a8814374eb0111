package ldap_test

import (
	"net"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// liar is a server that answers as a test says. Binds and searches of its root it
// answers as a directory would, unless the lie is about them.
type liar struct {
	t   testing.TB
	lie func(w *lie)
}

// lie is one request, and the place for what is answered to it.
type lie struct {
	conn   net.Conn
	id     int64
	op     *ber.Packet
	isRoot bool
}

func (l *liar) start() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			all.Go(func() { l.serve(c) })
		}
	})
	l.t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return "ldap://" + listener.Addr().String()
}

func (l *liar) serve(c net.Conn) {
	defer c.Close()
	for {
		p, err := ber.ReadPacket(c)
		if err != nil || len(p.Children) < 2 {
			return
		}
		id, _ := p.Children[0].Value.(int64)
		w := &lie{conn: c, id: id, op: p.Children[1]}
		w.isRoot = w.op.Tag == goldap.ApplicationSearchRequest && w.op.Children[0].Data.Len() == 0
		l.lie(w)
	}
}

// honest answers binds and searches of the root, and reports whether it did.
func (w *lie) honest() bool {
	switch {
	case w.op.Tag == goldap.ApplicationBindRequest:
		w.done(w.id, goldap.ApplicationBindResponse)
	case w.isRoot:
		w.entry("", "namingContexts", base)
		w.done(w.id, goldap.ApplicationSearchResultDone)
	default:
		return w.op.Tag != goldap.ApplicationSearchRequest
	}
	return true
}

func text(value string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, value, "")
}

func constructed(class ber.Class, tag ber.Tag, parts ...*ber.Packet) *ber.Packet {
	p := ber.Encode(class, ber.TypeConstructed, tag, nil, "")
	for _, part := range parts {
		p.AppendChild(part)
	}
	return p
}

func (w *lie) send(id int64, op *ber.Packet, controls ...*ber.Packet) {
	m := constructed(ber.ClassUniversal, ber.TagSequence, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""), op)
	if len(controls) > 0 {
		m.AppendChild(constructed(ber.ClassContext, 0, controls...))
	}
	_, _ = w.conn.Write(m.Bytes())
}

func (w *lie) done(id int64, tag ber.Tag, controls ...*ber.Packet) {
	w.send(id, constructed(ber.ClassApplication, tag, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, 0, ""), text(""), text("")), controls...)
}

func (w *lie) entry(dn string, attribute string, values ...string) {
	set := constructed(ber.ClassUniversal, ber.TagSet)
	for _, v := range values {
		set.AppendChild(text(v))
	}
	w.send(w.id, constructed(ber.ClassApplication, goldap.ApplicationSearchResultEntry, text(dn),
		constructed(ber.ClassUniversal, ber.TagSequence, constructed(ber.ClassUniversal, ber.TagSequence, text(attribute), set))))
}

// TestLyingServers: whatever is answered, it ends in time, as a breakdown and not as
// a refusal, and leaves nothing behind.
func TestLyingServers(t *testing.T) {
	person := func(w *lie) bool { // the first search that is not of the root is for the person
		if w.honest() {
			return true
		}
		filter, err := goldap.DecompileFilter(w.op.Children[6])
		if err == nil && len(filter) > 0 && w.op.Children[3].Value == int64(2) {
			w.entry(aliceDN, "uid", alice)
			w.done(w.id, goldap.ApplicationSearchResultDone)
			return true
		}
		return false
	}
	for name, tell := range map[string]func(w *lie){
		"garbage":                  func(w *lie) { w.conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
		"a length without content": func(w *lie) { w.conn.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}); w.conn.Close() },
		"an endless length":        func(w *lie) { w.conn.Write([]byte{0x30, 0x80, 0x02, 0x01, 0x01}); w.conn.Close() },
		"an answer to nobody":      func(w *lie) { w.done(w.id+1000, goldap.ApplicationBindResponse) },
		"an empty answer": func(w *lie) {
			w.send(w.id, ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationBindResponse, nil, ""))
		},
		"a search's end to a bind": func(w *lie) { w.done(w.id, goldap.ApplicationSearchResultDone); w.conn.Close() },
		"a name that is none": func(w *lie) {
			if !w.honest() {
				w.entry("no name", "uid", alice)
				w.done(w.id, goldap.ApplicationSearchResultDone)
			}
		},
		"endless pages of groups": func(w *lie) {
			if !person(w) {
				page := goldap.NewControlPaging(0)
				page.SetCookie([]byte("more"))
				w.done(w.id, goldap.ApplicationSearchResultDone, page.Encode())
			}
		},
		"a search without an end": func(w *lie) {
			if !person(w) {
				w.entry("cn=one,"+base, "cn", "one")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			goroutines(t, func(t *testing.T) {
				c := settings((&liar{t: t, lie: tell}).start())
				c.ConnectTimeout, c.RequestTimeout, c.LoginTimeout = 500*time.Millisecond, 500*time.Millisecond, 1500*time.Millisecond
				d := dial(t, c)
				began := time.Now()
				id, err := d.Authenticate(t.Context(), alice, alicesPass)
				if err == nil || fault.KindOf(err) != fault.Unavailable {
					t.Errorf("%+v, %v", id, err)
				}
				if took := time.Since(began); took > 4*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}
