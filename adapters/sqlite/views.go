package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Views is what views are read from.
type Views = sqlview.Database

// ViewTables is a picture of its tables.
type ViewTables = sqlview.Tables

// ViewOptions are the choices that views take in either dialect.
type ViewOptions = sqlview.Options

// OpenViews opens connections to the database file that only read, for views. The
// file has to be there: see Open. What reads holds up no writer. An export reads in
// one transaction, and the file of the write-ahead log grows as long as that takes:
// by what is written meanwhile.
func OpenViews(c Config, o sqlview.Options) (*Views, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	c, o = c.withDefaults(), o.Effective()
	d := &dialect{path: string(c.Path), busy: c.BusyTimeout}
	db, err := pool(d.dsn("_query_only", "1"), o.Connections)
	if err != nil {
		return nil, err
	}
	return sqlview.New(&views{dialect: d, reader: newReader(db)}, o), nil
}

// views implements sqlview.Dialect.
type views struct {
	*dialect
	reader *reader
}

var _ sqlview.Dialect = (*views)(nil)

func (v *views) Table(name mapping.TableName) string { return table(name) }
func (v *views) Quote(name string) string            { return quote(name) }

// Parameter has the sign that keeps SQLite from planning a statement anew for each
// value.
func (v *views) Parameter(n int) string { return bound + strconv.Itoa(n) }

// Value writes a value as it is kept: see argument.
func (v *views) Value(c *sqlview.Column, value view.Value, bind sqlview.Bind) (string, error) {
	arg, err := v.Key(c, value)
	if err != nil {
		return "", err
	}
	if b, ok := arg.(blob); ok {
		return bind([]byte(b)), nil
	}
	return bind(arg), nil
}

// blob is a key that is bytes; in JSON it is hexadecimal digits.
type blob []byte

// MarshalText implements encoding.TextMarshaler.
func (b blob) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// Key writes a value as it is kept.
func (v *views) Key(c *sqlview.Column, value view.Value) (any, error) {
	d := sqlstore.Datum{Kind: value.Kind, Present: true, Text: value.Text, Int: value.Int, Float: value.Float, Instant: value.Instant.UTC(), Bytes: value.Bytes}
	switch value.Kind {
	case mapping.BytesColumn:
		return blob(notNull(value.Bytes)), nil
	case mapping.DecimalColumn:
		n, _, err := apd.NewFromString(value.Text)
		if err != nil {
			return nil, err
		}
		if d.Number, err = scaled(n, c.Scale); err != nil {
			return nil, err
		}
	}
	arg, err := argument(d, &c.ColumnModel)
	if errors.Is(err, errTooLarge) {
		return nil, &sqlview.Never{Below: d.Number.Negative, Above: !d.Number.Negative}
	}
	return arg, err
}

// scaled gives a number exactly the column's digits after the point, of which it has
// no more.
func scaled(n *apd.Decimal, scale int) (*apd.Decimal, error) {
	ctx := apd.Context{Precision: 800, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent}
	var out apd.Decimal
	cond, err := ctx.Quantize(&out, n, int32(-scale))
	if err == nil && cond.Inexact() {
		err = errors.New("a decimal has more digits than its column")
	}
	return &out, err
}

func (v *views) Limit(n string) (top, limit string) { return "", "\n LIMIT " + n }

// Hint names the index: SQLite refuses a statement that it cannot use it for.
func (v *views) Hint(index string, _ bool) string {
	if index == rowNumber {
		return " NOT INDEXED"
	}
	return " INDEXED BY " + quote(index)
}

func (v *views) NotNull(column string) string { return column + " IS NOT NULL" }

// Starts is a range up to the next text that is no longer than the beginning.
func (v *views) Starts(c *sqlview.Column, column, text string, bind sqlview.Bind) (string, bool, error) {
	if text == "" {
		return column + " IS NOT NULL", true, nil
	}
	collation := c.Native.Collation
	if collation != "" && collation != "NOCASE" {
		return column + " IS NOT NULL", false, nil
	}
	out := column + " >= " + bind(text)
	if collation == "NOCASE" { // which compares as small letters
		text = strings.Map(small, text)
	}
	if next, ok := after(text); ok {
		out += " AND " + column + " < " + bind(next)
	}
	return out, false, nil
}

