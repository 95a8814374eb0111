package sample

import (
	"fmt"
	"iter"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// maxDigits bounds the digits of a limit that is reckoned with.
const maxDigits = 1_000

// span is the values of a decimal type at one scale: whole numbers of its last
// digit. Nothing is ever rounded.
type span struct {
	lo, hi *big.Int // both included; nil: no bound
	scale  int
}

// spans returns the spans of a type at the scales worth trying, the usual first.
func spans(s *contract.Simple) []span {
	var out []span
	for _, scale := range scales(s) {
		if one, ok := spanAt(s, scale); ok {
			out = append(out, one)
		}
	}
	return out
}

func scales(s *contract.Simple) []int {
	if s.Builtin != "decimal" {
		return []int{0}
	}
	most := 2
	for _, limit := range []*string{s.MinInclusive, s.MaxInclusive, s.MinExclusive, s.MaxExclusive} {
		if limit != nil {
			_, fraction, _ := strings.Cut(strings.TrimSpace(*limit), ".")
			most = max(most, len(fraction)+1)
		}
	}
	if s.FractionDigits != nil {
		most = min(max(most, *s.FractionDigits), *s.FractionDigits)
	}
	if s.TotalDigits != nil {
		most = min(most, *s.TotalDigits)
	}
	most = min(most, maxDigits)
	out := []int{min(2, most)}
	for _, one := range []int{most, 0} {
		if one != out[0] {
			out = append(out, one)
		}
	}
	return out
}

// spanAt reckons the bounds at a scale; ok is false where nothing lies between.
func spanAt(s *contract.Simple, scale int) (out span, ok bool) {
	out.scale = scale
	raise := func(to *big.Int) {
		if out.lo == nil || to.Cmp(out.lo) > 0 {
			out.lo = to
		}
	}
	lower := func(to *big.Int) {
		if out.hi == nil || to.Cmp(out.hi) < 0 {
			out.hi = to
		}
	}
	for _, b := range []struct {
		limit         *string
		below, within bool
	}{{s.MinInclusive, true, true}, {s.MinExclusive, true, false}, {s.MaxInclusive, false, true}, {s.MaxExclusive, false, false}} {
		if b.limit == nil {
			continue
		}
		floor, exact, good := scaled(*b.limit, scale)
		switch {
		case !good:
			return out, false
		case b.below && exact && b.within:
			raise(floor)
		case b.below:
			raise(new(big.Int).Add(floor, big.NewInt(1)))
		case exact && !b.within:
			lower(new(big.Int).Sub(floor, big.NewInt(1)))
		default:
			lower(floor)
		}
	}
	if s.TotalDigits != nil && *s.TotalDigits <= maxDigits {
		most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(*s.TotalDigits)), nil)
		most.Sub(most, big.NewInt(1))
		raise(new(big.Int).Neg(most))
		lower(most)
	}
	return out, out.lo == nil || out.hi == nil || out.lo.Cmp(out.hi) <= 0
}

// scaled reads a decimal as whole numbers of its scale-th digit, rounded down;
// exact says that nothing was lost.
func scaled(lexical string, scale int) (floor *big.Int, exact, ok bool) {
	lexical = strings.TrimSpace(lexical)
	negative := strings.HasPrefix(lexical, "-")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(lexical, "+-"), ".")
	if len(whole)+len(fraction) > maxDigits {
		return nil, false, false
	}
	fraction += strings.Repeat("0", max(0, scale-len(fraction)))
	floor, ok = new(big.Int).SetString("0"+whole+fraction[:scale], 10)
	if !ok {
		return nil, false, false
	}
	exact = strings.Trim(fraction[scale:], "0") == ""
	if negative {
		floor.Neg(floor)
		if !exact {
			floor.Sub(floor, big.NewInt(1))
		}
	}
	return floor, exact, true
}

// format writes a whole number of the last digit.
func (s span) format(n *big.Int) string {
	digits := new(big.Int).Abs(n).String()
	if s.scale > 0 {
		digits = strings.Repeat("0", max(0, s.scale+1-len(digits))) + digits
		digits = digits[:len(digits)-s.scale] + "." + digits[len(digits)-s.scale:]
	}
	if n.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

// clamp moves a number into the span.
func (s span) clamp(n *big.Int) *big.Int {
	switch {
	case s.lo != nil && n.Cmp(s.lo) < 0:
		return s.lo
	case s.hi != nil && n.Cmp(s.hi) > 0:
		return s.hi
	}
	return n
}

// decimals yields plausible numbers, another for each index.
func decimals(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, one := range spans(s) {
			wanted, _, _ := scaled(plausibleNumber(h.name), one.scale)
			wanted = one.clamp(wanted)
			unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(one.scale)), nil)
			step := new(big.Int).Mul(unit, big.NewInt(int64(h.index)))
			up := new(big.Int).Add(wanted, step)
			down := new(big.Int).Sub(wanted, step)
			for _, n := range []*big.Int{up, down, new(big.Int).Add(wanted, big.NewInt(int64(h.index))), wanted, one.lo, one.hi} {
				if n != nil && one.clamp(n) == n && !yield(one.format(n)) {
					return
				}
			}
		}
	}
}

