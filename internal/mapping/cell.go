package mapping

import (
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

func (a *applier) cell(step, column int, p *columnProgram, into *Cell) {
	switch p.form {
	case valueForm:
		a.value(step, column, p, into)
	case constantForm:
		if *into = p.constant; into.Kind == ValueCell {
			a.fit(step, column, into)
		}
	case referenceForm:
		if row := a.current[p.step]; row >= 0 {
			into.Kind, into.Row = Reference, row
		}
	case lookupForm:
		a.keys(step, column, p, into)
	case codeForm:
		a.coded(step, column, into)
	case drawnForm:
		into.Kind = DrawnCell
	case stubForm:
		a.stub(step, column, into)
	}
	if into.Kind == AbsentCell && a.mapping.Tables[step].Columns[column].AbsentNull {
		into.Kind = NullCell
	}
}

func (a *applier) value(step, column int, p *columnProgram, into *Cell) {
	presence, err := p.value.Into(&a.frame, &into.Value)
	switch {
	case presence == xpath.Present && p.zone == nil:
		into.Kind = ValueCell
		a.fit(step, column, into)
		return
	case err != nil:
		a.failedColumn(step, column, err)
		return
	case presence == xpath.Nil:
		into.Kind = NullCell
		return
	case presence == xpath.Present:
	case p.fallback != nil:
		into.Value = *p.fallback
	default:
		return
	}
	if p.zone != nil {
		v, err := a.hours.inZone(into.Value, p.zone)
		if err != nil {
			a.failedColumn(step, column, err)
			into.Value = Value{}
			return
		}
		into.Value = v
	}
	into.Kind = ValueCell
	a.fit(step, column, into)
}

// fit enforces the limits of a checked mapping.
func (a *applier) fit(step, column int, into *Cell) {
	if a.limits == nil {
		return
	}
	l := &a.limits[step][column]
	if l.fits == nil || l.plainly != nil && l.plainly(l, &into.Value) {
		return
	}
	v, complaint := l.fits(l, into.Value)
	if complaint == "" {
		into.Value = v
		return
	}
	d := a.detailColumn(step, column, "the value does not fit its column")
	d.Found, d.Expected = shown(into.Value.Lexical()), complaint
	a.refuse(fault.CodeNarrowing, d)
}

// fitKey enforces the limits of the column that a look-up compares with: what
// does not fit there could be taken for something else.
func (a *applier) fitKey(step, column, i int, v *Value) bool {
	if a.limits == nil || i >= len(a.limits[step][column].keys) {
		return true
	}
	l := &a.limits[step][column].keys[i]
	if l.fits == nil || l.plainly != nil && l.plainly(l, v) {
		return true
	}
	fitted, complaint := l.fits(l, *v)
	if complaint == "" {
		*v = fitted
		return true
	}
	lookup := a.mapping.Tables[step].Columns[column].Lookup
	at := a.mapping.programs[step].columns[column].keys[i].Locate(&a.frame)
	d := a.detailColumn(step, column, "the value does not fit the column "+lookup.Table.String()+"."+lookup.keys()[i]+" that it is looked up in")
	d.Path, d.Line, d.Column = at.Path, at.Line, at.Column
	d.Found, d.Expected = shown(v.Lexical()), complaint
	a.refuse(fault.CodeNarrowing, d)
	return false
}

func (a *applier) keys(step, column int, p *columnProgram, into *Cell) {
	keys := a.arena.keyed.Take(len(p.keys))
	for i, program := range p.keys {
		presence, err := program.Into(&a.frame, &keys[i])
		switch {
		case err != nil:
			a.failedColumn(step, column, err)
			return
		case presence == xpath.Nil:
			into.Kind = NullCell
			return
		case presence == xpath.Absent:
			return
		}
	}
	for i := range keys { // once it is clear that there is a key at all
		if !a.fitKey(step, column, i, &keys[i]) {
			return
		}
	}
	into.Kind, into.Keys = KeysCell, keys
}
