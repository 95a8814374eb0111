package view

import _ "embed"

// The JSON Schemas are made of the structs that files are read into:
// go test ./internal/view -run TestFileSchemas -update writes them again.
var (
	//go:embed view.schema.json
	viewSchema string
	//go:embed report.schema.json
	reportSchema string
)

// FileSchema is the JSON Schema (2020-12) of the files of views. It knows the form that
// Parse takes, but neither tables nor which names are fields: what it refuses is wrong,
// and what it takes may still be.
func FileSchema() string { return viewSchema }

// ReportSchema is the JSON Schema (2020-12) of the files of reports.
func ReportSchema() string { return reportSchema }
