package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/bench"
)

// usageOf is what gateway and load test have used so far, or between two moments.
type usageOf struct {
	at              time.Time
	took            time.Duration
	gateway, sender processTimes
	metrics         map[string]float64 // nil: nobody tells
	last            map[string]float64 // as they were at the end
}

// processTimes are the processor's seconds of a process, and its memory.
type processTimes struct {
	known        bool
	user, system float64
	rss, peak    float64
}

// usage looks at both processes now.
func (r *benchRun) usage(ctx context.Context) usageOf {
	u := usageOf{at: time.Now(), sender: timesOf(os.Getpid())}
	if pid := r.target.gateway.pid(); pid != 0 {
		u.gateway = timesOf(pid)
	}
	if r.target.metrics != nil {
		metrics, err := r.target.metrics.read(ctx)
		if err != nil {
			fmt.Fprintf(r.progress, "no metrics: %v\n", err)
		}
		u.metrics = metrics
	}
	return u
}

// clockTicks are what /proc counts a second in, on every Linux that Go runs on.
const clockTicks = 100

// timesOf reads /proc, where there is one.
func timesOf(pid int) (t processTimes) {
	if !onLinux {
		return t
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return t
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return t
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if errors.Join(err1, err2) != nil {
		return t
	}
	t = processTimes{known: true, user: user / clockTicks, system: system / clockTicks}
	t.rss, t.peak = statusKB(pid, "VmRSS:"), statusKB(pid, "VmHWM:")
	return t
}

// statusKB reads a line of /proc/PID/status, in bytes; 0: it is not there.
func statusKB(pid int, key string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	return kilobytes(string(text), key)
}

// kilobytes finds "key  123 kB", in bytes.
func kilobytes(text, key string) float64 {
	for line := range strings.SplitSeq(text, "\n") {
		if rest, ok := strings.CutPrefix(line, key); ok {
			n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				return 0
			}
			return n * 1024
		}
	}
	return 0
}

// since is what was used between an earlier look and this one.
func (u usageOf) since(before usageOf) usageOf {
	u.took = u.at.Sub(before.at)
	for _, pair := range [][2]*processTimes{{&u.gateway, &before.gateway}, {&u.sender, &before.sender}} {
		pair[0].user -= pair[1].user
		pair[0].system -= pair[1].system
	}
	u.last = u.metrics
	if u.metrics == nil || before.metrics == nil {
		u.metrics = nil
		return u
	}
	grown := map[string]float64{}
	for name, v := range u.metrics {
		grown[name] = v - before.metrics[name]
	}
	u.metrics = grown
	return u
}

// into writes what was used into the report.
func (u usageOf) into(r *bench.Report, stored int) {
	r.Gateway, r.Sender = u.process(u.gateway, stored), u.process(u.sender, stored)
	g := &r.Gateway
	if !u.gateway.known && u.metrics != nil { // it runs elsewhere
		g.CPU, g.RSS = u.metrics["process_cpu_seconds_total"], u.last["process_resident_memory_bytes"]
		g.Share = share(g.CPU, u.took)
	}
	if stored > 0 {
		g.PerMessage = g.CPU / float64(stored)
		g.Allocations = u.metrics["go_memstats_mallocs_total"] / float64(stored)
		g.Allocated = u.metrics["go_memstats_alloc_bytes_total"] / float64(stored)
	}
	g.Heap, g.Goroutines = u.last["go_memstats_heap_alloc_bytes"], u.last["go_goroutines"]
	g.Collections = u.metrics["go_gc_duration_seconds_count"]
	if n := u.metrics["gatehouse_commit_messages_count"]; n > 0 {
		r.Commits = &bench.Commits{Count: n, Messages: u.metrics["gatehouse_commit_messages_sum"] / n}
		if n := u.metrics["gatehouse_commit_seconds_count"]; n > 0 {
			r.Commits.Seconds = u.metrics["gatehouse_commit_seconds_sum"] / n
		}
	}
}

func (u usageOf) process(t processTimes, stored int) bench.Process {
	if !t.known {
		return bench.Process{}
	}
	p := bench.Process{User: t.user, System: t.system, CPU: t.user + t.system, RSS: t.rss, PeakRSS: t.peak}
	p.Share = share(p.CPU, u.took)
	if stored > 0 {
		p.PerMessage = p.CPU / float64(stored)
	}
	return p
}

// share is of all processors of this machine.
func share(cpu float64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return cpu / took.Seconds() / float64(runtime.NumCPU())
}

// metricsPage is a gateway's /metrics.
type metricsPage struct {
	url    string
	client *http.Client
}

func newMetricsPage(url string) *metricsPage {
	// Nothing is told it, and what it says is only printed.
	return &metricsPage{url, &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
}

// read returns every metric, those with labels added up by name.
func (m *metricsPage) read(ctx context.Context) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url, nil)
	if err != nil {
		return nil, err
	}
	res, err := m.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", m.url, res.Status)
	}
	return parseMetrics(io.LimitReader(res.Body, 64<<20))
}

// parseMetrics reads the text format of Prometheus.
func parseMetrics(r io.Reader) (map[string]float64, error) {
	out := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name, value := line, ""
		if i := strings.LastIndexByte(line, ' '); i >= 0 {
			name, value = line[:i], line[i+1:]
		}
		name, _, _ = strings.Cut(name, "{")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no metric", line)
		}
		out[name] += v
	}
	return out, lines.Err()
}
