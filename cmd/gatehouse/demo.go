package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

//go:embed demo
var demoFiles embed.FS

// demoTimeout bounds each step that the demo waits for.
const demoTimeout = 30 * time.Second

type demoFlags struct {
	once, update bool
	dir, listen  string
}

func newDemo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the sample gateway with directory, broker and database inside this process",
		Long: `Run the sample gateway with an embedded directory, broker and database, send it an
order, and show what becomes of it. It keeps running until it is interrupted.

With --once all sample messages are sent instead; replies, rows and events are
compared with the files in mappings/cases, and the exit status is 0 only if all agree.

--dir keeps the sample project in a folder of yours. Contracts and mappings are
written there unless they are there already, so that you can change them and start
the demo again. The configuration, which names this run's servers, is written anew
and the database begins empty each time.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	cmd.Flags().BoolVar(&f.once, "once", false, "send all sample messages, compare, and end")
	cmd.Flags().BoolVar(&f.update, "update", false, "with --once and --dir: write the expected files instead of comparing")
	cmd.Flags().StringVar(&f.dir, "dir", "", "`folder` of the sample project (default: a temporary one)")
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` of the SOAP endpoint")
	return cmd
}

func (f demoFlags) run(ctx context.Context, out io.Writer) error {
	if f.update && (!f.once || f.dir == "") {
		return usageError{errors.New("--update needs --once and --dir")}
	}
	if f.once {
		f.listen = "127.0.0.1:0"
	}
	if f.dir == "" {
		temporary, err := os.MkdirTemp("", "gatehouse-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		f.dir = temporary
	}
	d, err := startDemo(ctx, f)
	if err != nil {
		return err
	}
	return errors.Join(d.play(ctx, f, out), d.close())
}

// demo is the sample project with its servers, and the gateway running on it.
type demo struct {
	dir       string
	directory *directory.Server
	broker    *broker.Broker
	events    *events
	base      string // http://host:port
	stop      context.CancelFunc
	ended     chan error
}

// startDemo starts the servers, then the gateway on a freshly migrated database.
func startDemo(ctx context.Context, f demoFlags) (d *demo, err error) {
	d = &demo{dir: f.dir, ended: make(chan error, 1), stop: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err := d.startServers(ctx); err != nil {
		return d, err
	}
	file, err := d.writeProject(f.listen)
	if err != nil {
		return d, err
	}
	p, err := readProject(file)
	if err != nil {
		return d, err
	}
	if err := p.migrateUp(ctx, io.Discard); err != nil {
		return d, err
	}
	return d, d.startGateway(ctx, p)
}

func (d *demo) startServers(ctx context.Context) error {
	ldif, err := demoFiles.ReadFile("demo/directory.ldif")
	if err != nil {
		return err
	}
	entries, err := directory.ParseLDIF(ldif)
	if err != nil {
		return err
	}
	if d.directory, err = directory.Start(directory.Config{Base: "dc=corp,dc=example", Entries: entries}); err != nil {
		return err
	}
	if d.broker, err = broker.Listen(broker.Config{Login: sampleLogin}); err != nil {
		return err
	}
	d.events, err = listenEvents(ctx, "amqp://gatehouse:gatehouse-secret@"+d.broker.Addr(), "orders", "master-data")
	return err
}

// sampleLogin lets the sample's people in, as a broker does that asks the same
// directory.
func sampleLogin(username, password string) bool {
	known := []string{"gatehouse", "erp.alice", "wms.bob", "mdm.dana", "carol"}
	return slices.Contains(known, username) && password == username+"-secret"
}

// writeProject writes what is missing of the sample project, and the
// configuration that names this run's servers. It returns that file.
func (d *demo) writeProject(listen string) (string, error) {
	for _, part := range []struct {
		files  fs.FS
		folder string
	}{{wsdl.FS, "wsdl"}, {mappings.FS, "mappings"}} {
		if err := copyMissing(filepath.Join(d.dir, part.folder), part.files); err != nil {
			return "", err
		}
	}
	if err := os.RemoveAll(filepath.Join(d.dir, "data")); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "data"), 0o755); err != nil {
		return "", err
	}
	template, err := demoFiles.ReadFile("demo/gatehouse.yaml")
	if err != nil {
		return "", err
	}
	text := strings.NewReplacer("DIRECTORY", d.directory.Addr(), "BROKER", d.broker.Addr(), "LISTEN", listen, "OPERATIONS", "127.0.0.1:0").Replace(string(template))
	file := filepath.Join(d.dir, "gatehouse.yaml")
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// copyMissing copies the files of from into folder, but keeps those that are
// there already.
func copyMissing(folder string, from fs.FS) error {
	return fs.WalkDir(from, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(folder, filepath.FromSlash(path))
		if e.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		if _, err := os.Stat(to); err == nil || strings.HasSuffix(path, ".go") {
			return nil
		}
		src, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, src, 0o644)
	})
}

