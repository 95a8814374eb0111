package sqlserver

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	mssql "github.com/microsoft/go-mssqldb"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Views is what views are read from.
type Views = sqlview.Database

// ViewOptions are the choices that views take in either dialect.
type ViewOptions = sqlview.Options

// OpenViews makes a pool of connections for views. It connects when it is first used.
func OpenViews(c Config, now func() time.Time, o sqlview.Options) (*Views, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	c, o = c.withDefaults(), o.Effective()
	db := sql.OpenDB(&connector{config: c, timeout: c.ConnectTimeout, limit: max(o.Timeout, time.Second)})
	db.SetMaxOpenConns(o.Connections)
	db.SetMaxIdleConns(o.Connections)
	db.SetConnMaxIdleTime(idle)
	return sqlview.New(&views{dialect: &dialect{config: c, now: now}, db: db}, o), nil
}

// views implements sqlview.Dialect.
//
// The index that a plan names is named in the text too, and with what is sought in it
// FORCESEEK: statistics and the values of the parameters have nothing left to
// decide, so one plan does for all values and no statement needs to be compiled anew
// for each. Joins are made row by row, in the order they are written in. What is
// looked up for the foreign key is a variable, because the order of joins would be
// that of a join otherwise.
//
// Texts travel as nvarchar(max), whatever their length, and are cast to what their
// column is: one of another kind would be compared by converting the column. To
// nvarchar(4000) and varchar(8000), however, for a cast to fewer characters cuts
// without a word.
type views struct {
	*dialect
	db *sql.DB
}

var _ sqlview.Dialect = (*views)(nil)

func (v *views) Table(name mapping.TableName) string { return table(name) }
func (v *views) Quote(name string) string            { return bracket(name) }
func (v *views) Parameter(n int) string              { return "@p" + strconv.Itoa(n) }

// The most that a text or bytes can have to be compared, in the units of the type.
const (
	mostUnicode = 4000
	mostBytes   = 8000
)

// Value writes a value as the column's type.
func (v *views) Value(c *sqlview.Column, value view.Value, bind sqlview.Bind) (string, error) {
	arg, err := v.Key(c, value)
	if err != nil {
		return "", err
	}
	if text, ok := arg.(string); ok {
		if err := fits(c, text); err != nil {
			return "", err
		}
		arg = mssql.NVarCharMax(text)
	}
	return cast(c, bind(arg)), nil
}

// fits refuses a text that a cast would change.
func fits(c *sqlview.Column, text string) error {
	if c.Kind == mapping.BytesColumn {
		if len(text) > 2*mostBytes {
			return &sqlview.Never{}
		}
		return nil
	}
	if c.Kind != mapping.StringColumn || c.UUID {
		return nil
	}
	if c.Unicode {
		if len(text) > mostUnicode && len(utf16.Encode([]rune(text))) > mostUnicode {
			return &sqlview.Never{}
		}
		return nil
	}
	if len(text) > mostBytes || !encodes(c.Charset, text) {
		return &sqlview.Never{}
	}
	return nil
}

// encodes reports whether a code page has all characters of a text.
func encodes(charset, text string) bool {
	if charset == "utf-8" {
		return true
	}
	ascii := func(r rune) bool { return r > 127 }
	e, err := ianaindex.IANA.Encoding(charset)
	if err != nil || e == nil {
		return strings.IndexFunc(text, ascii) < 0
	}
	_, err = e.NewEncoder().String(text)
	return err == nil
}

// cast makes a parameter the column's type.
func cast(c *sqlview.Column, parameter string) string {
	switch {
	case c.Kind == mapping.BytesColumn:
		return "CONVERT(varbinary(8000), " + parameter + ", 2)"
	case c.Kind == mapping.StringColumn && !c.UUID && c.Unicode:
		return "CAST(" + parameter + " AS nvarchar(4000))"
	case c.Kind == mapping.StringColumn && !c.UUID:
		if c.Native.Collation != "" { // else to the code page of the database
			parameter += " COLLATE " + c.Native.Collation
		}
		return "CAST(" + parameter + " AS varchar(8000))"
	}
	return "CAST(" + parameter + " AS " + c.Native.Type + ")"
}

