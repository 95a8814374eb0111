package bench

import "testing"

func TestParseShare(t *testing.T) {
	for text, want := range map[string]float64{"5%": 0.05, "0": 0, "0.25": 0.25, "100%": 1, " 1% ": 0.01} {
		if got, err := ParseShare(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "101%", "1.5", "-1%", "NaN", "half", "5%%"} {
		if got, err := ParseShare(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestParseMix(t *testing.T) {
	for text, want := range map[string]float64{"70/30": 0.7, "1/1": 0.5, "0/5": 0, "5/0": 1} {
		if got, err := ParseMix(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "70", "70/", "0/0", "-1/2", "a/b", "1/2/3", "99999999999/1"} {
		if got, err := ParseMix(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int{"2KB": 2000, "20KiB": 20480, "1.5MB": 1500000, "800": 800, "1 MiB": 1 << 20, "64MiB": 64 << 20, "9B": 9} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "KB", "-1KB", "0", "0.1", "65MiB", "1e300", "NaN", "inf", "2 kilos", "1GB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
