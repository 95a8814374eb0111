package rest

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// ExportConfig bounds exports. Every zero value means its default.
type ExportConfig struct {
	// MaxConcurrent is how many exports are read at once in this process; a request for
	// another one is told to come again (429), a job waits. Default: 2.
	MaxConcurrent int `yaml:"max_concurrent"`
	// MaxPerUser is how many exports one user may have under way, those that wait among
	// them (429). Default: 2.
	MaxPerUser int `yaml:"max_per_user"`
	// Timeout is how long one export may take. Default: 30m.
	Timeout time.Duration `yaml:"timeout"`
	// Directory is where the files of export jobs are, for this process alone. Default:
	// there are no jobs.
	Directory config.Path `yaml:"directory"`
	// Keep is how long a file is kept after it was made. Default: 24h.
	Keep time.Duration `yaml:"keep"`
	// MaxBytes is how many bytes the files may have together; a job that would make them
	// more fails. Default: 10 GiB.
	MaxBytes int `yaml:"max_bytes"`
}

const maxExportTime = 24 * time.Hour

// Validate reports every fault of the section at once.
func (c ExportConfig) Validate() error {
	var faults []error
	for _, n := range []struct {
		name  string
		value int64
	}{{"max_concurrent", int64(c.MaxConcurrent)}, {"max_per_user", int64(c.MaxPerUser)}, {"max_bytes", int64(c.MaxBytes)}, {"keep", int64(c.Keep)}} {
		if n.value < 0 {
			faults = append(faults, fmt.Errorf("%s: %d is negative", n.name, n.value))
		}
	}
	if c.Timeout < 0 || c.Timeout > maxExportTime {
		faults = append(faults, fmt.Errorf("timeout: %v is not between 0 and %v", c.Timeout, maxExportTime))
	}
	if c.Directory == "" && (c.Keep > 0 || c.MaxBytes > 0) {
		faults = append(faults, errors.New("directory: nothing is kept without one"))
	}
	return errors.Join(faults...)
}

// Effective returns the settings with every default filled in.
func (c ExportConfig) Effective() ExportConfig {
	c.MaxConcurrent = cmp.Or(c.MaxConcurrent, 2)
	c.MaxPerUser = cmp.Or(c.MaxPerUser, 2)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Minute)
	if c.Directory != "" {
		c.Keep, c.MaxBytes = cmp.Or(c.Keep, 24*time.Hour), cmp.Or(c.MaxBytes, 10<<30)
	}
	return c
}

// ExportMetrics is what is counted of exports.
type ExportMetrics struct {
	exports *prometheus.CounterVec // view, format, outcome
	rows    *prometheus.CounterVec // view
}

// NewExportMetrics makes the metrics of exports and registers them.
func NewExportMetrics(r prometheus.Registerer) *ExportMetrics {
	m := &ExportMetrics{
		exports: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_exports_total",
			Help: "Exports by view, format and outcome (whole, or the kind of the fault)."}, []string{"view", "format", "outcome"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_export_rows_total",
			Help: "Rows that were written into exports, by view."}, []string{"view"}),
	}
	r.MustRegister(m.exports, m.rows)
	return m
}

func (m *ExportMetrics) exported(view, format string, rows int64, err error) {
	outcome := "whole"
	if err != nil {
		outcome = fault.KindOf(err).String()
	}
	m.exports.WithLabelValues(view, format, outcome).Inc()
	m.rows.WithLabelValues(view).Add(float64(rows))
}
