package gateway_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const queue = "amqp:in.orders"

// queued is a message of the queue.
func queued(body, sender string) *gateway.Arrival {
	return &gateway.Arrival{
		Endpoint: queue, Format: gateway.XML, Body: []byte(body), Sender: sender,
		MessageID: "m-1", Correlation: "c-1", Properties: map[string]string{"message-id": "m-1", "secret": "x"},
		Origin: sha256.Sum256([]byte(body)), ContentType: "text/xml",
	}
}

// payload is the sample order without its envelope.
func payload(t testing.TB) string {
	t.Helper()
	tree, err := document.Read(sample(t, "order-minimal.xml"))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	_, body := envelope.Parts(tree)
	return string(document.AppendStandalone(nil, body))
}

// take prepares, submits and waits.
func (b *bench) take(t testing.TB, a *gateway.Arrival) (*gateway.Receipt, error) {
	t.Helper()
	ticket := b.Prepare(t.Context(), a)
	ticket.Submit(t.Context(), new(gateway.Source))
	<-ticket.Settled()
	return ticket.Result()
}

func TestQueuedMessageIsTheSameAsBySOAP(t *testing.T) {
	b := newBench(t)
	if _, err := b.Accept(t.Context(), b.arrival(sample(t, "order-minimal.xml"), "erp.alice", "erp.alice-secret")); err != nil {
		t.Fatal(err)
	}
	receipt, err := b.take(t, queued(payload(t), "erp.alice"))
	if err != nil || receipt.Status != gateway.Stored {
		t.Fatalf("%v, %v", receipt, err)
	}
	bySOAP, byQueue := b.store.entries[0], b.store.entries[1]
	if bySOAP.Identity != byQueue.Identity || bySOAP.Body != byQueue.Body || bySOAP.Sender != byQueue.Sender || bySOAP.Route != byQueue.Route {
		t.Errorf("by SOAP %+v\nby queue %+v", bySOAP, byQueue)
	}
	if byQueue.Endpoint != queue || byQueue.Login != "erp.alice" || byQueue.Correlation != "c-1" || byQueue.Properties["secret"] != "" {
		t.Errorf("%+v", byQueue)
	}
	if a, err := receipt.Answer(); err != nil || a.ContentType != "application/xml" || !strings.Contains(string(a.Body), "ACCEPTED") || a.Code != "" {
		t.Errorf("answer: %+v %v", a, err)
	}
}

// TestQueuedMessagesAreKept sends what cannot be stored: each is kept with its
// reason, whatever stage found it, and answered with a problem document.
func TestQueuedMessagesAreKept(t *testing.T) {
	good := payload(t)
	for _, tt := range []struct {
		name    string
		arrival *gateway.Arrival
		code    fault.Code
		status  gateway.Status
	}{
		{"nobody vouches for the sender", queued(good, ""), fault.CodeUnauthenticated, gateway.Parked},
		{"unknown sender", queued(good, "nobody"), fault.CodeUnauthenticated, gateway.Parked},
		{"no grant", queued(good, "wms.bob"), fault.CodeForbidden, gateway.Parked},
		{"against the contract", queued(strings.Replace(good, "<o:Status>", "<o:Statuz>", 1), "erp.alice"), fault.CodeMalformed, gateway.Parked},
		{"empty", queued("", "erp.alice"), fault.CodeMalformed, gateway.Parked},
		{"the door's own finding", func() *gateway.Arrival {
			a := queued("%PDF", "erp.alice")
			a.Refusal = fault.New(fault.CodeMediaType, "")
			return a
		}(), fault.CodeMediaType, gateway.Parked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			receipt, err := b.take(t, tt.arrival)
			if err != nil || receipt.Status != tt.status || receipt.Fault == nil || receipt.Fault.Code != tt.code {
				t.Fatalf("%+v, %v", receipt, err)
			}
			kept := b.store.holds[0]
			if kept.Code != string(tt.code) || kept.Reason == "" || kept.Attempts != 1 {
				t.Errorf("kept as %+v", kept)
			}
			if a, err := receipt.Answer(); err != nil || a.ContentType != "application/problem+json" || a.Code != string(tt.code) || !strings.Contains(string(a.Body), `"outcome":"parked"`) {
				t.Errorf("answer: %+v %v", a, err)
			}
			if len(b.store.refusals) != 0 {
				t.Error("a kept message is no refusal")
			}
		})
	}
}

// TestQueuedMessageNotYet waits for what it refers to, longer with each attempt.
func TestQueuedMessageNotYet(t *testing.T) {
	b := newBench(t)
	b.store.refuse = fault.New(fault.CodeNotYet, "")
	receipt, err := b.take(t, queued(payload(t), "erp.alice"))
	if err != nil || receipt.Status != gateway.Waiting || receipt.Fault.Code != fault.CodeNotYet {
		t.Fatalf("%+v, %v", receipt, err)
	}
	h := b.store.holds[0]
	if h.State != gateway.Waiting || !h.Next.Before(h.Until) || h.Next.IsZero() {
		t.Errorf("kept as %+v", h)
	}
}

// TestQueuedMessageUnavailable is not kept: the queue keeps it.
func TestQueuedMessageUnavailable(t *testing.T) {
	b := newBench(t)
	b.directory.SetDown(true)
	if _, err := b.take(t, queued(payload(t), "erp.alice")); fault.Of(err) == nil || !fault.KindOf(err).Retryable() {
		t.Fatalf("directory down: %v", err)
	}
	b.directory.SetDown(false)
	b.store.refuse = fault.New(fault.CodeStoreUnavailable, "")
	if _, err := b.take(t, queued(payload(t), "erp.alice")); fault.Of(err) == nil || !fault.KindOf(err).Retryable() {
		t.Fatalf("store down: %v", err)
	}
	if len(b.store.holds) != 0 {
		t.Errorf("kept: %+v", b.store.holds)
	}
}

