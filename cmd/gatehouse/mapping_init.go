package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/draft"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/plural"
	"github.com/gatehouse/gatehouse/internal/sample"
)

func newMappingInit() *cobra.Command {
	var (
		wsdl, dir string
		codes     bool
	)
	cmd := &cobra.Command{
		Use:   "init --wsdl FILE#Operation",
		Short: "Draft the mapping of an operation, with migrations and cases, for a person to finish",
		Long: `Draft the mapping of an operation: a table for the message and one for each part of it
that repeats, with types by the contract's facets; migrations for SQL Server and SQLite;
a reply that satisfies the contract; samples as cases. The draft stores every message
as it stands. What is guessed says TODO: identity, natural keys, lengths. With --codes
what the contract enumerates becomes code sets, each code standing for itself.

Nothing is overwritten. What has to be added to the configuration is printed.`,
		Example: "  gatehouse mapping init --wsdl wsdl/orders/orders.wsdl#SubmitOrder",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			i := &initial{dir: dir, codes: codes}
			if err := i.read(wsdl); err != nil {
				return err
			}
			if err := i.draft(cmd.Context()); err != nil {
				return err
			}
			return i.write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&wsdl, "wsdl", "", "the contract and its operation, `FILE#Operation`")
	cmd.Flags().BoolVar(&codes, "codes", false, "make code sets of what the contract enumerates")
	cmd.Flags().StringVar(&dir, "dir", ".", "the project's `folder`")
	return cmd
}

// initial is a draft on its way into a project.
type initial struct {
	dir       string
	codes     bool
	contract  *contract.Contract
	service   *contract.Service
	operation *contract.Operation
	path      string // of the contract, from the project's folder
	made      *draft.Draft
	samples   map[string][]byte // by file
	stored    string            // what a full sample would become
}

// read loads the contract and finds the operation.
func (i *initial) read(wsdl string) error {
	file, name, named := strings.Cut(wsdl, "#")
	if !named || file == "" || name == "" {
		return usageError{errors.New("--wsdl names the contract and its operation, as in wsdl/orders/orders.wsdl#SubmitOrder")}
	}
	if err := isFolder(i.dir); err != nil {
		return usageError{fmt.Errorf("--dir: %w", err)}
	}
	from, err := filepath.Abs(i.dir)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if i.contract, err = loadContractFile(file, contractRoot(from, to)); err != nil {
		return err
	}
	if i.service, i.operation, err = findOperation(i.contract, name); err != nil {
		return err
	}
	rel, err := filepath.Rel(from, to)
	i.path = filepath.ToSlash(rel)
	return err
}

// contractRoot is the folder that the contract is loaded from, which decides what the
// system is called: as project.loadContract has it, the project's, or the one
// above the contract's own.
func contractRoot(project, file string) string {
	if rel, err := filepath.Rel(project, file); err == nil && filepath.IsLocal(rel) {
		return project
	}
	return filepath.Dir(filepath.Dir(file))
}

// draft makes the texts and proves them: the mapping compiles, fits its tables,
// and stores a full sample.
func (i *initial) draft(ctx context.Context) error {
	maker := sample.New(i.contract, i.service)
	o := draft.Options{Contract: i.path, Codes: i.codes}
	if i.operation.Output != nil && i.operation.Output.Element != nil {
		m, err := maker.Message(i.operation, sample.Direction{Reply: true}, sample.Options{Declared: true})
		if err != nil {
			return fmt.Errorf("no reply can be drafted: %w", err)
		}
		o.Reply = m.Payload(sample.Form{})
	}
	var m *mapping.Mapping
	var err error
	for _, o.Plain = range []bool{false, true} {
		if i.made, err = draft.New(i.contract, i.operation, o); err != nil {
			return err
		}
		if m, err = i.compiled(); err == nil {
			break
		}
	}
	if replyOnly(err) {
		return fmt.Errorf("no reply can be drafted: a mapping cannot write what the contract demands:\n%w", err)
	}
	if err != nil {
		return fmt.Errorf("the draft does not compile; please report the contract:\n%w", err)
	}
	i.sample(maker, m)
	return i.prove(ctx, m)
}

// replyOnly reports whether all faults are of the reply, which then has something
// that the language has no words for, such as an element without a name.
func replyOnly(err error) bool {
	faults, ok := errors.AsType[config.Faults](err)
	return ok && !slices.ContainsFunc(faults, func(f config.Fault) bool { return !strings.HasPrefix(f.Path, "reply") })
}

