package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"sync"
	"testing"
)

// tap stands between a client and the gateway, passes every octet on as it is, and
// keeps what the client sends.
type tap struct {
	listener net.Listener
	mu       sync.Mutex
	streams  []*recorded
}

// recorded is what one connection has carried so far.
type recorded struct {
	mu   sync.Mutex
	sent bytes.Buffer
}

func (r *recorded) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent.Write(p)
}

func startTap(t *testing.T, gateway string) *tap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{listener: listener}
	var connections sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		connections.Wait()
	})
	connections.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // the end of the test
			}
			connections.Go(func() { p.pass(t, client.(*net.TCPConn), gateway) })
		}
	})
	return p
}

// pass carries one connection until both sides have ended it.
func (p *tap) pass(t *testing.T, client *net.TCPConn, gateway string) {
	defer client.Close()
	server, err := net.Dial("tcp", gateway)
	if err != nil {
		t.Error(err)
		return
	}
	defer server.Close()
	r := &recorded{}
	p.mu.Lock()
	p.streams = append(p.streams, r)
	p.mu.Unlock()
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(client, server) // a reset is an end, too
		client.Close()
	})
	_, _ = io.Copy(io.MultiWriter(r, server), client)
	_ = server.(*net.TCPConn).CloseWrite()
	answers.Wait()
}

func (p *tap) location() string {
	return "http://" + p.listener.Addr().String() + "/soap/interop/BookingService"
}

// wireRequest is one request as it came, its body without chunks and compression.
type wireRequest struct {
	header http.Header
	body   []byte
}

func (r wireRequest) String() string {
	return fmt.Sprintf("%v %.600q", r.header, r.body)
}

// mediaType is without parameters; they are for the gateway to understand.
func (r wireRequest) mediaType() string {
	name, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return name
}

var wireMessageID = regexp.MustCompile(`<(?:[\w-]+:)?MessageID\b[^>]*>([^<]+)</`)

// messageID is the message's wsa:MessageID.
func (r wireRequest) messageID() string {
	m := wireMessageID.FindSubmatch(r.body)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// carrying returns the requests whose bodies have the number, whole, in each
// connection's order.
func (p *tap) carrying(t *testing.T, number string) []wireRequest {
	t.Helper()
	whole := regexp.MustCompile(`>` + regexp.QuoteMeta(number) + `<`)
	var out []wireRequest
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, stream := range p.streams {
		stream.mu.Lock()
		in := bufio.NewReader(bytes.NewReader(stream.sent.Bytes()))
		stream.mu.Unlock()
		for {
			request, err := readWireRequest(in)
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				break
			}
			if err != nil {
				t.Error(err)
				break
			}
			if whole.Match(request.body) {
				out = append(out, request)
			}
		}
	}
	return out
}

func readWireRequest(in *bufio.Reader) (wireRequest, error) {
	request, err := http.ReadRequest(in)
	if err != nil {
		return wireRequest{}, err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return wireRequest{}, err
	}
	out := wireRequest{header: request.Header, body: body}
	var plain io.Reader
	switch request.Header.Get("Content-Encoding") {
	case "gzip", "x-gzip":
		plain, err = gzip.NewReader(bytes.NewReader(body))
	case "deflate":
		plain, err = zlib.NewReader(bytes.NewReader(body))
	default:
		return out, nil
	}
	if err != nil {
		return wireRequest{}, err
	}
	out.body, err = io.ReadAll(plain)
	return out, err
}
