package soap

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func post(path, extra, body string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\nConnection: close\r\n" + extra + "\r\n" + body
}

func TestWireForms(t *testing.T) {
	length := fmt.Sprintf("Content-Length: %d\r\n", len(envelope11))
	chunked := fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", 10, envelope11[:10], len(envelope11)-10, envelope11[10:])
	tests := []struct {
		name, request, status string
		arrivals              int
	}{
		{"content length", post(servicePath, length, envelope11), "200", 1},
		{"HTTP/1.0", "POST " + servicePath + " HTTP/1.0\r\nContent-Type: text/xml\r\n" + length + "\r\n" + envelope11, "200", 1},
		{"chunked", post(servicePath, "Transfer-Encoding: chunked\r\n", chunked), "200", 1},
		{"both lengths", post(servicePath, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked), "200", 1},
		{"two content lengths", post(servicePath, length+"Content-Length: 5\r\n", envelope11), "400", 0},
		{"negative length", post(servicePath, "Content-Length: -1\r\n", envelope11), "400", 0},
		{"unknown transfer encoding", post(servicePath, "Transfer-Encoding: gzip\r\n", envelope11), "501", 0},
		{"broken chunk", post(servicePath, "Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n"), "400", 0},
		{"length far past the limit", post(servicePath, "Content-Length: 99999999999\r\n", envelope11), "413", 0},
		{"huge header", post(servicePath, "X-Pad: "+strings.Repeat("x", 200<<10)+"\r\n"+length, envelope11), "431", 0},
		{"injected host", strings.Replace(post(servicePath, length, envelope11), "Host: gw", `Host: gw"/><x`, 1), "400", 0},
		{"no HTTP", "EHLO gw\r\n\r\n", "400", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			core := newFakeCore()
			answer := raw(t, serve(t, Config{}, core), tt.request)
			if _, rest, _ := strings.Cut(answer, " "); !strings.HasPrefix(rest, tt.status) {
				t.Errorf("answer is %.300q, want status %s", answer, tt.status)
			}
			if strings.Count(answer, "HTTP/1.") != 1 {
				t.Errorf("one request has several answers: %q", answer)
			}
			if n := len(core.taken()); n != tt.arrivals {
				t.Errorf("%d arrivals, want %d", n, tt.arrivals)
			}
		})
	}
}

func TestExpectContinue(t *testing.T) {
	core := newFakeCore()
	url := serve(t, Config{}, core)
	request := func(length int) (*bufio.Reader, io.WriteCloser) {
		conn := dial(t, url)
		t.Cleanup(func() { conn.Close() })
		fmt.Fprint(conn, post(servicePath, fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", length), ""))
		return bufio.NewReader(conn), conn
	}

	answer, body := request(len(envelope11))
	if line, err := answer.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v", line, err)
	}
	fmt.Fprint(body, envelope11)
	if rest, err := io.ReadAll(answer); err != nil || !strings.Contains(string(rest), "200 OK") {
		t.Errorf("got %q, %v", rest, err)
	}

	answer, _ = request(1 << 30)
	if line, err := answer.ReadString('\n'); err != nil || !strings.Contains(line, " 413 ") {
		t.Errorf("a body that is too large is asked for: %q, %v", line, err)
	}
}

// A sender that stops, wherever it stops, is cut off and holds up nobody.
func TestSlowSenders(t *testing.T) {
	settings := Config{HeaderTimeout: 50 * time.Millisecond, BodyTimeout: 50 * time.Millisecond, MaxConcurrent: 1, MaxLargeBodies: 1}
	tests := []struct {
		name, request, status string
	}{
		{"in the headers", "POST " + servicePath + " HTTP/1.1\r\nHost: gw\r\nX-", ""},
		{"before the body", post(servicePath, "Content-Length: 100\r\n", ""), "408"},
		{"in the body", post(servicePath, "Content-Length: 100\r\n", "<soap:"), "408"},
		{"in a large body", post(servicePath, "Content-Length: 9999999\r\n", strings.Repeat(" ", 100<<10)), "408"},
		{"in a chunk", post(servicePath, "Transfer-Encoding: chunked\r\n", "ff\r\nabc"), "408"},
		{"in an unknown content encoding", post(servicePath, "Content-Encoding: br\r\nContent-Length: 100\r\n", "x"), "415"},
		{"in a body nobody wants", strings.Replace(post(servicePath, "Content-Length: 100\r\n", "x"), "text/xml", "text/plain", 1), "415"},
		{"in a body of another method", strings.Replace(post(servicePath, "Content-Length: 100\r\n", "x"), "POST", "PUT", 1), "405"},
		{"in a body of nowhere", post("/elsewhere", "Content-Length: 100\r\n", "x"), "404"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, settings, newFakeCore())
			// The connection is to be kept alive, so that raw returns only
			// because the server hangs up.
			answer := raw(t, url, strings.Replace(tt.request, "Connection: close\r\n", "", 1))
			if _, rest, _ := strings.Cut(answer, " "); !strings.HasPrefix(rest, tt.status) {
				t.Errorf("answer is %.300q, want status %s", answer, tt.status)
			}
			if a := do(t, http.MethodPost, url+servicePath, envelope11, nil); a.StatusCode != http.StatusOK {
				t.Errorf("the next request gets %s: %s", a.Status, a.body)
			}
		})
	}
}