func (d *demo) startGateway(ctx context.Context, p *project) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	serving := make(chan net.Addr, 1)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	go func() {
		d.ended <- p.serve(running, log, func(a net.Addr) { serving <- a })
	}()
	select {
	case a := <-serving:
		d.base = "http://" + a.String()
		return nil
	case err := <-d.ended:
		d.ended <- nil // for close, which waits for the end too
		return err
	}
}

// close ends the gateway first, then the servers it speaks to.
func (d *demo) close() error {
	d.stop()
	var faults []error
	if d.base != "" {
		faults = append(faults, <-d.ended)
	}
	if d.events != nil {
		faults = append(faults, d.events.close())
	}
	if d.broker != nil {
		faults = append(faults, d.broker.Close())
	}
	if d.directory != nil {
		faults = append(faults, d.directory.Close())
	}
	return errors.Join(faults...)
}

func (d *demo) play(ctx context.Context, f demoFlags, out io.Writer) error {
	book, err := readCases(filepath.Join(d.dir, "mappings", "cases"))
	if err != nil {
		return err
	}
	if f.once {
		return d.compare(ctx, book, f.update, out)
	}
	if err := d.show(ctx, book, out); err != nil {
		return err
	}
	return d.follow(ctx, out)
}

// show sends the first sample and tells what became of it.
func (d *demo) show(ctx context.Context, book *caseBook, out io.Writer) error {
	first := book.Cases[0]
	fmt.Fprintf(out, "Gatehouse demo. Directory, broker and database live in this process and end with it.\n\n"+
		"  endpoint  %s/soap/orders/OrderService?wsdl\n  directory %s   broker %s   exchanges orders, master-data\n  project   %s\n\n",
		d.base, d.directory.URL(), d.broker.URL(), d.dir)
	fmt.Fprintf(out, "Sending mappings/cases/%s as %s, who is in erp-users through erp-systems.\n\n", first.Send, first.As)
	answer, err := book.send(ctx, d.addresses(), first)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "answer:\n%s\nrows:\n", indent(answer))
	rows, err := dumpTables(ctx, filepath.Join(d.dir, "data", "gatehouse.db"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\nevents:\n", indent(rows))
	return nil
}

// follow prints events as they come, until ctx ends.
func (d *demo) follow(ctx context.Context, out io.Writer) error {
	e, err := d.events.next(ctx, demoTimeout)
	if err != nil && ctx.Err() != nil {
		return nil // interrupted already
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%[1]s\nTry it: send the order's next revision, twice; tell of its shipment; ask how far it has come; look at the ledger.\n\n"+
		"  curl -i -u erp.alice:erp.alice-secret -H 'Content-Type: text/xml; charset=utf-8' \\\n"+
		"       --data-binary @%[3]s/order-revision-2.xml %[2]s/soap/orders/OrderService\n"+
		"  curl -i -u wms.bob:wms.bob-secret -H 'Content-Type: text/xml; charset=utf-8' \\\n"+
		"       --data-binary @%[3]s/shipment.xml %[2]s/soap/orders/OrderService\n"+
		"  curl -u erp.alice:erp.alice-secret -H 'Content-Type: text/xml; charset=utf-8' \\\n"+
		"       --data-binary @%[3]s/order-status.xml %[2]s/soap/orders/OrderService\n"+
		"  curl -i -u erp.alice:erp.alice-secret -H 'Content-Type: application/json' \\\n"+
		"       --data-binary @%[3]s/order-new-by-queue.json %[2]s/api/submit-order\n"+
		"  GATEHOUSE_PASSWORD=erp.alice-secret %[4]s call -u erp.alice --queue in.orders %[6]s %[3]s/order-new-by-queue.json\n"+
		"  %[4]s messages list --direct -c %[5]s\n\nEvents are shown as they come; Ctrl-C ends the demo.\n\n",
		indent(e.String()), d.base, filepath.Join(d.dir, "mappings", "cases"), os.Args[0], filepath.Join(d.dir, "gatehouse.yaml"), d.broker.URL())
	for {
		e, err := d.events.next(ctx, 0)
		switch {
		case ctx.Err() != nil:
			fmt.Fprintln(out, "ending.")
			return nil
		case err != nil:
			return err
		}
		fmt.Fprint(out, indent(e.String()))
	}
}

func (d *demo) addresses() addresses { return addresses{base: d.base, broker: d.broker.Addr()} }

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

// stage is where the demo's cases are played.
func (d *demo) stage() *stage {
	return &stage{database: filepath.Join(d.dir, "data", "gatehouse.db"), events: d.events, addresses: d.addresses()}
}

// compare sends every case and holds answers, tables and events against the files.
func (d *demo) compare(ctx context.Context, book *caseBook, update bool, out io.Writer) error {
	c := &comparison{dir: book.dir, update: update}
	err := d.stage().play(ctx, book, c, func(one messageCase, answer string, _ error) {
		fmt.Fprintf(out, "sent      %-26s %s\n", one.Case, strings.SplitN(answer, "\n", 2)[0])
	})
	if err := errors.Join(append([]error{err}, c.faults...)...); err != nil {
		return err
	}
	fmt.Fprintf(out, "all agree: %d answers, tables and events\n", len(book.Cases))
	return nil
}
