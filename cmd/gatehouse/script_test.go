package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

// patience bounds every wait of a script; scripts never sleep. A busy machine is no
// fault.
const patience = 5 * time.Minute

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatehouse": main})
}

// TestScripts runs testdata/script/*.txtar: what users are promised, driven
// through the real binary. Scripts that ask for real servers get slapd and
// RabbitMQ where GATEHOUSE_TEST_LDAP and GATEHOUSE_TEST_AMQP point.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               setUpScript,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "real":
				return haveRealServers(t), nil
			case "sqlserver":
				return os.Getenv("GATEHOUSE_TEST_SQLSERVER") != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"project":      scriptProject,
			"soap":         scriptSOAP,
			"amqp":         scriptAMQP,
			"client":       scriptClient,
			"get":          scriptGet,
			"sql":          scriptSQL,
			"tsql":         scriptTSQL,
			"change":       scriptChange,
			"keep":         scriptKeep,
			"await":        scriptAwait,
			"events":       scriptEvents,
			"server":       scriptServer,
			"database":     scriptDatabase,
			"replace":      scriptReplace,
			"hangup":       scriptHangup,
			"queue":        scriptQueue,
			"partner":      scriptPartner,
			"certificates": scriptCertificates,
			"withdraw":     scriptWithdraw,
			"issuer":       scriptIssuer,
			"digest":       scriptDigest,
			"sign":         scriptSign,
			"answered":     scriptAnswered,
			"show":         scriptShow,
			"twins":        scriptTwins,
			"post":         scriptPost,
			"tables":       scriptTables,
		},
	})
}

// haveRealServers reports whether both servers are there; in continuous
// integration their absence is a failure.
func haveRealServers(t *testing.T) bool {
	if os.Getenv("GATEHOUSE_TEST_LDAP") != "" && os.Getenv("GATEHOUSE_TEST_AMQP") != "" {
		return true
	}
	if os.Getenv("CI") == "true" {
		t.Error("CI has no GATEHOUSE_TEST_LDAP and GATEHOUSE_TEST_AMQP; testdata/servers/run.sh sets them")
	}
	return false
}

// lab is what one script runs among.
type lab struct {
	mu        sync.Mutex
	directory *directory.Server
	broker    *broker.Broker
	partner   *partner
	events    *events
	lock      *sql.Conn
	sqlserver *sqlServerLab
	addresses map[string]string
	amqp      string // URL of the broker, with credentials
	exchange  string
}

type labKey struct{}

func labOf(ts *testscript.TestScript) *lab { return ts.Value(labKey{}).(*lab) }

func setUpScript(env *testscript.Env) error {
	l := &lab{exchange: "orders", addresses: map[string]string{}}
	env.Values[labKey{}] = l
	env.Defer(l.close)
	for _, name := range []string{"directory", "broker", "gateway", "operations", "partner"} {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		l.addresses[name] = address
	}
	env.Setenv("ADDRESS", l.addresses["gateway"])
	env.Setenv("OPERATIONS", "http://"+l.addresses["operations"])
	env.Setenv("OPERATIONS_ADDRESS", l.addresses["operations"])
	env.Setenv("BROKER", "amqp://"+l.addresses["broker"])
	env.Setenv("PARTNER", "http://"+l.addresses["partner"])
	env.Setenv("BASE", "http://"+l.addresses["gateway"])
	env.Setenv("ORDERS", "http://"+l.addresses["gateway"]+"/soap/orders/OrderService")
	env.Setenv("CUSTOMERS", "http://"+l.addresses["gateway"]+"/soap/customers/CustomerService")
	env.Setenv("PRODUCTS", "http://"+l.addresses["gateway"]+"/soap/customers/ProductService")
	env.Setenv("TMPDIR", env.WorkDir)
	samples, err := filepath.Abs("../../testdata/soap")
	if err != nil {
		return err
	}
	env.Setenv("SAMPLES", samples)
	env.Setenv("JSON", filepath.Join(filepath.Dir(samples), "json"))
	env.Setenv("XML", filepath.Join(filepath.Dir(samples), "xml"))
	if err := copyMissing(filepath.Join(env.WorkDir, "wsdl"), wsdl.FS); err != nil {
		return err
	}
	return copyMissing(filepath.Join(env.WorkDir, "mappings"), mappings.FS)
}

