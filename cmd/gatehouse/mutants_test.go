package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mutant is a gateway with a fault that somebody could build into it: the campaign
// has to find it, or its zeros mean nothing. The source stays as it is; what is
// edited goes into the build by -overlay.
type mutant struct {
	name  string
	edits []edit
	flags string   // of the campaign
	found []string // the findings of which the closing line has to count at least one
	quick bool     // also without GATEHOUSE_MUTANTS=all
}

// edit replaces what occurs once in a file.
type edit struct{ file, old, new string }

// overlay writes the edited files to dir, and the list of them that go build
// takes. A place that has moved is an error.
func (m *mutant) overlay(root, dir string) (string, error) {
	texts := map[string]string{}
	for _, e := range m.edits {
		file := filepath.Join(root, filepath.FromSlash(e.file))
		text, edited := texts[file]
		if !edited {
			src, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			text = string(src)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%s: %s holds %d times:\n%s", m.name, e.file, n, e.old)
		}
		texts[file] = strings.Replace(text, e.old, e.new, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		replace[file] = filepath.Join(dir, fmt.Sprintf("%d-%s", len(replace), filepath.Base(file)))
		if err := os.WriteFile(replace[file], []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "overlay.json")
	return out, os.WriteFile(out, list, 0o644)
}

// TestMutants builds faults into the gateway and has the campaign find each. A few
// are tried always, and all of them with GATEHOUSE_MUTANTS=all (make mutants).
func TestMutants(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("places", func(t *testing.T) {
		for _, m := range mutants {
			if _, err := m.overlay(root, t.TempDir()); err != nil {
				t.Error(err)
			}
		}
	})
	if testing.Short() {
		t.Skip("campaigns take a while; run without -short")
	}
	if os.Getenv("GATEHOUSE_TEST_AMQP") == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI has no GATEHOUSE_TEST_AMQP; testdata/servers/run.sh sets it")
		}
		t.Skip("set GATEHOUSE_TEST_AMQP to the URL of a RabbitMQ, or run under testdata/servers/run.sh")
	}
	campaign := buildCampaign(t)
	for _, m := range mutants {
		if !m.quick && os.Getenv("GATEHOUSE_MUTANTS") != "all" {
			continue
		}
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			m.isCaught(t, root, campaign)
		})
	}
}

var findingCount = regexp.MustCompile(`([a-z][a-z ]*) (\d+)`)

func (m *mutant) isCaught(t *testing.T, root, campaign string) {
	dir := t.TempDir()
	overlay, err := m.overlay(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "gatehouse-mutant")
	if out, err := exec.Command("go", "build", "-tags", "crash", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	args := append([]string{"-binary", binary, "-seed", "7", "-patience", "8s", "-dir", filepath.Join(dir, "campaign")}, strings.Fields(m.flags)...)
	out, err := exec.Command(campaign, args...).CombinedOutput()
	said := strings.Split(strings.TrimSpace(string(out)), "\n")
	line := said[len(said)-1]
	t.Log(line)
	if err == nil {
		t.Fatalf("the campaign found nothing:\n%s", out)
	}
	for _, count := range findingCount.FindAllStringSubmatch(line, -1) {
		if slices.Contains(m.found, count[1]) && count[2] != "0" {
			return
		}
	}
	t.Errorf("none of %q was found:\n%s", m.found, out)
}

func buildCampaign(t *testing.T) string {
	t.Helper()
	campaign := filepath.Join(t.TempDir(), "gatehouse-campaign")
	if out, err := exec.Command("go", "build", "-o", campaign, "../gatehouse-campaign").CombinedOutput(); err != nil {
		t.Fatalf("building the campaign: %v\n%s", err, out)
	}
	return campaign
}
