package mapping

import (
	"errors"
	"fmt"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// detail places a complaint about an expression outside of columns.
func (a *applier) detail(p *xpath.Program, message string) fault.Detail {
	at := p.Locate(&a.frame)
	return fault.Detail{Message: p.Source + ": " + message, Path: at.Path, Line: at.Line, Column: at.Column, Source: a.mapping.place(p)}
}

func (a *applier) detailColumn(step, column int, message string) fault.Detail {
	c := &a.mapping.Tables[step].Columns[column]
	d := fault.Detail{Message: message, Source: c.Source, Target: a.mapping.Tables[step].Name.String() + "." + c.Name}
	from, _ := a.locate(step, column)
	at := from.Place()
	d.Path, d.Line, d.Column = at.Path, at.Line, at.Column
	return d
}

func (a *applier) failed(p *xpath.Program, err error, target string) {
	d := a.detail(p, err.Error())
	if e, ok := errors.AsType[*xpath.Error](err); ok {
		d.Message, d.Found = p.Source+": "+e.Message, shown(e.Value)
	}
	d.Target = target
	a.refuse(fault.CodeMapping, d)
}

func (a *applier) failedColumn(step, column int, err error) {
	d := a.detailColumn(step, column, err.Error())
	if e, ok := errors.AsType[*xpath.Error](err); ok {
		d.Message, d.Found = e.Message, shown(e.Value)
	}
	a.refuse(fault.CodeMapping, d)
}

// shown is a value as a fault may show it: a long one is told by its length.
func shown(s string) string {
	if n := len([]rune(s)); n > maxFound {
		return fmt.Sprintf("%d characters", n)
	}
	return s
}

// refuse adds a fault. The first one decides the code, but a message waits only
// when that mends all of them.
func (a *applier) refuse(code fault.Code, d fault.Detail) {
	if a.code == "" || a.code == fault.CodeUnknownYet {
		a.code = code
	}
	if len(a.details) == maxDetails {
		a.more++
		return
	}
	a.details = append(a.details, d)
}

func (a *applier) fault() error {
	if a.code == "" {
		return nil
	}
	e := fault.New(a.code, "").With(a.details...)
	e.More = a.more
	return e
}
