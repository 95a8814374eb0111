package sqlserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

func TestNumbers(t *testing.T) {
	for class, numbers := range map[sqlstore.Class][]int32{
		sqlstore.Transient:   {1205, 1222, 3960, 41302, 13535, 596},
		sqlstore.Raced:       {2601, 2627},
		sqlstore.Constraint:  {515, 547, 2628, 8152, 8115, 241, 9420, 6905, 50000, 50001, 1_000_000},
		sqlstore.Missing:     {207, 208, 15151},
		sqlstore.Unavailable: {229, 230, 262, 916, 976, 978, 983, 3906, 4060, 9001, 9002, 1105, 701, 10928, 40197, 40501, 40613, 49918, 18456},
		sqlstore.Broken:      {0, 102, 156, 102, 544, 1934, 3930, 8144, 49999},
	} {
		for _, n := range numbers {
			if got := classify(mssql.Error{Number: n}); got != class {
				t.Errorf("%d has class %d, want %d", n, got, class)
			}
		}
	}
}

// TestOneClass: no number is in two lists, where the order of asking would decide.
func TestOneClass(t *testing.T) {
	for n := range int32(60_000) {
		found := 0
		for _, list := range []func(int32) bool{again, away, outOfRoom, denied, cloud, refusedValue, absentObject} {
			if list(n) {
				found++
			}
		}
		if found > 1 {
			t.Errorf("%d is in %d lists", n, found)
		}
	}
}

func TestClassify(t *testing.T) {
	refused := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for name, tt := range map[string]struct {
		err  error
		want sqlstore.Class
	}{
		"a trigger's error before its consequence": {mssql.Error{Number: 3609, All: []mssql.Error{{Number: 1205}, {Number: 3609}}}, sqlstore.Transient},
		"wrapped":                            {fmt.Errorf("x: %w", mssql.Error{Number: 208}), sqlstore.Missing},
		"fatal and unknown":                  {mssql.Error{Number: 21, Class: 21}, sqlstore.Transient},
		"out of a resource nobody listed":    {mssql.Error{Number: 30085, Class: 17}, sqlstore.Unavailable},
		"cut":                                {&net.OpError{Op: "Read", Err: io.EOF}, sqlstore.Transient},
		"over time":                          {refused, sqlstore.Unavailable},
		"cut in an answer":                   {mssql.StreamError{InnerError: io.ErrUnexpectedEOF}, sqlstore.Transient},
		"over time in an answer":             {mssql.StreamError{InnerError: refused}, sqlstore.Unavailable},
		"a garbled answer":                   {mssql.StreamError{InnerError: errors.New("unknown token type")}, sqlstore.Transient},
		"no connection, whatever the reason": {&connectError{[]error{mssql.Error{Number: 1205}, nil}}, sqlstore.Unavailable},
		"a connection found dead":            {driver.ErrBadConn, sqlstore.Transient},
		"closed meanwhile":                   {sql.ErrConnDone, sqlstore.Unavailable},
		"cancelled":                          {context.Canceled, sqlstore.Broken},
		"ours":                               {errors.New("x"), sqlstore.Broken},
	} {
		if got := classify(tt.err); got != tt.want {
			t.Errorf("%s: class %d, want %d", name, got, tt.want)
		}
	}
}

// TestClassesThroughTheDriver: the classes hold for errors as the driver hands
// them on, which wraps some and formats others away.
func TestClassesThroughTheDriver(t *testing.T) {
	send := func(answer []byte) func(net.Conn, byte, []byte) {
		return func(conn net.Conn, kind byte, usual []byte) {
			if kind == packetLogin {
				conn.Write(usual)
				return
			}
			conn.Write(answer)
			if len(answer) == 0 || answer[1] == 0 { // not the end of a message: the link is cut in it
				conn.Close()
			}
		}
	}
	half := packet(one)
	half[1] = 0
	fatal := packet(failure(4711, 20, "the end"))
	fatal[len(fatal)-11] = 1 // DONE_SRVERROR
	for name, tt := range map[string]struct {
		answer []byte
		want   sqlstore.Class
	}{
		"deadlock":           {packet(failure(1205, 13, "deadlock")), sqlstore.Transient},
		"denied":             {packet(failure(229, 14, "The INSERT permission was denied")), sqlstore.Unavailable},
		"cut before":         {nil, sqlstore.Transient},
		"cut in the answer":  {half[:20], sqlstore.Transient},
		"cut after some":     {half, sqlstore.Transient},
		"a server's own end": {fatal, sqlstore.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeServer(t)
			d := fakeDialect(t, f.config())
			f.with(func() { f.reply = send(tt.answer) })
			for _, do := range []func(s sqlstore.Session) error{
				func(s sqlstore.Session) error { return s.Begin(t.Context()) },
				func(s sqlstore.Session) error { _, err := s.ExecContext(t.Context(), "SELECT 1"); return err },
				func(s sqlstore.Session) error { return drain(s.QueryContext(t.Context(), "SELECT 1")) },
			} {
				s, err := d.Session(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				err = do(s)
				if err == nil || classify(err) != tt.want {
					t.Errorf("class %d, want %d: %T %v", classify(err), tt.want, err, err)
				}
				s.Release(err)
			}
		})
	}
}

func drain(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}
