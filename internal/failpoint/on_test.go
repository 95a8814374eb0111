//go:build crash

package failpoint

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBomb reads what GATEHOUSE_CRASH_AT may say.
func TestBomb(t *testing.T) {
	type hit struct{ name, value string }
	for _, c := range []struct {
		at   string
		hits []hit
		dies int // at which of the hits; 0: none
	}{
		{"", []hit{{"a", ""}, {"b", "v"}}, 0},
		{"a", []hit{{"b", ""}, {"a", ""}}, 2},
		{"a:3", []hit{{"a", ""}, {"b", ""}, {"a", ""}, {"a", ""}}, 4},
		{"a:0", []hit{{"a", ""}}, 1},
		{"a:x", []hit{{"a", ""}}, 1},
		{"a=v", []hit{{"a", "w"}, {"b", "v"}, {"a", "v"}}, 3},
		{"a=v:2", []hit{{"a", "v"}, {"a", "v:2"}}, 2}, // a value may hold anything
		{"a=", []hit{{"a", "w"}}, 1},
		{"a:2=v", []hit{{"a", "v"}, {"a", "v"}}, 2},
	} {
		b := newBomb(c.at, "")
		died := 0
		for i, h := range c.hits {
			if b.goesOff(h.name, h.value) && died == 0 {
				died = i + 1
			}
		}
		if died != c.dies {
			t.Errorf("%q dies at hit %d of %v, want %d", c.at, died, c.hits, c.dies)
		}
	}
}

// TestArming counts from when the file is there.
func TestArming(t *testing.T) {
	file := filepath.Join(t.TempDir(), "now")
	b := newBomb("a:2", file)
	for range 5 {
		if b.goesOff("a", "") {
			t.Fatal("it went off before the file was there")
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if b.goesOff("a", "") || !b.goesOff("a", "") {
		t.Error("it does not go off at the second hit after the file is there")
	}
}