func (i *initial) compiled() (*mapping.Mapping, error) {
	file, err := mapping.Parse(i.mappingFile(), []byte(i.made.Mapping))
	if err != nil {
		return nil, err
	}
	var sets []*mapping.CodeSet
	for _, c := range i.made.Codes {
		set, err := mapping.ParseCodeSet(codeSetFile(c.Name), []byte(c.Text))
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return mapping.Compile(file, i.contract, sets...)
}

func codeSetFile(name string) string { return filepath.Join("mappings", "codes", name+".yaml") }

func (i *initial) mappingFile() string { return filepath.Join("mappings", i.made.Name+".yaml") }

// sample makes the cases: a full message, and the smallest one unless it has the
// same identity.
func (i *initial) sample(maker *sample.Maker, m *mapping.Mapping) {
	i.samples = map[string][]byte{}
	seen := ""
	for _, mode := range []struct {
		file string
		mode sample.Mode
	}{{"full.xml", sample.Full}, {"minimal.xml", sample.Minimal}} {
		made, err := maker.Message(i.operation, sample.Direction{}, sample.Options{Mode: mode.mode, Declared: true})
		if err != nil {
			continue // the contract has no such message that could be found
		}
		envelope := made.Envelope(sample.Form{})
		p := &paper{File: mode.file, Form: "soap 1.1", body: envelope}
		if p.input(m) != nil {
			continue
		}
		p.facts(uuid.NewString(), time.Now(), mapping.Principal{}, nil)
		c, err := m.Apply(&p.in)
		p.release()
		if err == nil && (c.Identity == "" || c.Identity != seen) {
			i.samples[mode.file], seen = envelope, c.Identity
		}
	}
}

// prove applies the migration to a store of its own and tries a sample.
func (i *initial) prove(ctx context.Context, m *mapping.Mapping) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-draft-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.WriteFile(filepath.Join(dir, "00001_draft.sql"), []byte(i.made.SQLite), 0o644); err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: config.Path(filepath.Join(dir, "draft.db"))}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.Up(ctx, os.DirFS(dir)); err != nil {
		return fmt.Errorf("the draft's tables cannot be made; please report the contract:\n%w", err)
	}
	if _, err := s.Writer(ctx, m); err != nil {
		return fmt.Errorf("the draft does not fit its tables; please report the contract:\n%w", err)
	}
	body, ok := i.samples["full.xml"]
	if !ok {
		i.stored = "no sample could be tried"
		return nil
	}
	return i.try(ctx, s, m, body)
}

func (i *initial) try(ctx context.Context, s store, m *mapping.Mapping, body []byte) error {
	p := &paper{Form: "soap 1.1", body: body}
	if err := p.input(m); err != nil {
		return err
	}
	defer p.release()
	id := uuid.Must(uuid.NewV7())
	p.facts(id.String(), time.Now().UTC(), mapping.Principal{}, nil)
	rows := 0
	r, err := s.Rehearse(ctx, m, func(checked *mapping.Checked) (*gateway.Entry, error) {
		c, err := checked.Apply(&p.in)
		if err != nil {
			return nil, err
		}
		for _, step := range c.Rows {
			rows += len(step)
		}
		return gateway.RehearsalEntry(m.Name, &gateway.Principal{Identity: &gateway.Identity{}}, checked.Mapping, &p.in, c, id), nil
	})
	switch {
	case err != nil:
		i.stored = "a full sample would be refused, see `gatehouse mapping try`: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	case r.Outcome.Err != nil:
		i.stored = "a full sample would be refused, see `gatehouse mapping try`: " + strings.ReplaceAll(r.Outcome.Err.Error(), "\n", "; ")
	default:
		i.stored = fmt.Sprintf("a full sample would be stored, with %s", plural.Of(rows, "row", "rows"))
	}
	return nil
}

