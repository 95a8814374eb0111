package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rate is a number of things in a unit of time, written 50/s, 1000/m or 20/h. It
// is kept per second.
type Rate float64

var rateUnits = []struct {
	name    string
	seconds float64
}{{"s", 1}, {"m", 60}, {"h", 3600}}

// UnmarshalText reads 50/s.
func (r *Rate) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(strings.ReplaceAll(string(text), " ", ""), "/")
	n, err := strconv.ParseUint(number, 10, 31)
	for _, u := range rateUnits {
		if err == nil && n > 0 && unit == u.name {
			*r = Rate(float64(n) / u.seconds)
			return nil
		}
	}
	return fmt.Errorf("%q is not a rate; write a whole number a second, minute or hour, as in 50/s, 1000/m or 20/h", text)
}

// String renders the rate with the smallest unit in which it is a whole number.
func (r Rate) String() string {
	for _, u := range rateUnits {
		if n := float64(r) * u.seconds; math.Abs(n-math.Round(n)) < 1e-6 {
			return strconv.FormatFloat(math.Round(n), 'f', -1, 64) + "/" + u.name
		}
	}
	return strconv.FormatFloat(float64(r), 'g', -1, 64) + "/s"
}

// MarshalText writes what UnmarshalText reads; nothing for no rate.
func (r Rate) MarshalText() ([]byte, error) {
	if r == 0 {
		return nil, nil
	}
	return []byte(r.String()), nil
}
