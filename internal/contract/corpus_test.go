package contract

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCorpus loads every WSDL of a folder of real ones. The folder is named by
// GATEHOUSE_TEST_CORPUS and holds one folder for each WSDL; its MANIFEST.tsv
// says which file is the WSDL and whether it is complete.
func TestCorpus(t *testing.T) {
	root := os.Getenv("GATEHOUSE_TEST_CORPUS")
	if root == "" {
		t.Skip("GATEHOUSE_TEST_CORPUS is not set to a folder of WSDLs")
	}
	var complete, loaded, compiled, services int
	var times []time.Duration
	for _, entry := range manifest(t, root) {
		start := time.Now()
		c, err := Load(os.DirFS(root), entry.path)
		times = append(times, time.Since(start))
		if !entry.complete {
			continue
		}
		complete++
		if err != nil {
			t.Logf("%s does not load: %v", entry.path, err)
			continue
		}
		loaded++
		services += len(c.Services)
		if schemasCompile(c) {
			compiled++
		}
		publish(t, c)
	}
	slices.Sort(times)
	t.Logf("%d complete, %d loaded with %d services, %d compile; median %v, worst %v",
		complete, loaded, services, compiled, times[len(times)/2], times[len(times)-1])
	if loaded*100 < complete*99 {
		t.Errorf("%d of %d complete WSDLs load; at least 99 %% must", loaded, complete)
	}
	if compiled*100 < loaded*88 {
		t.Errorf("the schemas of %d of %d compile; at least 88 %% must", compiled, loaded)
	}
}

type corpusEntry struct {
	path     string
	complete bool // well-formed WSDL 1.1 with all its references
}

func manifest(t *testing.T, root string) []corpusEntry {
	f, err := os.Open(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan()
	head := strings.Split(lines.Text(), "\t")
	column := func(row []string, name string) string { return row[slices.Index(head, name)] }
	var out []corpusEntry
	for lines.Scan() {
		row := strings.Split(lines.Text(), "\t")
		out = append(out, corpusEntry{
			path: column(row, "name") + "/" + column(row, "entry"),
			complete: strings.HasPrefix(column(row, "kind"), "wsdl11") &&
				column(row, "missing") == "0" && column(row, "remote") == "0",
		})
	}
	if lines.Err() != nil || len(out) == 0 {
		t.Fatalf("%d entries, %v", len(out), lines.Err())
	}
	return out
}

func schemasCompile(c *Contract) bool {
	for _, s := range c.Services {
		if s.Degraded() != "" {
			return false
		}
	}
	return true
}

// publish asks for every document, and for the children of every type.
func publish(t *testing.T, c *Contract) {
	at := Addresses{Document: "https://gw.example/x", Service: func(s string) string { return "https://gw.example/" + s }}
	if _, err := c.Document("wsdl&soap=11", at); err != nil {
		t.Errorf("%s: %v", c.Path, err)
	}
	for _, name := range c.Schemas() {
		if _, err := c.Document("xsd="+strings.ReplaceAll(name, " ", "+"), at); err != nil {
			t.Errorf("%s: schema %q: %v", c.Path, name, err)
		}
	}
}
