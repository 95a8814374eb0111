package main

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/export"
)

// exportFlags say what is exported.
type exportFlags struct {
	remote                               remoteFlags
	view, format, filter, choice, expand string
	rows, separator, out                 string
	mark, raw, direct, quiet             bool
}

func newExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export --view VIEW [-o FILE]",
		Short: "Write the rows of a view to a file: CSV, JSON Lines, XLSX or Parquet",
		Long: `Write the rows of a view to a file, as they are at one position of the log.

The file appears under its name when it is whole and its hash is right. Where the
gateway makes files by jobs (exports.directory), a download that breaks is gone on with,
also by the next run of the same command. Without -o the file goes to standard output.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return usageError{err}
			}
			if f.direct {
				return f.past(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return f.fetch(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.remote.add(cmd)
	flags := cmd.Flags()
	flags.Lookup("server").Usage = "`URL` of the gateway's public listener (default: listen.public of the configuration)"
	flags.StringVar(&f.view, "view", "", "`name` of the view")
	flags.StringVar(&f.format, "format", "", strings.Join(export.Formats, ", ")+" (default: as the file is called, else jsonl)")
	flags.StringVar(&f.filter, "filter", "", "OData `condition`, such as \"ordered_at ge 2026-01-01T00:00:00Z\"; an index has to serve it")
	flags.StringVar(&f.choice, "select", "", "`fields`, separated by commas (default: all)")
	flags.StringVar(&f.expand, "expand", "", "`children`, separated by commas: lists in jsonl and parquet")
	flags.StringVar(&f.rows, "rows", "", "the `child` of which there is to be a row each, in csv and xlsx")
	flags.StringVar(&f.separator, "separator", "", "of csv: comma, semicolon, tab or bar")
	flags.BoolVar(&f.mark, "bom", false, "begin csv with a byte order mark, for Excel")
	flags.BoolVar(&f.raw, "raw", false, "write texts of csv as they are, though a spreadsheet may take them for formulas")
	flags.StringVarP(&f.out, "output", "o", "", "`file` to write")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "do not tell how far it is")
	directFlag(cmd, &f.direct)
	return cmd
}

func (f *exportFlags) check() error {
	if f.view == "" {
		return errors.New("--view: which one?")
	}
	if f.out == "-" {
		f.out = ""
	}
	if f.format == "" {
		f.format = export.FormatJSONL
		if i := strings.LastIndexByte(f.out, '.'); i >= 0 && slices.Contains(export.Formats, f.out[i+1:]) {
			f.format = f.out[i+1:]
		}
	}
	if f.rows != "" && f.expand == "" {
		f.expand = f.rows
	}
	return nil
}

// query is the query of the export's address.
func (f *exportFlags) query() string {
	pairs := []string{"format=" + url.QueryEscape(f.format)}
	add := func(name, value string) {
		if value != "" {
			pairs = append(pairs, name+"="+url.QueryEscape(value))
		}
	}
	add("separator", f.separator)
	if f.mark {
		add("bom", "true")
	}
	if f.raw {
		add("guard", "off")
	}
	add("rows", f.rows)
	add("$filter", f.filter)
	add("$select", f.choice)
	add("$expand", f.expand)
	return strings.Join(pairs, "&")
}