// TestNothingOvertakesAFailure submits a run of one key, of which one cannot be
// committed: nothing behind it is.
func TestNothingOvertakesAFailure(t *testing.T) {
	b := newBench(t)
	b.store.gate = make(chan struct{})
	var once sync.Once
	b.store.commit = func(int) (err error) {
		once.Do(func() { err = fault.New(fault.CodeStoreUnavailable, "").Because(errors.New("cut")) })
		return err
	}
	source := new(gateway.Source)
	var tickets []*gateway.Ticket
	for i := range 6 {
		a := queued(strings.Replace(payload(t), "erp-0002", fmt.Sprintf("run-%d", i), 1), "erp.alice")
		ticket := b.Prepare(t.Context(), a)
		ticket.Submit(t.Context(), source)
		tickets = append(tickets, ticket)
	}
	close(b.store.gate)
	for i, ticket := range tickets {
		<-ticket.Settled()
		if _, err := ticket.Result(); err == nil {
			t.Errorf("message %d was committed though an earlier one of its key was not", i)
		}
	}
	if receipt, err := b.take(t, queued(payload(t), "erp.alice")); err != nil || receipt.Status != gateway.Stored {
		t.Errorf("the next run: %v, %v", receipt, err)
	}
}

// TestTakeAlone parks what took the process with it three times.
func TestTakeAlone(t *testing.T) {
	b := newBench(t)
	a := queued(payload(t), "erp.alice")
	for before, want := range []gateway.Status{gateway.Stored, gateway.Stored, gateway.Parked} {
		b.store.tries = before
		receipt, err := b.TakeAlone(t.Context(), a)
		if err != nil || receipt.Status != want {
			t.Errorf("after %d tries: %+v, %v", before, receipt, err)
		}
		if b.store.tries != 0 {
			t.Errorf("after %d tries: the suspect is not cleared", before)
		}
	}
	if h := b.store.holds; len(h) != 1 || h[0].Code != string(fault.CodePoison) {
		t.Errorf("kept: %+v", h)
	}
}

// TestSurvivorsAreCleared does not count an attempt that the process survived,
// though the store could not be told so at the time.
func TestSurvivorsAreCleared(t *testing.T) {
	b := newBench(t)
	a := queued(payload(t), "erp.alice")
	b.store.triedFails = errors.New("cut")
	for range 5 {
		if _, err := b.TakeAlone(t.Context(), a); err != nil && b.store.triedFails == nil {
			t.Fatal(err)
		}
	}
	b.store.triedFails = nil
	receipt, err := b.TakeAlone(t.Context(), a)
	if err != nil || receipt.Status == gateway.Parked {
		t.Errorf("%+v, %v", receipt, err)
	}
}

// TestNotesAreCleared: what the store could not be told at the time it is told
// later, though the message never comes again.
func TestNotesAreCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.store.failTried(errors.New("cut"))
		if _, err := b.TakeAlone(t.Context(), queued(payload(t), "erp.alice")); err != nil {
			t.Fatal(err)
		}
		if noted := b.store.noted(); noted != 1 {
			t.Fatalf("noted %d times", noted)
		}
		b.store.failTried(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if b.store.noted() != 0 {
			t.Errorf("a minute later the note is still there")
		}
		b.stop()
	})
}

func TestCredentialsAreNotKept(t *testing.T) {
	for _, name := range []string{"order-full-wsse-soap12.xml"} {
		b := newBench(t)
		receipt, err := b.take(t, queued(string(sample(t, name)), "erp.alice"))
		if err != nil || receipt.Status != gateway.Parked {
			t.Fatalf("%+v, %v", receipt, err)
		}
		if kept := string(b.store.entries[0].Payload); strings.Contains(kept, "secret") || !strings.Contains(kept, "SubmitOrder") {
			t.Errorf("kept:\n%s", kept)
		}
		receipt, err = b.take(t, queued(string(sample(t, name))+"<", "erp.alice"))
		if err != nil || receipt.Status != gateway.Parked || strings.Contains(string(b.store.entries[1].Payload), "secret") {
			t.Errorf("broken: %+v, %v\n%s", receipt, err, b.store.entries[1].Payload)
		}
	}
}

// TestReload has a message finish on the generation it started on, and closes
// that one afterwards.
func TestReload(t *testing.T) {
	b := newBench(t)
	retired := make(chan struct{})
	b.parts.Version, b.parts.Retire = "second", func() { close(retired) }
	b.Reload(b.generation(t))
	if b.Version() != "second" {
		t.Fatalf("version %s", b.Version())
	}
	b.store.gate = make(chan struct{})
	ticket := b.Prepare(context.Background(), queued(payload(t), "erp.alice"))
	ticket.Submit(t.Context(), new(gateway.Source))
	b.parts.Version, b.parts.Retire = "third", nil
	b.parts.Access = gateway.NewAccess(nil, nil)
	b.Reload(b.generation(t))
	select {
	case <-retired:
		t.Fatal("retired while a message was on its way")
	default:
	}
	close(b.store.gate)
	<-ticket.Settled()
	if receipt, err := ticket.Result(); err != nil || receipt.Status != gateway.Stored {
		t.Errorf("%+v, %v", receipt, err)
	}
	<-retired
	if receipt, err := b.take(t, queued(payload(t), "erp.alice")); err != nil || receipt.Fault == nil || receipt.Fault.Code != fault.CodeForbidden {
		t.Errorf("on the third generation: %+v, %v", receipt, err)
	}
}
