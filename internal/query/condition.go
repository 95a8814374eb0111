package query

import (
	"encoding/base64"
	"math"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/view"
)

// operators are the comparisons with one value.
var operators = map[mapping.Comparison]view.Operator{
	mapping.Equal: view.Equal, mapping.NotEqual: view.NotEqual,
	mapping.Greater: view.Greater, mapping.GreaterOrEqual: view.GreaterOrEqual,
	mapping.Less: view.Less, mapping.LessOrEqual: view.LessOrEqual,
}

// where are the conditions of a question. All that is wrong with their values is one
// fault.
func (b *Bound) where(question *mapping.Question) (view.And, error) {
	var out view.And
	var wrong []fault.Detail
	for i := range question.Conditions {
		e, complaints := b.condition(&question.Conditions[i])
		wrong = append(wrong, complaints...)
		if e != nil {
			out = append(out, e)
		}
	}
	if wrong != nil {
		return nil, fault.New(fault.CodeQuery, "").With(wrong...)
	}
	return out, nil
}

// condition is nil where there is nothing to compare with.
func (b *Bound) condition(asked *mapping.Asked) (view.Expr, []fault.Detail) {
	c := b.Conditions[asked.Condition]
	at := field(b.View, c.Field)
	t := &b.View.Fields[at].Type
	var values []view.Value
	var wrong []fault.Detail
	complain := func(found mapping.Value, problem string) {
		place := asked.From.Place()
		wrong = append(wrong, fault.Detail{Message: c.String() + ": " + problem, Found: clip(found.Lexical()), Expected: odata.Describe(t), Path: place.Path, Line: place.Line, Column: place.Column, Source: c.Source})
	}
	for _, given := range asked.Values {
		v, below, problem := valueOf(t, given)
		if problem == "" && c.Op <= mapping.LessOrEqual {
			e, ok := odata.Comparison(b.View, at, operators[c.Op], v, below)
			if ok {
				return e, nil
			}
			problem = odata.Finer
		}
		if problem == "" && below {
			problem = odata.Finer
		}
		if problem == "" && (c.Op == mapping.StartsWith || c.Op == mapping.Contains) && v.Text == "" {
			problem = "every text has the empty one in it"
		}
		if problem != "" {
			complain(given, problem)
			continue
		}
		values = append(values, v)
	}
	if wrong != nil {
		return nil, wrong
	}
	return b.compared(c.Op, at, values, asked.Null), nil
}

// compared is a condition with its values read; without any, it is about null.
func (b *Bound) compared(op mapping.Comparison, at int, values []view.Value, null bool) view.Expr {
	switch {
	case op == mapping.In && (null || len(values) > 0):
		return odata.Among(b.View, at, values, null)
	case op == mapping.Equal && null:
		return view.IsNull{Field: at}
	case op == mapping.NotEqual && null:
		return view.Not{Of: view.IsNull{Field: at}}
	case len(values) == 0:
		return nil // xsi:nil is no bound
	case op == mapping.StartsWith:
		return view.StartsWith{Field: at, Text: values[0].Text}
	}
	return view.Contains{Field: at, Text: values[0].Text}
}

// maxFound is the longest value that a complaint shows.
const maxFound = 64

func clip(s string) string {
	if len(s) <= maxFound {
		return s
	}
	return strings.ToValidUTF8(s[:maxFound], "") + "…"
}

// valueOf is what a value of the request is as one of a field: see odata.ValueOf.
func valueOf(t *mapping.ColumnType, v mapping.Value) (out view.Value, below bool, problem string) {
	l := odata.Literal{Text: v.Lexical()}
	switch t.Kind {
	case mapping.StringColumn:
		l.Kind = odata.String
		if r, foreign := t.Foreign(l.Text); foreign {
			return out, false, "no value of the field has the character " + string(r)
		}
	case mapping.BytesColumn:
		l.Kind, l.Text = odata.Binary, base64.RawURLEncoding.EncodeToString(v.Bytes())
	case mapping.IntegerColumn, mapping.DecimalColumn:
		l.Kind = odata.Number
	case mapping.FloatColumn:
		l.Kind = odata.Number
		if v.Class == mapping.Double && math.IsNaN(v.Float) {
			return out, false, "nothing compares with NaN"
		}
	case mapping.BoolColumn:
		l.Kind = odata.Bool
	case mapping.DateTimeColumn:
		l.Kind, l.Text = odata.DateTime, v.Instant().UTC().Format("2006-01-02T15:04:05.999999999Z07:00")
	case mapping.DateColumn:
		l.Kind, l.Text = odata.Date, v.Instant().Format("2006-01-02")
	case mapping.TimeColumn:
		l.Kind, l.Text = odata.TimeOfDay, clock(v.Text)
	}
	return odata.ValueOf(t, l)
}

// clock is a time of day as written, whatever its zone: a column has none. 24:00:00 is
// the first moment of a day (XSD 1.0 part 2 §3.2.8).
func clock(s string) string {
	if i := strings.IndexAny(s, "Z+-"); i >= 0 {
		s = s[:i]
	}
	if rest, ok := strings.CutPrefix(s, "24:"); ok {
		return "00:" + rest
	}
	return s
}
