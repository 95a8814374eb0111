package rest

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// SearchConfig bounds searches. Every zero value means its default.
type SearchConfig struct {
	// MaxConcurrent is how many searches are under way at once in this process; more
	// are told to come again (503). Default: 8.
	MaxConcurrent int `yaml:"max_concurrent"`
	// MaxPerUser is how many of them one user may have (429). Default: 4.
	MaxPerUser int `yaml:"max_per_user"`
	// Timeout is how long one search may take. Default: 10s.
	Timeout time.Duration `yaml:"timeout"`
	// Messages serves the ledger as the view messages, to those who may read
	// message/<route>. Default: it is told of at the operations door alone.
	Messages bool `yaml:"messages"`
}

const maxSearchTime = time.Minute

// Validate reports every fault of the section at once.
func (c SearchConfig) Validate() error {
	var faults []error
	if c.MaxConcurrent < 0 {
		faults = append(faults, fmt.Errorf("max_concurrent: %d is negative", c.MaxConcurrent))
	}
	if c.MaxPerUser < 0 {
		faults = append(faults, fmt.Errorf("max_per_user: %d is negative", c.MaxPerUser))
	}
	if c.Timeout < 0 || c.Timeout > maxSearchTime {
		faults = append(faults, fmt.Errorf("timeout: %v is not between 0 and %v", c.Timeout, maxSearchTime))
	}
	return errors.Join(faults...)
}

// Effective returns the settings with every default filled in.
func (c SearchConfig) Effective() SearchConfig {
	c.MaxConcurrent = cmp.Or(c.MaxConcurrent, 8)
	c.MaxPerUser = min(cmp.Or(c.MaxPerUser, 4), c.MaxConcurrent)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	return c
}

// busy counts the searches of each user that are under way.
type busy struct {
	most int
	mu   sync.Mutex
	of   map[string]int
}

func newBusy(most int) *busy { return &busy{most: most, of: map[string]int{}} }

// take returns false when the user has all that he may have.
func (b *busy) take(user string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[user] >= b.most {
		return false
	}
	b.of[user]++
	return true
}

func (b *busy) free(user string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[user]--; b.of[user] == 0 {
		delete(b.of, user)
	}
}

// SearchMetrics is what is counted of searches. Views are of the configuration, so
// their number is bounded.
type SearchMetrics struct {
	searches *prometheus.CounterVec   // view, outcome
	rows     *prometheus.CounterVec   // view
	took     *prometheus.HistogramVec // view
}

// NewSearchMetrics makes the metrics of searches and registers them.
func NewSearchMetrics(r prometheus.Registerer) *SearchMetrics {
	m := &SearchMetrics{
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

func (m *SearchMetrics) searched(view string, err error, rows int, took time.Duration) {
	outcome := "answered"
	if err != nil {
		outcome = fault.KindOf(err).String()
		rows = 0
	}
	m.searches.WithLabelValues(view, outcome).Inc()
	m.rows.WithLabelValues(view).Add(float64(rows))
	m.took.WithLabelValues(view).Observe(took.Seconds())
}
