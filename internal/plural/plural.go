// Package plural writes how many there are of something, for texts that people
// read: "1 message", "2 messages". It knows no words of its own.
package plural

import "strconv"

// Of is n with the word for one, or that for any other number. The words may be
// several, with a verb: Of(n, "message is", "messages are").
func Of[N ~int | ~int32 | ~int64](n N, one, many string) string {
	word := many
	if n == 1 {
		word = one
	}
	return strconv.FormatInt(int64(n), 10) + " " + word
}
