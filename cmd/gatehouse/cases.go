package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// caseBook is cases.yaml: messages to send and what must come of them.
type caseBook struct {
	Users map[string]caseUser `yaml:"users,required"`
	Cases []messageCase       `yaml:"cases,required"`
	dir   string
}

// caseUser is somebody who sends. Where cases run without a directory, its groups
// are what the directory would say.
type caseUser struct {
	Password string   `yaml:"password,required"`
	Groups   []string `yaml:"groups"` // short names or distinguished names
}

// UnmarshalNode takes a password alone, too.
func (u *caseUser) UnmarshalNode(n *config.Node) error {
	if n.Kind == config.Scalar {
		u.Password = n.Text()
		return nil
	}
	type plain caseUser
	return n.Decode((*plain)(u))
}

type messageCase struct {
	Case     string `yaml:"case,required"`
	Send     string `yaml:"send,required"` // file beside cases.yaml
	To       string `yaml:"to"`            // system/Service; default: orders/OrderService
	Queue    string `yaml:"queue"`         // publish it there instead, and wait for the reply
	ID       string `yaml:"message_id"`    // the AMQP message-id, with queue
	As       string `yaml:"as,required"`
	Password string `yaml:"password"` // default: the user's own
}

func readCases(dir string) (*caseBook, error) {
	file := filepath.Join(dir, "cases.yaml")
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	node, err := config.Parse(file, src)
	if err != nil {
		return nil, err
	}
	b := &caseBook{dir: dir}
	if err := node.Decode(b); err != nil {
		return nil, err
	}
	return b, b.check(node)
}

