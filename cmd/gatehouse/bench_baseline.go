package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/bench"
	"github.com/gatehouse/gatehouse/internal/config"
)

// byHandBatch is how many messages share a transaction by hand, as they may in the
// gateway.
const byHandBatch = 128

// compare inserts the rows that the run has left by hand, into fresh files with
// the same tables: prepared statements of many rows, one transaction for each batch, and as
// lasting as the gateway's.
//
// Batches are as large as the gateway's may be, then as large as they can be with so
// many connections of which each waits for its answer, and then as large as they were:
// how many messages are on their way at the same time says how often the disk has to
// be waited for, whoever inserts them.
func (r *benchRun) compare(ctx context.Context, report *bench.Report) (err error) {
	source := r.target.look
	orders, err := source.orders(ctx)
	if err != nil {
		return err
	}
	b := &bench.Baseline{Batch: byHandBatch}
	type part struct {
		name             string
		batch            int
		sets             []rowSet
		rate, share, cpu *float64
		rows             *int
	}
	all := slices.Concat(businessRows, ledgerRows)
	parts := []part{
		{"business", byHandBatch, businessRows, &b.Business, &b.BusinessShare, &b.BusinessCPU, &b.Rows},
		{"ledger", byHandBatch, all, &b.Ledger, &b.LedgerShare, &b.LedgerCPU, &b.LedgerRows},
	}
	if n := r.byConnections(report); n > 0 {
		b.Connections = n
		parts = append(parts, part{"connections", n, all, &b.ConnectionsRate, &b.ConnectionsShare, &b.ConnectionsCPU, new(int)})
	}
	if c := report.Commits; c != nil && c.Messages >= 1 {
		b.AsOften = int(math.Round(c.Messages))
		parts = append(parts, part{"as-often", b.AsOften, all, &b.OftenRate, &b.OftenShare, &b.OftenCPU, new(int)})
	}
	for _, p := range parts {
		took, cpu, rows, err := r.byHand(ctx, p.name, p.batch, p.sets, orders)
		if err != nil {
			return fmt.Errorf("inserting by hand: %w", err)
		}
		*p.rate, *p.rows, *p.cpu = float64(orders.count)/took.Seconds(), rows, cpu/float64(orders.count)
		*p.share = report.Throughput.PerSecond / *p.rate
	}
	report.Baseline = b
	return nil
}

// byConnections is how many messages can be on their way at once, where that is fewer
// than share a transaction: one on each connection of the SOAP door. What waits in a
// queue is bounded otherwise; 0 then.
func (r *benchRun) byConnections(report *bench.Report) int {
	if l := report.Load; l.AMQP == 0 && l.Concurrency < byHandBatch {
		return l.Concurrency
	}
	return 0
}

// rowSet are the rows that messages have in one table: those of the orders with
// ids from ?1 to ?2. Without a condition they belong to no message, but to
// transactions: each has its share of them, in the order of their keys.
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
		{"gateway.claimed", ""}, {"gateway.relayed", ""}, {"gateway.audit", ""},
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
func (r *benchRun) byHand(ctx context.Context, name string, size int, sets []rowSet, o orderRange) (took time.Duration, cpu float64, rows int, err error) {
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
	hand, err := newHandWriter(ctx, db)
	if err != nil {
		return 0, 0, 0, err
	}
	defer hand.close()
	batches, rows, err := r.target.look.batches(ctx, sets, o, int64(size))
	if err != nil {
		return 0, 0, 0, err
	}
	runtime.GC() // what reading has left is not the insertion's to clear away
	begin, used := time.Now(), timesOf(os.Getpid())
	for _, batch := range batches {
		if err := hand.insertBatch(ctx, batch); err != nil {
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

// batches reads the rows of all orders, for transactions of some orders each.
func (l *benchLook) batches(ctx context.Context, sets []rowSet, o orderRange, size int64) (batches [][]insertion, rows int, err error) {
	batches = make([][]insertion, (o.last-o.first)/size+1)
	for _, set := range sets {
		var all insertion
		if set.where == "" {
			if all, err = l.insertion(ctx, set); err != nil {
				return nil, 0, err
			}
		}
		for i := range batches {
			one := all.share(i, len(batches))
			if set.where != "" {
				first := o.first + int64(i)*size
				if one, err = l.insertion(ctx, set, first, first+size-1); err != nil {
					return nil, 0, err
				}
			}
			rows += len(one.values)
			batches[i] = append(batches[i], one)
		}
	}
	return batches, rows, nil
}

// share is the i-th of n about equal parts.
func (n insertion) share(i, of int) insertion {
	n.values = n.values[i*len(n.values)/of : (i+1)*len(n.values)/of]
	return n
}

// insertion reads the rows of a set: of the orders from the first to the last, or all.
func (l *benchLook) insertion(ctx context.Context, set rowSet, orders ...any) (insertion, error) {
	out := insertion{table: set.table}
	var err error
	if out.columns, err = column(ctx, l.db, `SELECT name FROM pragma_table_info('`+set.table+`')`); err != nil {
		return out, err
	}
	// A plus changes nothing, but for the driver: it would make times of columns
	// that are declared as such.
	text := `SELECT +"` + strings.Join(out.columns, `", +"`) + `" FROM "` + set.table + `"`
	if set.where != "" {
		text += ` WHERE ` + set.where
	}
	rows, err := l.db.QueryContext(ctx, text, orders...)
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

// handWriter is the connection that inserts by hand, with its prepared statements.
type handWriter struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

func newHandWriter(ctx context.Context, db *sql.DB) (*handWriter, error) {
	conn, err := db.Conn(ctx)
	return &handWriter{conn, map[string]*sql.Stmt{}}, err
}

func (h *handWriter) close() {
	for _, s := range h.prepared {
		_ = s.Close() // with the connection, if not before
	}
	_ = h.conn.Close()
}

func (h *handWriter) insertBatch(ctx context.Context, batch []insertion) error {
	if _, err := h.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, one := range batch {
		if err := h.insert(ctx, one); err != nil {
			_, undone := h.conn.ExecContext(ctx, "ROLLBACK")
			return errors.Join(fmt.Errorf("%s: %w", one.table, err), undone)
		}
	}
	_, err := h.conn.ExecContext(ctx, "COMMIT")
	return err
}

// handRows are the numbers of rows for which statements are prepared.
var handRows = [...]int{64, 16, 4, 1}

func (h *handWriter) insert(ctx context.Context, n insertion) error {
	values := n.values
	for _, rows := range handRows {
		for len(values) >= rows {
			if err := h.insertRows(ctx, n, values[:rows]); err != nil {
				return err
			}
			values = values[rows:]
		}
	}
	return nil
}

func (h *handWriter) insertRows(ctx context.Context, n insertion, values [][]any) error {
	key := n.table + " " + strconv.Itoa(len(values))
	s := h.prepared[key]
	if s == nil {
		var err error
		if s, err = h.conn.PrepareContext(ctx, n.text(len(values))); err != nil {
			return err
		}
		h.prepared[key] = s
	}
	args := make([]any, 0, len(values)*len(n.columns))
	for _, v := range values {
		args = append(args, v...)
	}
	_, err := s.ExecContext(ctx, args...)
	return err
}

// text is an INSERT of some rows.
func (n insertion) text(rows int) string {
	row := "(" + strings.Repeat("?, ", len(n.columns)-1) + "?)"
	return `INSERT INTO "` + n.table + `" ("` + strings.Join(n.columns, `", "`) + `") VALUES ` + strings.Repeat(row+", ", rows-1) + row
}