// The deadline of a body or of a reply must not outlive it: it would end the
// waiting for the core, or the next request of the connection.
func TestDeadlinesEndWithTheirCause(t *testing.T) {
	const timeout = 30 * time.Millisecond
	core := newFakeCore()
	core.answer = func(ctx context.Context, _ *gateway.Arrival, _ *gateway.Receipt) error {
		timer := time.NewTimer(4 * timeout)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return fault.New(fault.CodeStoreUnavailable, "").Because(ctx.Err())
		case <-timer.C:
			return nil
		}
	}
	conn := dial(t, serve(t, Config{BodyTimeout: timeout}, core))
	defer conn.Close()
	answers := bufio.NewReader(conn)
	request := strings.Replace(post(servicePath, fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", len(envelope11)), ""), "Connection: close\r\n", "", 1)
	for range 2 {
		fmt.Fprint(conn, request)
		wantStatusLine(t, answers, "100 Continue")
		fmt.Fprint(conn, envelope11)
		wantStatusLine(t, answers, "200 OK")
		<-time.After(2 * timeout) // what is left of the reply's deadline passes
	}
}

// wantStatusLine reads one answer, its body included.
func wantStatusLine(t testing.TB, answers *bufio.Reader, want string) {
	t.Helper()
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.Status != want {
		t.Fatalf("got %s, %v; want %s", res.Status, err, want)
	}
}

func TestClientHangUpEndsTheWaiting(t *testing.T) {
	core := newFakeCore()
	waiting, gone := make(chan struct{}), make(chan struct{})
	core.answer = func(ctx context.Context, _ *gateway.Arrival, _ *gateway.Receipt) error {
		close(waiting)
		<-ctx.Done()
		close(gone)
		return fault.New(fault.CodeStoreUnavailable, "").Because(ctx.Err())
	}
	conn := dial(t, serve(t, Config{}, core))
	fmt.Fprint(conn, post(servicePath, fmt.Sprintf("Content-Length: %d\r\n", len(envelope11)), envelope11))
	await(t, waiting)
	conn.Close()
	await(t, gone)
}

func await(t testing.TB, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing happened within 10 s")
	}
}

func compressed(t testing.TB, encoding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	default:
		raw, err := flate.NewWriter(&b, flate.DefaultCompression)
		if err != nil {
			t.Fatal(err)
		}
		w = raw
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestContentEncoding(t *testing.T) {
	zipped := compressed(t, "gzip", envelope11)
	tests := []struct {
		name, encoding, body string
		status               int
		gh                   fault.Code
	}{
		{"gzip", "gzip", zipped, 200, ""},
		{"x-gzip", "X-GZIP", zipped, 200, ""},
		{"identity", "identity", envelope11, 200, ""},
		{"gzip of two members", "gzip", compressed(t, "gzip", envelope11[:50]) + compressed(t, "gzip", envelope11[50:]), 200, ""},
		{"deflate as zlib", "deflate", compressed(t, "zlib", envelope11), 200, ""},
		{"deflate bare", "deflate", compressed(t, "flate", envelope11), 200, ""},
		{"empty", "gzip", "", 400, fault.CodeHTTP},
		{"cut", "gzip", zipped[:len(zipped)/2], 400, fault.CodeHTTP},
		{"tail of nonsense", "gzip", zipped + "xxxxxxxxxxxxxxx", 400, fault.CodeEncoding},
		{"flipped", "gzip", zipped[:len(zipped)-5] + "\x00" + zipped[len(zipped)-4:], 400, fault.CodeEncoding},
		{"corrupt", "deflate", "\xff\xff\xff\xff", 400, fault.CodeEncoding},
	}
	url := serve(t, Config{}, newFakeCore()) + servicePath
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := do(t, http.MethodPost, url, tt.body, map[string]string{"Content-Encoding": tt.encoding})
			if tt.status == http.StatusOK {
				if a.StatusCode != http.StatusOK {
					t.Errorf("got %s: %s", a.Status, a.body)
				}
				return
			}
			wantFault(t, a, tt.status, "Client", tt.gh)
		})
	}
}