func small(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// after is the first text behind all that begin with s; there is none when s has the
// last character alone.
func after(s string) (string, bool) {
	r := []rune(s)
	for len(r) > 0 {
		last := &r[len(r)-1]
		switch {
		case *last == 0x10FFFF:
			r = r[:len(r)-1]
			continue
		case *last == 0xD7FF: // what follows are no characters
			*last = 0xE000
		default:
			*last++
		}
		return string(r), true
	}
	return "", false
}

// Match compares as the column's collation has it. LIKE would ignore the case of
// letters whatever the collation.
func (v *views) Match(c *sqlview.Column, column, text string, anywhere bool, bind sqlview.Bind) (string, error) {
	arg := bind(text)
	if c.Native.Collation == "NOCASE" {
		column, arg = "lower("+column+")", "lower("+arg+")" // of ASCII, as the collation
	}
	if anywhere {
		return "instr(" + column + ", " + arg + ") > 0", nil
	}
	return "substr(" + column + ", 1, length(" + arg + ")) = " + arg, nil
}

func (v *views) Variables() bool { return false }
func (v *views) Follow() string  { return "CROSS JOIN" } // SQLite's word for: after what stands before
func (v *views) Options() string { return "" }
func (v *views) Apply() bool     { return false }

// Document makes a parameter of a JSON text.
func (v *views) Document(text string) any { return text }

// Parents reads the array with json_each. What is compared with a column takes its
// affinity, so that it can be sought by.
func (v *views) Parents(columns []*sqlview.Column, parameter string) string {
	var b strings.Builder
	b.WriteString("(SELECT json_extract(value, '$[0]') AS n, json_extract(value, '$[1]') AS w")
	for i, c := range columns {
		text := fmt.Sprintf("json_extract(value, '$[%d]')", i+2)
		if c.Kind == mapping.BytesColumn {
			text = "unhex(" + text + ")"
		}
		fmt.Fprintf(&b, ", %s AS k%d", text, i)
	}
	return b.String() + " FROM json_each(" + parameter + "))"
}

// Ranks compares as the column does.
func (v *views) Ranks(c *sqlview.Column, parameter string) string {
	collation := c.Native.Collation
	if collation == "" {
		collation = bytewise
	}
	return "SELECT DENSE_RANK() OVER (ORDER BY value COLLATE " + collation + ") FROM json_each(" + parameter + ") ORDER BY key"
}

// Read takes a value as it is kept. Times are told as they were stored: they compare
// as texts.
func (v *views) Read(c *sqlview.Column, src any) (view.Value, error) {
	d, err := reading(src, &c.ColumnModel)
	if err != nil {
		return view.Null, err
	}
	out := view.Value{Kind: c.Kind, Present: true, Text: d.Text, Int: d.Int, Float: d.Float, Instant: d.Instant, Bytes: d.Bytes}
	switch c.Kind {
	case mapping.DecimalColumn:
		if d.Number == nil {
			return view.Null, fmt.Errorf("a decimal is kept as %T", src)
		}
		out.Int, out.Text = 0, d.Number.Text('f')
	case mapping.StringColumn:
		if c.Fixed {
			out.Text = strings.TrimRight(out.Text, " ")
		}
	case mapping.FloatColumn:
		if n, ok := src.(int64); ok { // where the column has no affinity
			out.Int, out.Float = 0, float64(n)
		}
		if math.IsNaN(out.Float) {
			return view.Null, errors.New("a float is no number")
		}
	}
	return out, nil
}

// Query reads on any connection.
func (v *views) Query() sqlstore.Querier { return v.reader }

// Frozen begins a transaction. What it reads first fixes what it reads.
func (v *views) Frozen(ctx context.Context) (sqlstore.Querier, view.Position, func() error, bool, error) {
	tx, err := v.reader.DB.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, nil, nil, false, err
	}
	at, err := sqlview.Heads(ctx, tx, v.Text(sqlview.HeadsText))
	if err != nil {
		return nil, nil, nil, false, errors.Join(err, tx.Rollback())
	}
	return tx, at, tx.Rollback, true, nil
}

// Classify knows besides that an index which a statement names is gone.
func (v *views) Classify(err error) sqlstore.Class {
	class := classify(err)
	if class == sqlstore.Broken && (strings.Contains(err.Error(), "no such index") || strings.Contains(err.Error(), "no query solution")) {
		return sqlstore.Missing
	}
	return class
}

// CreateIndex writes the statement that makes an index.
func (v *views) CreateIndex(t mapping.TableName, columns []view.IndexColumn) string {
	name, list := sqlview.IndexName(t, columns, quote)
	return fmt.Sprintf("CREATE INDEX %s ON %s (%s);", quote(t.Schema+"."+name), table(t), list)
}

// Close ends the connections.
func (v *views) Close() error { return v.reader.Close() }
