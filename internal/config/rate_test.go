package config

import "testing"

func TestRate(t *testing.T) {
	for text, want := range map[string]float64{"50/s": 50, "90/m": 1.5, "1/h": 1.0 / 3600, "7 / m": 7.0 / 60} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || float64(r) != want {
			t.Errorf("%q: %v, %v", text, float64(r), err)
		}
		back, _ := r.MarshalText()
		var again Rate
		if err := again.UnmarshalText(back); err != nil || again != r {
			t.Errorf("%q comes back as %q: %v", text, back, err)
		}
	}
	for _, bad := range []string{"", "50", "0/s", "-1/s", "1.5/s", "50/d", "50/", "/s", "50/s/s", "99999999999999999999/s", "NaN/s", "1e3/s"} {
		var r Rate
		if err := r.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken for %v", bad, r)
		}
	}
}
