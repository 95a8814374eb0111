package sqlite_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestDiagnose: a file that others may read, or that cannot be written, is told
// of; one that the store made itself is neither.
func TestDiagnose(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the modes of files mean nothing on Windows")
	}
	path := filepath.Join(t.TempDir(), "g.db")
	s := openFile(t, path)
	expect := func(mode os.FileMode, want ...string) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		lines, err := s.Check(t.Context(), nil)
		if err != nil || len(lines) != len(want) {
			t.Fatalf("mode %#o: %q, %v", mode, lines, err)
		}
		for i := range want {
			if !strings.Contains(lines[i], want[i]) {
				t.Errorf("mode %#o: %q, want %q", mode, lines[i], want[i])
			}
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the store made %v, %v", info, err)
	}
	expect(0o600)
	expect(0o644, "chmod 600 "+path)
	if os.Geteuid() != 0 { // who may do everything is refused nothing
		expect(0o400, "cannot be written")
	}
}