// write puts the files into the project, and says what is left to do.
func (i *initial) write(out io.Writer) error {
	number, err := nextMigration(filepath.Join(i.dir, "mappings", "migrations"))
	if err != nil {
		return err
	}
	migration := fmt.Sprintf("%05d_%s.sql", number, strings.ReplaceAll(i.made.Name, "-", "_"))
	cases := filepath.Join("mappings", "cases", i.made.Name)
	type file struct {
		path string
		text []byte
	}
	files := []file{
		{i.mappingFile(), []byte(i.made.Mapping)},
		{filepath.Join("mappings", "migrations", "sqlserver", migration), []byte(i.made.SQLServer)},
		{filepath.Join("mappings", "migrations", "sqlite", migration), []byte(i.made.SQLite)},
	}
	if len(i.samples) > 0 {
		files = append(files, file{filepath.Join(cases, "cases.yaml"), []byte(i.caseBook())})
	}
	for _, name := range []string{"full.xml", "minimal.xml"} {
		if body, ok := i.samples[name]; ok {
			files = append(files, file{filepath.Join(cases, name), body})
		}
	}
	for _, c := range i.made.Codes {
		path := codeSetFile(c.Name)
		if _, err := os.Stat(filepath.Join(i.dir, path)); err == nil {
			fmt.Fprintf(out, "kept      %s, which is there already\n", filepath.Join(i.dir, path))
			continue
		}
		files = append(files, file{path, []byte(c.Text)})
	}
	for _, f := range files { // all or none, as far as that can be seen before
		if _, err := os.Stat(filepath.Join(i.dir, f.path)); err == nil {
			return fmt.Errorf("%s is there already; nothing is written", filepath.Join(i.dir, f.path))
		}
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(i.dir, f.path), f.text); err != nil {
			return err
		}
		fmt.Fprintf(out, "wrote     %s\n", filepath.Join(i.dir, f.path))
	}
	i.tell(out)
	return nil
}

func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

var migrationName = regexp.MustCompile(`^(\d{1,9})_.*\.sql$`)

// nextMigration is the first number that neither dialect has.
func nextMigration(folder string) (int, error) {
	next := 1
	for _, dialect := range []string{"sqlserver", "sqlite"} {
		entries, err := os.ReadDir(filepath.Join(folder, dialect))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
		for _, e := range entries {
			if m := migrationName.FindStringSubmatch(e.Name()); m != nil {
				n, err := strconv.Atoi(m[1])
				if err != nil {
					return 0, err
				}
				next = max(next, n+1)
			}
		}
	}
	return next, nil
}

func (i *initial) caseBook() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What `gatehouse mapping test %s` sends. --update writes what comes of it.\n", "mappings/cases/"+i.made.Name)
	fmt.Fprintf(&b, "users:\n  sender: {password: secret, groups: [%s-senders]}\ncases:\n", i.made.Name)
	for _, name := range []string{"full.xml", "minimal.xml"} {
		if _, ok := i.samples[name]; ok {
			fmt.Fprintf(&b, "  - {case: %s, send: %s, to: %q, as: sender}\n", strings.TrimSuffix(name, ".xml"), name, i.contract.System+"/"+i.service.Name)
		}
	}
	return b.String()
}

func (i *initial) codeTexts() string {
	var b strings.Builder
	for _, c := range i.made.Codes {
		b.WriteString(c.Text)
	}
	return b.String()
}

func (i *initial) tell(out io.Writer) {
	d := i.made
	fmt.Fprintf(out, "tables    %s\ntried     %s\n", strings.Join(d.Tables, ", "), inertText(i.stored))
	for _, left := range d.Left {
		fmt.Fprintf(out, "left out  %s\n", inertText(left))
	}
	fmt.Fprintf(out, "todo      %s: look for TODO in the files\n\nThe configuration needs, besides what it has:\n\n", plural.Of(strings.Count(d.Mapping+d.SQLServer+i.codeTexts(), "TODO"), "guess", "guesses"))
	fmt.Fprintf(out, "contracts:\n  - %q\nroutes:\n  - route: %s\n    mapping: mappings/%s.yaml\n    from:\n      - soap: %q\n", i.path, d.Name, d.Name,
		i.contract.System+"/"+i.service.Name+"."+i.operation.Name)
	role := cmp.Or(d.Name, "message") + "-sender"
	fmt.Fprintf(out, "roles:\n  %s: {members: [{group: %s-senders}]}\ngrants:\n  - {role: %s, may: send, on: route/%s}\n", role, d.Name, role, d.Name)
	fmt.Fprintf(out, "\nThen:\n\n  gatehouse check\n  gatehouse migrate up\n  gatehouse check --connect\n")
	if len(i.samples) > 0 {
		fmt.Fprintf(out, "  gatehouse mapping test mappings/cases/%s --update   # then read what became of the samples\n", d.Name)
	}
}
