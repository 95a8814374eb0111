package sqlview

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// DefaultConnections is how many read at the same time for views unless configured
// otherwise, and DefaultTimeout how long a page may take.
const (
	DefaultConnections = 4
	DefaultTimeout     = 30 * time.Second
)

// Options are the choices that both dialects take.
type Options struct {
	// Connections is how many read at the same time, half of them at most for
	// exports; 0 means DefaultConnections. There are 2 at least: an export that
	// holds one asks about texts on another.
	Connections int
	Timeout     time.Duration // of each page; 0 means DefaultTimeout
	Log         *slog.Logger
}

// Effective fills in the defaults.
func (o Options) Effective() Options {
	o.Connections = max(2, cmp.Or(o.Connections, DefaultConnections))
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	return o
}

// Database is what views are read from, on connections of its own: no search takes
// one from those who write. It is safe for concurrent use.
type Database struct {
	dialect Dialect
	timeout time.Duration
	log     *slog.Logger
	scans   chan struct{} // holds one for each scan under way
	whole   chan struct{} // holds one while a report reads its rows without a bound
	warned  sync.Once
}

// New makes a database; it does not touch it.
func New(d Dialect, o Options) *Database {
	o = o.Effective()
	return &Database{dialect: d, timeout: o.Timeout, log: o.Log, scans: make(chan struct{}, o.Connections/2), whole: make(chan struct{}, 1)}
}

// Close ends all connections; what is being read fails.
func (d *Database) Close() error { return d.dialect.Close() }

// Tables takes a picture of the tables, and of those that they refer to, with their
// indexes. Tables that do not exist are left out. The error is an unavailable fault.
func (d *Database) Tables(ctx context.Context, names ...mapping.TableName) (*Tables, error) {
	out := &Tables{d, model{}}
	names = slices.Clone(names)
	for known := 0; known < len(names); {
		found, err := d.dialect.Introspect(ctx, d.dialect.Query(), names[known:])
		if err != nil {
			return nil, d.fail("reading the tables", err)
		}
		known = len(names)
		for _, t := range found {
			t.Tidy()
			out.model[t.Name] = readable(t)
			for _, fk := range t.ForeignKeys {
				if !slices.Contains(names, fk.Table) {
					names = append(names, fk.Table)
				}
			}
		}
	}
	return out, nil
}

// Tables is a picture of tables as they were when it was taken: immutable, and safe
// for concurrent use. It implements view.Tables, view.Collation and view.Dialect.
type Tables struct {
	database *Database
	model    model
}

var (
	_ view.Tables    = (*Tables)(nil)
	_ view.Collation = (*Tables)(nil)
	_ view.Dialect   = (*Tables)(nil)
)

// Table implements view.Tables.
func (t *Tables) Table(name mapping.TableName) (*view.Table, bool) { return t.model.Table(name) }

// CreateIndex implements view.Dialect.
func (t *Tables) CreateIndex(table mapping.TableName, columns []view.IndexColumn) string {
	return t.database.dialect.CreateIndex(table, columns)
}

// Rank implements view.Collation by asking the database.
func (t *Tables) Rank(ctx context.Context, table mapping.TableName, column string, texts []string) ([]int, error) {
	c, err := t.model.column(table, column)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	d := t.database
	const doing = "comparing texts"
	rows, err := d.dialect.Query().QueryContext(ctx, d.dialect.Ranks(c, d.dialect.Parameter(1)), d.dialect.Document(string(document)))
	if err != nil {
		return nil, d.fail(doing, err)
	}
	defer rows.Close()
	var out []int
	for rows.Next() {
		var rank int
		if err := rows.Scan(&rank); err != nil {
			return nil, d.fail(doing, err)
		}
		out = append(out, rank)
	}
	if err := rows.Err(); err != nil {
		return nil, d.fail(doing, err)
	}
	if len(out) != len(texts) {
		return nil, fmt.Errorf("the database has compared %d texts of %d", len(out), len(texts))
	}
	return out, nil
}

// readable leaves out columns of types that no field can have, and adds the one that
// a mapping never writes: rowversion, eight bytes.
func readable(t *sqlstore.Table) *sqlstore.Table {
	out := *t
	out.Columns, out.Native = nil, nil
	for i, c := range t.Columns {
		switch n := t.Native[i]; {
		case isVersion(n):
			c.ColumnType = mapping.ColumnType{Kind: mapping.BytesColumn, Length: 8, Fixed: true, Nullable: c.Nullable, Computed: true}
		case !parsed(n.Type):
			continue
		}
		out.Columns, out.Native = append(out.Columns, c), append(out.Native, t.Native[i])
	}
	return &out
}

func parsed(native string) bool {
	_, err := sqlstore.ParseType(native, "")
	return err == nil
}

// fail makes a fault of a driver's error. What the package itself has found out stays
// what it is.
func (d *Database) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return sqlstore.Fail(d.dialect.Classify(err), doing, err)
}

// Page runs a plan. The answer's Count is that of the plan's own branches: a plan
// that goes on behind a page counts what is behind it.
func (t *Tables) Page(ctx context.Context, p *view.Plan) (*view.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, t.database.timeout)
	defer cancel()
	out, err := t.run(t.database.dialect.Query()).page(ctx, p)
	if err != nil {
		return nil, t.database.fail("searching "+p.View.Name, err)
	}
	return out, nil
}

// Count counts the rows of a plan; atLeast says that there are more.
func (t *Tables) Count(ctx context.Context, p *view.Plan) (n int64, atLeast bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.database.timeout)
	defer cancel()
	n, atLeast, err = t.run(t.database.dialect.Query()).count(ctx, p)
	return n, atLeast, t.database.fail("counting "+p.View.Name, err)
}

func (t *Tables) run(q sqlstore.Querier) *run {
	return &run{dialect: t.database.dialect, model: t.model, q: q}
}
