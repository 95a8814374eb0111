package query

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Metrics is what is counted of searches, whichever door they come by. Views are of the
// configuration, so their number is bounded.
type Metrics struct {
	searches *prometheus.CounterVec   // view, outcome
	rows     *prometheus.CounterVec   // view
	took     *prometheus.HistogramVec // view
}

// NewMetrics makes the metrics of searches and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		searches: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_searches_total",
			Help: "Searches by view and outcome (answered, or the kind of the fault)."}, []string{"view", "outcome"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_search_rows_total",
			Help: "Rows that searches were answered with, by view; their children are not counted."}, []string{"view"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_search_seconds",
			Help: "Time from a search's arrival to its answer.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"view"}),
	}
	r.MustRegister(m.searches, m.rows, m.took)
	return m
}

// Searched counts one search: the rows it was answered with, or its fault.
func (m *Metrics) Searched(view string, err error, rows int, took time.Duration) {
	outcome := "answered"
	if err != nil {
		outcome = fault.KindOf(err).String()
		rows = 0
	}
	m.searches.WithLabelValues(view, outcome).Inc()
	m.rows.WithLabelValues(view).Add(float64(rows))
	m.took.WithLabelValues(view).Observe(took.Seconds())
}
