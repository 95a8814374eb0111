package ldap_test

import (
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
)

// TestSlapdRefusalTimes measures on a real directory what a guesser could: how
// long a refusal takes for unknown users and for wrong passwords, in random order.
// The effect is the chance that an unknown user takes longer than a wrong password
// (Mann and Whitney's U over all pairs): one half tells nothing. Without the delay
// the same measure must see a bind of ten milliseconds, or it would be worth nothing.
func TestSlapdRefusalTimes(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of refusals of each kind take a while; run without -short")
	}
	const rounds, told, noise = 300, 0.25, 0.12 // noise: five standard deviations of equal times
	real := realDirectory(t)
	slow := serve(t, directory.Config{Hook: func(r directory.Request) directory.Fault {
		if r.Operation == "bind" && strings.HasPrefix(r.DN, "uid=carol,") {
			return directory.Fault{Delay: 10 * time.Millisecond}
		}
		return directory.Fault{}
	}})
	if open := measureRefusals(t, slow.Addr(), time.Nanosecond, rounds/3); open.effect > -told {
		t.Errorf("without a delay the measure does not see the bind: %v", open)
	}
	if hidden := measureRefusals(t, real.address, 20*time.Millisecond, rounds); math.Abs(hidden.effect) > noise {
		t.Errorf("refusals tell: %v", hidden)
	}
}

// refusalTimes are medians in milliseconds, and by how much the chance that an
// unknown user takes longer is more than one half.
type refusalTimes struct{ unknown, wrong, effect float64 }

func measureRefusals(t *testing.T, address string, delay time.Duration, rounds int) refusalTimes {
	c := settings("ldap://" + address)
	c.RefusalDelay = delay
	c.Cache.Disabled, c.LockoutGuard.Disabled = true, true         // every login is asked about
	d, err := ldap.New(c, slog.New(slog.DiscardHandler), time.Now) // the other tests' clock stands
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	refuse := func(user string, want ldap.Reason) float64 {
		began := time.Now()
		if _, err := d.Authenticate(t.Context(), user, "wrong"); reasonOf(err) != want && reasonOf(err) != ldap.ReasonLocked {
			t.Fatalf("%s: %v", user, err)
		}
		return time.Since(began).Seconds() * 1000
	}
	var unknown, wrong []float64
	for len(unknown) < rounds || len(wrong) < rounds {
		if rand.IntN(2) == 0 {
			unknown = append(unknown, refuse("nobody", ldap.ReasonUnknown))
		} else {
			wrong = append(wrong, refuse("carol", ldap.ReasonPassword))
		}
	}
	slices.Sort(unknown)
	slices.Sort(wrong)
	r := refusalTimes{unknown[len(unknown)/2], wrong[len(wrong)/2], longer(unknown, wrong) - 0.5}
	t.Logf("delay %v: medians: unknown user %.3f ms, wrong password %.3f ms; effect %+.3f", delay, r.unknown, r.wrong, r.effect)
	return r
}

// longer is how many of the pairs have the longer time in a, of two sorted samples;
// equal ones count half.
func longer(a, b []float64) float64 {
	u := 0.0
	for _, x := range a {
		below, _ := slices.BinarySearch(b, x)
		above, _ := slices.BinarySearch(b, math.Nextafter(x, math.Inf(1)))
		u += float64(below+above) / 2
	}
	return u / float64(len(a)*len(b))
}
