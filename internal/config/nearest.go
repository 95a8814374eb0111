package config

import "strings"

// Nearest returns the candidate that was probably meant by word: the one with
// the fewest slips of the keyboard, at most one for every three letters of the
// word and at least one; empty when there is none. Letter case is no slip. Of
// equals the first one wins.
func Nearest(word string, candidates []string) string {
	w := []rune(strings.ToLower(word))
	if len(w) == 0 || len(w) > 64 {
		return ""
	}
	best, limit := "", max(1, len(w)/3)+1
	for _, c := range candidates {
		if len(c) > 256 {
			continue
		}
		if d := distance(w, []rune(strings.ToLower(c))); d < limit {
			best, limit = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