// plausibleNumber is what a name is likely to count.
func plausibleNumber(name string) string {
	name = strings.ToLower(name)
	for _, row := range []struct{ part, number string }{
		{"price", "12.50"}, {"amount", "125.00"}, {"total", "250.00"}, {"sum", "250.00"}, {"cost", "12.50"},
		{"quantity", "12"}, {"qty", "12"}, {"year", "2026"}, {"month", "3"}, {"percent", "25"}, {"rate", "1.25"},
		{"weight", "7.50"}, {"latitude", "60.17"}, {"longitude", "24.94"}, {"port", "8443"}, {"count", "3"},
		{"number", "1001"}, {"id", "1001"}, {"age", "42"},
	} {
		if strings.Contains(name, row.part) {
			return row.number
		}
	}
	return "1"
}

// anyDecimal picks from the whole span, its edges more often than chance would.
func (v *valuer) anyDecimal(s *contract.Simple) string {
	all := spans(s)
	if len(all) == 0 {
		return ""
	}
	one := all[v.rand.IntN(len(all))]
	lo, hi := one.lo, one.hi
	wide := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(6+one.scale)), nil)
	switch {
	case lo == nil && hi == nil:
		lo, hi = new(big.Int).Neg(wide), wide
	case lo == nil:
		lo = new(big.Int).Sub(hi, wide)
	case hi == nil:
		hi = new(big.Int).Add(lo, wide)
	}
	var n *big.Int
	switch v.rand.IntN(6) {
	case 0:
		n = lo
	case 1:
		n = hi
	case 2:
		n = one.clamp(big.NewInt(0))
	default:
		n = v.between(lo, hi)
	}
	return v.written(one.format(n), s)
}

// between picks a number from lo to hi.
func (v *valuer) between(lo, hi *big.Int) *big.Int {
	width := new(big.Int).Sub(hi, lo)
	width.Add(width, big.NewInt(1))
	random := new(big.Int)
	for random.BitLen() < width.BitLen()+64 {
		random.Lsh(random, 64)
		random.Or(random, new(big.Int).SetUint64(v.rand.Uint64()))
	}
	return random.Add(random.Mod(random, width), lo)
}

// written varies how a number is written, which changes nothing in its value.
func (v *valuer) written(number string, s *contract.Simple) string {
	if !v.odd {
		return number
	}
	switch v.rand.IntN(10) {
	case 0: // XSD 1.0 part 2 §3.3.21 writes unsigned numbers without a sign, though not all read it so
		if number[0] != '-' && !strings.HasPrefix(s.Builtin, "unsigned") {
			return "+" + number
		}
	case 1:
		if number[0] != '-' {
			return "00" + number
		}
	case 2:
		if s.Builtin == "decimal" && strings.ContainsRune(number, '.') {
			return number + "0"
		}
	}
	return number
}

// floats yields numbers and limits of a float or double.
func floats(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, err := strconv.ParseFloat(plausibleNumber(h.name), 64)
		if err != nil {
			start = 1
		}
		for _, c := range []string{float(start + float64(h.index)), fmt.Sprintf("%d.5", h.index), "0", "-1", "1.5E3"} {
			if !yield(c) {
				return
			}
		}
		for _, c := range floatLimits(s) {
			if !yield(c) {
				return
			}
		}
	}
}

func float(f float64) string { return strconv.FormatFloat(f, 'G', -1, 64) }

// floatLimits are the limits of a type, what lies beside them and between.
func floatLimits(s *contract.Simple) []string {
	var out []string
	var known []float64
	bits := map[string]int{"float": 32, "double": 64}[s.Primitive]
	for _, limit := range []*string{s.MinInclusive, s.MinExclusive, s.MaxInclusive, s.MaxExclusive} {
		if limit == nil {
			continue
		}
		out = append(out, strings.TrimSpace(*limit))
		f, err := strconv.ParseFloat(strings.TrimSpace(*limit), bits)
		if err != nil {
			continue
		}
		known = append(known, f)
		if bits == 32 {
			out = append(out, float(float64(math.Nextafter32(float32(f), math.MaxFloat32))), float(float64(math.Nextafter32(float32(f), -math.MaxFloat32))))
			continue
		}
		out = append(out, float(math.Nextafter(f, math.MaxFloat64)), float(math.Nextafter(f, -math.MaxFloat64)))
	}
	if len(known) == 2 {
		out = append(out, float(known[0]/2+known[1]/2))
	}
	return out
}

func (v *valuer) anyFloat(s *contract.Simple) string {
	out := append(floatLimits(s), "0", "-0", "1.5E-7", "12.5", "-3.25", float(v.rand.Float64()*1000))
	if v.odd {
		out = append(out, "INF", "-INF", "NaN", "1e3", "+7")
	}
	return out[v.rand.IntN(len(out))]
}
