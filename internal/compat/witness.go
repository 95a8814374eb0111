package compat

import (
	"math/big"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// witness looks for a value that from takes and to refuses: a proof that a
// change breaks, and an example for people. It returns "" where it finds none,
// which proves nothing.
func witness(from, to *contract.Simple) string {
	has, takes := taker(from), taker(to)
	for _, v := range candidates(from, to) {
		if v != "" && has(v) && !takes(v) {
			return v
		}
	}
	return ""
}

// maxCandidate bounds how long a value is tried.
const maxCandidate = 4096

// texts are values of many types.
var texts = []string{
	"A", "a", "1", "0", "-1", "AB", "12", "1.5", "1.0", "-0.5", "ABC", "123", "abc", "A1", "text", "a b", " a ", "9",
	"true", "2026-03-02", "2026-03-02T09:30:00", "2026-03-02T09:30:00Z", "09:30:00", "P1D", "2026", "2026-03", "--03-02", "---02", "--03",
	"AQID", "0AFF", "urn:a:b", "en", "a@b.example", "1.5E3", "INF", "0.01", "0.0001", "1000", "1000000", "99999999999", "1 2", "a b c", "1 2 3 4",
}

// candidates are values at the edges of both types.
func candidates(from, to *contract.Simple) []string {
	out := append([]string(nil), from.Enumeration...)
	for _, s := range []*contract.Simple{from, to} {
		for _, l := range bounds(s) {
			out = append(out, around(l.value)...)
		}
		span := lengths(s)
		for _, n := range []int{span.min - 1, span.min, span.max, span.max + 1} {
			out = append(out, ofLength(n)...)
		}
		for _, n := range []*int{s.TotalDigits, s.FractionDigits} {
			if n != nil && *n < maxCandidate {
				out = append(out, strings.Repeat("9", *n), strings.Repeat("9", *n+1), "0."+strings.Repeat("1", *n), "0."+strings.Repeat("1", *n+1))
			}
		}
	}
	for _, m := range from.Members {
		out = append(out, m.Enumeration...)
		for _, l := range bounds(m) {
			out = append(out, around(l.value)...)
		}
	}
	if from.Item != nil {
		out = append(out, from.Item.Enumeration...)
	}
	return append(out, texts...)
}

// around is a bound and the whole numbers beside it.
func around(v string) []string {
	out := []string{v}
	if n, ok := new(big.Int).SetString(strings.TrimPrefix(v, "+"), 10); ok && len(v) <= maxDigits {
		one := big.NewInt(1)
		out = append(out, new(big.Int).Sub(n, one).String(), new(big.Int).Add(n, one).String())
	}
	return out
}

func ofLength(n int) []string {
	if n < 1 || n > maxCandidate {
		return nil
	}
	out := []string{strings.Repeat("A", n), strings.Repeat("1", n), strings.Repeat("a", n)}
	if n%2 == 0 {
		out = append(out, strings.TrimSpace(strings.Repeat("a ", n/2)))
	}
	return append(out, strings.TrimSpace(strings.Repeat("1 ", n)), strings.Repeat("AQID", n/3), strings.Repeat("0A", n))
}