// Key writes a value in a form that no language setting of the server reads
// differently.
func (v *views) Key(c *sqlview.Column, value view.Value) (any, error) {
	switch value.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		return value.Int, nil
	case mapping.FloatColumn:
		return value.Float, nil
	case mapping.BytesColumn:
		return hex.EncodeToString(value.Bytes), nil
	case mapping.DateColumn:
		return value.Instant.UTC().Format(time.DateOnly), nil
	case mapping.DateTimeColumn:
		return instantText(c, value.Instant.UTC()), nil
	}
	return value.Text, nil
}

func instantText(c *sqlview.Column, at time.Time) string {
	layout := "2006-01-02T15:04:05"
	if c.Scale > 0 {
		layout += "." + strings.Repeat("0", c.Scale)
	}
	if strings.HasPrefix(c.Native.Type, "datetimeoffset") {
		layout += "Z"
	}
	return at.Format(layout)
}

func (v *views) Limit(n string) (top, limit string) { return " TOP (" + n + ")", "" }

// Hint names the index.
func (v *views) Hint(index string, seek bool) string {
	if seek {
		return " WITH (INDEX(" + bracket(index) + "), FORCESEEK)"
	}
	return " WITH (INDEX(" + bracket(index) + "))"
}

func (v *views) NotNull(column string) string { return column + " IS NOT NULL" }

// pattern takes the meaning of LIKE's wildcards away. ESCAPE would do the same, but
// a server may seek no index for it.
var pattern = strings.NewReplacer("%", "[%]", "_", "[_]", "[", "[[]")

// Starts is LIKE, which an index can be sought with: the server finds the range of a
// pattern when it runs.
func (v *views) Starts(c *sqlview.Column, column, text string, bind sqlview.Bind) (string, bool, error) {
	condition, err := v.Match(c, column, text, false, bind)
	return condition, true, err
}

// Match is LIKE.
func (v *views) Match(c *sqlview.Column, column, text string, anywhere bool, bind sqlview.Bind) (string, error) {
	p := pattern.Replace(text) + "%"
	if anywhere {
		p = "%" + p
	}
	if err := fits(c, p); err != nil {
		return "", unmatched(c)
	}
	return column + " LIKE " + cast(c, bind(mssql.NVarCharMax(p))), nil
}

func unmatched(c *sqlview.Column) error {
	return fault.New(fault.CodeQuery, "%s cannot be compared with this text: it is too long, or has a character that %s cannot have", c.Name, c.Name)
}

func (v *views) Variables() bool { return true }
func (v *views) Follow() string  { return "INNER JOIN" }
func (v *views) Options() string { return "\nOPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1)" }
func (v *views) Apply() bool     { return true }

// Parents reads the array with OPENJSON. Texts take the collation of the column that
// they are compared with.
func (v *views) Parents(columns []*sqlview.Column, parameter string) string {
	var list, with strings.Builder
	for i, c := range columns {
		text, native := "j.k"+strconv.Itoa(i), c.Native.Type
		switch {
		case c.Kind == mapping.BytesColumn:
			text, native = "CONVERT(varbinary(8000), "+text+", 2)", "varchar(max)"
		case c.Native.Collation != "":
			text += " COLLATE " + c.Native.Collation
		}
		fmt.Fprintf(&list, ", %s AS k%d", text, i)
		fmt.Fprintf(&with, ", k%d %s '$[%d]'", i, native, i+2)
	}
	return "(SELECT j.n, j.w" + list.String() + " FROM OPENJSON(" + parameter + ") WITH (n int '$[0]', w varchar(max) '$[1]'" + with.String() + ") AS j)"
}

// Ranks compares as the column does.
func (v *views) Ranks(c *sqlview.Column, parameter string) string {
	text := cast(c, "j.value")
	if c.Native.Collation != "" {
		text += " COLLATE " + c.Native.Collation
	}
	return "SELECT r.n FROM (SELECT CONVERT(bigint, DENSE_RANK() OVER (ORDER BY " + text + ")) AS n, CONVERT(int, j.[key]) AS k FROM OPENJSON(" + parameter + ") AS j) AS r ORDER BY r.k"
}

