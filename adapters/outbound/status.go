package outbound

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Status is an HTTP status such as 408, or a class of them such as 5xx.
type Status struct{ low, high int }

// UnmarshalText reads 204 or 2xx.
func (s *Status) UnmarshalText(text []byte) error {
	class, isClass := strings.CutSuffix(strings.ToLower(string(text)), "xx")
	n, err := strconv.Atoi(class)
	switch {
	case isClass && err == nil && n >= 2 && n <= 5:
		*s = Status{n * 100, n*100 + 99}
	case !isClass && err == nil && n >= 200 && n <= 599:
		*s = Status{n, n}
	default:
		return fmt.Errorf("%q is neither an HTTP status from 200 to 599 nor a class such as 5xx", text)
	}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (s Status) MarshalText() ([]byte, error) {
	if s.low != s.high {
		return []byte(strconv.Itoa(s.low/100) + "xx"), nil
	}
	return []byte(strconv.Itoa(s.low)), nil
}

func among(list []Status, status int) bool {
	return slices.ContainsFunc(list, func(s Status) bool { return s.low <= status && status <= s.high })
}

// The defaults of an HTTP channel.
var (
	successes = []Status{{200, 299}}
	retried   = []Status{{408, 408}, {425, 425}, {429, 429}, {500, 599}}
)

// retryAfter reads the header (RFC 9110 §10.2.3): seconds or a date; zero when it
// is absent or neither.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
