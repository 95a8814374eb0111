// Package bench is the arithmetic of a load test: what is sent next, what
// senders were told, how long they waited, and whether what a database holds
// afterwards agrees with that.
//
// It knows neither networks nor databases nor the gateway: it is told what was
// answered and what was found, and judges. So it can be wrong in no way in which
// the gateway is.
package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Door is one of the doors that messages come in by.
type Door uint8

// The doors.
const (
	SOAP Door = iota
	AMQP
	Doors = 2
)

// String returns the door's name.
func (d Door) String() string { return [...]string{"soap", "amqp"}[d] }

// ParseShare reads a share between 0 and 1: 5%, 0.05 or 0.
func ParseShare(text string) (float64, error) {
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(digits, 64)
	if percent {
		share /= 100
	}
	if err != nil || math.IsNaN(share) || share < 0 || share > 1 {
		return 0, fmt.Errorf("%q is no share, such as 5%% or 0.05", text)
	}
	return share, nil
}

// ParseMix reads how many messages of each kind there are, 70/30, and returns
// the share of the first.
func ParseMix(text string) (float64, error) {
	first, second, ok := strings.Cut(text, "/")
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(second, 10, 16)
	if !ok || err1 != nil || err2 != nil || a+b == 0 {
		return 0, fmt.Errorf("%q is no mixture, such as 70/30", text)
	}
	return float64(a) / float64(a+b), nil
}

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"KB", 1e3}, {"MB", 1e6}, {"B", 1}, {"", 1}}

// maxSize is the largest message that is made, in bytes.
const maxSize = 64 << 20

// ParseSize reads a number of bytes: 2KB, 20KiB, 1.5MB or 800.
func ParseSize(text string) (int, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(strings.TrimSpace(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err == nil && n > 0 && n*u.bytes <= maxSize && n*u.bytes >= 1 {
			return int(n * u.bytes), nil
		}
		break
	}
	return 0, fmt.Errorf("%q is no size of a message, such as 2KB, 20KiB or 1MB; the largest is 64MiB", text)
}
