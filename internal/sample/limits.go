package sample

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/pattern"
)

// maxLimitDigits bounds the limits that are written as an expression.
const maxLimitDigits = 60

// limitTerms are expressions that a decimal's limits come to, so that they can be
// met together with its patterns. They take numbers within the limits only, and
// of those with a fraction not all.
func limitTerms(s *contract.Simple) []*pattern.Expr {
	if s.Primitive != "decimal" {
		return nil
	}
	whole, ok := spanAt(&contract.Simple{MinInclusive: s.MinInclusive, MaxInclusive: s.MaxInclusive,
		MinExclusive: s.MinExclusive, MaxExclusive: s.MaxExclusive}, 0)
	if !ok {
		return nil
	}
	var out []*pattern.Expr
	add := func(text string) {
		if e, err := pattern.Parse(text); err == nil {
			out = append(out, e)
		}
	}
	const anything = `[0-9]*(\.[0-9]*)?`
	if lo := whole.lo; lo != nil && len(lo.String()) <= maxLimitDigits {
		if lo.Sign() > 0 {
			add(`\+?` + atLeast(lo))
		} else {
			add(`\+?` + anything + `|-` + atMost(new(big.Int).Neg(lo)))
		}
	}
	if hi := whole.hi; hi != nil && len(hi.String()) <= maxLimitDigits {
		if hi.Sign() < 0 {
			add(`-` + atLeast(new(big.Int).Neg(hi)))
		} else {
			add(`-` + anything + `|\+?` + atMost(hi))
		}
	}
	return out
}

// atLeast matches n and every larger number, with leading zeros.
func atLeast(n *big.Int) string {
	digits := n.String()
	out := []string{digits, fmt.Sprintf("[1-9][0-9]{%d,}", len(digits))}
	for i, d := range digits {
		if d < '9' {
			out = append(out, fmt.Sprintf("%s[%c-9][0-9]{%d}", digits[:i], d+1, len(digits)-i-1))
		}
	}
	return `0*(` + strings.Join(out, "|") + `)(\.[0-9]*)?`
}

// atMost matches n and every smaller number that is not negative.
func atMost(n *big.Int) string {
	digits := n.String()
	var below []string
	if len(digits) > 1 {
		below = append(below, fmt.Sprintf("[0-9]{1,%d}", len(digits)-1))
	}
	for i, d := range digits {
		if d > '0' {
			below = append(below, fmt.Sprintf("%s[0-%c][0-9]{%d}", digits[:i], d-1, len(digits)-i-1))
		}
	}
	out := digits + `(\.0*)?`
	if len(below) > 0 {
		out += `|(` + strings.Join(below, "|") + `)(\.[0-9]*)?`
	}
	return `0*(` + out + `)`
}
