package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

// Clients of others, each a small program in testdata/interop that reads location,
// user and password from its input, does what features has, and prints a verdict
// for each: "ok", "cannot" with its reason, or what went wrong.
var interopClients = []struct {
	title string // upstream's name, with the major version where it is stable
	foreign
}{
	{"zeep 4 (Python)", foreign{name: "zeep", pkg: "python3-zeep", probe: []string{python, "-c", "import zeep"}, driver: []string{python, "zeep/client.py"}}},
	{"SoapClient (PHP)", foreign{name: "php", pkg: "php-cli and php-soap", probe: []string{"php", "-r", `exit(extension_loaded("soap") ? 0 : 1);`}, driver: []string{"php", "php/client.php"}}},
	{"gSOAP 2 (C)", foreign{name: "gsoap", pkg: "gsoap, libgsoap-dev, gcc, libssl-dev and zlib1g-dev", probe: []string{"sh", "-c", "command -v wsdl2h && command -v soapcpp2 && command -v gcc && ls /usr/include/stdsoap2.h /usr/include/openssl/evp.h /usr/include/zlib.h"}, driver: []string{"gsoap/run.sh"}}},
	{"node-soap 1 (JavaScript)", foreign{name: "node-soap", pkg: "nodejs and npm", probe: []string{"sh", "-c", "command -v node && command -v npm"}, driver: []string{"node-soap/run.sh"}, fetches: true}},
	{"SOAP::Lite 1 (Perl)", foreign{name: "soap-lite", pkg: "libsoap-lite-perl and libmime-tools-perl", probe: []string{"perl", "-MSOAP::Lite", "-MMIME::Entity", "-e1"}, driver: []string{"perl", "soap-lite/client.pl"}}},
	{"JAX-WS RI 2 (Java)", foreign{name: "jaxws", pkg: "default-jdk-headless and libjaxws-java", probe: []string{"sh", "-c", "command -v javac && ls /usr/share/java/jaxws-rt.jar"}, driver: []string{"jaxws/run.sh"}}},
}

// interopText and interopDocument are what every client sends.
const interopText = "Käyttäjä & <Söhne> – ½ €"

func interopDocument() []byte {
	out := make([]byte, 40_000)
	for i := range out {
		out[i] = byte(i * 7)
	}
	return out
}

// feature is one thing that clients do, and what is seen of it besides their word.
type feature struct {
	name, title string
	// wire looks at the last request that carries the feature's number.
	wire func(wireRequest) bool
	// kept looks into the database.
	kept func(*testing.T, *interopRun, string, []wireRequest) error
}

var interopFeatures = []feature{
	{"soap11", "SOAP 1.1", func(r wireRequest) bool { return r.mediaType() == "text/xml" }, booked},
	{"soap12", "SOAP 1.2", func(r wireRequest) bool { return r.mediaType() == "application/soap+xml" }, booked},
	{"basic", "Basic", func(r wireRequest) bool { return r.header.Get("Authorization") != "" }, bookedOnceAllowed},
	{"token", "UsernameToken", func(r wireRequest) bool {
		return r.header.Get("Authorization") == "" && bytes.Contains(r.body, []byte("UsernameToken"))
	}, booked},
	{"fault", "declared fault", nil, refused},
	{"oneway", "one-way", nil, toldOnce},
	{"gzip", "gzip", func(r wireRequest) bool { return r.header.Get("Content-Encoding") != "" }, booked},
	{"addressing", "WS-Addressing", func(r wireRequest) bool { return r.messageID() != "" }, askedOnce},
	{"attachment", "attachment", func(r wireRequest) bool { return r.mediaType() == "multipart/related" }, bookedWithDocument},
	{"repeat", "repeat", nil, bookedOnce},
	{"query", "query", nil, unknownAsked},
	{"pages", "paging", nil, pagedToTheEnd},
}