// Empty members decode to nothing, for ever.
func TestEmptyGzipMembersCount(t *testing.T) {
	body := strings.Repeat(compressed(t, "gzip", ""), 1000)
	unsaid := struct{ io.Reader }{strings.NewReader(body)} // hides the length
	a := doReader(t, http.MethodPost, serve(t, Config{MaxBodyBytes: 1000}, newFakeCore())+servicePath, unsaid, map[string]string{"Content-Encoding": "gzip"})
	wantFault(t, a, http.StatusRequestEntityTooLarge, "Client", fault.CodeTooLarge)
}

func TestBombIsDefused(t *testing.T) {
	bomb := compressed(t, "gzip", strings.Repeat(" ", 64<<20))
	core := newFakeCore()
	url := serve(t, Config{MaxBodyBytes: 1 << 20}, core) + servicePath
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a := do(t, http.MethodPost, url, bomb, map[string]string{"Content-Encoding": "gzip"})
	runtime.ReadMemStats(&after)
	wantFault(t, a, http.StatusRequestEntityTooLarge, "Client", fault.CodeTooLarge)
	const allowed = 16 << 20
	if grown := after.TotalAlloc - before.TotalAlloc; grown > allowed {
		t.Errorf("%d bytes were allocated", grown)
	}
}

func TestBodyLimits(t *testing.T) {
	const limit = 200 << 10
	fill := func(n int) string { return envelope11 + strings.Repeat("\n", n-len(envelope11)) }
	url := serve(t, Config{MaxBodyBytes: limit}, newFakeCore()) + servicePath
	for _, n := range []int{limit - 1, limit, limit + 1, httpdoor.SmallBody - 1, httpdoor.SmallBody, httpdoor.SmallBody + 1, httpdoor.SmallBody + 2} {
		for _, chunked := range []bool{false, true} {
			var body io.Reader = strings.NewReader(fill(n))
			if chunked {
				body = struct{ io.Reader }{body} // hides the length
			}
			want := http.StatusOK
			if n > limit {
				want = http.StatusRequestEntityTooLarge
			}
			if a := doReader(t, http.MethodPost, url, body, nil); a.StatusCode != want {
				t.Errorf("%d bytes, chunked %v: %s, want %d", n, chunked, a.Status, want)
			}
		}
	}
}

func TestAdmission(t *testing.T) {
	core := newFakeCore()
	entered, leave := make(chan struct{}), make(chan struct{})
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	url := serve(t, Config{MaxConcurrent: 1}, core) + servicePath
	first := make(chan answered, 1)
	go func() { first <- do(t, http.MethodPost, url, envelope11, nil) }()
	await(t, entered)

	a := do(t, http.MethodPost, url, envelope11, nil)
	wantFault(t, a, http.StatusServiceUnavailable, "Server", fault.CodeBusy)
	if a.Header.Get("Retry-After") != "5" {
		t.Errorf("headers are %v", a.Header)
	}
	close(leave)
	if a := <-first; a.StatusCode != http.StatusOK {
		t.Errorf("the first got %s", a.Status)
	}
}

