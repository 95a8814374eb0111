package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/bench"
	"github.com/gatehouse/gatehouse/internal/document"
)

// soapDoor is where requests go, and as whom.
type soapDoor struct {
	url            *url.URL
	user, password string
	action         string
	secure         *tls.Config // of https
}

// head is everything before a request's Content-Length.
func (d *soapDoor) head() []byte {
	login := base64.StdEncoding.EncodeToString([]byte(d.user + ":" + d.password))
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/xml; charset=utf-8\r\nSOAPAction: \"%s\"\r\nAuthorization: Basic %s\r\nContent-Length: ",
		d.url.RequestURI(), d.url.Host, d.action, login)
}

// address is what is dialled.
func (d *soapDoor) address() string {
	if d.url.Port() != "" {
		return d.url.Host
	}
	port := "80"
	if d.url.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(d.url.Hostname(), port)
}

// requestTimeout bounds one attempt; then it is made again.
const requestTimeout = 60 * time.Second

// sendSOAP has every connection send one request after the other, until the plan
// has no more.
func (r *benchRun) sendSOAP(ctx context.Context, p *benchPhase) error {
	defer p.plan.End() // when it fails, nobody waits for this door
	failed := make(chan error, r.flags.concurrency)
	var senders sync.WaitGroup
	var mu sync.Mutex
	for range r.flags.concurrency {
		senders.Go(func() {
			c := r.newSOAPCaller()
			defer c.close()
			err := c.callAll(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			p.took[bench.SOAP] = max(p.took[bench.SOAP], c.last.Sub(p.begin))
			p.bytes += c.bytes
			if err != nil {
				failed <- err
			}
		})
	}
	senders.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return ctx.Err()
	}
}

// soapCaller is one connection. It speaks HTTP by itself: a client that does more
// for its caller would take the processor from the gateway, on the same machine.
type soapCaller struct {
	run     *benchRun
	door    *soapDoor
	head    []byte
	request []byte
	digits  [lengthRoom]byte
	conn    net.Conn
	reader  *bufio.Reader
	last    time.Time
	bytes   int64
}

func (r *benchRun) newSOAPCaller() *soapCaller {
	return &soapCaller{run: r, door: r.target.soap, head: r.target.soap.head()}
}

func (c *soapCaller) callAll(ctx context.Context, p *benchPhase) error {
	for {
		t, ok := p.plan.Next(ctx, bench.SOAP)
		if !ok || !waitUntil(ctx, t.Due) {
			return nil
		}
		begin := t.Due
		if begin.IsZero() {
			begin = time.Now()
		}
		c.run.account.Send(t, bench.SOAP)
		twin := c.twin(ctx, t)
		err := c.insist(ctx, t)
		c.last = time.Now()
		p.latency["soap"].Record(c.last.Sub(begin))
		if err == nil && t.Twice && !t.AtOnce {
			c.run.account.Repeat()
			err = c.insist(ctx, t)
		}
		if err := errors.Join(err, <-twin); err != nil {
			return err
		}
	}
}

// twin sends the message over another connection at the same time, when it is to
// be sent so.
func (c *soapCaller) twin(ctx context.Context, t bench.Task) <-chan error {
	ended := make(chan error, 1)
	if !t.AtOnce {
		ended <- nil
		return ended
	}
	c.run.account.Repeat()
	go func() {
		other := c.run.newSOAPCaller()
		defer other.close()
		ended <- other.insist(ctx, t)
	}()
	return ended
}

// insist sends a message until it is answered for good. The error says that it
// never was.
func (c *soapCaller) insist(ctx context.Context, t bench.Task) error {
	patience := time.Now().Add(c.run.flags.patience)
	for {
		err := c.once(ctx, t)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(patience) {
			return fmt.Errorf("message %d was not answered within %v: %w", t.Number, c.run.flags.patience, err)
		}
		c.run.account.Retry(t.Number)
		waitUntil(ctx, time.Now().Add(20*time.Millisecond))
	}
}

// errAgain is an answer that promises nothing.
var errAgain = errors.New("try again")

// once makes one attempt, and notes the answer. An error means that there was
// none, or that it says "try again".
func (c *soapCaller) once(ctx context.Context, t bench.Task) error {
	if err := c.connect(ctx); err != nil {
		return err
	}
	res, body, err := c.exchange(t)
	if err != nil {
		c.close()
		return err
	}
	account := c.run.account
	switch code := res.Header.Get("Gateway-Code"); {
	case res.StatusCode == http.StatusOK || res.StatusCode == http.StatusAccepted:
		account.Reply(t.Number, maphash.Bytes(c.run.hash, body))
	case res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%w: HTTP %d %s", errAgain, res.StatusCode, code)
	case code != "":
		account.Refuse(t.Number, code, faultString(body))
	default:
		account.Wrong(t.Number, "HTTP %d without the code of a fault: %.200q", res.StatusCode, body)
	}
	return nil
}

// faultString cuts the reason out of a SOAP 1.1 fault.
func faultString(body []byte) string {
	const most = 300
	text := string(body)
	if tree, err := document.Read(body); err == nil {
		defer tree.Release()
		for n := range tree.Root().FirstChild().FirstChild().Children() {
			if n.Name().Local == "faultstring" {
				text = n.Text()
			}
		}
	}
	return text[:min(len(text), most)]
}

func (c *soapCaller) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := c.run.cutter.dial(ctx, c.door.address())
	if err != nil {
		return err
	}
	if c.door.secure != nil {
		secure := tls.Client(conn, c.door.secure)
		if err := secure.HandshakeContext(ctx); err != nil {
			return errors.Join(err, conn.Close())
		}
		conn = secure
	}
	c.conn, c.reader = conn, bufio.NewReaderSize(conn, 16<<10)
	return nil
}

// exchange writes the request in one piece and reads the whole answer.
func (c *soapCaller) exchange(t bench.Task) (*http.Response, []byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return nil, nil, err
	}
	c.write(t)
	if _, err := c.conn.Write(c.request); err != nil {
		return nil, nil, err
	}
	res, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, nil, err
	}
	if res.Close {
		c.close()
	}
	return res, body, nil
}

// lengthRoom is left for the digits of a Content-Length and the empty line.
const lengthRoom = 16

// write makes the request: the body first, behind room for what names its length.
func (c *soapCaller) write(t bench.Task) {
	start := len(c.head) + lengthRoom
	c.request = append(c.request[:0], c.head...)
	c.request = append(c.request, "                "...)
	c.request = c.run.target.messages.envelope(c.request, t.Number, t.Invalid)
	length := len(c.request) - start
	c.bytes += int64(length)
	end := strconv.AppendInt(c.digits[:0], int64(length), 10) // white space before it counts for nothing
	copy(c.request[start-4-len(end):], end)
	copy(c.request[start-4:], "\r\n\r\n")
}

func (c *soapCaller) close() {
	if c.conn != nil {
		_ = c.conn.Close() // what was under way is answered, or sent again
		c.conn = nil
	}
}

// waitUntil waits for a moment; false: ctx ended before. The zero time is now.
func waitUntil(ctx context.Context, at time.Time) bool {
	d := time.Until(at)
	if at.IsZero() || d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
