// Package mappings holds the sample mappings, queries and views, the migrations of the
// business tables they write and the cases that prove them. The demo runs from here; a
// gateway in production reads its own folders.
package mappings

import "embed"

// FS holds *.yaml, codes/*.yaml, queries/*.yaml, views/*.yaml,
// migrations/<dialect>/*.sql and cases/*.
//
//go:embed *.yaml codes queries views migrations cases
var FS embed.FS
