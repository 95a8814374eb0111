package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// benchLook is the load test's own look at what the gateway has stored: with
// statements of its own, so that no mistake is made twice. It only reads.
type benchLook struct {
	db        *sql.DB
	sqlserver bool
	file      string // of SQLite
}

// folder is where the database's file lies; empty for servers.
func (l *benchLook) folder() string {
	if l.file == "" {
		return ""
	}
	return filepath.Dir(l.file)
}

// openLook opens the configured database.
func openLook(s *storeSection) (*benchLook, error) {
	if s.sqlite != nil {
		file := string(s.sqlite.Path)
		db, err := openReadOnly(file)
		return &benchLook{db: db, file: file}, err
	}
	db, err := s.sqlserver.Pool()
	return &benchLook{db: db, sqlserver: true}, err
}

// tableCheck is how rows of a message are counted in a business table.
type tableCheck struct {
	name  string
	query string // with {schema.table}, and (?) for a list of keys; yields key and count
	key   func(number int) any
	want  func(number int) int
}

// chunk is how many keys a statement names.
const chunk = 500

// text writes a statement as the database takes it: its tables' names, and n
// parameters in the place of (?), which have no numbers where they can do without:
// SQLite's driver looks each one up by its name.
func (l *benchLook) text(query string, n int) string {
	marks, listed := make([]string, n), strings.Contains(query, "(?)")
	for i := range marks {
		switch {
		case l.sqlserver:
			marks[i] = "@p" + strconv.Itoa(i+1)
		case listed:
			marks[i] = "?"
		default:
			marks[i] = "?" + strconv.Itoa(i+1)
		}
	}
	query = strings.ReplaceAll(query, "(?)", "("+strings.Join(marks, ", ")+")")
	for i := range marks {
		query = strings.ReplaceAll(query, "$"+strconv.Itoa(i+1)+" ", marks[i]+" ")
	}
	if l.sqlserver {
		return strings.NewReplacer("{", "", "}", "").Replace(query)
	}
	return strings.NewReplacer("{", `"`, "}", `"`).Replace(query)
}

// each runs a query, and tells of every row, its fields as text.
func (l *benchLook) each(ctx context.Context, query string, args []any, row func(fields []string)) error {
	query = l.text(query, len(args))
	rows, err := l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("reading the database: %w\n%s", err, query)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into, fields := make([]sql.NullString, len(columns)), make([]any, len(columns)), make([]string, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("reading the database: %w\n%s", err, query)
		}
		for i, v := range values {
			fields[i] = v.String
		}
		row(fields)
	}
	return rows.Err()
}

// counted is a field that counts.
func counted(field string) int {
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("the database counted %q", field)) // the statement has count(*) there
	}
	return int(n)
}

// count runs a query that yields one number.
func (l *benchLook) count(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = l.each(ctx, query, args, func(fields []string) {
		if fields[0] != "" { // NULL: a sum of nothing
			n = int64(counted(fields[0]))
		}
	})
	return n, err
}

// named asks for messages by a name that each has and the query yields first, and
// tells of every row with the number of its message.
func (l *benchLook) named(ctx context.Context, query string, numbers []int, name func(int) any, row func(number int, fields []string)) error {
	byName, args := map[string]int{}, make([]any, len(numbers))
	fold := func(name string) string { return strings.ToUpper(strings.TrimRight(name, " ")) } // as databases may write it
	for i, n := range numbers {
		args[i] = name(n)
		byName[fold(fmt.Sprint(args[i]))] = n
	}
	var strange string
	err := l.each(ctx, query, args, func(fields []string) {
		number, known := byName[fold(fields[0])]
		if !known {
			strange = fields[0]
			return
		}
		row(number, fields[1:])
	})
	if err == nil && strange != "" {
		err = fmt.Errorf("reading the database: nobody asked for %q", strange)
	}
	return err
}

// shardNumbers are the numbers that shards will draw next.
type shardNumbers map[shardName]int64

type shardName struct {
	channel string
	shard   int
}

func (l *benchLook) shards(ctx context.Context) (shardNumbers, error) {
	out := shardNumbers{}
	err := l.each(ctx, `SELECT channel, shard, next_seq FROM {gateway.shard}`, nil, func(fields []string) {
		out[shardName{fields[0], counted(fields[1])}] = int64(counted(fields[2]))
	})
	return out, err
}

// published waits until the outbox is empty of what was drawn since before, as
// long as anything moves. What is left then is the judge's to tell.
func (l *benchLook) published(ctx context.Context, before shardNumbers, patience time.Duration) error {
	now, err := l.shards(ctx)
	if err != nil {
		return err
	}
	last, moved := int64(-1), time.Now()
	for {
		var left int64
		for s, next := range now {
			if next == before[s] {
				continue
			}
			n, err := l.count(ctx, `SELECT count(*) FROM {gateway.outbox} WHERE channel = $1 AND shard = $2 AND seq < $3 `, s.channel, s.shard, next)
			if err != nil {
				return err
			}
			left += n
		}
		if left != last {
			last, moved = left, time.Now()
		}
		if left == 0 || time.Since(moved) > patience || !waitUntil(ctx, time.Now().Add(10*time.Millisecond)) {
			return ctx.Err()
		}
	}
}
