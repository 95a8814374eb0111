package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gatehouse/gatehouse/"

// allowed lists the modules outside the standard library that internal packages
// may import, each with the reason why it is no breach of the core's purity.
var allowed = []string{
	"github.com/google/uuid",                  // message ids
	"github.com/cockroachdb/apd/v3",           // exact decimals
	"github.com/goccy/go-yaml",                // configuration and mapping files
	"github.com/jacoelho/xsd",                 // schema validation, behind contract's own interface
	"github.com/beevik/etree",                 // WSDL and schema files, which are edited
	"golang.org/x/sync",                       // singleflight
	"golang.org/x/text",                       // character sets
	"github.com/HdrHistogram/hdrhistogram-go", // latencies of a load test
	// What the core counts and traces is its own knowledge; who listens is not.
	"github.com/prometheus/client_golang/prometheus",
	"go.opentelemetry.io/otel",
}

// campaigns lists what gatehouse-campaign may use of the project: files, and the
// directory that it runs as a server.
var campaigns = []string{"mappings", "wsdl", "adapters/embedded/directory"}

// barred are parts of the standard library that belong to adapters.
var barred = []string{"database/sql", "net/http", "net/rpc", "net/smtp"}

// TestImportDirections holds the tree to its shape: cmd knows everything, an
// adapter knows internal packages and its own driver, internal packages know
// each other and a short list, and nothing knows cmd.
func TestImportDirections(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "github.com/gatehouse/gatehouse/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < 10 {
		t.Fatalf("go list names %d packages only:\n%s", len(lines), out)
	}
	for _, line := range lines {
		pkg, imports, _ := strings.Cut(line, ":")
		for imported := range strings.FieldsSeq(imports) {
			if why := forbidden(strings.TrimPrefix(pkg, module), imported); why != "" {
				t.Errorf("%s imports %s: %s", pkg, imported, why)
			}
		}
	}
}

func forbidden(pkg, imported string) string {
	own, inModule := strings.CutPrefix(imported, module)
	switch {
	case inModule && strings.HasPrefix(own, "cmd/"):
		return "nothing imports cmd"
	case pkg == "cmd/gatehouse-campaign" && inModule && !slices.Contains(campaigns, own):
		return "the campaign shares no code with the gateway"
	case strings.HasPrefix(pkg, "internal/gatewaytest"), pkg == "adapters/internal/sqlview/viewtest" && own == "mappings":
		return "" // suites may use what they need
	case strings.HasPrefix(pkg, "internal/") && inModule:
		if !strings.HasPrefix(own, "internal/") {
			return "internal imports internal only"
		}
	case strings.HasPrefix(pkg, "internal/"):
		return outside(imported)
	case strings.HasPrefix(pkg, "adapters/") && strings.HasPrefix(own, "adapters/"):
		return otherAdapter(pkg, own)
	case strings.HasPrefix(pkg, "adapters/") && inModule && !strings.HasPrefix(own, "internal/"):
		return "adapters import internal and their own driver"
	}
	return ""
}

func outside(imported string) string {
	if slices.ContainsFunc(barred, func(b string) bool { return imported == b || strings.HasPrefix(imported, b+"/") }) {
		return "belongs to an adapter"
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") || slices.ContainsFunc(allowed, func(a string) bool { return imported == a || strings.HasPrefix(imported, a+"/") }) {
		return ""
	}
	return "not on the list of what the core may import"
}

// otherAdapter allows an adapter its own packages, and the code that the SQL
// stores share, and the doors over HTTP with their clients.
func otherAdapter(pkg, imported string) string {
	adapter := func(p string) string { return strings.SplitN(strings.TrimPrefix(p, "adapters/"), "/", 2)[0] }
	sql, web := []string{"sqlite", "sqlserver"}, []string{"soap", "rest"}
	switch {
	case adapter(pkg) == adapter(imported) && adapter(pkg) != "embedded":
		return ""
	case (strings.HasPrefix(imported, "adapters/internal/sqlstore") || strings.HasPrefix(imported, "adapters/internal/sqlview")) && slices.Contains(append(sql, "internal"), adapter(pkg)):
		return ""
	case imported == "adapters/internal/sse" && adapter(pkg) == "rest":
		return ""
	case (imported == "adapters/internal/httpdoor" || imported == "adapters/internal/httpcall") && slices.Contains(web, adapter(pkg)):
		return ""
	case strings.HasPrefix(pkg, imported+"/") || strings.HasPrefix(imported, pkg+"/"):
		return ""
	}
	return "no adapter imports another"
}

// TestForbidden keeps the guard itself honest.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		pkg, imported string
		bad           bool
	}{
		{"internal/gateway", "database/sql", true},
		{"internal/gateway", "net/http", true},
		{"internal/gateway", "github.com/go-ldap/ldap/v3", true},
		{"internal/gateway", module + "adapters/soap", true},
		{"internal/gateway", module + "internal/mapping", false},
		{"internal/gateway", "github.com/google/uuid", false},
		{"adapters/soap", module + "adapters/ldap", true},
		{"adapters/embedded/broker", module + "adapters/embedded/directory", true},
		{"adapters/sqlite", module + "adapters/internal/sqlstore", false},
		{"adapters/soap", module + "adapters/internal/sqlstore", true},
		{"adapters/soap", module + "adapters/internal/httpdoor", false},
		{"adapters/ldap", module + "adapters/internal/httpdoor", true},
		{"adapters/rest", module + "adapters/soap", true},
		{"adapters/ldap", module + "cmd/gatehouse", true},
		{"adapters/ldap", "github.com/go-ldap/ldap/v3", false},
		{"cmd/gatehouse", module + "adapters/soap", false},
		{"cmd/gatehouse-campaign", module + "adapters/embedded/directory", false},
		{"cmd/gatehouse-campaign", module + "adapters/embedded/broker", true},
		{"cmd/gatehouse-campaign", module + "internal/config", true},
		{"cmd/gatehouse-campaign", module + "wsdl/orders", true},
		{"cmd/gatehouse-campaign", "modernc.org/sqlite", false},
	} {
		if got := forbidden(c.pkg, c.imported); (got != "") != c.bad {
			t.Errorf("forbidden(%s, %s) = %q", c.pkg, c.imported, got)
		}
	}
}
