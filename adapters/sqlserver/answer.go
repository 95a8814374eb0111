package sqlserver

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// answer takes the rows of the first statement's answer: one for each message,
// or one for each fault of a message.
type answer struct {
	plan     *sqlstore.Plan
	items    []*sqlstore.Item
	states   []int
	firsts   []gateway.ID // the message that a repeat repeats
	missing  []sqlstore.Unresolved
	refusals []error // the first of each item
}

func newAnswer(p *sqlstore.Plan, items []*sqlstore.Item) *answer {
	return &answer{
		plan: p, items: items,
		states:   slices.Repeat([]int{unanswered}, len(items)),
		firsts:   make([]gateway.ID, len(items)),
		missing:  make([]sqlstore.Unresolved, len(items)),
		refusals: make([]error, len(items)),
	}
}

// unanswered is the state of a message that no line has told of yet.
const unanswered = -1

// line is one row of the answer.
type line struct {
	n, state          int
	first, body       []byte
	outcome           sql.NullString
	reply             []byte
	step, row, column sql.NullInt64
	why               sql.NullInt64
}

func (a *answer) take(rows *sql.Rows) error {
	var l line
	stored := make([]sqlstore.Datum, len(a.plan.Returns))
	dest := []any{&l.n, &l.state, &l.first, &l.body, &l.outcome, &l.reply, &l.step, &l.row, &l.column, &l.why}
	for i, r := range a.plan.Returns {
		dest = append(dest, reading{a.plan.Steps[r.Step].Reads[r.Read].Model, &stored[i]})
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	if l.n < 0 || l.n >= len(a.items) {
		return fmt.Errorf("the answer names message %d of %d", l.n, len(a.items))
	}
	a.states[l.n] = l.state
	copy(a.firsts[l.n][:], l.first)
	it := a.items[l.n]
	switch {
	case l.state == known:
		it.Known(gateway.ID(l.first), gateway.Digest(l.body), l.outcome.String == gateway.Superseded.String(), l.reply)
	case l.why.Valid:
		a.fault(it, &l)
	}
	it.Stored = make([]mapping.Value, len(stored))
	for i, d := range stored {
		it.Stored[i] = d.Value()
	}
	return nil
}

func (a *answer) fault(it *sqlstore.Item, l *line) {
	step := a.plan.Steps[l.step.Int64]
	if l.why.Int64 == whyEmptied {
		a.refuse(l.n, sqlstore.Emptying(step, it.Rows[step.Parent][l.row.Int64].Source, l.column.Int64))
		return
	}
	row := &it.Rows[step.Index][l.row.Int64]
	switch l.why.Int64 {
	case whyMissing:
		if !l.column.Valid {
			a.missing[l.n].AddRow(step, row)
			return
		}
		a.missing[l.n].Add(step, row, int(l.column.Int64))
	case whyTwice:
		a.refuse(l.n, sqlstore.Blame(step, row.Source, sqlstore.ErrTwice))
	case whyCircle:
		a.refuse(l.n, sqlstore.Blame(step, row.Source, sqlstore.ErrCircle))
	case whyExists:
		a.refuse(l.n, sqlstore.Blame(step, row.Source, sqlstore.ErrExists))
	}
}

func (a *answer) refuse(n int, err error) {
	if a.refusals[n] == nil {
		a.refusals[n] = err
	}
}

var (
	errUnnamed    = errors.New("the server refused a message without naming the fault")
	errUnanswered = errors.New("the server said nothing of a message")
)

// settle sets the outcomes. It reports whether the attempt has to be rolled
// back because rows were written before a message turned out to clash. Silence
// about a message is no consent.
func (a *answer) settle() (clash bool, err error) {
	if slices.Contains(a.states, unanswered) {
		return false, errUnanswered
	}
	for n, it := range a.items {
		err := a.missing[n].Fault()
		if err == nil {
			err = a.refusals[n]
		}
		switch a.states[n] {
		case overtook:
			it.Supersede()
		case refused:
			if err == nil {
				err = errUnnamed
			}
			it.Refuse(err)
		case deferred:
			it.Defer()
		case clashed:
			it.SetAside(err)
			clash = true
		default:
			a.lot(n, it)
		}
	}
	return clash, nil
}

// lot sets the outcome of what the lot decided about.
func (a *answer) lot(n int, it *sqlstore.Item) {
	switch a.states[n] {
	case waits:
		it.Again(sqlstore.Waiting, a.firsts[n])
	case lies:
		it.Again(sqlstore.Parked, a.firsts[n])
	case behind:
		it.Behind()
	case gone:
		it.Gone()
	case only:
		it.AsItIs()
	}
}

// reading is the destination of one stored column.
type reading struct {
	column *mapping.ColumnModel
	datum  *sqlstore.Datum
}

// Scan implements sql.Scanner.
func (r reading) Scan(src any) (err error) {
	d := sqlstore.Datum{Kind: r.column.Kind, Present: src != nil}
	switch v := src.(type) {
	case int64:
		d.Int = v
		d.Text = strconv.FormatInt(v, 10)
	case bool:
		if v {
			d.Int = 1
		}
	case float64:
		d.Float = v
	case string:
		d.Text = v
	case time.Time:
		d.Instant = v.UTC()
		if r.column.Kind == mapping.TimeColumn {
			d.Text = v.Format("15:04:05.999999999")
		}
	case []byte:
		err = r.bytes(&d, v)
	}
	*r.datum = d
	return err
}

// bytes are what the driver returns for binary columns, for decimals as text,
// and for uniqueidentifiers as 16 bytes of which the first eight are swapped.
func (r reading) bytes(d *sqlstore.Datum, v []byte) error {
	switch r.column.Kind {
	case mapping.DecimalColumn:
		n, _, err := apd.NewFromString(string(v))
		d.Number = n
		return err
	case mapping.StringColumn:
		if len(v) == 16 && r.column.Length == 36 {
			d.Text = strings.ToUpper(guid(v))
			return nil
		}
		d.Text = string(v)
	default:
		d.Bytes = append([]byte(nil), v...)
	}
	return nil
}

func guid(b []byte) string {
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%x-%x", b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8:10], b[10:16])
}
