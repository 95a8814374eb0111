package soap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/wsdl"
)

// validating is an Acceptor that does what a message costs of SOAP, and nothing of
// what comes after: peek, and the contract's verdict.
type validating struct{ contracts []*contract.Contract }

func (c validating) Contracts() []*contract.Contract { return c.contracts }

func (c validating) Accept(_ context.Context, a *gateway.Arrival) (*gateway.Receipt, error) {
	id := uuid.UUID{1}
	head, err := envelope.Peek(a.Body, envelope.Limits{})
	if err != nil {
		return nil, err
	}
	op := a.Service.Operations[0]
	tree := a.Service.Recognise(op, a.Body)
	if tree == nil {
		return nil, errors.New("the sample is left to the schema engine")
	}
	tree.Release()
	return &gateway.Receipt{ID: id, MessageID: id, Head: head, Operation: op, Reply: []byte(replyPayload)}, nil
}

func (validating) Security(string) gateway.Security { return gateway.Security{} }

// orderOf is a valid order of about that many bytes, in many lines.
func orderOf(b *testing.B, size int) []byte {
	b.Helper()
	text, err := os.ReadFile("../../testdata/soap/order-minimal.xml")
	if err != nil {
		b.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "          <o:Line ")
	line, after, closed := strings.Cut(rest, "</o:Line>\n")
	if !found || !closed {
		b.Fatal("the sample has no line")
	}
	line = "          <o:Line " + line + "</o:Line>\n"
	n := max(1, (size-len(before)-len(after))/len(line))
	return []byte(before + strings.Repeat(line, n) + after)
}

// BenchmarkPureStack is what receiving, validating and answering a message of 10 KB
// costs of the processor, beside what its validation by the schema engine does. The two take turns,
// and both are measured by the time that the process has had a processor, so that
// what else the machine does is in neither; nor is the caller of the loopback, who has
// a thread to himself and ten connections.
func BenchmarkPureStack(b *testing.B) {
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		b.Fatal(err)
	}
	body := orderOf(b, 10<<10)
	h := NewHandler(Config{}, validating{[]*contract.Contract{c}}, slog.New(slog.DiscardHandler))
	service := c.Services[0]
	validator := func() error {
		details, _, err := service.ValidateFor(service.Operations[0], body, 0)
		if len(details) > 0 {
			return fmt.Errorf("the sample is refused: %v", details)
		}
		return err
	}
	b.Run("handler", func(b *testing.B) {
		compareWork(b, validator, func() error {
			r := httptest.NewRequest(http.MethodPost, servicePath, bytes.NewReader(body))
			r.Header.Set("Content-Type", "text/xml; charset=utf-8")
			if w := record(h, r); w.Code != http.StatusOK {
				return fmt.Errorf("%d: %s", w.Code, w.Body)
			}
			return nil
		}, false)
	})
	b.Run("loopback", func(b *testing.B) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		compareWork(b, validator, byTens(b, serveHandler(b, Config{}, h), body), true)
	})
}

// compareWork runs both in turns of 100 and reports the work of each, and the share
// of the stack's that the validator's is. With callers the thread that calls is the
// stack's caller, and not counted.
func compareWork(b *testing.B, validator, stack func() error, callers bool) {
	var alone, whole time.Duration
	n := 0
	turn := func(f func() error, without bool) time.Duration {
		begun := worked(b, without)
		for range 100 {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		return worked(b, without) - begun
	}
	turn(validator, false)
	turn(stack, false)
	for b.Loop() {
		alone += turn(validator, false)
		whole += turn(stack, callers)
		n += 100
	}
	b.ReportMetric(0, "ns/op") // of two hundred messages: says nothing
	b.ReportMetric(float64(alone.Nanoseconds())/float64(n), "validator-ns")
	b.ReportMetric(float64(whole.Nanoseconds())/float64(n), "stack-ns")
	b.ReportMetric(100*float64(alone)/float64(whole), "%-of-validator")
}

// worked is the processor time of the process up to now, without that of the thread
// that calls when so wanted.
func worked(b *testing.B, without bool) (d time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	d = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	if !without {
		return d
	}
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		b.Fatal(err)
	}
	return d - time.Duration(u.Utime.Nano()+u.Stime.Nano())
}

// byTens posts the body over ten kept connections at the same time, and reads no more
// of the answers than their length; each tenth call does, for ten.
func byTens(b *testing.B, url string, body []byte) func() error {
	address := strings.TrimPrefix(url, "http://")
	request := append([]byte("POST "+servicePath+" HTTP/1.1\r\nHost: "+address+"\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"), body...)
	var conns [10]net.Conn
	var in [len(conns)]*bufio.Reader
	for i := range conns {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		conns[i], in[i] = conn, bufio.NewReader(conn)
	}
	calls := 0
	return func() error {
		if calls++; calls%len(conns) != 0 {
			return nil
		}
		for _, conn := range conns {
			if _, err := conn.Write(request); err != nil {
				return err
			}
		}
		for _, answer := range in {
			if err := skipAnswer(answer); err != nil {
				return err
			}
		}
		return nil
	}
}

// skipAnswer reads a good answer.
func skipAnswer(in *bufio.Reader) error {
	length := -1
	for first := true; ; first = false {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if first && !strings.HasPrefix(line, "HTTP/1.1 200 ") {
			return fmt.Errorf("the answer is %q", line)
		}
		if value, is := strings.CutPrefix(line, "Content-Length: "); is {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
		if line == "\r\n" {
			_, err = io.CopyN(io.Discard, in, int64(length))
			return err
		}
	}
}
