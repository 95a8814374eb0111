// Package telemetry sends the gateway's spans to an OpenTelemetry collector
// (OTLP over HTTP). It knows how to reach the collector and nothing of what the
// spans tell. A collector that is away costs nobody anything: spans are dropped,
// and the log says so once when it begins and once when it ends.
package telemetry

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Config is the traces section. Every zero value means its default.
type Config struct {
	// Endpoint is the collector's URL, such as http://127.0.0.1:4318; spans are
	// posted to /v1/traces below it unless it has a path of its own.
	Endpoint string `yaml:"endpoint,required"`
	// Sample is the share of messages that are traced when their sender does not
	// say so itself, from 0 to 1. Default: 1.
	Sample *float64 `yaml:"sample"`
	// Authorization is sent as that header, for collectors that ask for one.
	Authorization config.Secret `yaml:"authorization"`
	CAFile        config.Path   `yaml:"ca_file"` // PEM; instead of the system's authorities
	// Service is the name the spans go under. Default: gatehouse.
	Service string `yaml:"service"`
	// Timeout bounds one export. Default: 10s.
	Timeout time.Duration `yaml:"timeout"`
}

// Validate reports every fault of the section at once.
func (c Config) Validate() error {
	var faults []error
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		faults = append(faults, errors.New("endpoint: is no URL such as http://127.0.0.1:4318"))
	}
	if err == nil && u.User != nil {
		faults = append(faults, errors.New("endpoint: must hold no credentials; use authorization"))
	}
	if c.Sample != nil && (*c.Sample < 0 || *c.Sample > 1) {
		faults = append(faults, fmt.Errorf("sample: %v is not between 0 and 1", *c.Sample))
	}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("timeout: %v is negative", c.Timeout))
	}
	_, err = c.authorities()
	return errors.Join(append(faults, err)...)
}

// Effective returns the settings with every default filled in.
func (c Config) Effective() Config {
	c.Service = cmp.Or(c.Service, "gatehouse")
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	if c.Sample == nil {
		c.Sample = new(1.0)
	}
	return c
}

func (c Config) authorities() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(string(c.CAFile))
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: %s holds no certificate in PEM form", c.CAFile)
	}
	return pool, nil
}

// Tracing is a source of tracers with what sends their spans. Close it.
type Tracing struct{ provider *sdk.TracerProvider }

// New makes what a valid configuration says. It connects to nothing before there
// are spans to send. version is the program's own.
func New(c Config, version string, log *slog.Logger) (*Tracing, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	exporter, err := c.exporter()
	if err != nil {
		return nil, err
	}
	c = c.Effective()
	return &Tracing{sdk.NewTracerProvider(
		sdk.WithBatcher(&watched{SpanExporter: exporter, log: log.With("collector", c.Endpoint)}, sdk.WithMaxQueueSize(4096)),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", c.Service), attribute.String("service.version", version))),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(*c.Sample))),
	)}, nil
}

func (c Config) exporter() (*otlptrace.Exporter, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	pool, err := c.authorities()
	if err != nil {
		return nil, err
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(u.String()),
		// What could not be sent is dropped: the next batch is worth more.
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}),
		otlptracehttp.WithTLSClientConfig(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}),
	}
	if c.Timeout > 0 {
		options = append(options, otlptracehttp.WithTimeout(c.Timeout))
	}
	if !c.Authorization.IsZero() {
		options = append(options, otlptracehttp.WithHeaders(map[string]string{"Authorization": c.Authorization.Reveal()}))
	}
	return otlptracehttp.NewUnstarted(options...), nil
}

// Tracer returns the tracer that the core uses.
func (t *Tracing) Tracer() trace.Tracer { return t.provider.Tracer("github.com/gatehouse/gatehouse") }

// Close sends what is left, until ctx ends.
func (t *Tracing) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// watched logs the beginning and the end of a collector's outage, and has the
// batcher believe that all is well.
type watched struct {
	sdk.SpanExporter
	log     *slog.Logger
	down    atomic.Bool
	dropped atomic.Int64
}

// ExportSpans implements sdk.SpanExporter.
func (w *watched) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := w.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil:
		w.dropped.Add(int64(len(spans)))
		if w.down.CompareAndSwap(false, true) {
			w.log.WarnContext(ctx, "spans are dropped", "error", err)
		}
	case w.down.CompareAndSwap(true, false):
		w.log.InfoContext(ctx, "spans are taken again", "dropped", w.dropped.Swap(0))
	}
	return nil
}
