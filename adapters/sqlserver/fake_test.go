package sqlserver

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/gatehouse/gatehouse/internal/config"
)

// The packets and tokens of TDS that the fake speaks (MS-TDS §2.2.3.1, §2.2.7).
const (
	packetPrelogin    = 0x12
	packetLogin       = 0x10
	packetBatch       = 0x01
	packetProcedure   = 0x03
	packetTransaction = 0x0e
	packetReply       = 0x04
	packetAttention   = 0x06 // closing rows sends one when they are not read to their end

	tokenColumns  = 0x81
	tokenError    = 0xaa
	tokenLoginAck = 0xad
	tokenRow      = 0xd1
	tokenChange   = 0xe3
	tokenDone     = 0xfd
)

// fakeServer speaks just enough TDS to be connected to, and then does what a
// test wants. It answers SELECT 1 to every statement.
type fakeServer struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu       sync.Mutex
	password string                                        // asked of a login; empty: any will do
	prelogin func(conn net.Conn, answer []byte)            // sends the first answer
	reply    func(conn net.Conn, kind byte, answer []byte) // sends the answer to a login or a request
	inspect  func(body []byte)                             // looks at a statement
	wrap     func(conn net.Conn) net.Conn                  // makes a connection secure
	conns    []net.Conn
	asked    []int // requests by connection
	logins   []string
}

func newFakeServer(t *testing.T) *fakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	send := func(conn net.Conn, answer []byte) { conn.Write(answer) }
	f := &fakeServer{listener: listener, prelogin: send, reply: func(conn net.Conn, _ byte, answer []byte) { conn.Write(answer) }}
	f.serving.Go(f.accept)
	t.Cleanup(func() {
		listener.Close()
		f.hangUp()
		f.serving.Wait()
	})
	return f
}

func (f *fakeServer) port() int { return f.listener.Addr().(*net.TCPAddr).Port }

// config leads to the fake.
func (f *fakeServer) config() Config {
	return Config{
		Connection: Connection{Server: "127.0.0.1", Port: f.port(), Database: "gatehouse", Username: "gatehouse", Password: config.NewSecret("secret"), Encrypt: encryptDisable},
		Lanes:      1, ConnectTimeout: 400 * time.Millisecond, RequestTimeout: 400 * time.Millisecond, MigrationTimeout: time.Minute,
	}
}

// with changes the fake's behaviour.
func (f *fakeServer) with(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// hangUp ends all connections, as a server does that restarts.
func (f *fakeServer) hangUp() {
	f.with(func() {
		for _, c := range f.conns {
			c.Close()
		}
	})
}

// requests is how many each connection has made, in the order they came.
func (f *fakeServer) requests() (out []int) {
	f.with(func() { out = append(out, f.asked...) })
	return out
}

// passwords are what logins gave.
func (f *fakeServer) passwords() (out []string) {
	f.with(func() { out = append(out, f.logins...) })
	return out
}

func (f *fakeServer) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		n := 0
		f.with(func() {
			if f.wrap != nil {
				conn = f.wrap(conn)
			}
			n = len(f.conns)
			f.conns, f.asked = append(f.conns, conn), append(f.asked, 0)
		})
		f.serving.Go(func() { f.serve(conn, n) })
	}
}

func (f *fakeServer) serve(conn net.Conn, n int) {
	defer conn.Close()
	for {
		kind, body, err := readMessage(conn)
		if err != nil {
			return
		}
		var prelogin func(net.Conn, []byte)
		var reply func(net.Conn, byte, []byte)
		var inspect func([]byte)
		var password string
		f.with(func() { prelogin, reply, inspect, password = f.prelogin, f.reply, f.inspect, f.password })
		switch kind {
		case packetPrelogin:
			prelogin(conn, packet(preloginAnswer))
		case packetLogin:
			given := loginPassword(body)
			f.with(func() { f.logins = append(f.logins, given) })
			if password != "" && given != password {
				conn.Write(packet(failure(18456, 14, "Login failed for user 'gatehouse'.")))
				return
			}
			reply(conn, kind, packet(loginAck, done))
		case packetAttention:
			conn.Write(packet(heard))
		case packetTransaction:
			f.with(func() { f.asked[n]++ })
			reply(conn, kind, packet(transaction(binary.LittleEndian.Uint16(body[allHeaders(body):])), done))
		default:
			f.with(func() { f.asked[n]++ })
			if inspect != nil {
				inspect(body)
			}
			reply(conn, kind, packet(one, done))
		}
	}
}