// Read takes a value as the driver gives it.
func (v *views) Read(c *sqlview.Column, src any) (view.Value, error) {
	out := view.Value{Kind: c.Kind, Present: true}
	ok := false
	switch c.Kind {
	case mapping.IntegerColumn:
		out.Int, ok = src.(int64)
	case mapping.BoolColumn:
		var b bool
		if b, ok = src.(bool); b {
			out.Int = 1
		}
	case mapping.FloatColumn:
		out.Float, ok = src.(float64)
	case mapping.BytesColumn:
		out.Bytes, ok = src.([]byte)
	case mapping.DecimalColumn:
		var b []byte
		b, ok = src.([]byte)
		out.Text = string(b)
	case mapping.StringColumn:
		return readText(c, out, src)
	default:
		var at time.Time
		if at, ok = src.(time.Time); ok {
			moment(c, &out, at)
		}
	}
	if !ok {
		return view.Null, fmt.Errorf("a %s comes as %T", c.Kind, src)
	}
	return out, nil
}

func readText(c *sqlview.Column, out view.Value, src any) (view.Value, error) {
	switch s := src.(type) {
	case []byte: // of uniqueidentifier, in the order of Windows
		var u mssql.UniqueIdentifier
		if err := u.Scan(s); err != nil {
			return view.Null, err
		}
		out.Text = u.String()
	case string:
		out.Text = s
	default:
		return view.Null, fmt.Errorf("a text comes as %T", src)
	}
	if c.Fixed {
		out.Text = strings.TrimRight(out.Text, " ")
	}
	return out, nil
}

func moment(c *sqlview.Column, out *view.Value, at time.Time) {
	switch {
	case c.Kind == mapping.TimeColumn:
		layout := time.TimeOnly
		if c.Scale > 0 {
			layout += "." + strings.Repeat("0", c.Scale)
		}
		out.Text = at.Format(layout)
	case c.Grain > 0 && c.Grain < time.Second: // 300ths are told as .000, .003 and .007
		out.Instant = at.UTC().Round(time.Millisecond)
	default:
		out.Instant = at.UTC()
	}
}

// Query reads on any connection.
func (v *views) Query() sqlstore.Querier { return v.db }

// isolationText asks what the database allows.
const isolationText = `SELECT CONVERT(int, snapshot_isolation_state) FROM sys.databases WHERE database_id = DB_ID()`

// snapshotOn is sys.databases.snapshot_isolation_state where it is allowed.
const snapshotOn = 1

// Frozen begins a transaction of SNAPSHOT isolation, which holds no locks. Where the
// database does not allow it, the position is read first, and then page by page what
// is there: nobody is held up by an export that takes long.
func (v *views) Frozen(ctx context.Context) (sqlstore.Querier, view.Position, func() error, bool, error) {
	var state int
	if err := v.db.QueryRowContext(ctx, isolationText).Scan(&state); err != nil {
		return nil, nil, nil, false, err
	}
	heads := v.Text(sqlview.HeadsText)
	if state != snapshotOn {
		at, err := sqlview.Heads(ctx, v.db, heads)
		return v.db, at, func() error { return nil }, false, err
	}
	tx, err := v.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSnapshot})
	if err != nil {
		return nil, nil, nil, false, err
	}
	at, err := sqlview.Heads(ctx, tx, heads)
	if err != nil {
		return nil, nil, nil, false, errors.Join(err, tx.Rollback())
	}
	return tx, at, tx.Rollback, true, nil
}

// Classify knows besides that an index which a statement names is gone, or does not
// serve it any more.
func (v *views) Classify(err error) sqlstore.Class {
	if e, ok := errors.AsType[mssql.Error](err); ok && (e.Number == 307 || e.Number == 308 || e.Number == 315 || e.Number == 8622) {
		return sqlstore.Missing
	}
	return v.dialect.Classify(err)
}

// CreateIndex writes the statement that makes an index.
func (v *views) CreateIndex(t mapping.TableName, columns []view.IndexColumn) string {
	name, list := sqlview.IndexName(t, columns, bracket)
	return fmt.Sprintf("CREATE INDEX %s ON %s (%s);", bracket(name), table(t), list)
}

// Close ends the connections.
func (v *views) Close() error { return v.db.Close() }
