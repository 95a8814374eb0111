package mapping

import (
	"fmt"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// value checks a column that an expression fills, and narrows what it takes.
func (c *checker) value(i, j int, col *ColumnModel, target string) {
	column, program := &c.mapping.Tables[i].Columns[j], &c.mapping.programs[i].columns[j]
	if complaint := misfit(column.Class, col); complaint != "" {
		c.fail(column.Source, target, "%s", complaint)
		c.mend(converted(column, program, col)...)
		return
	}
	l := newLimit(col)
	if program.fallback != nil {
		if _, expected := l.fits(&l, *program.fallback); expected != "" {
			c.fail(column.Source, target, "the default %q does not fit: the column takes %s", program.fallback.Lexical(), expected)
			c.mend(defaulted(column, program, col)...)
		}
	}
	reason := narrows(column.Class, program.value, col)
	if program.truncate {
		reason = c.cut(i, j, &l, col, target, reason)
	}
	c.mapping.limits[i][j] = l
	if reason != "" {
		c.found.Narrowings = append(c.found.Narrowings, Narrowing{column.Source, column.Path, target, reason, c.wider(i, column, program, col)})
	}
}

// wider proposes what would end a narrowing.
func (c *checker) wider(i int, column *Column, p *columnProgram, col *ColumnModel) []Mend {
	out := c.widen(c.models[i], col, p)
	switch {
	case col.Kind == DecimalColumn && column.Class == Decimal && p.value.Rounding() == nil && !onlyWhole(p.value.Type().Simple(), col):
		rounded := rewrite(column, p, "from", quoted(fmt.Sprintf("round-half-to-even(%s, %d)", p.value.Source, col.Scale)))
		simple := p.value.Type().Simple()
		for k := range rounded {
			rounded[k].Part = narrowsRounded(&xpath.Rounding{Places: col.Scale, Of: simple}, col) != ""
		}
		out = append(out, rounded...)
	case c.cuttable(i, column, col) == "" && !p.truncate && (col.Charset == "utf-8" || tooLong(p.value.Type().Simple(), col.Length, "") != ""):
		cut := rewrite(column, p, "truncate", "true")
		for k := range cut {
			cut[k].Part = !col.Unicode && col.Kind == StringColumn && narrowsCharacters(p.value.Type().Simple(), col) != "" && col.Charset != "utf-8"
		}
		out = append(out, cut...)
	}
	return out
}

// onlyWhole reports whether the digits after the point fit as they are.
func onlyWhole(s *contract.Simple, col *ColumnModel) bool {
	return s != nil && s.FractionDigits != nil && *s.FractionDigits <= col.Scale
}

// cuttable says why a column's values cannot be cut to fit, or nothing.
func (c *checker) cuttable(i int, column *Column, col *ColumnModel) string {
	text := column.Class == String || column.Class == Untyped
	switch {
	case col.UUID || !(col.Kind == StringColumn && text || col.Kind == BytesColumn && column.Class == Binary):
		return fmt.Sprintf("truncate is for text and binary values in columns of their kind; %s in a column that is %s would be another value", column.Class, col.Kind)
	case col.Kind == BytesColumn && col.Fixed:
		return "truncate does not help where the column takes exactly " + some(col.Length, "bytes")
	case c.models[i].keyed(column.Name):
		return "truncate has no place in a key: two values that differ further on would be one"
	}
	return ""
}

// cut has a limit cut what is too long, and lists that as the author's choice. It
// returns what is narrowed even so.
func (c *checker) cut(i, j int, l *limit, col *ColumnModel, target, reason string) string {
	column, p := &c.mapping.Tables[i].Columns[j], &c.mapping.programs[i].columns[j]
	if complaint := c.cuttable(i, column, col); complaint != "" {
		c.fail(column.Source, target, "%s", complaint)
		c.mend(rewrite(column, p, "truncate", "")...)
		return reason
	}
	l.cuts = true
	simple := p.value.Type().Simple()
	too := tooLong(simple, col.Length, units(&col.ColumnType))
	if too == "" && l.utf8 && !col.Unicode {
		too = reason
	}
	if too == "" {
		c.note(c.mapping.Tables[i].Name, "%s: truncate has no effect on %s, which is never too long", column.Source, column.Name)
		return reason
	}
	c.found.Losses = append(c.found.Losses, Narrowing{Source: column.Source, Path: column.Path, Target: target, Reason: too + ", and is cut"})
	if col.Kind == StringColumn && !l.utf8 {
		return narrowsCharacters(simple, col)
	}
	return ""
}
