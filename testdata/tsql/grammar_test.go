// Package tsql parses every statement that the SQL Server store emits, and every
// migration, with SQL Server's grammar. It is a module of its own, because the
// grammar is large and nothing else needs it.
package tsql

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/antlr4-go/antlr/v4"
	"github.com/bytebase/parser/tsql"
)

// complaints gathers syntax errors with their places.
type complaints struct {
	*antlr.DefaultErrorListener
	found []string
}

func (c *complaints) SyntaxError(_ antlr.Recognizer, _ any, line, column int, message string, _ antlr.RecognitionException) {
	c.found = append(c.found, fmt.Sprintf("%d:%d: %s", line, column, message))
}

func parse(text string) []string {
	c := &complaints{}
	lexer := tsql.NewTSqlLexer(antlr.NewInputStream(text))
	lexer.RemoveErrorListeners()
	lexer.AddErrorListener(c)
	parser := tsql.NewTSqlParser(antlr.NewCommonTokenStream(lexer, antlr.TokenDefaultChannel))
	parser.RemoveErrorListeners()
	parser.AddErrorListener(c)
	parser.BuildParseTrees = false
	parser.Tsql_file()
	return c.found
}

func TestStatements(t *testing.T) {
	for _, pattern := range []string{
		"../../adapters/sqlserver/testdata/*.sql",
		"../../adapters/sqlserver/migrations/*.sql",
		"../../mappings/migrations/sqlserver/*.sql",
		"../../deploy/compose/sqlserver/setup.sql",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files: %v", pattern, err)
		}
		for _, file := range files {
			t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) { check(t, file) })
		}
	}
}

// annotation is a line that goose reads; what follows Down is another script.
var annotation = regexp.MustCompile(`(?m)^-- \+goose .*$`)

func check(t *testing.T, file string) {
	t.Parallel()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range annotation.Split(string(content), -1) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		for _, c := range parse(part) {
			t.Error(c)
		}
	}
}

// TestRejects keeps the test honest: the grammar does refuse what is wrong.
func TestRejects(t *testing.T) {
	for _, text := range []string{"SELECT FROM WHERE", "UPDATE t SET", "INSERT INTO a (b VALUES (1)", "SELECT 1 LIMIT 2 OFFSET", "SELECT * FROM OPENJSON(@a) WITH (n int '$[0]'"} {
		if len(parse(text)) == 0 {
			t.Errorf("%q is accepted", text)
		}
	}
}
