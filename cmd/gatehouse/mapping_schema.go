package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

func newMappingSchema() *cobra.Command {
	var codes, queries bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of mapping files, of queries or of code sets, for editors",
		Long: `Print the JSON Schema (2020-12) of mapping files; with --queries that of the files of
queries, with --codes that of code sets.
Editors that speak to a YAML language server complete and check a file with it,
after a first line such as

  # yaml-language-server: $schema=mapping.schema.json

It knows keys and their forms. Paths, names and types are what gatehouse check
looks at.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			schema := mapping.FileSchema()
			switch {
			case codes:
				schema = mapping.CodeSetSchema()
			case queries:
				schema = mapping.QuerySchema()
			}
			_, err := io.WriteString(cmd.OutOrStdout(), schema)
			return err
		},
	}
	cmd.Flags().BoolVar(&codes, "codes", false, "the schema of code sets")
	cmd.Flags().BoolVar(&queries, "queries", false, "the schema of queries")
	cmd.MarkFlagsMutuallyExclusive("codes", "queries")
	return cmd
}
