package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"
)

// sqlServerLab is a database of its own on the server that
// GATEHOUSE_TEST_SQLSERVER points to.
type sqlServerLab struct {
	name, dsn string
	admin, db *sql.DB
}

func newSQLServerLab() (*sqlServerLab, error) {
	dsn, err := url.Parse(os.Getenv("GATEHOUSE_TEST_SQLSERVER"))
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_TEST_SQLSERVER is not a sqlserver:// URL: %w", err)
	}
	l := &sqlServerLab{name: "gatehouse_script_" + uuid.NewString()[:8]}
	if l.admin, err = sql.Open("sqlserver", dsn.String()); err != nil {
		return nil, err
	}
	if err := l.create(); err != nil {
		return nil, errors.Join(err, l.admin.Close())
	}
	q := dsn.Query()
	q.Set("database", l.name)
	dsn.RawQuery = q.Encode()
	l.dsn = dsn.String()
	l.db, err = sql.Open("sqlserver", l.dsn)
	return l, err
}

// create makes the database. The server makes one at a time and refuses another
// meanwhile (error 1807), and scripts run side by side.
func (l *sqlServerLab) create() error {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		_, err := l.admin.Exec("CREATE DATABASE " + l.name)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (l *sqlServerLab) close() {
	l.db.Close()
	l.admin.Exec("DROP DATABASE " + l.name)
	l.admin.Close()
}

// scriptTSQL: tsql QUERY
// prints the rows of a query on the script's SQL Server database.
func scriptTSQL(ts *testscript.TestScript, neg bool, args []string) {
	l := labOf(ts)
	if len(args) != 1 || l.sqlserver == nil {
		ts.Fatalf("usage, after project sqlserver: tsql query")
	}
	out, err := queryRows(l.sqlserver.db, args[0])
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), out)
}