// freeAddress is a loopback address that nobody listens on, and that no other test is given: it is below
// those that the system hands out by itself, to listeners and to every connection.
func freeAddress() (string, error) {
	for range 200 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_240+rand.IntN(9_760)))
		if err != nil {
			continue
		}
		defer l.Close()
		if _, given := givenAddresses.LoadOrStore(l.Addr().String(), true); given {
			continue
		}
		return l.Addr().String(), nil
	}
	return "", errors.New("200 ports that were tried are taken")
}

var givenAddresses sync.Map

func (l *lab) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock != nil {
		l.lock.Close()
	}
	if l.sqlserver != nil {
		l.sqlserver.close()
	}
	if l.events != nil {
		l.events.close()
	}
	if l.broker != nil {
		l.broker.Close()
	}
	if l.directory != nil {
		l.directory.Close()
	}
	if l.partner != nil {
		l.partner.stop()
	}
}

// start starts an embedded server, again at the address it had before.
func (l *lab) start(name string) (err error) {
	switch name {
	case "directory":
		ldif, err := demoFiles.ReadFile("demo/directory.ldif")
		if err != nil {
			return err
		}
		entries, err := directory.ParseLDIF(ldif)
		if err != nil {
			return err
		}
		l.directory, err = directory.Start(directory.Config{Base: "dc=corp,dc=example", Entries: entries, Address: l.addresses[name]})
		return err
	case "broker":
		l.broker, err = broker.Listen(broker.Config{Address: l.addresses[name], Login: sampleLogin})
		if err != nil {
			return err
		}
		l.amqp = "amqp://gatehouse:gatehouse-secret@" + l.addresses[name]
		l.events, err = listenEvents(context.Background(), l.amqp, l.exchange, "master-data")
		return err
	case "partner":
		if l.partner == nil {
			l.partner = newPartner()
		}
		return l.partner.start(l.addresses[name])
	}
	return fmt.Errorf("there is no server %q", name)
}

func (l *lab) stop(name string) error {
	switch name {
	case "directory":
		return l.directory.Close()
	case "broker":
		return errors.Join(ignoreClosed(l.events.close()), l.broker.Close())
	case "partner":
		return l.partner.stop()
	}
	return fmt.Errorf("there is no server %q", name)
}

// ignoreClosed forgives that the other side was gone first.
func ignoreClosed(err error) error {
	if err != nil && strings.Contains(err.Error(), "not open") {
		return nil
	}
	return err
}

// scriptProject: project [real|sqlserver]
// writes gatehouse.yaml for the sample, on embedded servers or on real ones.
func scriptProject(ts *testscript.TestScript, neg bool, args []string) {
	l := labOf(ts)
	template, err := demoFiles.ReadFile("demo/gatehouse.yaml")
	ts.Check(err)
	text := string(template)
	if len(args) == 1 && args[0] == "real" {
		text, err = l.real(text)
		ts.Check(err)
	} else {
		ts.Check(l.start("directory"))
		ts.Check(l.start("broker"))
		text = strings.NewReplacer("DIRECTORY", l.addresses["directory"], "BROKER", l.addresses["broker"]).Replace(text)
	}
	if len(args) == 1 && args[0] == "sqlserver" {
		l.sqlserver, err = newSQLServerLab()
		ts.Check(err)
		ts.Setenv("DATABASE", l.sqlserver.name)
		text = strings.NewReplacer("driver: sqlite", "driver: sqlserver", "path: data/gatehouse.db", fmt.Sprintf("dsn: %q\n  request_timeout: %s", l.sqlserver.dsn, patience),
			"migrations/sqlite", "migrations/sqlserver").Replace(text)
	}
	text = strings.NewReplacer("LISTEN", l.addresses["gateway"], "OPERATIONS", l.addresses["operations"]).Replace(text)
	ts.Check(os.MkdirAll(ts.MkAbs("data"), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs("gatehouse.yaml"), []byte(text), 0o644))
}

