package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/adapters/telemetry"
	"github.com/gatehouse/gatehouse/internal/feed"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/query"
)

// watch is how a process in service can be watched: its metrics and its traces.
// A nil watch counts and traces for nobody.
type watch struct {
	registry *prometheus.Registry
	core     *gateway.Metrics
	amqp     *amqp.Metrics
	searches *query.Metrics
	streams  *live.Metrics
	exports  *rest.ExportMetrics
	feeds    *feed.Metrics
	running  *prometheus.GaugeVec
	unread   prometheus.Counter // of the public door
	tracing  *telemetry.Tracing // nil: nothing is traced
}

func (p *project) watch(log *slog.Logger) (*watch, error) {
	w := &watch{registry: prometheus.NewRegistry()}
	w.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	w.core = gateway.NewMetrics(w.registry)
	w.amqp = amqp.NewMetrics(w.registry)
	w.searches = query.NewMetrics(w.registry)
	w.streams = live.NewMetrics(w.registry)
	w.exports = rest.NewExportMetrics(w.registry)
	w.feeds = feed.NewMetrics(w.registry)
	w.running = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_info",
		Help: "1 for the version of the program and of the configuration that runs."}, []string{"version", "configuration"})
	w.unread = prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_unread_requests_total",
		Help: "Connections to the public listener over HTTP/1 that ended with bytes which never became a request: headers too large, too slow or broken off, or no HTTP."})
	w.registry.MustRegister(w.running, w.unread)
	if p.Telemetry.Traces == nil {
		return w, nil
	}
	var err error
	w.tracing, err = telemetry.New(*p.Telemetry.Traces, version, log)
	return w, err
}

// unfitViews shows how many views and reports do not fit their tables.
func (w *watch) unfitViews(count func() int) {
	w.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_unfit_views",
		Help: "Views and reports that do not fit the database's tables; /readyz names them."}, func() float64 { return float64(count()) }))
}

// configuration shows which one runs.
func (w *watch) configuration(running string) {
	w.running.Reset()
	w.running.WithLabelValues(version, running).Set(1)
}

func (w *watch) tracer() trace.Tracer {
	if w.tracing == nil {
		return nil
	}
	return w.tracing.Tracer()
}

func (w *watch) amqpMetrics() *amqp.Metrics {
	if w == nil {
		return nil
	}
	return w.amqp
}

func (w *watch) close(ctx context.Context) error {
	if w.tracing == nil {
		return nil
	}
	return w.tracing.Close(ctx)
}
