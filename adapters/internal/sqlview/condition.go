package sqlview

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/view"
)

// operators in SQL, by view.Operator.
var operators = [...]string{"=", "<>", ">", ">=", "<", "<="}

// condition writes an expression. Where a field is null, nothing but IsNull holds,
// and neither does the contrary: as SQL's three values have it.
func (s *scope) condition(e view.Expr) (string, error) {
	switch e := e.(type) {
	case view.And:
		return s.several([]view.Expr(e), " AND ", "1 = 1")
	case view.Or:
		return s.several([]view.Expr(e), " OR ", "1 = 0")
	case view.Not:
		text, err := s.condition(e.Of)
		return "NOT (" + text + ")", err
	case view.IsNull:
		column, _, err := s.field(e.Field)
		return column + " IS NULL", err
	case view.Compare:
		return s.compare(e)
	case view.In:
		return s.in(e)
	case view.StartsWith:
		return s.match(e.Field, e.Text, false)
	case view.Contains:
		return s.match(e.Field, e.Text, true)
	}
	return "", fmt.Errorf("a condition is %T", e)
}

func (s *scope) several(parts []view.Expr, word, none string) (string, error) {
	if len(parts) == 0 {
		return none, nil
	}
	texts := make([]string, len(parts))
	for i, e := range parts {
		text, err := s.condition(e)
		if err != nil {
			return "", err
		}
		texts[i] = "(" + text + ")"
	}
	return strings.Join(texts, word), nil
}

func (s *scope) match(field int, text string, anywhere bool) (string, error) {
	column, c, err := s.field(field)
	if err != nil {
		return "", err
	}
	return s.dialect.Match(c, column, text, anywhere, s.bind)
}

// known is whether a column that is not null satisfies a condition, and unknown
// where it is null.
func known(column string, holds bool) string {
	n := "0"
	if holds {
		n = "1"
	}
	return "CASE WHEN " + column + " IS NOT NULL THEN " + n + " END = 1"
}

func (s *scope) compare(e view.Compare) (string, error) {
	column, c, err := s.field(e.Field)
	if err != nil {
		return "", err
	}
	switch {
	case e.Value.Present:
		return s.comparison(column, c, e.Op, e.Value)
	case e.Op == view.Equal:
		return column + " IS NULL", nil
	case e.Op == view.NotEqual:
		return column + " IS NOT NULL", nil
	}
	return known(column, false), nil
}

// comparison compares with a value, which may be one that the column cannot have:
// then it lies between two that it can, or beyond all of them.
func (s *scope) comparison(column string, c *Column, op view.Operator, v view.Value) (string, error) {
	v, op, err := onGrid(c, op, v)
	if err == nil {
		var text string
		if text, err = s.dialect.Value(c, v, s.bind); err == nil {
			return column + " " + operators[op] + " " + text, nil
		}
	}
	never, ok := errors.AsType[*Never](err)
	if !ok {
		return "", err
	}
	switch op {
	case view.Equal:
		return known(column, false), nil
	case view.NotEqual:
		return known(column, true), nil
	}
	if !never.Above && !never.Below {
		return "", unusable(c)
	}
	greater := op == view.Greater || op == view.GreaterOrEqual
	return known(column, greater == never.Below), nil
}

func (s *scope) in(e view.In) (string, error) {
	column, c, err := s.field(e.Field)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, v := range e.Values {
		if !v.Present {
			continue
		}
		v, _, err := onGrid(c, view.Equal, v)
		if err == nil {
			var text string
			if text, err = s.dialect.Value(c, v, s.bind); err == nil {
				texts = append(texts, text)
				continue
			}
		}
		if _, ok := errors.AsType[*Never](err); !ok {
			return "", err
		}
	}
	if len(texts) == 0 {
		return known(column, false), nil
	}
	return column + " IN (" + strings.Join(texts, ", ") + ")", nil
}