// check finds what is wrong between entries: answers are kept by name.
func (b *caseBook) check(root *config.Node) error {
	var faults config.Faults
	seen := map[string]bool{}
	for i, c := range b.Cases {
		at := root.Get("cases").Items()[i]
		switch {
		case seen[c.Case]:
			faults.Add(at.Get("case").Fault("there are two cases %q", c.Case))
		case c.Case != filepath.Base(c.Case) || strings.ContainsAny(c.Case, `/\`):
			faults.Add(at.Get("case").Fault("%q is not the name of a file", c.Case))
		case c.To != "" && c.Queue != "":
			faults.Add(at.Fault("a case goes to a service or to a queue"))
		}
		seen[c.Case] = true
		if _, ok := b.Users[c.As]; !ok {
			faults.Add(at.Get("as").Fault("there is no user %q%s", c.As, didYouMean(c.As, slices.Sorted(maps.Keys(b.Users)))))
		}
	}
	return faults.Err()
}

// addresses is where cases are sent to.
type addresses struct {
	base   string // URL of the public listener
	broker string // host:port
}

// send sends one case and renders the answer as its file holds it.
func (b *caseBook) send(ctx context.Context, to addresses, c messageCase) (string, error) {
	body, err := os.ReadFile(filepath.Join(b.dir, c.Send))
	if err != nil {
		return "", err
	}
	if c.Queue != "" {
		return b.ask(ctx, to.broker, c, body)
	}
	return b.call(ctx, to.base, c, body)
}

// ask puts a case on its queue. The answer is the outcome, the fault's code and
// the reply.
func (b *caseBook) ask(ctx context.Context, broker string, c messageCase, body []byte) (answer string, err error) {
	p, err := newProducer("amqp://"+broker, c.As, cmp.Or(c.Password, b.Users[c.As].Password))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	d, err := p.ask(ctx, c.Queue, amqp091.Publishing{MessageId: c.ID, CorrelationId: c.Case, ContentType: contentTypeOf(body), Body: body})
	return replyText(d), err
}

// call posts a case. The answer is the HTTP status, whether it was a repeat, and
// the payload or fault.
func (b *caseBook) call(ctx context.Context, base string, c messageCase, body []byte) (string, error) {
	client := soap.Client{URL: base + "/soap/" + cmp.Or(c.To, "orders/OrderService"), Version: envelope.V11, Username: c.As, Password: c.Password}
	if client.Password == "" {
		client.Password = b.Users[c.As].Password
	}
	if bytes.Contains(body, []byte(envelope.V12.Namespace())) {
		client.Version = envelope.V12
	}
	reply, err := client.Send(ctx, "", body)
	fault, isFault := errors.AsType[*soap.Fault](err)
	switch {
	case isFault:
		return fmt.Sprintf("%d\n%s: %s\n%s\n", fault.Status, fault.Code, fault.Reason, masked(fault.Detail)), nil
	case err != nil:
		return "", err
	}
	repeat := ""
	if reply.Header.Get("Gateway-Duplicate") != "" {
		repeat = " repeat"
	}
	return fmt.Sprintf("%d%s\n%s\n", reply.Status, repeat, masked(reply.Payload)), nil
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// masked replaces what differs from run to run: the ids of messages.
func masked(text []byte) string { return ids.ReplaceAllString(string(text), "<id>") }

// comparison gathers how what happened differs from what the files say.
type comparison struct {
	dir    string
	update bool
	faults []error
}

// check returns, and keeps, what differs from the file of that name.
func (c *comparison) check(name, got string) error {
	err := c.compare(filepath.Join(c.dir, name), got)
	if err != nil {
		c.faults = append(c.faults, err)
	}
	return err
}

func (c *comparison) compare(file, got string) error {
	if c.update {
		return os.WriteFile(file, []byte(got), 0o644)
	}
	want, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s yet; --update writes it", file)
	case err != nil:
		return err
	case string(want) != got:
		return fmt.Errorf("%s differs:\n%s", filepath.Base(file), difference(string(want), got))
	}
	return nil
}

// difference lists the lines that only one side has, in order.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for _, line := range w {
		if !slices.Contains(g, line) {
			b.WriteString("  expected " + line + "\n")
		}
	}
	for _, line := range g {
		if !slices.Contains(w, line) {
			b.WriteString("  found    " + line + "\n")
		}
	}
	if b.Len() == 0 {
		return "  the same lines in another order or number\n"
	}
	return b.String()
}

// dumpTables renders every business table of a SQLite database, and how many rows
// the gateway's own have.
func dumpTables(ctx context.Context, file string) (string, error) {
	db, err := openReadOnly(file)
	if err != nil {
		return "", err
	}
	defer db.Close()
	tables, err := column(ctx, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%.%' AND name NOT LIKE 'gateway.%' ORDER BY name`)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&b, "%s\n", table)
		if err := dumpRows(ctx, db, table, &b); err != nil {
			return "", err
		}
	}
	for _, table := range []string{"gateway.message", "gateway.inbox", "gateway.outbox", "gateway.delivery"} {
		counts, err := column(ctx, db, `SELECT count(*) FROM "`+table+`"`)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s: %s rows\n", table, counts[0])
	}
	return b.String(), nil
}

func openReadOnly(file string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+file+"?mode=ro&_pragma=busy_timeout(5000)")
}

func column(ctx context.Context, db *sql.DB, query string) ([]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func dumpRows(ctx context.Context, db *sql.DB, table string, b *strings.Builder) error {
	rows, err := db.QueryContext(ctx, `SELECT * FROM "`+table+`" ORDER BY 1`)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	cells, into := make([]any, len(types)), make([]any, len(types))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, t := range types {
			fmt.Fprintf(b, "  %s=%s", t.Name(), shown(cells[i], t.DatabaseTypeName()))
		}
		b.WriteByte('\n')
	}
	return rows.Err()
}

var decimalType = regexp.MustCompile(`^(?i:DECIMAL|NUMERIC)\(\d+,\s*(\d+)\)$`)

// shown renders a cell; SQLite keeps decimals as whole numbers, scaled as the
// column's declared type says.
func shown(cell any, declared string) string {
	if cell == nil {
		return "NULL"
	}
	if day, ok := cell.(time.Time); ok {
		return day.Format(time.DateOnly) // the driver turns dates into times
	}
	text := fmt.Sprint(cell)
	m := decimalType.FindStringSubmatch(declared)
	if m == nil {
		return text
	}
	scale, err := strconv.Atoi(m[1])
	if err != nil || scale == 0 {
		return text
	}
	for len(text) <= scale {
		text = "0" + text
	}
	return text[:len(text)-scale] + "." + text[len(text)-scale:]
}
