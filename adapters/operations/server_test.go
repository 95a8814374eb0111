package operations

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// start runs a server of a fake's handler; what it returns ends it.
func start(t *testing.T, c Config) (d *door, address string, stop func() error) {
	t.Helper()
	d = newDoor(t, c)
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(c, listener, nil, d.Handler, slog.New(slog.NewTextHandler(t.Output(), nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return d, s.Address().String(), func() error { cancel(); return <-done }
}

func TestServer(t *testing.T) {
	_, address, stop := start(t, Config{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/api/v1/access/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("olga", "olga-secret")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "uid=olga") {
		t.Errorf("%s %s %v", res.Status, body, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the address is still open")
	}
}

func TestServerBoundsHeaders(t *testing.T) {
	_, address, stop := start(t, Config{})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Pad: %s\r\n\r\n", strings.Repeat("x", 200<<10))
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, " 431 ") {
		t.Errorf("got %q, %v", line, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Who does not end with the server is cut off, and that is said.
func TestServerDrains(t *testing.T) {
	d, address, stop := start(t, Config{DrainTimeout: 20 * time.Millisecond})
	d.gateway.block = make(chan struct{})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /api/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Basic b2xnYTpvbGdhLXNlY3JldA==\r\n\r\n")
	for deadline := time.Now().Add(10 * time.Second); d.busy() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the request never came")
		}
	}
	if err := stop(); err == nil || !strings.Contains(err.Error(), "draining") {
		t.Errorf("Run ended with %v", err)
	}
	close(d.gateway.block)
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

func TestConfigValidate(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
	err := Config{MaxConcurrent: -1, RequestTimeout: -1, DrainTimeout: -1}.Validate()
	for _, key := range []string{"max_concurrent", "request_timeout", "drain_timeout"} {
		if err == nil || !strings.Contains(err.Error(), key+": ") {
			t.Errorf("%s is not in %v", key, err)
		}
	}
}
