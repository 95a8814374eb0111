package compat_test

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/compat"
	"github.com/gatehouse/gatehouse/internal/contract"
)

// TestCorpus compares every WSDL of a folder of real ones with itself, loaded a
// second time, and with the one after it. The first must find nothing, the second
// must end. The folder is named by GATEHOUSE_TEST_CORPUS.
func TestCorpus(t *testing.T) {
	root := os.Getenv("GATEHOUSE_TEST_CORPUS")
	if root == "" {
		t.Skip("GATEHOUSE_TEST_CORPUS is not set to a folder of WSDLs")
	}
	var last *contract.Contract
	var same, other []time.Duration
	for _, path := range corpus(t, root) {
		c, err := contract.Load(os.DirFS(root), path)
		if err != nil {
			continue
		}
		again, err := contract.Load(os.DirFS(root), path)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r := compat.Compare(c, again)
		same = append(same, time.Since(start))
		if len(r.Changes) > 0 {
			t.Errorf("%s against itself: %q", path, brief(r)[:min(5, len(r.Changes))])
		}
		if last != nil {
			start = time.Now()
			compat.Compare(last, c)
			other = append(other, time.Since(start))
		}
		last = c
	}
	slices.Sort(same)
	slices.Sort(other)
	t.Logf("%d against themselves: median %v, worst %v; against another: median %v, worst %v",
		len(same), same[len(same)/2], same[len(same)-1], other[len(other)/2], other[len(other)-1])
}

func corpus(t *testing.T, root string) []string {
	f, err := os.Open(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan()
	head := strings.Split(lines.Text(), "\t")
	var out []string
	for lines.Scan() {
		row := strings.Split(lines.Text(), "\t")
		out = append(out, row[slices.Index(head, "name")]+"/"+row[slices.Index(head, "entry")])
	}
	if lines.Err() != nil || len(out) == 0 {
		t.Fatalf("%d entries, %v", len(out), lines.Err())
	}
	return out
}
