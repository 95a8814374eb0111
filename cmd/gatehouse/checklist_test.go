package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A test is named by its package's directory and its function, and where a case
// of it is meant, by that case's name in parentheses; a script by its path.
var namedTest = regexp.MustCompile("^`([a-z/]+) (Test\\w+)(?: \\((.+)\\))?`$")

// TestChecklist holds docs/soap.md and docs/quirks.md to the tests that they
// name: every row has one, and every one exists.
func TestChecklist(t *testing.T) {
	found := tests{}
	rows := tableRows(t, "soap.md")
	const items = 73
	if len(rows) != items {
		t.Errorf("the checklist has %d rows, want %d", len(rows), items)
	}
	for i, row := range rows {
		if len(row) != 4 || row[0] != strconv.Itoa(i+1) || row[1] == "" || row[2] == "" {
			t.Errorf("row %d is %q, want number, promise, clause and tests", i+1, row)
			continue
		}
		found.check(t, "item "+row[0], row[3])
	}
	quirks := tableRows(t, "quirks.md")
	if len(quirks) < 20 {
		t.Errorf("%d quirks are documented", len(quirks))
	}
	for _, row := range quirks {
		if len(row) != 3 {
			t.Errorf("quirk %q: want client, what it does and tests", row)
			continue
		}
		found.check(t, row[0], row[2])
	}
}

// tableRows returns the cells of all tables of a document, without their heads.
func tableRows(t *testing.T, doc string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs", doc))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		head := i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|--")
		if !strings.HasPrefix(line, "| ") || head {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// tests are the test functions of packages, by directory and name, each with the
// texts that stand in it: names of cases are among them.
type tests map[string]map[string]string

func (all tests) check(t *testing.T, row, cell string) {
	t.Helper()
	for name := range strings.SplitSeq(cell, "`, `") {
		name = "`" + strings.Trim(name, "`") + "`"
		if script := strings.Trim(name, "`"); strings.HasSuffix(script, ".txtar") {
			if _, err := os.Stat(filepath.Join("../..", script)); err != nil {
				t.Errorf("%s: %v", row, err)
			}
			continue
		}
		m := namedTest.FindStringSubmatch(name)
		if m == nil {
			t.Errorf("%s: %q names no test", row, name)
			continue
		}
		body, ok := all.of(t, m[1])[m[2]]
		switch {
		case !ok:
			t.Errorf("%s: %s has no %s", row, m[1], m[2])
		case !strings.Contains(body, m[3]):
			t.Errorf("%s: %s of %s has no case %q", row, m[2], m[1], m[3])
		}
	}
}

// of reads the tests of a package.
func (all tests) of(t *testing.T, dir string) map[string]string {
	t.Helper()
	if all[dir] != nil {
		return all[dir]
	}
	all[dir] = map[string]string{}
	files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				all[dir][fn.Name.Name] = texts(fn)
			}
		}
	}
	return all[dir]
}

// texts joins the string literals of a function.
func texts(fn *ast.FuncDecl) string {
	var b strings.Builder
	ast.Inspect(fn, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				b.WriteString(s + "\n")
			}
		}
		return true
	})
	return b.String()
}
