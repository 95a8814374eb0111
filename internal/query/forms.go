package query

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// maxForms is how many combinations of conditions are looked at.
const maxForms = 1024

// Forms is what Served has found out.
type Forms struct {
	Looked int // combinations that were looked at
	All    int // how many there are; math.MaxInt stands for any more
	// Unserved are those that no index serves, the ones with fewer conditions first.
	Unserved []Form
}

// Form is a query with some of its conditions.
type Form struct {
	Conditions []mapping.Condition
	Reason     string // and the index that would serve it
}

// String names the conditions.
func (f Form) String() string {
	var words []string
	for _, c := range f.Conditions {
		words = append(words, c.String())
	}
	if words == nil {
		return "no condition"
	}
	return strings.Join(words, " and ")
}

// Served finds out which combinations of conditions no index serves, for somebody who
// may see everything: what grants demand of rows is told where they are checked. Of
// more than 1,024 combinations it looks at those with the fewest conditions.
func (b *Bound) Served(ctx context.Context) (*Forms, error) {
	out := &Forms{All: 1}
	if b.Key != nil {
		out.Looked = 1
		return out, nil // a unique index has it
	}
	optional := b.Optional()
	if out.All = 1 << min(len(optional), bits.UintSize-2); len(optional) > bits.UintSize-2 {
		optional = optional[:bits.UintSize-2]
	}
	for count := 0; count <= len(optional) && out.Looked < maxForms; count++ {
		if err := b.choose(ctx, out, optional, nil, count); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// choose looks at each form with so many more of the conditions.
func (b *Bound) choose(ctx context.Context, out *Forms, from, chosen []int, more int) error {
	if out.Looked >= maxForms {
		return nil
	}
	if more == 0 {
		return b.look(ctx, out, chosen)
	}
	for i := 0; i+more <= len(from); i++ {
		if err := b.choose(ctx, out, from[i+1:], append(chosen[:len(chosen):len(chosen)], from[i]), more-1); err != nil {
			return err
		}
	}
	return nil
}

// look plans one form.
func (b *Bound) look(ctx context.Context, out *Forms, chosen []int) error {
	out.Looked++
	q := &view.Query{Order: b.order, Top: b.Rows, Count: b.Count}
	var with []mapping.Condition
	var where view.And
	for i, c := range b.Conditions {
		if !c.Always && !slices.Contains(chosen, i) {
			continue
		}
		with = append(with, c)
		where = append(where, b.sample(c))
	}
	if where != nil {
		q.Where = where
	}
	_, err := b.View.Plan(ctx, q, []view.Window{{}}, bytewise{})
	switch f := fault.Of(err); {
	case err == nil:
		return nil
	case f.Code != fault.CodeUnserved && f.Code != fault.CodeQuery:
		return err
	default:
		out.Unserved = append(out.Unserved, Form{with, f.Message})
	}
	return nil
}

// sample is a condition with some values. Which they are makes no difference, but that
// a range has something in it.
func (b *Bound) sample(c mapping.Condition) view.Expr {
	at := field(b.View, c.Field)
	t := &b.View.Fields[at].Type
	values := []view.Value{sampleOf(t, 2)}
	switch c.Op {
	case mapping.Greater, mapping.GreaterOrEqual:
		values[0] = sampleOf(t, 1)
	case mapping.Less, mapping.LessOrEqual:
		values[0] = sampleOf(t, 3)
	case mapping.In:
		values = append(values, sampleOf(t, 3))
	case mapping.NotEqual:
		values[0] = sampleOf(t, 4)
	}
	if op, single := operators[c.Op]; single {
		e := view.Compare{Field: at, Op: op, Value: values[0]}
		if op == view.NotEqual && b.View.Nullable(at) {
			return view.Or{e, view.IsNull{Field: at}}
		}
		return e
	}
	return b.compared(c.Op, at, values, false)
}

// sampleOf is a value of a type; of several the one with the greater number comes later.
func sampleOf(t *mapping.ColumnType, n int) view.Value {
	v := view.Value{Kind: t.Kind, Present: true}
	switch t.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		v.Int = int64(n)
	case mapping.FloatColumn:
		v.Float = float64(n)
	case mapping.DateTimeColumn, mapping.DateColumn:
		v.Instant = time.Date(2000+n, 1, 1, 0, 0, 0, 0, time.UTC)
	case mapping.BytesColumn:
		v.Bytes = []byte{byte(n)}
	case mapping.TimeColumn:
		v.Text = fmt.Sprintf("%02d:00:00", n)
	default:
		v.Text = fmt.Sprint(n)
	}
	return v
}

// bytewise compares texts as no collation need to: the samples are told apart by all.
type bytewise struct{}

// Rank implements view.Collation.
func (bytewise) Rank(_ context.Context, _ mapping.TableName, _ string, texts []string) ([]int, error) {
	sorted := slices.Sorted(slices.Values(texts))
	out := make([]int, len(texts))
	for i, text := range texts {
		out[i], _ = slices.BinarySearch(sorted, text)
	}
	return out, nil
}