// real points the sample at slapd and RabbitMQ, with an exchange of its own.
func (l *lab) real(text string) (string, error) {
	ldap, err := url.Parse(os.Getenv("GATEHOUSE_TEST_LDAP"))
	if err != nil {
		return "", err
	}
	amqp, err := url.Parse(os.Getenv("GATEHOUSE_TEST_AMQP"))
	if err != nil {
		return "", err
	}
	password, _ := amqp.User.Password()
	l.exchange = "orders-" + strings.ReplaceAll(l.addresses["gateway"], ":", "-")
	l.amqp = amqp.String()
	l.events, err = listenEvents(context.Background(), l.amqp, l.exchange, "master-data-"+l.exchange)
	return strings.NewReplacer(
		"DIRECTORY", ldap.Host,
		"cn=gatehouse,dc=corp,dc=example", ldap.Query().Get("binddn"),
		"bind_password: gatehouse-secret", "bind_password: "+ldap.Query().Get("password"),
		"BROKER", amqp.Host,
		"username: gatehouse", "username: "+amqp.User.Username(),
		"password: gatehouse-secret", "password: "+password,
		"exchange: orders", "exchange: "+l.exchange,
		"exchange: master-data", "exchange: master-data-"+l.exchange,
		"queue: in.orders", "queue: in."+l.exchange,
		"queue: in.prices", "queue: in.prices"+strings.TrimPrefix(l.exchange, "orders"),
	).Replace(text), err
}

// scriptServer: server directory|broker|partner stop|start
func scriptServer(ts *testscript.TestScript, neg bool, args []string) {
	l := labOf(ts)
	if len(args) != 2 {
		ts.Fatalf("usage: server directory|broker|partner stop|start")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch args[1] {
	case "stop":
		ts.Check(l.stop(args[0]))
	case "start":
		ts.Check(l.start(args[0]))
	default:
		ts.Fatalf("usage: server directory|broker|partner stop|start")
	}
}

// scriptDatabase: database lock|unlock FILE
// holds the database so that nobody else can write.
func scriptDatabase(ts *testscript.TestScript, neg bool, args []string) {
	l := labOf(ts)
	if len(args) != 2 {
		ts.Fatalf("usage: database lock|unlock file")
	}
	ctx := context.Background()
	if args[0] == "unlock" {
		_, err := l.lock.ExecContext(ctx, "ROLLBACK")
		ts.Check(errors.Join(err, l.lock.Close()))
		l.lock = nil
		return
	}
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[1])+"?_pragma=busy_timeout(10000)")
	ts.Check(err)
	l.lock, err = db.Conn(ctx)
	ts.Check(err)
	_, err = l.lock.ExecContext(ctx, "BEGIN IMMEDIATE")
	ts.Check(err)
}

