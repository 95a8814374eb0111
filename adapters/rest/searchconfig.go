package rest

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/sealing"
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

// Desk is where searches are bounded so. Where pages go on is sealed with keys.
func (c SearchConfig) Desk(keys sealing.Keys, metrics *query.Metrics) *query.Desk {
	c = c.Effective()
	return &query.Desk{Places: query.NewPlaces(c.MaxConcurrent, c.MaxPerUser), Metrics: metrics, Tokens: odata.NewTokens(keys), Timeout: c.Timeout}
}
