package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/bench"
	"github.com/gatehouse/gatehouse/internal/config"
)

// byHandBatch is how many messages share a transaction by hand, as they may in the
// gateway.
const byHandBatch = 128

// compare inserts the rows that the run has left by hand, into fresh files with
// the same tables: multi-row statements, one transaction for each batch, and as
// lasting as the gateway's.
func (r *benchRun) compare(ctx context.Context, report *bench.Report) (err error) {
	source := r.target.look
	orders, err := source.orders(ctx)
	if err != nil {
		return err
	}
	b := &bench.Baseline{Batch: byHandBatch}
	for _, part := range []struct {
		name  string
		sets  []rowSet
		rate  *float64
		share *float64
		cpu   *float64
		rows  *int
	}{
		{"business", businessRows, &b.Business, &b.BusinessShare, &b.BusinessCPU, &b.Rows},
		{"ledger", slices.Concat(businessRows, ledgerRows), &b.Ledger, &b.LedgerShare, &b.LedgerCPU, &b.LedgerRows},
	} {
		took, cpu, rows, err := r.byHand(ctx, part.name, part.sets, orders)
		if err != nil {
			return fmt.Errorf("inserting by hand: %w", err)
		}
		*part.rate, *part.rows, *part.cpu = float64(orders.count)/took.Seconds(), rows, cpu/float64(orders.count)
		*part.share = report.Throughput.PerSecond / *part.rate
	}
	report.Baseline = b
	return nil
}

// rowSet are the rows that messages have in one table: those of the orders with
// ids from ?1 to ?2.
type rowSet struct{ table, where string }

// A customer has been made by the first of his orders.
const (
	ofOrders   = `order_id BETWEEN ?1 AND ?2`
	ofMessages = `message_id IN (SELECT m.id FROM "gateway.message" AS m JOIN "sales.sales_order" AS o ON o.order_no = m.ordering_key WHERE o.id BETWEEN ?1 AND ?2)`
)

var (
	businessRows = []rowSet{
		{"crm.customer", `id IN (SELECT customer_id FROM "sales.sales_order" GROUP BY customer_id HAVING min(id) BETWEEN ?1 AND ?2)`},
		{"sales.sales_order", `id BETWEEN ?1 AND ?2`},
		{"sales.order_line", ofOrders},
		{"sales.order_line_feature", `line_id IN (SELECT id FROM "sales.order_line" WHERE ` + ofOrders + `)`},
	}
	ledgerRows = []rowSet{
		{"gateway.message", strings.Replace(ofMessages, "message_id IN", "id IN", 1)},
		{"gateway.inbox", ofMessages}, {"gateway.payload", ofMessages}, {"gateway.message_key", ofMessages},
		{"gateway.reply", ofMessages}, {"gateway.delivery", ofMessages},
	}
)

// orderRange are the orders of a run, which has the file to itself.
type orderRange struct {
	first, last int64
	count       int
}

func (l *benchLook) orders(ctx context.Context) (o orderRange, err error) {
	row := l.db.QueryRowContext(ctx, `SELECT coalesce(min(id), 0), coalesce(max(id), 0), count(*) FROM "sales.sales_order"`)
	if err := row.Scan(&o.first, &o.last, &o.count); err != nil {
		return o, err
	}
	if o.count == 0 {
		return o, errors.New("nothing was stored that could be inserted by hand")
	}
	return o, nil
}

// byHand makes a file with the tables, reads all rows, and then times nothing but
// their insertion.
func (r *benchRun) byHand(ctx context.Context, name string, sets []rowSet, o orderRange) (took time.Duration, cpu float64, rows int, err error) {
	file := filepath.Join(r.target.look.folder(), "by-hand-"+name+".db")
	again := *r.target.project
	section := *again.Store.sqlite
	section.Path = config.Path(file)
	again.Store.sqlite = &section
	if err := again.migrateUp(ctx, io.Discard); err != nil {
		return 0, 0, 0, err
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=temp_store(memory)&_pragma=cache_size(-16384)&_txlock=immediate")
	if err != nil {
		return 0, 0, 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var batches [][]insertion
	for first := o.first; first <= o.last; first += byHandBatch {
		var batch []insertion
		for _, set := range sets {
			one, err := r.target.look.insertion(ctx, set, first, first+byHandBatch-1)
			if err != nil {
				return 0, 0, 0, err
			}
			rows += len(one.values)
			batch = append(batch, one)
		}
		batches = append(batches, batch)
	}
	runtime.GC() // what reading has left is not the insertion's to clear away
	begin, used := time.Now(), timesOf(os.Getpid())
	for _, batch := range batches {
		if err := insertBatch(ctx, db, batch); err != nil {
			return 0, 0, 0, err
		}
	}
	took = time.Since(begin)
	spent := timesOf(os.Getpid())
	return took, spent.user + spent.system - used.user - used.system, rows, nil
}

// insertion are rows for one table.
type insertion struct {
	table   string
	columns []string
	values  [][]any
}

func (l *benchLook) insertion(ctx context.Context, set rowSet, first, last int64) (insertion, error) {
	out := insertion{table: set.table}
	var err error
	if out.columns, err = column(ctx, l.db, `SELECT name FROM pragma_table_info('`+set.table+`')`); err != nil {
		return out, err
	}
	// A plus changes nothing, but for the driver: it would make times of columns
	// that are declared as such.
	rows, err := l.db.QueryContext(ctx, `SELECT +"`+strings.Join(out.columns, `", +"`)+`" FROM "`+set.table+`" WHERE `+set.where, first, last)
	if err != nil {
		return out, err
	}
	defer rows.Close()
	for rows.Next() {
		values, into := make([]any, len(out.columns)), make([]any, len(out.columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return out, err
		}
		out.values = append(out.values, values)
	}
	return out, rows.Err()
}

func insertBatch(ctx context.Context, db *sql.DB, batch []insertion) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, one := range batch {
		if err := one.insert(ctx, tx); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", one.table, err), tx.Rollback())
		}
	}
	return tx.Commit()
}

// mostParameters is SQLite's limit for one statement.
const mostParameters = 32766

func (n insertion) insert(ctx context.Context, tx *sql.Tx) error {
	for values := n.values; len(values) > 0; {
		some := values[:min(len(values), mostParameters/len(n.columns))]
		values = values[len(some):]
		row := "(" + strings.Repeat("?, ", len(n.columns)-1) + "?)"
		text := `INSERT INTO "` + n.table + `" ("` + strings.Join(n.columns, `", "`) + `") VALUES ` + strings.Repeat(row+", ", len(some)-1) + row
		var args []any
		for _, v := range some {
			args = append(args, v...)
		}
		if _, err := tx.ExecContext(ctx, text, args...); err != nil {
			return err
		}
	}
	return nil
}
