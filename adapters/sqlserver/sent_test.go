package sqlserver

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// TestSentDocuments: whatever a batch holds, the documents that are sent have no key
// twice, have what the statements read of them, and nothing that none reads.
func TestSentDocuments(t *testing.T) {
	plain, bare := gatewaytest.OrderMapping(), gatewaytest.OrderMapping()
	bare.Returns = nil
	everything := func() *gateway.Entry {
		e := gatewaytest.OrderEntry("PO-1", 2)
		m := e.Message
		m.Beside, m.ReplayOf = []byte("beside"), gateway.ID{3}
		m.Attachments = []*gateway.Attachment{{Part: 1, ContentID: "a@x", MediaType: "image/png", Size: 3}, {Part: 2, ContentID: "b@x", MediaType: "text/plain", Size: 4}}
		return e
	}
	parked := gatewaytest.OrderEntry("PO-2", 1)
	parked.Hold, parked.Changes, parked.Render = &gateway.Hold{State: gateway.Parked, Code: "GH-3001", Reason: "no"}, nil, nil
	retried := gatewaytest.OrderEntry("PO-3", 1)
	retried.Release = &gateway.Release{ID: retried.Message.ID}
	for _, tt := range []struct {
		name    string
		mapping *mapping.Mapping
		entries []*gateway.Entry
		sent    int // statements with documents
	}{
		{"two statements", plain, []*gateway.Entry{everything()}, 2},
		{"the lot", plain, []*gateway.Entry{everything(), parked, retried}, 2},
		{"one statement", bare, []*gateway.Entry{everything()}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newWitness(t, len(tt.mapping.Returns))
			store := sqlstore.New(r, sqlstore.Options{Now: time.Now})
			w, err := store.Writer(t.Context(), tt.mapping)
			if err != nil {
				t.Fatal(err)
			}
			out, err := w.Commit(t.Context(), 0, tt.entries)
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range out {
				if want := tt.entries[i].Hold != nil; o.Err != nil || (o.Status == gateway.Parked) != want {
					t.Errorf("entry %d is %v, %v", i, o.Status, o.Err)
				}
			}
			if len(r.sent) != tt.sent {
				t.Fatalf("%d statements were sent with documents, want %d", len(r.sent), tt.sent)
			}
			for _, s := range r.sent {
				s.check(t)
			}
		})
	}
}

// sent is a statement that was sent with documents, by the names of its parameters.
type sent struct {
	text      string
	documents map[string]string
	lot       bool
}

var (
	// readArray finds what is read of a document's arrays: parameter, key, places.
	readArray = regexp.MustCompile(`(?s)OPENJSON\(@(\w+), '\$\.(\w+)'\) WITH \((.*?)\) AS j`)
	readValue = regexp.MustCompile(`JSON_VALUE\(@(\w+), '\$\.(\w+)'\)`)
	// ofTheLot are the keys that are read only when there is a lot.
	ofTheLot = map[string][]string{"rows": {"w"}, "meta": {"h", "x", "l"}}
)

func (s *sent) check(t *testing.T) {
	t.Helper()
	for name, text := range s.documents {
		twice(t, name, text)
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("@%s: %v", name, err)
		}
		read := map[string]bool{}
		for _, m := range readValue.FindAllStringSubmatch(s.text, -1) {
			if m[1] == name {
				read[m[2]] = true
			}
		}
		for _, m := range readArray.FindAllStringSubmatch(s.text, -1) {
			if m[1] != name || !s.lot && slices.Contains(ofTheLot[name], m[2]) {
				continue
			}
			read[m[2]] = true
			rows, _ := got[m[2]].([]any)
			if len(rows) == 0 {
				t.Errorf("@%s has nothing as %q, which is read", name, m[2])
			}
			for _, row := range rows {
				if places := strings.Count(m[3], "'$["); len(row.([]any)) != places {
					t.Errorf("@%s: an array of %q has %d places, and %d are read", name, m[2], len(row.([]any)), places)
				}
			}
		}
		if want, keys := slices.Sorted(maps.Keys(read)), slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) {
			t.Errorf("@%s has the keys %v, and %v are read", name, keys, want)
		}
	}
}

