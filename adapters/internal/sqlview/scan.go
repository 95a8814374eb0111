package sqlview

import (
	"context"
	"iter"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// HeadsText is the last entry of each chain of the audit trail, for Dialect.Text.
const HeadsText = `SELECT chain, seq FROM {chain} ORDER BY chain`

// Heads reads a position.
func Heads(ctx context.Context, q sqlstore.Querier, text string) (view.Position, error) {
	rows, err := q.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := view.Position{}
	for rows.Next() {
		var chain int
		var seq int64
		if err := rows.Scan(&chain, &seq); err != nil {
			return nil, err
		}
		out[chain] = seq
	}
	return out, rows.Err()
}

// IndexName proposes a name for an index, and lists its columns.
func IndexName(t mapping.TableName, columns []view.IndexColumn, quote func(string) string) (name, list string) {
	var names, quoted []string
	for _, c := range columns {
		names = append(names, c.Name)
		quoted = append(quoted, quote(c.Name)+direction(c.Desc))
	}
	return sqlstore.Short("ix_"+t.Name+"_"+strings.Join(names, "_"), 128), strings.Join(quoted, ", ")
}

// chunk is how many rows a scan reads at a time.
const chunk = 500

// NextPlan makes the plan of the page behind a mark. It is to be in the order of the
// key when what is read is not frozen.
type NextPlan func(ctx context.Context, after *view.Mark, frozen bool) (*view.Plan, error)

// Scan yields the rows of plans page by page, all of them as the database was at one
// position where it can be frozen: next makes the plan of the page behind a mark, of
// any Top. Memory is that of one page. Half the connections at most do this at the
// same time; another scan waits for its turn. When ctx ends, so does the scan.
//
// SQLite reads in one transaction, SQL Server in one of SNAPSHOT isolation. Where
// that is not allowed, a page is as the database is when it is read: then a row may
// be newer than the position, and never older, so that somebody who follows what
// came after the position gets the changes that he has seen already once more, and
// loses none. That takes the order of the key: in another one a row that changes moves,
// past the page or into the next one.
func (t *Tables) Scan(ctx context.Context, next NextPlan, at func(view.Position)) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) {
		if err := t.scan(ctx, next, at, yield); err != nil {
			yield(nil, t.database.fail("reading a view", err))
		}
	}
}

// scan returns nil when yield wants no more.
func (t *Tables) scan(ctx context.Context, next NextPlan, at func(view.Position), yield func(*view.Row, error) bool) (err error) {
	d := t.database
	select {
	case d.scans <- struct{}{}:
		defer func() { <-d.scans }()
	case <-ctx.Done():
		return ctx.Err()
	}
	q, position, end, exact, err := d.dialect.Frozen(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = end() }() // it has only read
	if !exact {
		d.warned.Do(func() {
			d.log.Warn("the database does not allow SNAPSHOT isolation: rows of an export may be newer than its position")
		})
	}
	if at != nil {
		at(position)
	}
	r := t.run(q)
	r.whole, r.room = true, &room{}
	for after := (*view.Mark)(nil); ; {
		page, err := t.piece(ctx, r, next, after, exact)
		if err != nil {
			return err
		}
		for i := range page.Rows {
			if !yield(&page.Rows[i], nil) {
				return nil
			}
		}
		if after = page.More; after == nil {
			return nil
		}
	}
}

// piece is one page of a scan.
func (t *Tables) piece(ctx context.Context, r *run, next NextPlan, after *view.Mark, frozen bool) (*view.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, t.database.timeout)
	defer cancel()
	plan, err := next(ctx, after, frozen)
	if err != nil {
		return nil, err
	}
	p := *plan
	p.Top = chunk
	return r.page(ctx, &p)
}
