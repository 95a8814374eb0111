package feed

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what feeds do. Nil counts nothing.
type Metrics struct {
	up       *prometheus.GaugeVec
	at       *prometheus.GaugeVec
	files    *prometheus.CounterVec
	rows     *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	failures *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	of := []string{"feed"}
	m := &Metrics{
		up:       prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_feed_up", Help: "1 while this process can go on with the feed, or another process does; 0 while it tries in vain."}, of),
		at:       prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_feed_as_of_seconds", Help: "The time, in seconds since 1970, up to which this process has brought the feed."}, of),
		files:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_feed_files_total", Help: "Files that this process has added to the feed."}, of),
		rows:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_feed_rows_total", Help: "Rows in files that this process has added to the feed."}, of),
		bytes:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_feed_bytes_total", Help: "Bytes of files that this process has added to the feed."}, of),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_feed_failures_total", Help: "Tries to go on with the feed that failed, by code."}, []string{"feed", "code"}),
	}
	r.MustRegister(m.up, m.at, m.files, m.rows, m.bytes, m.failures)
	return m
}

func (m *Metrics) round(feed string, up bool) {
	if m == nil {
		return
	}
	value := 0.0
	if up {
		value = 1
	}
	m.up.WithLabelValues(feed).Set(value)
}

func (m *Metrics) failed(feed, code string) {
	if m != nil {
		m.failures.WithLabelValues(feed, code).Inc()
	}
}

// published counts a manifest.
func (m *Metrics) published(next *Manifest) {
	if m != nil {
		m.at.WithLabelValues(next.Feed).Set(float64(next.At.UnixMilli()) / 1000)
	}
}

// added counts a file.
func (m *Metrics) added(feed string, f *File) {
	if m == nil {
		return
	}
	m.files.WithLabelValues(feed).Inc()
	m.rows.WithLabelValues(feed).Add(float64(f.Rows))
	m.bytes.WithLabelValues(feed).Add(float64(f.Bytes))
}
