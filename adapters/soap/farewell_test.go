package soap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// begin starts a server that is told to stop by the function it returns, which
// waits for its end.
func begin(t *testing.T, c Config, core Acceptor) (server *Server, stop func() time.Duration) {
	t.Helper()
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server = NewServer(c, listener, nil, NewHandler(c, core, testLog(t)), testLog(t))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	return server, func() time.Duration {
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("running the server: %v", err)
		}
		return time.Since(began)
	}
}

// kept is a connection that a caller keeps.
type kept struct {
	net.Conn
	in *bufio.Reader
}

// ask makes one call and returns its answer, read.
func (k *kept) ask(t *testing.T) *http.Response {
	t.Helper()
	fmt.Fprintf(k, "POST %s HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", servicePath, len(envelope11), envelope11)
	answer, err := http.ReadResponse(k.in, nil)
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
	}
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("answer %+v, %v", answer, err)
	}
	return answer
}

func keep(t *testing.T, address string) *kept {
	t.Helper()
	conn := dial(t, address)
	t.Cleanup(func() { conn.Close() })
	return &kept{conn, bufio.NewReader(conn)}
}

// TestLastRequest answers what comes on kept connections after the door began to
// close, and says that it was the last.
func TestLastRequest(t *testing.T) {
	server, stop := begin(t, Config{Farewell: time.Minute}, newFakeCore())
	caller := keep(t, server.Address().String())
	if caller.ask(t).Close {
		t.Fatal("the connection is not kept before the end")
	}
	took := make(chan time.Duration, 1)
	go func() { took <- stop() }()
	for !server.farewell.begun.Load() {
		runtime.Gosched()
	}
	if !caller.ask(t).Close {
		t.Error("the last answer does not say that it is")
	}
	if d := <-took; d > 30*time.Second {
		t.Errorf("the server waited %v though nobody was left", d)
	}
}

// TestIdleCaller is not waited for beyond the moment that callers have.
func TestIdleCaller(t *testing.T) {
	server, stop := begin(t, Config{Farewell: 50 * time.Millisecond}, newFakeCore())
	caller := keep(t, server.Address().String())
	caller.ask(t)
	if d := stop(); d < 50*time.Millisecond || d > 20*time.Second {
		t.Errorf("the server ended after %v", d)
	}
	if _, err := caller.Read(make([]byte, 1)); err == nil {
		t.Error("the idle connection is still open")
	}
}

// TestNoRequestIsBroken ends servers under load, time and again: every request
// gets its whole answer, or no connection came about.
func TestNoRequestIsBroken(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system cannot keep connections from being made while those that are there are served")
	}
	for range 20 {
		server, stop := begin(t, Config{}, newFakeCore())
		url := "http://" + server.Address().String() + servicePath
		var callers sync.WaitGroup
		answered := make(chan struct{}, 1)
		for i := range 8 {
			callers.Go(func() {
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0, DialContext: (&net.Dialer{Timeout: 50 * time.Millisecond}).DialContext}}
				defer client.CloseIdleConnections()
				for callWhole(t, client, url) {
					select {
					case answered <- struct{}{}:
					default:
					}
				}
			})
		}
		<-answered
		<-answered
		stop()
		callers.Wait()
	}
}

// callWhole makes one call. false: no connection came about.
func callWhole(t *testing.T, client *http.Client, url string) bool {
	answer, err := client.Post(url, "text/xml; charset=utf-8", strings.NewReader(envelope11))
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return false
	}
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	if err != nil {
		t.Errorf("a request was broken: %v", err)
	}
	return err == nil
}
