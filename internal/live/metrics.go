package live

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what streams do. Nil counts nothing.
type Metrics struct {
	open    *prometheus.GaugeVec
	events  *prometheus.CounterVec
	ends    *prometheus.CounterVec
	reads   *prometheus.CounterVec
	lagging prometheus.Histogram
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		open:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_streams_open", Help: "Streams of changes that are open."}, []string{"view"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_stream_events_total", Help: "Events sent on streams of changes."}, []string{"view", "event"}),
		ends:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_stream_ends_total", Help: "Streams of changes that have ended, by why."}, []string{"view", "reason"}),
		reads:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_stream_rows_total", Help: "Changed rows that streams wanted to show: read, or shared with another stream."}, []string{"by"}),
		lagging: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gatehouse_stream_lag_seconds", Help: "How long after its entry was made a change was found in the log.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 5, 30}}),
	}
	r.MustRegister(m.open, m.events, m.ends, m.reads, m.lagging)
	return m
}

func (m *Metrics) lag(d time.Duration) {
	if m != nil {
		m.lagging.Observe(max(0, d).Seconds())
	}
}

func (m *Metrics) read(by string) {
	if m != nil {
		m.reads.WithLabelValues(by).Inc()
	}
}

// Opened counts a stream in.
func (m *Metrics) Opened(view string) {
	if m != nil {
		m.open.WithLabelValues(view).Inc()
	}
}

// Sent counts an event.
func (m *Metrics) Sent(view, event string) {
	if m != nil {
		m.events.WithLabelValues(view, event).Inc()
	}
}

// Closed counts a stream out.
func (m *Metrics) Closed(view, reason string) {
	if m != nil {
		m.open.WithLabelValues(view).Dec()
		m.ends.WithLabelValues(view, reason).Inc()
	}
}
