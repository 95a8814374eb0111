package sqlstore

import (
	"context"
	"errors"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// ErrDrifted says that a table has another Stamp than the one that a program was
// compiled with: the transaction is rolled back.
var ErrDrifted = errors.New("a table of the mapping was changed")

// drifted is the fault of a batch whose tables are not, or may not be, those that
// its statements were written for.
func drifted(cause error) error { return fault.New(fault.CodeDrift, "").Because(cause) }

// sameTables looks at the tables again, after the database refused something that
// the check had let through: it may be a column that was narrowed since, which is
// no fault of the sender's. The error says so, or that the database could not be
// asked.
func (w *writer) sameTables(ctx context.Context, cause error) (schema, error) {
	shot, err := w.store.snapshot(ctx, w.plan.Mapping)
	if err != nil {
		return schema{}, err
	}
	now := schema{shot, w.store.dialect}
	if changes := w.plan.Mapping.Changes(w.mapping.Tables, now); len(changes) > 0 {
		return schema{}, drifted(cause)
	}
	return now, nil
}

// renew is for errors that another table may be the reason of. When a table has
// another stamp and nothing that a mapping can notice has changed, because an index
// was rebuilt or the table is one that the mapping does not use, it writes the
// statements again.
func (w *writer) renew(ctx context.Context, class Class, try int, cause error) error {
	now, err := w.sameTables(ctx, cause)
	switch {
	case err != nil && class == Broken && fault.Of(err).Code != fault.CodeDrift:
		return cause
	case err != nil:
		return err
	case class != Drifted: // the tables have nothing to do with it
		return cause
	case try == attempts:
		return drifted(cause)
	}
	plan, err := newPlan(w.plan.Mapping, now.snapshot)
	if err != nil {
		return err
	}
	plan.Noting = w.plan.Noting
	program, err := w.store.dialect.Compile(plan)
	if err == nil {
		w.program.Store(&program)
	}
	return err
}