// twice looks for keys that an object of a document has twice: of those the server
// reads the first, and encoding/json the last.
func twice(t *testing.T, name, text string) {
	t.Helper()
	type open struct {
		object bool
		keys   map[string]bool
		value  bool // what comes next in an object is a value
	}
	var stack []*open
	d := json.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("@%s: %v", name, err)
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 && stack[n-1].object {
			top := stack[n-1]
			if key, ok := token.(string); ok && !top.value {
				if top.keys[key] {
					t.Errorf("@%s has the key %q twice", name, key)
				}
				top.keys[key] = true
			}
			top.value = !top.value
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			stack = append(stack, &open{object: token == json.Delim('{'), keys: map[string]bool{}})
		}
	}
}

// witness is the dialect on a database that stores whatever it is told to and keeps
// the statements that come with documents.
type witness struct {
	*dialect
	t       *testing.T
	db      *sql.DB
	returns int // stored values that the first statement's answer has
	sent    []*sent
}

func newWitness(t *testing.T, returns int) *witness {
	r := &witness{t: t, returns: returns, dialect: fakeDialect(t, newFakeServer(t).config())}
	r.db = sql.OpenDB(r)
	t.Cleanup(func() { r.db.Close() })
	return r
}

// Introspect implements sqlstore.Dialect.
func (r *witness) Introspect(_ context.Context, _ sqlstore.Querier, names []mapping.TableName) ([]*sqlstore.Table, error) {
	found := slices.DeleteFunc(tables(r.t, false), func(t *sqlstore.Table) bool { return !slices.Contains(names, t.Name) })
	for _, table := range found {
		for i := range table.Columns {
			c := &table.Columns[i]
			c.Nullable = slices.Contains([]string{"email", "note", "requested_delivery"}, c.Name)
		}
	}
	return found, nil
}

// Session implements sqlstore.Dialect.
func (r *witness) Session(ctx context.Context, _ int) (sqlstore.Session, error) {
	conn, err := r.db.Conn(ctx)
	return &session{conn: conn}, err
}

// Connect implements driver.Connector.
func (r *witness) Connect(context.Context) (driver.Conn, error) { return witnessConn{r}, nil }

// Driver implements driver.Connector.
func (r *witness) Driver() driver.Driver { return nil }

// note keeps a statement that has documents.
func (r *witness) note(text string, args []driver.NamedValue) *sent {
	s := &sent{text: text, documents: map[string]string{}}
	for _, a := range args {
		switch {
		case a.Name == "rows", a.Name == "meta":
			s.documents[a.Name] = fmt.Sprint(a.Value)
		case a.Name == "lot":
			s.lot = a.Value == 1
		}
	}
	if len(s.documents) > 0 {
		r.sent = append(r.sent, s)
	}
	return s
}

// witnessConn is a connection to a witness's database.
type witnessConn struct{ *witness }

func (witnessConn) Close() error                             { return nil }
func (witnessConn) Begin() (driver.Tx, error)                { return witnessConn{}, nil }
func (witnessConn) Commit() error                            { return nil }
func (witnessConn) Rollback() error                          { return nil }
func (witnessConn) CheckNamedValue(*driver.NamedValue) error { return nil }
func (witnessConn) Prepare(string) (driver.Stmt, error)      { return nil, driver.ErrSkip }

func (c witnessConn) ExecContext(_ context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.note(text, args)
	return driver.RowsAffected(1), nil
}

// QueryContext answers the first statement of a batch: that every message was
// written, but for those of which nothing is tried.
func (c witnessConn) QueryContext(_ context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	rows := &answeredRows{columns: make([]string, 10+c.returns)}
	var document struct {
		M, W [][]any
	}
	if err := json.NewDecoder(bytes.NewBufferString(c.note(text, args).documents["rows"])).Decode(&document); err != nil {
		return nil, err
	}
	for _, m := range document.M {
		row := make([]driver.Value, len(rows.columns))
		row[0], row[1] = int64(m[0].(float64)), int64(going)
		for _, w := range document.W {
			if w[0] == m[0] && w[1] == 1.0 {
				row[1] = int64(only)
			}
		}
		rows.rows = append(rows.rows, row)
	}
	return rows, nil
}

type answeredRows struct {
	columns []string
	rows    [][]driver.Value
}

func (r *answeredRows) Columns() []string { return r.columns }
func (r *answeredRows) Close() error      { return nil }

// Next implements driver.Rows.
func (r *answeredRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}
