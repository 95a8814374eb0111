package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/wsdl"
)

// drafted drafts every operation of a contract, at most some: the draft compiles
// and fits its tables, and most samples would be stored.
func drafted(t *testing.T, c *contract.Contract, most int, tried, stored *int) {
	for _, s := range c.Services {
		for n, op := range s.Operations {
			if op.Unsupported != "" || s.Degraded() != "" || n >= most {
				continue
			}
			i := &initial{contract: c, service: s, operation: op, path: "contracts/main.wsdl", codes: n%2 == 1}
			if err := i.draft(t.Context()); err != nil {
				t.Logf("%s %s: no draft: %.200v", c.Path, op.Name, err)
				if why := err.Error(); !strings.Contains(why, "empty Body") && !strings.Contains(why, "no reply can be drafted") && !strings.Contains(why, "names an operation alone") {
					t.Errorf("%s %s: %.1500v", c.Path, op.Name, err)
				}
				continue
			}
			if i.samples["full.xml"] == nil {
				continue
			}
			*tried++
			if strings.Contains(i.stored, "would be stored") {
				*stored++
			} else {
				t.Logf("%s %s: %.600s", c.Path, op.Name, i.stored)
			}
		}
	}
}

// The samples, and the contracts that the loader is tested with.
func TestDrafts(t *testing.T) {
	tried, stored := 0, 0
	for _, name := range []string{"orders/orders.wsdl", "customers/customers.wsdl"} {
		c, err := contract.Load(wsdl.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		drafted(t, c, 10, &tried, &stored)
	}
	archives, err := filepath.Glob("../../internal/contract/testdata/graphs/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{}
		for _, f := range a.Files {
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
		if c, err := contract.Load(fsys, "main.wsdl"); err == nil {
			drafted(t, c, 3, &tried, &stored)
		}
	}
	if t.Logf("%d of %d full samples would be stored", stored, tried); tried < 10 || stored*10 < tried*9 {
		t.Errorf("%d of %d full samples would be stored", stored, tried)
	}
}

// TestCorpusDrafts drafts operations of real contracts: those of the folder that
// GATEHOUSE_TEST_CORPUS names.
func TestCorpusDrafts(t *testing.T) {
	root := os.Getenv("GATEHOUSE_TEST_CORPUS")
	if root == "" {
		t.Skip("GATEHOUSE_TEST_CORPUS is not set to a folder of WSDLs")
	}
	manifest, err := os.ReadFile(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	tried, stored := 0, 0
	for line := range strings.Lines(string(manifest)) {
		fields := strings.Split(line, "\t")
		if len(fields) < 5 || fields[0] == "name" {
			continue
		}
		folder, err := fs.Sub(os.DirFS(root), fields[0])
		if err != nil {
			t.Fatal(err)
		}
		if c, err := contract.Load(folder, fields[4]); err == nil {
			drafted(t, c, 4, &tried, &stored)
		}
	}
	if t.Logf("%d of %d full samples would be stored", stored, tried); stored*10 < tried*9 {
		t.Errorf("%d of %d full samples would be stored", stored, tried)
	}
}
