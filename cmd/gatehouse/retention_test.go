package main

import (
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

func TestPeriod(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 30 * 24 * time.Hour, "1d": 24 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute, "1500ms": 1500 * time.Millisecond,
		"forever": gateway.Forever, "106751d": 106751 * 24 * time.Hour,
	} {
		var p, back period
		if err := p.UnmarshalText([]byte(text)); err != nil || time.Duration(p) != want {
			t.Errorf("%q: %s, %v", text, time.Duration(p), err)
		}
		if err := back.UnmarshalText([]byte(p.text())); err != nil || back != p {
			t.Errorf("%q is written as %q: %v", text, p.text(), err)
		}
	}
	for _, text := range []string{"", "0", "0d", "0s", "-1d", "-1h", "1.5d", "d", "30D", "30 d", "forever ", "Forever", "106752d", "18446744073709551616d", "9999999h", "one", "\x00"} {
		var p period
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %s", text, p.text())
		}
	}
}
