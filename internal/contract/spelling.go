package contract

import "strings"

// What is compared to find out what a sender meant: no longer words, and no more
// of them.
const (
	maxSpelt   = 64
	maxOffered = 500
)

// nearest returns the candidate that a word was most likely meant to be, or "":
// the same in another case or with other separators, else one that a third of
// its characters, at most three, keep apart.
func nearest(word string, candidates []string) string {
	if word == "" || len(word) > maxSpelt {
		return ""
	}
	plain := []rune(plainSpelling(word))
	best, least := "", min(len(plain)/3, 3)+1
	for _, c := range candidates[:min(len(candidates), maxOffered)] {
		if c == "" || len(c) > maxSpelt {
			continue
		}
		if d := distance(plain, []rune(plainSpelling(c))); d < least {
			best, least = c, d
		}
	}
	return best
}

// plainSpelling is a word without what spellings differ in most.
func plainSpelling(word string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune("_-. ", r) {
			return -1
		}
		return r
	}, word))
}

// distance counts the characters to insert, leave out, replace or swap with
// their neighbour to make b of a (the restricted edit distance).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			step := 1
			if a[i-1] == b[j-1] {
				step = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+step)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// isMeant is what a message adds when something looks like a slip.
func isMeant(what string) string {
	if what == "" {
		return ""
	}
	return "; is " + what + " meant?"
}
