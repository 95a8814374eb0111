package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

// TestReadmeConfiguration has the README's gatehouse.yaml and DSN read as they stand.
func TestReadmeConfiguration(t *testing.T) {
	readme := readReadme(t)
	_, rest, _ := strings.Cut(readme, "```yaml\n")
	text, _, _ := strings.Cut(rest, "```")
	dsn := regexp.MustCompile("`(sqlserver://[^`]+)`").FindStringSubmatch(readme)
	if text == "" || dsn == nil {
		t.Fatal("README.md shows no configuration, or no DSN")
	}
	dir := t.TempDir()
	for file, content := range map[string]string{"dsn": dsn[1], "ldap": "secret", "mq": "secret"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyMissing(filepath.Join(dir, "wsdl"), wsdl.FS); err != nil {
		t.Fatal(err)
	}
	if err := copyMissing(filepath.Join(dir, "mappings"), mappings.FS); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "gatehouse.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "/run/secrets/", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := readProject(file)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := p.compile(); err != nil || len(c.broken) > 0 {
		t.Error(c.broken, err)
	}
	if err := p.Store.folders(); err != nil {
		t.Error(err)
	}
}

// TestReadmeCommands has every command line of the README parsed.
func TestReadmeCommands(t *testing.T) {
	for _, line := range regexp.MustCompile(`(?m)^gatehouse .*$`).FindAllString(readReadme(t), -1) {
		line, _, _ = strings.Cut(line, "#")
		cmd, rest, err := newRoot().Find(strings.Fields(line)[1:])
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err != nil || cmd.HasSubCommands() {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func readReadme(t *testing.T) string {
	src, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}
