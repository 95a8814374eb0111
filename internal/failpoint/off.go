//go:build !crash

package failpoint

// Hit does nothing in this build.
func Hit(string) {}

// HitFor does nothing in this build.
func HitFor(string, string) {}
