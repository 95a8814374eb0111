package soap

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// answering is an Acceptor that costs nothing but the peek that Accept begins with.
type answering struct{ *fakeCore }

func (c answering) Accept(_ context.Context, a *gateway.Arrival) (*gateway.Receipt, error) {
	id := uuid.UUID{1}
	head, err := envelope.Peek(a.Body, envelope.Limits{})
	if err != nil {
		return nil, err
	}
	return &gateway.Receipt{ID: id, MessageID: id, Head: head, Operation: a.Service.Operations[0], Reply: []byte(replyPayload)}, nil
}

func benchmarkBody(size int) string {
	return strings.Replace(envelope11, "ä€", strings.Repeat("some words of a note. ", max(0, size-len(envelope11))/22), 1)
}

// BenchmarkHandler is the door without a network: headers, limits, transcoding,
// one peek, reply.
func BenchmarkHandler(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KiB", 1 << 10}, {"20KiB", 20 << 10}, {"1MiB", 1 << 20}} {
		b.Run(size.name, func(b *testing.B) {
			body := []byte(benchmarkBody(size.bytes))
			h := NewHandler(Config{}, answering{newFakeCore()}, slog.New(slog.DiscardHandler))
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, servicePath, bytes.NewReader(body))
				r.Header.Set("Content-Type", "text/xml; charset=utf-8")
				if w := record(h, r); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkLoopback is the door over kept-alive connections, client included.
func BenchmarkLoopback(b *testing.B) {
	body := benchmarkBody(1 << 10)
	c := Config{}
	url := serveHandler(b, c, NewHandler(c, answering{newFakeCore()}, slog.New(slog.DiscardHandler))) + servicePath
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			res, err := client.Post(url, "text/xml; charset=utf-8", strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Error(res.Status)
				return
			}
		}
	})
}