// scriptSOAP: soap [-u user[:password]] [-n times] [-h 'Name: value'] [-t type] STATUS FILE
// posts FILE to $ORDERS, n times at once, wants STATUS each time and equal
// bodies, and puts the body on stdout, the headers on stderr.
func scriptSOAP(ts *testscript.TestScript, neg bool, args []string) {
	req := soapRequest{url: ts.Getenv("ORDERS"), times: 1, header: http.Header{}}
	for len(args) > 2 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-u":
			req.user, req.password, _ = strings.Cut(args[1], ":")
			if req.password == "" {
				req.password = req.user + "-secret"
			}
		case "-n":
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			req.times = n
		case "-h":
			name, value, _ := strings.Cut(args[1], ":")
			req.header.Set(name, strings.TrimSpace(value))
		case "-t":
			req.contentType = args[1]
		case "-o":
			req.url = args[1]
		}
		args = args[2:]
	}
	if len(args) != 2 {
		ts.Fatalf("usage: soap [-u user] [-n times] [-h header] [-t type] [-o url] status file")
	}
	body, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	req.body = body
	answers := req.all()
	for _, a := range answers {
		if a.err != nil {
			ts.Fatalf("soap: %v", a.err)
		}
		if strconv.Itoa(a.status) != args[0] {
			ts.Fatalf("soap: HTTP %d, want %s\n%s", a.status, args[0], a.body)
		}
		if a.body != answers[0].body {
			ts.Fatalf("soap: answers differ:\n%s\n%s", answers[0].body, a.body)
		}
	}
	fmt.Fprintln(ts.Stdout(), answers[0].body)
	ts.Check(answers[0].header.Write(ts.Stderr()))
}

type soapRequest struct {
	url, user, password, contentType string
	header                           http.Header
	body                             []byte
	times                            int
}

type soapAnswer struct {
	status int
	body   string
	header http.Header
	err    error
}

func (q soapRequest) all() []soapAnswer {
	answers := make([]soapAnswer, q.times)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = q.once() })
	}
	wg.Wait()
	return answers
}

func (q soapRequest) once() soapAnswer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.url, bytes.NewReader(q.body))
	if err != nil {
		return soapAnswer{err: err}
	}
	contentType := "text/xml; charset=utf-8"
	if bytes.Contains(q.body, []byte("http://www.w3.org/2003/05/soap-envelope")) {
		contentType = "application/soap+xml; charset=utf-8"
	}
	if q.contentType != "" {
		contentType = q.contentType
	}
	req.Header = q.header.Clone()
	req.Header.Set("Content-Type", contentType)
	if q.user != "" {
		req.SetBasicAuth(q.user, q.password)
	}
	res, err := plainClient.Do(req)
	if err != nil {
		return soapAnswer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return soapAnswer{res.StatusCode, string(body), res.Header, err}
}

// plainClient keeps no connections, so that a restarted gateway is met afresh.
var plainClient = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: true,
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // scripts make certificates of their own
}}

// scriptGet: get [-u user] [-h 'Name: value'] [-until text] status url
// fetches a document, as a user of the directory, with a header; of a stream, which
// has no end, what came until a text was in it. The headers of the answer are on stderr.
func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	f := flag.NewFlagSet("get", flag.ContinueOnError)
	user, header, until := f.String("u", "", "user"), f.String("h", "", "header"), f.String("until", "", "text")
	if err := f.Parse(args); err != nil || f.NArg() != 2 {
		ts.Fatalf("usage: get [-u user] [-h 'Name: value'] [-until text] status url")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.Arg(1), nil)
	ts.Check(err)
	if *user != "" {
		req.SetBasicAuth(*user, *user+"-secret")
	}
	if name, value, ok := strings.Cut(*header, ": "); ok {
		req.Header.Set(name, value)
	}
	res, err := plainClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	body, err := readUntil(res.Body, *until)
	if err != nil {
		ts.Fatalf("get: %v, after\n%s", err, body)
	}
	if strconv.Itoa(res.StatusCode) != f.Arg(0) {
		ts.Fatalf("get: HTTP %d, want %s\n%s", res.StatusCode, f.Arg(0), body)
	}
	fmt.Fprintf(ts.Stdout(), "%s\n", body)
	ts.Check(res.Header.Write(ts.Stderr()))
}

// readUntil reads all there is, or to the line that a text is in.
func readUntil(r io.Reader, text string) ([]byte, error) {
	if text == "" {
		return io.ReadAll(r)
	}
	var read []byte
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadBytes('\n')
		read = append(read, line...)
		if bytes.Contains(line, []byte(text)) {
			return read, nil
		}
		if err != nil {
			return read, fmt.Errorf("%q never came: %w", text, err)
		}
	}
}