// readMessage reads packets to the end of a message.
func readMessage(r io.Reader) (kind byte, body []byte, err error) {
	for {
		var header [8]byte
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return 0, nil, err
		}
		part := make([]byte, int(binary.BigEndian.Uint16(header[2:]))-len(header))
		if _, err := io.ReadFull(r, part); err != nil {
			return 0, nil, err
		}
		body = append(body, part...)
		if header[1]&1 != 0 {
			return header[0], body, nil
		}
	}
}

// packet makes one reply of tokens.
func packet(tokens ...[]byte) []byte {
	body := bytes.Join(tokens, nil)
	header := []byte{packetReply, 1, 0, 0, 0, 0, 1, 0}
	binary.BigEndian.PutUint16(header[2:], uint16(len(header)+len(body)))
	return append(header, body...)
}

// allHeaders is the length of the headers before a request's own bytes.
func allHeaders(body []byte) int { return int(binary.LittleEndian.Uint32(body)) }

// preloginAnswer offers a version and no encryption.
var preloginAnswer = []byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2}

var (
	loginAck = token(tokenLoginAck, []byte{1, 0x74, 0, 0, 4, 4}, wide("Fake"), []byte{16, 0, 0, 0})
	heard    = []byte{tokenDone, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	done     = []byte{tokenDone, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	one      = append([]byte{tokenColumns, 1, 0, 0, 0, 0, 0, 0, 0, 0x38, 0}, tokenRow, 1, 0, 0, 0) // an int without a name
)

// token is one with a length.
func token(kind byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append(binary.LittleEndian.AppendUint16([]byte{kind}, uint16(len(body))), body...)
}

// transaction tells of one that began, or ended.
func transaction(request uint16) []byte {
	descriptor := []byte{8, 1, 0, 0, 0, 0, 0, 0, 0}
	if request == 5 { // TM_BEGIN_XACT
		return token(tokenChange, []byte{8}, descriptor, []byte{0})
	}
	return token(tokenChange, []byte{9, 0}, descriptor)
}

// failure is an error token and a DONE that says so.
func failure(number int32, severity byte, text string) []byte {
	body := binary.LittleEndian.AppendUint32(nil, uint32(number))
	body = append(body, 1, severity)
	body = binary.LittleEndian.AppendUint16(body, uint16(len(utf16.Encode([]rune(text)))))
	body = append(body, wide(text)...)
	body = append(body, 0, 0, 1, 0, 0, 0) // server, procedure, line
	return append(token(tokenError, body), tokenDone, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
}

func wide(text string) []byte {
	var out []byte
	for _, c := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, c)
	}
	return out
}

// loginPassword reads the password of a login (MS-TDS §2.2.6.4): its letters
// are UTF-16, the halves of their bytes swapped after an exclusive or.
func loginPassword(login []byte) string {
	at, n := int(binary.LittleEndian.Uint16(login[44:])), int(binary.LittleEndian.Uint16(login[46:]))
	letters := make([]uint16, n)
	for i := range letters {
		var b [2]byte
		for k := range b {
			x := login[at+2*i+k] ^ 0xa5
			b[k] = x<<4 | x>>4
		}
		letters[i] = binary.LittleEndian.Uint16(b[:])
	}
	return string(utf16.Decode(letters))
}

// fakeDialect is a store's dialect on servers of its own; it is closed with the test.
func fakeDialect(t *testing.T, c Config) *dialect {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	d := newDialect(c, time.Now)
	t.Cleanup(func() { d.Close() })
	return d
}

// ask makes the server answer 1.
func ask(t *testing.T, d *dialect) error {
	t.Helper()
	var n int
	err := d.db.QueryRowContext(t.Context(), "SELECT 1").Scan(&n)
	if err == nil && n != 1 {
		t.Fatalf("the server answered %d", n)
	}
	return err
}
