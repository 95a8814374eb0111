package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/lineage"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

func newMappingExplain() *cobra.Command {
	var (
		file   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "explain TABLE[.COLUMN] or PATH",
		Short: "Tell what a column is made of, or what becomes of a part of a message",
		Long: `Tell, over all mappings of the project, what a column is made of: rules with file and
line, the paths they read, conditions, look-ups, and what columns they take are made of
in turn; and who reads it. Or what becomes of a path of a message, or of what stands
below it: columns, keys, publications, replies, and what these columns go into.

A path begins at the payload element or at its children, with or without prefixes.`,
		Example: "  gatehouse mapping explain sales.order_line.product_id\n  gatehouse mapping explain o:Order/o:Customer/@number",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := readProject(file)
			if err != nil {
				return err
			}
			c, err := p.compile()
			if err := errors.Join(append(c.broken, err)...); err != nil {
				return err
			}
			told, err := newTold(c, args[0])
			if err != nil {
				return err
			}
			return told.write(cmd.OutOrStdout(), asJSON)
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// told is the answer of explain: one of the two is set.
type told struct {
	Columns []*lineage.Column `json:"columns,omitempty"`
	Paths   []*lineage.Path   `json:"paths,omitempty"`
}

func newTold(c *compiled, what string) (*told, error) {
	g := lineage.New(c.stored())
	if strings.ContainsAny(what, "/@$:") {
		paths, err := g.Along(what)
		if err != nil {
			return nil, usageError{err}
		}
		for _, found := range paths {
			found.Position = position(c.stored(), found)
		}
		return &told{Paths: paths}, nil
	}
	tables := g.Tables()
	if columns, ok := tables[what]; ok {
		t := &told{}
		for _, column := range columns {
			t.Columns = append(t.Columns, g.Of(what, column))
		}
		return t, nil
	}
	table, column := "", ""
	if i := strings.LastIndexByte(what, '.'); i > 0 {
		table, column = what[:i], what[i+1:]
	}
	columns, ok := tables[table]
	switch {
	case ok && !slices.Contains(columns, column):
		return nil, usageError{fmt.Errorf("no mapping names a column %q of %s%s", column, table, didYouMean(column, columns))}
	case !ok:
		return nil, usageError{fmt.Errorf("no mapping names a table or column %q%s", what, didYouMean(what, names(tables)))}
	}
	return &told{Columns: []*lineage.Column{g.Of(table, column)}}, nil
}

// names are all tables and columns.
func names(tables map[string][]string) []string {
	out := slices.Sorted(maps.Keys(tables))
	for _, table := range slices.Clone(out) {
		for _, column := range tables[table] {
			out = append(out, table+"."+column)
		}
	}
	return out
}

// position names the contract's file from the project's folder.
func position(mappings []*mapping.Mapping, found *lineage.Path) string {
	for _, m := range mappings {
		if m.File == found.File && found.Position != "" {
			return path.Join(path.Dir(m.Contract.Path), found.Position)
		}
	}
	return found.Position
}

func (t *told) write(out io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(t)
	}
	b := bufio.NewWriter(out)
	for _, c := range t.Columns {
		fmt.Fprintln(b, c.Name)
		printOrigin(b, c, "  ")
	}
	for _, p := range t.Paths {
		fmt.Fprintf(b, "%s of %s (%s)\n", p.Path, p.Mapping, p.Position)
		if p.Doc != "" {
			fmt.Fprintf(b, "  contract: %s\n", inertText(p.Doc))
		}
		for _, r := range p.UsedBy {
			printRule(b, r, r.Makes, "  ")
			printReaders(b, r.Becomes, "    ")
		}
		if len(p.UsedBy) == 0 {
			fmt.Fprintln(b, "  no rule reads it")
		}
	}
	return b.Flush()
}

// printRule tells of one rule, and what it reads.
func printRule(out io.Writer, r *lineage.Rule, makes, margin string) {
	what := r.Expression
	if r.LookUp != "" {
		what = "look-up of " + r.LookUp
	}
	fmt.Fprintf(out, "%s%s = %s   %s, %s\n", margin, makes, oneLine(what), r.Mapping, r.Source)
	list := func(label string, items []string) {
		for _, item := range items {
			fmt.Fprintf(out, "%s  %s %s\n", margin, label, oneLine(item))
		}
	}
	list("reads", r.Paths)
	list("reads", r.Other)
	list("decided by", r.Decides)
	list("for each", r.Each)
	list("only when", r.When)
	if r.Match {
		fmt.Fprintf(out, "%s  part of the natural key\n", margin)
	}
}

func printOrigin(out io.Writer, c *lineage.Column, margin string) {
	if c.Seen {
		fmt.Fprintf(out, "%stold above\n", margin)
		return
	}
	for _, r := range c.WrittenBy {
		printRule(out, r, "written", margin)
		for _, above := range r.Columns {
			fmt.Fprintf(out, "%s  takes or finds by %s\n", margin, above.Name)
			printOrigin(out, above, margin+"    ")
		}
	}
	if len(c.WrittenBy) == 0 {
		fmt.Fprintf(out, "%sno mapping writes it: the database draws it, or somebody else does\n", margin)
	}
	for _, key := range c.Key {
		fmt.Fprintf(out, "%sits row is found by %s\n", margin, key.Name)
		printOrigin(out, key, margin+"  ")
	}
	for _, r := range c.ReadBy {
		fmt.Fprintf(out, "%sread for %s   %s, %s\n", margin, r.Makes, r.Mapping, r.Source)
	}
}

// printReaders tells who reads a column that a rule has written, and so on.
func printReaders(out io.Writer, c *lineage.Column, margin string) {
	if c == nil || c.Seen {
		return
	}
	for _, r := range c.ReadBy {
		fmt.Fprintf(out, "%sread for %s   %s, %s\n", margin, r.Makes, r.Mapping, r.Source)
		printReaders(out, r.Becomes, margin+"  ")
	}
}
