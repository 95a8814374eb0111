package main

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/bench"
)

// thisMachine describes where this runs, and how long an fsync takes in folder, when
// there is one.
func thisMachine(folder string) bench.Machine {
	m := bench.Machine{Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Gatehouse: version}
	if version == "development" {
		m.Gatehouse += revision()
	}
	if onLinux {
		m.CPU = afterColon("/proc/cpuinfo", "model name")
		if text, err := os.ReadFile("/proc/meminfo"); err == nil {
			m.Memory = kilobytes(string(text), "MemTotal:")
		}
		if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
			m.Kernel = strings.TrimSpace(string(text))
		}
	}
	if folder != "" {
		m.Fsync = fsyncTime(folder).Seconds()
	}
	return m
}

// revision is what this was built from, where the build says it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}

// afterColon finds the first line "key : value" of a file.
func afterColon(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fsyncTime is the median of how long it takes to append a page to a file in
// folder so that it lasts; 0 where no file can be written.
func fsyncTime(folder string) time.Duration {
	const times, page = 51, 4096
	file, err := os.CreateTemp(filepath.Clean(folder), "gatehouse-bench-fsync-")
	if err != nil {
		return 0
	}
	defer os.Remove(file.Name())
	defer file.Close()
	took := make([]time.Duration, times)
	for i := range took {
		begin := time.Now()
		if _, err := file.Write(make([]byte, page)); err != nil {
			return 0
		}
		if err := file.Sync(); err != nil {
			return 0
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took[times/2]
}
