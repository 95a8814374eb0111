package ldap_test

import (
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/ldap"
)

// TestSlapdRefusalTimes measures on a real directory what a guesser could: the
// time of a refusal for unknown users and for wrong passwords, alternately, and
// asks with the rank sum test whether they differ (U, normal approximation).
func TestSlapdRefusalTimes(t *testing.T) {
	if testing.Short() {
		t.Skip("300 refusals of each kind")
	}
	real := realDirectory(t)
	c := settings("ldap://" + real.address)
	c.RefusalDelay = 20 * time.Millisecond
	c.Cache.Disabled, c.LockoutGuard.Disabled = true, true         // every login is asked about
	d, err := ldap.New(c, slog.New(slog.DiscardHandler), time.Now) // the other tests' clock stands
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	refuse := func(user string, want ldap.Reason) float64 {
		began := time.Now()
		if _, err := d.Authenticate(t.Context(), user, "wrong"); reasonOf(err) != want && reasonOf(err) != ldap.ReasonLocked {
			t.Fatalf("%s: %v", user, err)
		}
		return time.Since(began).Seconds()
	}
	const rounds = 300
	var unknown, wrong []float64
	for range rounds {
		unknown = append(unknown, refuse("nobody", ldap.ReasonUnknown))
		wrong = append(wrong, refuse("carol", ldap.ReasonPassword))
	}
	slices.Sort(unknown)
	slices.Sort(wrong)
	a, b := unknown[rounds/2], wrong[rounds/2]
	z := rankSum(unknown, wrong)
	t.Logf("medians: unknown user %.3f ms, wrong password %.3f ms; z = %.2f", a*1000, b*1000, z)
	const noise = 1.05
	if max(a, b)/min(a, b) > noise && math.Abs(z) > 3.3 { // p < 0.001
		t.Errorf("refusals tell: medians %.3f ms and %.3f ms, z = %.2f", a*1000, b*1000, z)
	}
}

// rankSum is how many standard deviations the Mann-Whitney U of two sorted
// samples is from what chance gives.
func rankSum(a, b []float64) float64 {
	u := 0
	for _, x := range a {
		below, _ := slices.BinarySearch(b, x)
		u += below
	}
	n, m := float64(len(a)), float64(len(b))
	return (float64(u) - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
}
