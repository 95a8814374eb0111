package sample

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/wsdl"
)

// own loads the sample contracts and the graphs of the contract package.
func own(t testing.TB) []*contract.Contract {
	t.Helper()
	var out []*contract.Contract
	for _, name := range []string{"orders/orders.wsdl", "customers/customers.wsdl"} {
		out = append(out, loaded(t, wsdl.FS, name))
	}
	archives, err := filepath.Glob("../contract/testdata/graphs/*.txtar")
	if err != nil || len(archives) < 10 {
		t.Fatalf("%d archives, error %v", len(archives), err)
	}
	mine, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(mine) == 0 {
		t.Fatalf("%d archives, error %v", len(mine), err)
	}
	for _, name := range append(archives, mine...) {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{}
		for _, f := range a.Files {
			fsys[strings.TrimSuffix(filepath.Base(name), ".txtar")+"/"+f.Name] = &fstest.MapFile{Data: f.Data}
		}
		main := strings.TrimSuffix(filepath.Base(name), ".txtar") + "/main.wsdl"
		if c, err := contract.Load(fsys, main); err == nil {
			out = append(out, c)
		}
	}
	return out
}

func loaded(t testing.TB, fsys fs.FS, name string) *contract.Contract {
	t.Helper()
	c, err := contract.Load(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// corpus calls f for every contract of a folder of real ones, named by
// GATEHOUSE_TEST_CORPUS. It holds one folder for each WSDL; its MANIFEST.tsv says
// which file is the WSDL.
func corpus(t *testing.T, f func(*contract.Contract)) {
	root := os.Getenv("GATEHOUSE_TEST_CORPUS")
	if root == "" {
		t.Skip("GATEHOUSE_TEST_CORPUS is not set to a folder of WSDLs")
	}
	list, err := os.Open(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	lines := bufio.NewScanner(list)
	lines.Scan()
	head := strings.Split(lines.Text(), "\t")
	seen := 0
	for lines.Scan() {
		row := strings.Split(lines.Text(), "\t")
		if c, err := contract.Load(os.DirFS(root), row[slices.Index(head, "name")]+"/"+row[slices.Index(head, "entry")]); err == nil {
			seen++
			f(c)
		}
	}
	if lines.Err() != nil || seen < 10 {
		t.Fatalf("%d contracts, %v", seen, lines.Err())
	}
}

// direction is one of an operation's messages, with a name for it.
type direction struct {
	Direction
	name string
}

func directions(o *contract.Operation) []direction {
	out := []direction{{name: "request"}}
	if !o.OneWay() {
		out = append(out, direction{Direction{Reply: true}, "reply"})
	}
	for _, f := range o.Faults {
		out = append(out, direction{Direction{Fault: f.Name}, "fault " + f.Name})
	}
	return out
}

// hopeless are contracts that only a message past all bounds satisfies. What must
// have itself in it again nothing satisfies.
var hopeless = []string{"tower"}

// tally counts what became of samples.
type tally struct{ operations, messages, valid, impossible, degraded int }

// each makes and counts all messages of all services.
func each(t *testing.T, c *contract.Contract, n *tally, seeds int) {
	for _, s := range c.Services {
		m := New(c, s)
		for _, o := range s.Operations {
			if o.Unsupported != "" {
				continue
			}
			n.operations++
			for _, d := range directions(o) {
				for _, opt := range options(seeds) {
					count(t, m, o, d, opt, n)
				}
			}
		}
	}
}

func options(seeds int) []Options {
	out := []Options{{}, {Mode: Full}}
	for seed := range seeds {
		out = append(out, Options{Mode: Random, Seed: uint64(seed)})
	}
	return out
}

func count(t *testing.T, m *Maker, o *contract.Operation, d direction, opt Options, n *tally) {
	n.messages++
	_, err := m.Message(o, d.Direction, opt)
	where := fmt.Sprintf("%s#%s.%s %s, mode %d, seed %d", m.contract.Path, m.service.Name, o.Name, d.name, opt.Mode, opt.Seed)
	switch {
	case err != nil:
		n.impossible++
		if !slices.Contains(hopeless, m.contract.System) && !strings.HasSuffix(err.Error(), "without end") {
			t.Errorf("%s: %v", where, err)
		}
	case m.service.Degraded() != "":
		n.degraded++
	default:
		n.valid++
	}
}

func TestCorpus(t *testing.T) {
	n := &tally{}
	corpus(t, func(c *contract.Contract) { each(t, c, n, 20) })
	t.Logf("%d operations, %d messages: %d valid, %d of degraded services, %d impossible", n.operations, n.messages, n.valid, n.degraded, n.impossible)
}

func TestOwn(t *testing.T) {
	n := &tally{}
	for _, c := range own(t) {
		each(t, c, n, 20)
	}
	t.Logf("%d operations, %d messages: %d valid, %d of degraded services, %d impossible", n.operations, n.messages, n.valid, n.degraded, n.impossible)
}
