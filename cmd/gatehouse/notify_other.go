//go:build !linux

package main

import "time"

// monotonic is asked by systemd only, which runs on Linux.
func monotonic() (time.Duration, error) { return 0, nil }
