package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range of what can be told apart, in nanoseconds: from a microsecond to an
// hour, to three digits.
const (
	leastLatency = int64(time.Microsecond)
	mostLatency  = int64(time.Hour)
	digits       = 3
)

// Latencies are how long answers took. It is safe for concurrent use.
type Latencies struct {
	mu sync.Mutex
	h  *hdrhistogram.Histogram
}

// NewLatencies returns an empty one.
func NewLatencies() *Latencies {
	return &Latencies{h: hdrhistogram.New(leastLatency, mostLatency, digits)}
}

// Record notes one; what is out of range counts as the end of it.
func (l *Latencies) Record(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.h.RecordValue(min(max(int64(d), leastLatency), mostLatency)); err != nil {
		panic(err) // it is within the range
	}
}

// Percentiles are what a report shows of latencies, in seconds.
type Percentiles struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99_9"`
	Max   float64 `json:"max"`
}

// Percentiles sums up. Without a latency everything is 0.
func (l *Latencies) Percentiles() Percentiles {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.h.TotalCount() == 0 {
		return Percentiles{} // the library knows a greatest of nothing
	}
	at := func(q float64) float64 { return time.Duration(l.h.ValueAtQuantile(q)).Seconds() }
	return Percentiles{
		Count: l.h.TotalCount(), Mean: l.h.Mean() / float64(time.Second),
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: time.Duration(l.h.Max()).Seconds(),
	}
}