// One caller's requests leave room for others', and are told apart from a full
// gateway.
func TestPerCaller(t *testing.T) {
	core := newFakeCore()
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	url := serve(t, Config{MaxPerCaller: 1, TrustedProxies: loopback}, core) + servicePath
	from := func(address string) map[string]string {
		return map[string]string{"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}
	}
	first, second := make(chan answered, 1), make(chan answered, 1)
	go func() { first <- do(t, http.MethodPost, url, envelope11, from("192.0.2.1")) }()
	await(t, entered)
	a := do(t, http.MethodPost, url, envelope11, from("192.0.2.1"))
	wantFault(t, a, http.StatusServiceUnavailable, "Server", fault.CodeBusy)
	if !strings.Contains(a.body, "of this caller") || a.Header.Get("Retry-After") == "" {
		t.Errorf("%v: %s", a.Header, a.body)
	}
	go func() { second <- do(t, http.MethodPost, url, envelope11, from("192.0.2.2")) }()
	await(t, entered)
	close(leave)
	for _, answer := range []chan answered{first, second} {
		if a := <-answer; a.StatusCode != http.StatusOK {
			t.Errorf("got %s: %s", a.Status, a.body)
		}
	}
	if a := do(t, http.MethodPost, url, envelope11, from("192.0.2.1")); a.StatusCode != http.StatusOK {
		t.Errorf("the place is not free again: %s", a.Status)
	}
}

// A large body on its way takes a place from large bodies only.
func TestLargeBodiesDoNotShutTheDoor(t *testing.T) {
	core := newFakeCore()
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	core.answer = func(_ context.Context, a *gateway.Arrival, _ *gateway.Receipt) error {
		if len(a.Body) > httpdoor.SmallBody {
			entered <- struct{}{}
			<-leave
		}
		return nil
	}
	url := serve(t, Config{MaxLargeBodies: 1, MaxBodyBytes: 3 * httpdoor.SmallBody}, core) + servicePath
	large := envelope11 + strings.Repeat("\n", 2*httpdoor.SmallBody)
	first := make(chan answered, 1)
	go func() { first <- do(t, http.MethodPost, url, large, nil) }()
	await(t, entered)

	wantFault(t, do(t, http.MethodPost, url, large, nil), http.StatusServiceUnavailable, "Server", fault.CodeBusy)
	if a := do(t, http.MethodPost, url, envelope11, nil); a.StatusCode != http.StatusOK {
		t.Errorf("a small message got %s", a.Status)
	}
	close(leave)
	if a := <-first; a.StatusCode != http.StatusOK {
		t.Errorf("the first got %s", a.Status)
	}
	go func() { first <- do(t, http.MethodPost, url, large, nil) }()
	if a := <-first; a.StatusCode != http.StatusOK {
		t.Errorf("the place is not free again: %s", a.Status)
	}
}

func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	core := newFakeCore()
	entered, leave := make(chan struct{}), make(chan struct{})
	core.answer = func(ctx context.Context, _ *gateway.Arrival, _ *gateway.Receipt) error {
		close(entered)
		<-leave
		return ctx.Err()
	}
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(Config{}, listener, nil, NewHandler(Config{}, core, testLog(t)), testLog(t))
	ctx, cancel := context.WithCancel(t.Context())
	done, first := make(chan error, 1), make(chan answered, 1)
	go func() { done <- server.Run(ctx) }()
	go func() {
		first <- do(t, http.MethodPost, "http://"+server.Address().String()+servicePath, envelope11, nil)
	}()
	await(t, entered)
	cancel()
	awaitRefusal(t, server.Address().String())
	close(leave)
	if a := <-first; a.StatusCode != http.StatusOK {
		t.Errorf("the request in flight got %s: %s", a.Status, a.body)
	}
	if err := <-done; err != nil {
		t.Errorf("Run ended with %v", err)
	}
}

// awaitRefusal waits until nobody listens at address.
func awaitRefusal(t testing.TB, address string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Fatal("the server still accepts connections after 10 s")
}

func TestDrainIsBounded(t *testing.T) {
	core := newFakeCore()
	entered := make(chan struct{})
	core.answer = func(ctx context.Context, _ *gateway.Arrival, _ *gateway.Receipt) error {
		close(entered)
		<-ctx.Done() // the cut connection's
		return fault.New(fault.CodeStoreUnavailable, "")
	}
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(Config{DrainTimeout: 20 * time.Millisecond}, listener, nil, NewHandler(Config{}, core, testLog(t)), testLog(t))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	conn := dial(t, server.Address().String())
	defer conn.Close()
	fmt.Fprint(conn, post(servicePath, fmt.Sprintf("Content-Length: %d\r\n", len(envelope11)), envelope11))
	await(t, entered)
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "draining") {
		t.Errorf("Run ended with %v", err)
	}
}

// A caller that does not take its reply holds no place, and is cut off.
func TestSlowReader(t *testing.T) {
	core := newFakeCore()
	core.answer = func(_ context.Context, a *gateway.Arrival, r *gateway.Receipt) error {
		if a.Action == "large" {
			r.Reply = bytes.Repeat([]byte(" "), 32<<20)
		}
		return nil
	}
	c := Config{MaxConcurrent: 1, BodyTimeout: 100 * time.Millisecond}
	h := NewHandler(c, core, testLog(t))
	cutOff := make(chan struct{})
	url := serveHandler(t, c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		if soapAction(r.Header) == "large" {
			close(cutOff)
		}
	}))
	conn := dial(t, url)
	defer conn.Close()
	fmt.Fprint(conn, post(servicePath, fmt.Sprintf("SOAPAction: large\r\nContent-Length: %d\r\n", len(envelope11)), envelope11))
	if _, err := io.ReadFull(conn, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if a := do(t, http.MethodPost, url+servicePath, envelope11, nil); a.StatusCode != http.StatusOK {
		t.Errorf("while a reader is slow: %s: %s", a.Status, a.body)
	}
	await(t, cutOff)
}

func TestListenSaysWhatIsTaken(t *testing.T) {
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if _, err := Listen(t.Context(), listener.Addr().String()); err == nil || !strings.Contains(err.Error(), listener.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
