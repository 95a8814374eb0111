package plural

import "testing"

func TestOf(t *testing.T) {
	for n, want := range map[int64]string{-1: "-1 deliveries are", 0: "0 deliveries are", 1: "1 delivery is", 2: "2 deliveries are", 11: "11 deliveries are"} {
		if got := Of(n, "delivery is", "deliveries are"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