// scriptSQL: sql FILE QUERY
// prints the rows of a query, cells separated by a bar.
func scriptSQL(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sql file query")
	}
	out, err := queryText(ts.MkAbs(args[0]), args[1])
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), out)
}

// scriptChange: change FILE STATEMENT
// runs a statement on the database, as somebody past the gateway would.
func scriptChange(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: change file statement")
	}
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0])+"?_pragma=busy_timeout(10000)")
	ts.Check(err)
	_, err = db.ExecContext(context.Background(), args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// scriptKeep: keep NAME REGEXP
// makes what the group of the expression finds first on stdout a variable.
func scriptKeep(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: keep name regexp")
	}
	found := regexp.MustCompile(`(?m)` + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("keep: nothing matches %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

func queryText(file, query string) (string, error) {
	db, err := openReadOnly(file)
	if err != nil {
		return "", err
	}
	defer db.Close()
	return queryRows(db, query)
}

func queryRows(db *sql.DB, query string) (string, error) {
	rows, err := db.Query(query)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return "", err
	}
	cells, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	var b strings.Builder
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		for i, c := range cells {
			if i > 0 {
				b.WriteByte('|')
			}
			b.WriteString(c.String)
		}
		b.WriteByte('\n')
	}
	return b.String(), rows.Err()
}

// scriptHangup: hangup
// sends SIGHUP to what runs in the background.
func scriptHangup(ts *testscript.TestScript, neg bool, args []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGHUP))
	}
}

// answerHolds asks a URL as a user, or as nobody, and looks for a text in what it
// answers.
func answerHolds(url, user, text string) (body string, ok bool) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err.Error(), false
	}
	if user != "-" {
		req.SetBasicAuth(user, user+"-secret")
	}
	res, err := plainClient.Do(req)
	if err != nil {
		return err.Error(), false
	}
	defer res.Body.Close()
	src, err := io.ReadAll(res.Body)
	return fmt.Sprint(string(src), err), strings.Contains(string(src), text)
}

// scriptAwait: await http URL | await answer URL USER TEXT | await text FILE TEXT | await sql FILE QUERY RESULT
// waits until the URL answers at all, or USER with something that holds the
// text, the file holds the text, or the query yields the result.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	var last string
	ok := func() bool {
		ts.Fatalf("usage: await http url | await text file text | await sql file query result")
		return false
	}
	switch {
	case len(args) == 2 && args[0] == "http":
		ok = func() bool {
			res, err := plainClient.Get(args[1])
			if err != nil {
				last = err.Error()
				return false
			}
			res.Body.Close()
			return true
		}
	case len(args) == 4 && args[0] == "answer":
		ok = func() (found bool) {
			last, found = answerHolds(args[1], args[2], args[3])
			return found
		}
	case len(args) == 3 && args[0] == "text":
		ok = func() bool {
			src, err := os.ReadFile(ts.MkAbs(args[1]))
			last = fmt.Sprint(string(src), err)
			return strings.Contains(string(src), args[2])
		}
	case len(args) == 4 && args[0] == "sql":
		ok = func() bool {
			out, err := queryText(ts.MkAbs(args[1]), args[2])
			last = fmt.Sprint(strings.TrimSuffix(out, "\n"), err)
			return err == nil && strings.TrimSuffix(out, "\n") == args[3]
		}
	}
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("await %s: still %s", strings.Join(args, " "), last)
		}
	}
}

// scriptEvents: events N
// waits for N events and prints them in the order they came.
func scriptEvents(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: events n")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for range n {
		e, err := labOf(ts).events.next(context.Background(), patience)
		ts.Check(err)
		fmt.Fprint(ts.Stdout(), e.String())
	}
}

// scriptReplace: replace FILE OLD NEW
func scriptReplace(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: replace file old new")
	}
	src, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	if !strings.Contains(string(src), args[1]) {
		ts.Fatalf("replace: %s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(string(src), args[1], args[2])), 0o644))
}
