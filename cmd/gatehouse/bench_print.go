package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/bench"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// printBench writes a report for people.
func printBench(out io.Writer, r *bench.Report) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s "+format+"\n", append([]any{name}, args...)...)
	}
	for _, word := range r.Words {
		line("wrong", "%s", word)
	}
	l, t := r.Load, r.Throughput
	line("sent", "%s of %s (%d by SOAP, %d by AMQP), %d before as warm-up; %s", plural.Of(l.Messages, "message", "messages"), bytesText(l.Bytes), l.SOAP, l.AMQP, l.WarmUp, pace(l))
	line("", "%d invalid, %s, %s, %s cut, seed %d", l.Invalid, plural.Of(l.Repeats, "repeat", "repeats"), plural.Of(l.Retries, "retry", "retries"), plural.Of(l.Cuts, "connection", "connections"), l.Seed)
	line("stored", "%.0f messages/s: %d in %.2f s, %s/s; all confirmed after %.2f s", t.PerSecond, t.Stored, t.Seconds, bytesText(t.BytesPerSecond), t.Published)
	if l.SOAP > 0 && l.AMQP > 0 {
		line("", "%.0f/s by SOAP, %.0f/s by AMQP", t.SOAPPerSecond, t.AMQPPerSecond)
	}
	if c := r.Commits; c != nil {
		line("commits", "%.0f, of %.1f messages and %s each", c.Count, c.Messages, secondsText(c.Seconds))
	}
	printLatency(&b, r)
	if base := r.Baseline; base != nil {
		line("by hand", "%.0f messages/s, business rows alone (%d): the gateway reaches %.0f %%; CPU %s a message", base.Business, base.Rows, 100*base.BusinessShare, secondsText(base.BusinessCPU))
		line("", "%.0f messages/s, all rows that it leaves (%d): the gateway reaches %.0f %%; CPU %s a message", base.Ledger, base.LedgerRows, 100*base.LedgerShare, secondsText(base.LedgerCPU))
		if base.Connections > 0 {
			line("", "%.0f messages/s, the same in transactions of %d, as many as connections: it reaches %.0f %%; CPU %s a message", base.ConnectionsRate, base.Connections, 100*base.ConnectionsShare, secondsText(base.ConnectionsCPU))
		}
		if base.AsOften > 0 {
			line("", "%.0f messages/s, the same in transactions of %d, as the gateway's were: it reaches %.0f %%; CPU %s a message", base.OftenRate, base.AsOften, 100*base.OftenShare, secondsText(base.OftenCPU))
		}
	}
	printProcess(line, "gateway", r.Gateway)
	printProcess(line, "load test", r.Sender)
	printMachine(line, r)
	line("checked", "%s", r.Setting.Checked)
	fmt.Fprintln(&b, verdictLine(r))
	_, err := io.WriteString(out, b.String())
	return err
}

func pace(l bench.LoadReport) string {
	if l.Rate > 0 {
		return fmt.Sprintf("%g/s over %s", l.Rate, plural.Of(l.Concurrency, "connection", "connections"))
	}
	return fmt.Sprintf("concurrency %d", l.Concurrency)
}

// doorNames are what latencies are of.
var doorNames = map[string]string{"soap": "SOAP, answered", "amqp": "AMQP, stored", "amqp_confirm": "AMQP, confirmed"}

func printLatency(b *strings.Builder, r *bench.Report) {
	fmt.Fprintf(b, "\n%-16s %9s %9s %9s %9s %9s %9s\n", "latency", "p50", "p90", "p99", "p99.9", "max", "count")
	for _, name := range slices.Sorted(maps.Keys(r.Latency)) {
		p := r.Latency[name]
		fmt.Fprintf(b, "%-16s %9s %9s %9s %9s %9s %9d\n", cmp.Or(doorNames[name], name), secondsText(p.P50), secondsText(p.P90), secondsText(p.P99), secondsText(p.P999), secondsText(p.Max), p.Count)
	}
	b.WriteString("\n")
}

func printProcess(line func(string, string, ...any), name string, p bench.Process) {
	if p.CPU > 0 {
		line(name, "CPU %.2f s (user %.2f, system %.2f), %.0f %% of all cores; %s a message", p.CPU, p.User, p.System, 100*p.Share, secondsText(p.PerMessage))
		name = ""
	}
	if p.RSS > 0 {
		line(name, "memory %s, peak %s, heap %s; %.0f goroutines", bytesText(p.RSS), bytesText(p.PeakRSS), bytesText(p.Heap), p.Goroutines)
	}
	if p.Allocations > 0 {
		line("", "%.0f allocations and %s a message, %.0f garbage collections", p.Allocations, bytesText(p.Allocated), p.Collections)
	}
}

func printMachine(line func(string, string, ...any), r *bench.Report) {
	m, s := r.Machine, r.Setting
	line("machine", "%s, %s, %s; %s %s", cmp.Or(m.CPU, "unknown processor"), plural.Of(m.Cores, "core", "cores"), bytesText(m.Memory), m.OS, m.Kernel)
	if m.Fsync > 0 {
		line("", "fsync in the database's folder: %s (median)", secondsText(m.Fsync))
	}
	line("", "gatehouse %s, %s", m.Gatehouse, m.Go)
	line("configuration", "%s: %s, route %s, mapping %s", s.File, s.Store, s.Route, s.Mapping)
	line("", "%s; %s", s.Server, s.Message)
}

// verdictLine is the last line: how much of each kind is wrong.
func verdictLine(r *bench.Report) string {
	out := fmt.Sprintf("%s: stored %d", r.Verdict, r.Throughput.Stored)
	for i, kind := range bench.Kinds {
		if n := r.Wrong[kind]; n > 0 || i < 3 {
			out += fmt.Sprintf(", %s %d", kind, n)
		}
	}
	return out
}

// secondsText writes a time with three digits.
func secondsText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= 100*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", seconds*1e3)
	default:
		return fmt.Sprintf("%.3g µs", seconds*1e6)
	}
}

func bytesText(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f KB", n/1e3)
	default:
		return fmt.Sprintf("%.0f B", n)
	}
}
