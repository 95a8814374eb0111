package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/wsdl"
)

// foreign is a tool of others that reads WSDLs. Its driver in testdata/foreign
// reads locations and prints a verdict for each.
type foreign struct {
	name   string
	pkg    string // Debian's, that it comes with
	probe  []string
	driver []string
	// cannot are the graphs of the contract package that it does not take, whole or
	// by one query, from the original files either, and why.
	cannot map[string]string
	// fetches says that the driver needs packages that no distribution has, from a
	// registry that may be out of reach: then it says so of all, and is passed over.
	fetches bool
}

// python is Debian's, the one that python3-zeep is for.
const python = "/usr/bin/python3"

var foreigners = []foreign{
	{name: "zeep", pkg: "python3-zeep", probe: []string{python, "-c", "import zeep"}, driver: []string{python, "load.py"},
		cannot: map[string]string{
			"redefine?wsdl":     "knows no xs:redefine",
			"redefine-bad?wsdl": "knows no xs:redefine",
			"slips":             "mistakes that are put right in loading",

			"headers":                        "header parts that do not exist",
			"rpc-encoded?singlewsdl":         "asks the network for SOAP encoding where no location is given",
			"rpc-literal":                    "a part whose name is no XML name",
			"satisfied-elsewhere?singlewsdl": "asks the network for xml.xsd where no location is given",
			"soap-arrays":                    "xsd:ur-type of an older XML Schema",
			"styles":                         "operations whose messages do not exist",
			"tower":                          "walks every branch",
			"undeclared":                     "names that nothing declares",
			"wrong-namespace?wsdl":           "an import whose schema is of another namespace",
		}},
	{name: "php", pkg: "php-cli and php-soap", probe: []string{"php", "-r", `exit(extension_loaded("soap") ? 0 : 1);`}, driver: []string{"php", "load.php"},
		cannot: map[string]string{
			"slips": "mistakes that are put right in loading",

			"chameleon?wsdl":       "reads a file once, for one namespace",
			"duplicates?wsdl":      "a component that two files declare",
			"headers":              "a fault of two parts",
			"merged?wsdl":          "messages of one name in two namespaces",
			"policies":             "required extensions",
			"styles":               "an encoded message without encodingStyle",
			"tower":                "walks every branch",
			"undeclared":           "names that nothing declares",
			"wrong-namespace?wsdl": "an import whose schema is of another namespace",
		}},
	{name: "gsoap", pkg: "gsoap", probe: []string{"sh", "-c", "command -v wsdl2h && command -v soapcpp2"}, driver: []string{"./load.sh"},
		cannot: map[string]string{
			"own-envelope":      "has structs of its own for SOAP's schemas",
			"redefine-bad?wsdl": "follows a schema that redefines itself without end",
			"slips":             "mistakes that are put right in loading",

			"headers":     "header parts that do not exist",
			"policies":    "a policy that no document holds",
			"rpc-literal": "a part of a type that nothing declares",
			"soap-arrays": "crashes, on the original too",
			"styles":      "operations whose messages do not exist",
			"tower":       "walks every branch",
			"undeclared":  "names that nothing declares",
		}},
}

// have reports whether the tool is installed; in continuous integration its
// absence is a failure.
func (f foreign) have(t *testing.T) bool {
	t.Helper()
	if exec.CommandContext(t.Context(), f.probe[0], f.probe[1:]...).Run() == nil { //nolint:gosec // our own table
		return true
	}
	if os.Getenv("CI") == "true" {
		t.Errorf("CI has no %s; testdata/servers/run.sh installs it", f.pkg)
	}
	t.Logf("%s is not installed: %s reads nothing here", f.pkg, f.name)
	return false
}

// verdicts runs the tool's driver, in dir, with these lines as its input, and
// returns what it says of each subject: lines of a verdict, a tab and the subject.
func (f foreign) verdicts(t *testing.T, dir string, input ...string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), f.driver[0], f.driver[1:]...) //nolint:gosec // our own table
	cmd.Dir = dir
	if strings.Contains(f.driver[0], "/") && !filepath.IsAbs(f.driver[0]) {
		cmd.Path = filepath.Join(dir, f.driver[0])
	}
	cmd.Stdin = strings.NewReader(strings.Join(input, "\n") + "\n")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", f.name, err, complaints.Bytes())
	}
	verdicts := map[string]string{}
	for line := range strings.Lines(string(out)) {
		verdict, subject, _ := strings.Cut(strings.TrimSpace(line), "\t")
		verdicts[subject] = verdict
	}
	return verdicts
}

// shelf serves contracts and nothing else.
type shelf []*contract.Contract

func (s shelf) Contracts() []*contract.Contract { return s }

func (s shelf) Security(string) gateway.Security { return gateway.Security{} }

func (s shelf) Accept(context.Context, *gateway.Arrival) (*gateway.Receipt, error) {
	return nil, errors.New("nothing is taken here")
}

// TestForeignToolsLoad: what is published of the sample contracts, and of each
// way in which contracts are put together, loads in tools of others.
func TestForeignToolsLoad(t *testing.T) {
	s := append(sampleContracts(t), graphContracts(t)...)
	server := httptest.NewServer(soap.NewHandler(soap.Config{}, s, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	for _, f := range foreigners {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			if !f.have(t) {
				t.Skipf("%s is not installed: install it, or run under testdata/servers/run.sh as root", f.pkg)
			}
			var locations []string
			for _, c := range s {
				at := server.URL + "/soap/" + url.PathEscape(c.System) + "/" + url.PathEscape(c.Services[0].Name)
				for _, query := range []string{"?wsdl", "?singlewsdl"} {
					if f.cannot[c.System] == "" && f.cannot[c.System+query] == "" {
						locations = append(locations, at+query)
					}
				}
			}
			verdicts := f.verdicts(t, "../../testdata/foreign", locations...)
			for _, l := range locations {
				if verdicts[l] != "ok" {
					t.Errorf("%s: %s", l[len(server.URL):], verdicts[l])
				}
			}
		})
	}
}

func sampleContracts(t *testing.T) shelf {
	t.Helper()
	var out shelf
	for _, name := range []string{"orders/orders.wsdl", "customers/customers.wsdl"} {
		c, err := contract.Load(wsdl.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// graphContracts loads the graphs of the contract package that have something to
// serve.
func graphContracts(t *testing.T) shelf {
	t.Helper()
	archives, err := filepath.Glob("../../internal/contract/testdata/graphs/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var out shelf
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		system := strings.TrimSuffix(filepath.Base(name), ".txtar")
		c, err := contract.Load(graphFS(a, system), system+"/main.wsdl")
		if err == nil && len(c.Services) > 0 {
			out = append(out, c)
		}
	}
	if len(out) < 15 {
		t.Fatalf("only %d graphs are served", len(out))
	}
	return out
}

func graphFS(a *txtar.Archive, dir string) fs.FS {
	out := fstest.MapFS{}
	for _, f := range a.Files {
		out[dir+"/"+f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return out
}
