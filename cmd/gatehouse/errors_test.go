package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// TestErrorsPage keeps docs/errors.md equal to the catalogue.
func TestErrorsPage(t *testing.T) {
	const file = "../../docs/errors.md"
	var b strings.Builder
	b.WriteString("# Codes\n\nEvery refusal carries one of these. A code never changes its meaning. Written from\nthe catalogue in `internal/fault`; `go test ./cmd/gatehouse -update` writes it again.\n\n")
	b.WriteString("| Code | Kind | What it says | Who can mend it |\n|---|---|---|---|\n")
	for _, e := range fault.Catalogue() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", e.Code, e.Kind, e.Sentence, e.Mender)
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("%s does not agree with the catalogue; run go test ./cmd/gatehouse -update", file)
	}
}
