package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb" // for -store sqlserver://…
	_ "modernc.org/sqlite"                  // for -store sqlite
)

// database is the campaign's own look at what the gateway stores, with SQL of
// its own.
type database struct {
	db     *sql.DB
	writer *sql.DB // of SQLite, which writes nothing
	admin  *sql.DB // of the server on which the database was made; nil for SQLite
	name   string
	dsn    *url.URL // of the server; nil for SQLite
}

// section is the one of gatehouse.yaml, for a gateway that reaches the server
// through a link.
func (d *database) section(through *link) string {
	if d.dsn == nil {
		return "{driver: sqlite, path: data/gatehouse.db, migrations: mappings/migrations/sqlite}"
	}
	dsn := *d.dsn
	dsn.Host = through.address()
	return fmt.Sprintf("{driver: sqlserver, dsn: %q, migrations: mappings/migrations/sqlserver, lanes: 2, shards: 2, connect_timeout: 1m, request_timeout: %v}", dsn.String(), patienceOfServer)
}

// patienceOfServer is how long a server may take for one request. Some look at a
// text for many seconds when a connection sends it for the first time, and every
// gateway that is killed leaves the next one with none but new connections: a
// request that is given up meanwhile has to begin again on another new one, and
// so has the next.
const patienceOfServer = 3 * time.Minute

// openDatabase makes a place for the gateway's tables: a file in dir, or a
// database on the server that store points to.
func openDatabase(ctx context.Context, store, name, dir string) (*database, error) {
	if store == "sqlite" {
		file := "file:" + filepath.Join(dir, "data", "gatehouse.db")
		db, err := sql.Open("sqlite", file+"?mode=ro&_pragma=busy_timeout(10000)")
		writer, failed := sql.Open("sqlite", file+"?mode=rw&_pragma=busy_timeout(0)")
		return &database{db: db, writer: writer}, errors.Join(err, failed)
	}
	dsn, err := url.Parse(store)
	if err != nil {
		return nil, fmt.Errorf("-store: %w", err)
	}
	d := &database{name: strings.ReplaceAll(name, "-", "_")}
	if d.admin, err = sql.Open("sqlserver", store); err != nil {
		return nil, err
	}
	if err := d.create(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("making the database %s: %w", d.name, err), d.admin.Close())
	}
	query := dsn.Query()
	query.Set("database", d.name)
	dsn.RawQuery = query.Encode()
	d.dsn = dsn
	d.db, err = sql.Open("sqlserver", dsn.String())
	return d, err
}

