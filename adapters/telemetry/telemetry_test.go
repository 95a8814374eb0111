package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/gatehouse/gatehouse/internal/config"
)

// fakeCollector takes OTLP over HTTP.
type fakeCollector struct {
	mu    sync.Mutex
	down  bool
	names []string
	auth  string
}

func (c *fakeCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	var req collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &req) != nil || r.URL.Path != "/v1/traces" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if c.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	c.auth = r.Header.Get("Authorization")
	for _, rs := range req.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				c.names = append(c.names, s.Name)
			}
		}
	}
}

func (c *fakeCollector) setDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

func start(t *testing.T, change func(*Config)) (*fakeCollector, *Tracing, *bytes.Buffer) {
	t.Helper()
	c := &fakeCollector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	conf := Config{Endpoint: server.URL, Timeout: 5 * time.Second}
	if change != nil {
		change(&conf)
	}
	logged := &bytes.Buffer{}
	tracing, err := New(conf, "1", slog.New(slog.NewTextHandler(logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return c, tracing, logged
}

func flush(t *testing.T, tracing *Tracing) {
	t.Helper()
	if err := tracing.provider.ForceFlush(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestSpansArrive(t *testing.T) {
	c, tracing, _ := start(t, func(c *Config) { c.Authorization = config.NewSecret("Bearer x") })
	_, span := tracing.Tracer().Start(context.Background(), "soap submit-order")
	span.End()
	if err := tracing.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if strings.Join(c.names, ",") != "soap submit-order" || c.auth != "Bearer x" {
		t.Errorf("the collector got %v with Authorization %q", c.names, c.auth)
	}
}

func TestSamplingFollowsTheSender(t *testing.T) {
	none := 0.0
	c, tracing, _ := start(t, func(c *Config) { c.Sample = &none })
	_, own := tracing.Tracer().Start(context.Background(), "own")
	own.End()
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true})
	_, asked := tracing.Tracer().Start(trace.ContextWithRemoteSpanContext(context.Background(), parent), "asked")
	asked.End()
	flush(t, tracing)
	if strings.Join(c.names, ",") != "asked" {
		t.Errorf("the collector got %v, want only what the sender traces", c.names)
	}
}

func TestOutageIsLoggedOnceEachEdge(t *testing.T) {
	c, tracing, logged := start(t, nil)
	c.setDown(true)
	for range 3 {
		_, span := tracing.Tracer().Start(context.Background(), "lost")
		span.End()
		flush(t, tracing)
	}
	c.setDown(false)
	_, span := tracing.Tracer().Start(context.Background(), "kept")
	span.End()
	flush(t, tracing)
	text := logged.String()
	if strings.Count(text, "spans are dropped") != 1 || strings.Count(text, "dropped=3") != 1 {
		t.Errorf("log:\n%s", text)
	}
	if strings.Join(c.names, ",") != "kept" {
		t.Errorf("the collector got %v", c.names)
	}
}

func TestValidate(t *testing.T) {
	two := 2.0
	for _, tt := range []struct {
		config Config
		want   string
	}{
		{Config{Endpoint: "127.0.0.1:4318"}, "endpoint:"},
		{Config{Endpoint: "ftp://x"}, "endpoint:"},
		{Config{Endpoint: "http://x", Sample: &two}, "sample: 2"},
		{Config{Endpoint: "http://x", Timeout: -1}, "timeout:"},
		{Config{Endpoint: "http://user:secret@x"}, "endpoint: must hold no credentials"},
		{Config{Endpoint: "https://x", CAFile: "/nonexistent"}, "ca_file:"},
	} {
		if err := tt.config.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.config, err, tt.want)
		}
	}
	if err := (Config{Endpoint: "https://collector.example:4318"}).Validate(); err != nil {
		t.Error(err)
	}
}