// TestInterop has clients of others call the running program, and looks at what
// came over the wire and at what was stored. docs/interop.md is what it saw.
func TestInterop(t *testing.T) {
	if testing.Short() {
		t.Skip("clients of others take a while; run without -short")
	}
	run := startInterop(t)
	seen := make([]*interopRow, len(interopClients))
	t.Run("clients", func(t *testing.T) {
		for i, c := range interopClients {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				if !c.have(t) {
					t.Skipf("%s is not installed: install it, or run under testdata/servers/run.sh as root", c.pkg)
				}
				tap := startTap(t, run.lab.addresses["gateway"])
				verdicts := c.verdicts(t, "../../testdata/interop", tap.location(), "erp.alice", "erp.alice-secret")
				if reason := verdicts["all"]; reason != "" {
					if os.Getenv("CI") == "true" && !c.fetches {
						t.Errorf("%s is installed, and calls nothing: %s", c.title, reason)
					}
					t.Skip(reason)
				}
				row := &interopRow{title: c.title}
				for _, f := range interopFeatures {
					row.cells = append(row.cells, run.judge(t, f, c.name+"-"+f.name, verdicts[f.name], tap))
				}
				seen[i] = row
			})
		}
	})
	holdInteropDocument(t, seen)
}

// judge is a feature's cell: "yes", or why the client cannot.
func (r *interopRun) judge(t *testing.T, f feature, number, verdict string, tap *tap) string {
	t.Helper()
	if reason, is := strings.CutPrefix(verdict, "cannot "); is {
		return reason
	}
	requests := tap.carrying(t, number)
	switch {
	case verdict != "ok":
		t.Errorf("%s: the client says %q", f.name, verdict)
	case len(requests) == 0:
		t.Errorf("%s: no request was seen", f.name)
	case f.wire != nil && !f.wire(requests[len(requests)-1]):
		t.Errorf("%s: the wire has %s", f.name, requests[len(requests)-1])
	default:
		if err := f.kept(t, r, number, requests); err != nil {
			t.Errorf("%s: %v", f.name, err)
			break
		}
		return "yes"
	}
	return "no"
}

// interopRun is a gateway with the contract of testdata/interop/gateway, and with the
// sample's, whose orders are asked for.
type interopRun struct {
	lab *lab
	dir string
}

func startInterop(t *testing.T) *interopRun {
	t.Helper()
	r := &interopRun{lab: &lab{addresses: map[string]string{}}, dir: t.TempDir()}
	t.Cleanup(r.lab.close)
	for _, name := range []string{"directory", "gateway", "operations"} {
		address, err := freeAddress()
		if err != nil {
			t.Fatal(err)
		}
		r.lab.addresses[name] = address
	}
	if err := r.lab.start("directory"); err != nil {
		t.Fatal(err)
	}
	places := map[string]string{"gatehouse.yaml": "", "interop.wsdl": "wsdl/interop", "interop.sql": "mappings/migrations/sqlite", "book.yaml": "mappings", "ask.yaml": "mappings", "tell.yaml": "mappings"}
	for folder, files := range map[string]fs.FS{"wsdl": wsdl.FS, "mappings": mappings.FS} {
		if err := os.CopyFS(filepath.Join(r.dir, folder), files); err != nil {
			t.Fatal(err)
		}
	}
	for name, place := range places {
		text, err := os.ReadFile(filepath.Join("../../testdata/interop/gateway", name))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.NewReplacer("DIRECTORY", r.lab.addresses["directory"], "LISTEN", r.lab.addresses["gateway"], "OPERATIONS", r.lab.addresses["operations"]).Replace(string(text)))
		name = strings.Replace(name, "interop.sql", "90000_interop.sql", 1)
		if err := os.MkdirAll(filepath.Join(r.dir, place), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.dir, place, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(r.dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.serve(t)
	return r
}

func (r *interopRun) serve(t *testing.T) {
	t.Helper()
	file := filepath.Join(r.dir, "gatehouse.yaml")
	if out, err := exec.Command("gatehouse", "migrate", "up", "-c", file).CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	r.fill(t)
	cmd := exec.Command("gatehouse", "serve", "-c", file, "--log-level", "warn")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the gateway: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	awaitServing(ctx, r.lab)
}

// holdInteropDocument compares docs/interop.md with what was seen, row by row: a
// client that is not installed here keeps its row. With -update it writes it.
func holdInteropDocument(t *testing.T, seen []*interopRow) {
	t.Helper()
	const file = "../../docs/interop.md"
	old, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := printInterop(seen, string(old))
	if *update && !t.Failed() {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(old) {
		t.Errorf("docs/interop.md is not what was seen; run go test ./cmd/gatehouse -run TestInterop -update\n%s", want)
	}
}