// create makes the database. The server makes one at a time and refuses another
// meanwhile (error 1807).
func (d *database) create(ctx context.Context) error {
	for deadline := time.Now().Add(30 * time.Second); ; pause(ctx, 100*time.Millisecond) {
		_, err := d.admin.ExecContext(ctx, "CREATE DATABASE "+d.name)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}

// remove leaves nothing behind on a server.
func (d *database) remove() error {
	err := d.db.Close()
	if d.admin == nil {
		return errors.Join(err, d.writer.Close())
	}
	_, dropped := d.admin.Exec("DROP DATABASE " + d.name)
	return errors.Join(err, dropped, d.admin.Close())
}

// sql writes {schema.table} as the database names it: SQLite has no schemas, and
// a dot in the table's name.
func (d *database) sql(query string) string {
	if d.admin == nil {
		return strings.NewReplacer("{", `"`, "}", `"`).Replace(query)
	}
	return strings.NewReplacer("{", "", "}", "").Replace(query)
}

// locked reports whether nobody can write to the database at the moment. Servers
// lock no more than rows.
func (d *database) locked(ctx context.Context) bool {
	if d.admin != nil {
		return false
	}
	conn, err := d.writer.Conn(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return true
	}
	_, err = conn.ExecContext(ctx, "ROLLBACK")
	return err != nil
}

// waiting is how many deliveries, held messages and suspects are still to be dealt
// with.
func (d *database) waiting(ctx context.Context) (n int, err error) {
	err = d.db.QueryRowContext(ctx, d.sql(
		`SELECT (SELECT count(*) FROM {gateway.outbox}) + (SELECT count(*) FROM {gateway.held} WHERE state = 'waiting') + (SELECT count(*) FROM {gateway.suspect})`)).Scan(&n)
	return n, err
}

// stored is everything the gateway has kept.
type stored struct {
	messages   []storedMessage
	inbox      map[string]int // claims by message
	replies    map[string]int // by message
	deliveries []delivery
	customers  map[string]int // rows by number
	orders     []storedOrder
	held       []heldMessage
	calls      []delivery     // to the partner
	relayed    map[place]int  // how often it is noted when one was confirmed
	parts      map[string]int // rows by number
	partIDs    map[string]int // messages of batches
	outbox     int
	payloads   int      // of orders: those that retention has not removed yet
	parked     int      // deliveries
	suspects   int      // messages under suspicion of killing processes
	damage     []string // what the database says of its own integrity
}

type storedMessage struct{ id, identity, key, outcome string }

type delivery struct {
	message, channel string
	shard, seq       int
	wireID           string
	outside          bool // its message is part of a batch
}

// place is where a delivery stood.
type place struct {
	channel    string
	shard, seq int
}

type storedOrder struct {
	number   string
	revision int
	customer string
	lines    int
	quantity int // of every line; -1 when they differ
}

type heldMessage struct{ identity, state, code string }

// read reads everything. No gateway should be running; but a server may still be
// undoing what the last one that was killed has left, and choose the reader as the
// victim of a deadlock.
func (d *database) read(ctx context.Context) (*stored, error) {
	for tries := 1; ; tries++ {
		s, err := d.readOnce(ctx)
		if err == nil || !deadlocked(err) || tries == 5 {
			return s, err
		}
		pause(ctx, time.Second)
	}
}

func deadlocked(err error) bool {
	const victim = 1205
	e, ok := errors.AsType[mssql.Error](err)
	return ok && e.Number == victim
}

func (d *database) readOnce(ctx context.Context) (*stored, error) {
	s := &stored{inbox: map[string]int{}, replies: map[string]int{}, customers: map[string]int{}, parts: map[string]int{}, partIDs: map[string]int{}, relayed: map[place]int{}}
	for _, part := range []struct {
		query string
		row   func(scan func(...any) error) error
	}{
		{`SELECT id, "identity", ordering_key, outcome FROM {gateway.message} WHERE route = 'submit-order'`, s.message},
		{`SELECT message_id FROM {gateway.inbox}`, countInto(s.inbox)},
		{`SELECT message_id FROM {gateway.reply}`, countInto(s.replies)},
		{`SELECT message_id, channel, shard, seq, wire_id FROM {gateway.delivery} WHERE channel = 'order-events'`, deliver(&s.deliveries)},
		{`SELECT message_id, channel, shard, seq, wire_id FROM {gateway.delivery} WHERE channel = 'hook'`, deliver(&s.calls)},
		{`SELECT channel, shard, first_seq, last_seq FROM {gateway.relayed}`, s.relay},
		{`SELECT number, count(*) FROM {sales.item} GROUP BY number`, countWith(s.parts)},
		{`SELECT id FROM {gateway.message} WHERE route = 'items'`, countInto(s.partIDs)},
		{`SELECT count(*) FROM {gateway.payload} p JOIN {gateway.message} m ON m.id = p.message_id WHERE m.route = 'submit-order'`, into(&s.payloads)},
		{`SELECT customer_no FROM {crm.customer}`, s.customer},
		{`SELECT o.order_no, o.revision, c.customer_no, count(l.id), min(l.quantity), max(l.quantity) FROM {sales.sales_order} o
			JOIN {crm.customer} c ON c.id = o.customer_id LEFT JOIN {sales.order_line} l ON l.order_id = o.id
			GROUP BY o.id, o.order_no, o.revision, c.customer_no`, s.order(d.scale())},
		{`SELECT "identity", state, code FROM {gateway.held}`, s.hold},
		{`SELECT count(*) FROM {gateway.outbox}`, into(&s.outbox)},
		{`SELECT count(*) FROM {gateway.parked}`, into(&s.parked)},
		{`SELECT count(*) FROM {gateway.suspect}`, into(&s.suspects)},
	} {
		if err := d.each(ctx, part.query, part.row); err != nil {
			return nil, err
		}
	}
	s.setAside()
	return s, d.examine(ctx, s)
}

// setAside marks the deliveries of batches: they share shards and numbers with
// those of orders.
func (s *stored) setAside() {
	for i, d := range s.deliveries {
		s.deliveries[i].outside = s.partIDs[d.message] > 0
	}
}

// scale is by what a quantity is multiplied: SQLite's decimals are integers.
func (d *database) scale() float64 {
	if d.admin == nil {
		return 1000
	}
	return 1
}

// examine has SQLite look at itself: its file was left by killed processes.
func (d *database) examine(ctx context.Context, s *stored) error {
	if d.admin != nil {
		return nil
	}
	note := func(scan func(...any) error) error {
		var said string
		err := scan(&said)
		if said != "ok" {
			s.damage = append(s.damage, said)
		}
		return err
	}
	return errors.Join(
		d.each(ctx, `PRAGMA integrity_check`, note),
		d.each(ctx, `SELECT "table" || ' refers to a missing row of ' || parent FROM pragma_foreign_key_check`, note),
	)
}

func (d *database) each(ctx context.Context, query string, row func(scan func(...any) error) error) error {
	query = d.sql(query)
	rows, err := d.db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return rows.Err()
}

func (s *stored) message(scan func(...any) error) error {
	var id []byte
	var m storedMessage
	err := scan(&id, &m.identity, &m.key, &m.outcome)
	m.id = fmt.Sprintf("%x", id)
	s.messages = append(s.messages, m)
	return err
}

func deliver(list *[]delivery) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var id []byte
		var one delivery
		err := scan(&id, &one.channel, &one.shard, &one.seq, &one.wireID)
		one.message = fmt.Sprintf("%x", id)
		*list = append(*list, one)
		return err
	}
}

func (s *stored) relay(scan func(...any) error) error {
	var at place
	var last int
	err := scan(&at.channel, &at.shard, &at.seq, &last)
	for ; at.seq <= last; at.seq++ {
		s.relayed[at]++
	}
	return err
}

func (s *stored) customer(scan func(...any) error) error {
	var number string
	err := scan(&number)
	s.customers[number]++
	return err
}

func (s *stored) order(scale float64) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var o storedOrder
		var least, most sql.NullFloat64
		err := scan(&o.number, &o.revision, &o.customer, &o.lines, &least, &most)
		o.quantity = int(least.Float64 / scale)
		if least != most {
			o.quantity = -1
		}
		s.orders = append(s.orders, o)
		return err
	}
}

func (s *stored) hold(scan func(...any) error) error {
	var h heldMessage
	err := scan(&h.identity, &h.state, &h.code)
	s.held = append(s.held, h)
	return err
}

func countInto(counts map[string]int) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var id []byte
		err := scan(&id)
		counts[fmt.Sprintf("%x", id)]++
		return err
	}
}

func countWith(counts map[string]int) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var name string
		var n int
		err := scan(&name, &n)
		counts[name] += n
		return err
	}
}

func into(n *int) func(scan func(...any) error) error {
	return func(scan func(...any) error) error { return scan(n) }
}
