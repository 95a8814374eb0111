package sqlserver

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// FuzzDocumentText: whatever a value holds, what is written is JSON and means
// the value, but for bytes that are not UTF-8.
func FuzzDocumentText(f *testing.F) {
	for _, s := range []string{"", `"\`, "\x00\x1f\u2028", "Ü😀", "\xff\xfea", "'; DROP TABLE x; --"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := &document{fresh: true}
		d.text(s)
		var back string
		if err := json.Unmarshal(d.buf, &back); err != nil {
			t.Fatalf("%q: %v", d.buf, err)
		}
		if utf8.ValidString(s) && back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	})
}

func TestClassify(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, tt := range []struct {
		err  error
		want sqlstore.Class
	}{
		{mssql.Error{Number: 1205}, sqlstore.Transient},
		{mssql.Error{Number: 2627}, sqlstore.Raced},
		{mssql.Error{Number: 2601}, sqlstore.Raced},
		{mssql.Error{Number: 547}, sqlstore.Constraint},
		{mssql.Error{Number: 2628}, sqlstore.Constraint},
		{mssql.Error{Number: 50001}, sqlstore.Constraint},
		{mssql.Error{Number: 40613}, sqlstore.Unavailable},
		{mssql.Error{Number: 18456}, sqlstore.Unavailable},
		{mssql.Error{Number: 9002}, sqlstore.Unavailable},
		{mssql.Error{Number: 208}, sqlstore.Missing},
		{mssql.Error{Number: 102}, sqlstore.Broken},
		{refused, sqlstore.Unavailable},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, sqlstore.Transient},
		{errors.New("something else"), sqlstore.Broken},
	} {
		if got := classify(tt.err); got != tt.want {
			t.Errorf("%v is class %d, want %d", tt.err, got, tt.want)
		}
	}
}

// TestSilentServer: a server that accepts and says nothing is unavailable after
// the connect timeout, not never.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				return
			}
		}
	}()
	dsn := "sqlserver://u:secret@" + l.Addr().String() + "?encrypt=disable"
	s, err := Open(t.Context(), Config{DSN: config.NewSecret(dsn), ConnectTimeout: 200 * time.Millisecond}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = s.Ping(ctx)
	if fault.KindOf(err) != fault.Unavailable || ctx.Err() != nil {
		t.Errorf("ping: %v", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Error("the error tells the password")
	}
}

func TestConfigFaults(t *testing.T) {
	err := Config{Lanes: -1, Shards: -1, ConnectTimeout: -1}.Validate()
	for _, want := range []string{"dsn", "lanes", "shards", "connect_timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	const password = "hunter2"
	err = Config{DSN: config.NewSecret("sqlserver://u:" + password + "@%zz")}.Validate()
	if err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("the fault of a broken DSN: %v", err)
	}
}
