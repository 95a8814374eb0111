package view

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Compare orders two values of one kind, null before anything else. Texts compare
// byte by byte, which is right for a column of that collation alone: see Collation.
func (v Value) Compare(o Value) int {
	if !v.Present || !o.Present {
		return cmp.Compare(presence(v), presence(o))
	}
	switch v.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		return cmp.Compare(v.Int, o.Int)
	case mapping.FloatColumn:
		return cmp.Compare(v.Float, o.Float)
	case mapping.DateTimeColumn, mapping.DateColumn:
		return v.Instant.Compare(o.Instant)
	case mapping.BytesColumn:
		return bytes.Compare(v.Bytes, o.Bytes)
	case mapping.DecimalColumn:
		return compareDecimals(v.Text, o.Text)
	}
	return strings.Compare(v.Text, o.Text)
}

func presence(v Value) int {
	if v.Present {
		return 1
	}
	return 0
}

// compareDecimals compares numbers in plain digits.
func compareDecimals(a, b string) int {
	a, negative := strings.CutPrefix(a, "-")
	b, other := strings.CutPrefix(b, "-")
	size := compareSizes(a, b)
	switch {
	case zero(a) && zero(b):
		return 0
	case negative != other && negative:
		return -1
	case negative != other:
		return 1
	case negative:
		return -size
	}
	return size
}

func zero(digits string) bool { return strings.Trim(digits, "0.") == "" }

func compareSizes(a, b string) int {
	wholeA, partA, _ := strings.Cut(a, ".")
	wholeB, partB, _ := strings.Cut(b, ".")
	wholeA, wholeB = strings.TrimLeft(wholeA, "0"), strings.TrimLeft(wholeB, "0")
	return cmp.Or(cmp.Compare(len(wholeA), len(wholeB)), strings.Compare(wholeA, wholeB),
		strings.Compare(strings.TrimRight(partA, "0"), strings.TrimRight(partB, "0")))
}

// text reports whether the database alone knows how values of the field compare.
func (f *Field) text() bool { return f.Type.Kind == mapping.StringColumn }

// ranking compares the values of fields as the database does.
type ranking map[int]map[string]int // the ranks of texts, by field

// rank asks for the order of all texts that a query compares with each other.
func (v *View) rank(ctx context.Context, c Collation, texts map[int][]string) (ranking, error) {
	out := ranking{}
	for field, all := range texts {
		slices.Sort(all)
		all = slices.Compact(all)
		ranks := make([]int, len(all))
		if len(all) > 1 {
			table, f := v.Table, v.Fields[field]
			if f.Join >= 0 {
				table = v.Joins[f.Join].Table
			}
			var err error
			if ranks, err = c.Rank(ctx, table, f.Column, all); err != nil {
				return nil, err
			}
			if len(ranks) != len(all) {
				return nil, fmt.Errorf("ranking texts of %s.%s: %d ranks of %d texts", table, f.Column, len(ranks), len(all))
			}
		}
		out[field] = make(map[string]int, len(all))
		for i, text := range all {
			out[field][text] = ranks[i]
		}
	}
	return out, nil
}

// compare orders two values of a field, null before anything else.
func (r ranking) compare(field int, a, b Value) int {
	ranks, text := r[field]
	if !text || !a.Present || !b.Present {
		return a.Compare(b)
	}
	return cmp.Compare(ranks[a.Text], ranks[b.Text])
}

// gather collects the texts that a condition compares its fields with.
func (v *View) gather(e Expr, into map[int][]string) {
	add := func(field int, values ...Value) {
		if !v.Fields[field].text() {
			return
		}
		for _, value := range values {
			if value.Present {
				into[field] = append(into[field], value.Text)
			}
		}
	}
	switch e := e.(type) {
	case And:
		for _, part := range e {
			v.gather(part, into)
		}
	case Or:
		for _, part := range e {
			v.gather(part, into)
		}
	case Not:
		v.gather(e.Of, into)
	case Compare:
		add(e.Field, e.Value)
	case In:
		add(e.Field, e.Values...)
	}
}
