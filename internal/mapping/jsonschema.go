package mapping

import _ "embed"

// The JSON Schemas are made of the structs that files are read into:
// go test ./internal/mapping -run TestFileSchemas -update writes them again.
var (
	//go:embed mapping.schema.json
	fileSchema string
	//go:embed codeset.schema.json
	codeSetSchema string
	//go:embed query.schema.json
	querySchema string
)

// FileSchema is the JSON Schema (2020-12) of mapping files. It knows the form
// that Parse takes, but no names and no syntax of expressions: what it refuses is
// wrong, and what it takes may still be.
func FileSchema() string { return fileSchema }

// CodeSetSchema is the JSON Schema (2020-12) of the files of code sets.
func CodeSetSchema() string { return codeSetSchema }

// QuerySchema is the JSON Schema (2020-12) of the files of queries.
func QuerySchema() string { return querySchema }
