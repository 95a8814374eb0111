package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// top is the repository's folder, where compose.yaml lies.
const top = "../.."

// composition is as much of compose.yaml as tests look at. What else stands
// there, `docker compose config` judges.
type composition struct {
	Services map[string]composed
	Volumes  map[string]any
	Secrets  map[string]struct{ File string }
}

type composed struct {
	Image, Build, User string
	Command            []string
	Entrypoint         []string
	ReadOnly           bool     `yaml:"read_only"`
	CapDrop            []string `yaml:"cap_drop"`
	Tmpfs              []string
	Volumes, Secrets   []string
	DependsOn          map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck        map[string]any
}

func readComposition(t *testing.T) *composition {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(top, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := &composition{}
	if err := yaml.Unmarshal(src, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// binds are the service's volumes that are files of this repository: where they
// lie, by where they are seen.
func (s composed) binds() map[string]string {
	out := map[string]string{}
	for _, v := range s.Volumes {
		from, to, _ := strings.Cut(v, ":")
		if strings.HasPrefix(from, "./") {
			out[strings.TrimSuffix(to, ":ro")] = filepath.Join(top, from)
		}
	}
	return out
}

// makeSecrets runs the documented command and returns the folder it made.
func makeSecrets(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI has no openssl")
		}
		t.Skip("openssl is not installed: install it, or run under testdata/servers/run.sh as root")
	}
	dir := filepath.Join(t.TempDir(), "secrets")
	if out, err := exec.Command(filepath.Join(top, "deploy/compose/secrets.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("secrets.sh: %v\n%s", err, out)
	}
	return dir
}

// TestComposeNamesWhatExists follows every name in compose.yaml.
func TestComposeNamesWhatExists(t *testing.T) {
	c := readComposition(t)
	made := makeSecrets(t)
	for name, s := range c.Services {
		if s.Build != "" && !isFile(filepath.Join(top, s.Build, "Dockerfile")) {
			t.Errorf("%s: there is no Dockerfile in %s", name, s.Build)
		}
		for to, from := range s.binds() {
			if _, err := os.Stat(from); err != nil {
				t.Errorf("%s: %s is mounted at %s: %v", name, from, to, err)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, declared := c.Volumes[from]; !strings.HasPrefix(from, "./") && !declared {
				t.Errorf("%s: the volume %s is not declared", name, from)
			}
		}
		for _, secret := range s.Secrets {
			if _, declared := c.Secrets[secret]; !declared {
				t.Errorf("%s: the secret %s is not declared", name, secret)
			}
		}
		for other, needs := range s.DependsOn {
			o, exists := c.Services[other]
			if !exists {
				t.Errorf("%s depends on %s, which there is not", name, other)
			}
			if needs.Condition == "service_healthy" && o.Healthcheck["test"] == nil {
				t.Errorf("%s waits for %s to be healthy, which has no health check", name, other)
			}
		}
	}
	for name, s := range c.Secrets {
		if !isFile(filepath.Join(made, filepath.Base(s.File))) || filepath.Dir(s.File) != "deploy/compose/secrets" {
			t.Errorf("the secret %s is %s, which secrets.sh does not make", name, s.File)
		}
	}
}

// TestComposeAccepts has compose itself read the file, where its plugin is
// installed, which Debian does not have.
func TestComposeAccepts(t *testing.T) {
	if err := exec.Command("docker", "compose", "version").Run(); err != nil {
		t.Skip("docker compose is not installed: Debian has no package of it; install Docker's plugin")
	}
	out, err := exec.Command("docker", "compose", "-f", filepath.Join(top, "compose.yaml"), "config", "--quiet").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("docker compose config: %v\n%s", err, out)
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// TestComposeSecretsStayOut has git ignore what secrets.sh makes, and the folder
// closed to other users of the machine.
func TestComposeSecretsStayOut(t *testing.T) {
	made := makeSecrets(t)
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of secrets: %v, %v", info.Mode(), err)
	}
	before, err := os.ReadFile(filepath.Join(made, "mq"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(top, "deploy/compose/secrets.sh"), made).CombinedOutput(); err != nil {
		t.Fatalf("secrets.sh, again: %v\n%s", err, out)
	}
	if after, err := os.ReadFile(filepath.Join(made, "mq")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a second run changed a password (%v)", err)
	}
	if other, err := os.ReadFile(filepath.Join(makeSecrets(t), "mq")); err != nil || bytes.Equal(before, other) {
		t.Errorf("two folders have the same password (%v)", err)
	}
	ignored, err := os.ReadFile(filepath.Join(top, ".gitignore"))
	if err != nil || !strings.Contains(string(ignored), "/deploy/compose/secrets/\n") {
		t.Errorf(".gitignore does not name /deploy/compose/secrets/ (%v)", err)
	}
}

// layOut makes a folder with what the gateway's container sees: its mounts, and
// its secrets under run/secrets. The configuration names them there.
func layOut(t *testing.T) (dir string) {
	t.Helper()
	s := readComposition(t).Services["gatehouse"]
	dir, made := t.TempDir(), makeSecrets(t)
	for to, from := range s.binds() {
		to = filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(from); err == nil && info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		src, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, bytes.ReplaceAll(src, []byte("/run/secrets/"), []byte(dir+"/run/secrets/")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "run/secrets"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, secret := range s.Secrets {
		src, err := os.ReadFile(filepath.Join(made, secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "run/secrets", secret), src, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestComposeConfiguration has gatehouse.yaml checked with nothing but what its
// container has.
func TestComposeConfiguration(t *testing.T) {
	file := filepath.Join(layOut(t), "etc/gatehouse/gatehouse.yaml")
	out, err := exec.Command("gatehouse", "check", "-c", file).CombinedOutput()
	if err != nil {
		t.Fatalf("check: %v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("route     submit-order")) || bytes.Contains(out, []byte("warning")) {
		t.Errorf("check says:\n%s", out)
	}
}

// TestComposeServesTheSample holds the two configurations of the sample together.
func TestComposeServesTheSample(t *testing.T) {
	read := func(file string) map[string]any {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]any
		if err := yaml.Unmarshal(src, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	demo, composed := read("demo/gatehouse.yaml"), read(filepath.Join(top, "deploy/compose/gatehouse.yaml"))
	for _, section := range []string{"contracts", "routes", "views", "channels", "roles", "grants"} {
		if !reflect.DeepEqual(demo[section], composed[section]) {
			t.Errorf("%s: deploy/compose/gatehouse.yaml has not what cmd/gatehouse/demo/gatehouse.yaml has", section)
		}
	}
}

// TestComposeGrants keeps the script of rights what `gatehouse migrate grants` prints.
func TestComposeGrants(t *testing.T) {
	file := filepath.Join(layOut(t), "etc/gatehouse/gatehouse.yaml")
	printed, err := exec.Command("gatehouse", "migrate", "grants", "--login", "gatehouse", "-c", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join(top, "deploy/compose/sqlserver/grants.sql")
	if *update {
		if err := os.WriteFile(golden, printed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, printed) {
		t.Errorf("%s is not what is printed; run go test ./cmd/gatehouse -run TestComposeGrants -update\n%s", golden, printed)
	}
}

// definitions is what RabbitMQ is given at its start.
type definitions struct {
	Exchanges []struct{ Name string }
	Queues    []struct {
		Name      string
		Arguments map[string]any
	}
	Bindings []struct{ Source, Destination string }
}

// TestComposeTopology has the broker's definitions hold what the configuration
// names, and every event find a queue: without one it would be parked.
func TestComposeTopology(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(top, "deploy/compose/rabbitmq/definitions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d definitions
	if err := json.Unmarshal(src, &d); err != nil {
		t.Fatal(err)
	}
	queues, bound := map[string]map[string]any{}, map[string]bool{}
	for _, q := range d.Queues {
		queues[q.Name] = q.Arguments
	}
	for _, b := range d.Bindings {
		if _, ok := queues[b.Destination]; !ok {
			t.Errorf("%s is bound to the queue %s, which there is not", b.Source, b.Destination)
		}
		bound[b.Source], bound[b.Destination] = true, true
	}
	p, err := readProject(filepath.Join(layOut(t), "etc/gatehouse/gatehouse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range p.Channels {
		if !bound[ch.Value.AMQP.Exchange] {
			t.Errorf("no queue is bound to the exchange %s of the channel %s", ch.Value.AMQP.Exchange, ch.Name)
		}
	}
	for _, r := range p.Routes {
		for _, e := range r.From {
			if e.AMQP == nil {
				continue
			}
			args, ok := queues[e.AMQP.Queue]
			if !ok || !bound[e.AMQP.Queue] {
				t.Errorf("route %s takes from %s, which is no queue that anybody can send to", r.Route, e.AMQP.Queue)
			}
			for name, want := range map[string]any{"x-queue-type": "quorum", "x-single-active-consumer": true, "x-dead-letter-strategy": "at-least-once"} {
				if args[name] != want {
					t.Errorf("queue %s: %s is %v, not %v", e.AMQP.Queue, name, args[name], want)
				}
			}
			if dead := args["x-dead-letter-exchange"]; !bound[dead.(string)] {
				t.Errorf("queue %s: its dead letters go to %v, which no queue is bound to", e.AMQP.Queue, dead)
			}
		}
	}
}

// TestDockerfileGo keeps the image's compiler the one of go.mod.
func TestDockerfileGo(t *testing.T) {
	version := func(file, pattern string) string {
		src, err := os.ReadFile(filepath.Join(top, file))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(pattern).FindSubmatch(src)
		if m == nil {
			t.Fatalf("%s has no %s", file, pattern)
		}
		return string(m[1])
	}
	if image, module := version("Dockerfile", `FROM [^\n]*golang:([0-9.]+)`), version("go.mod", `(?m)^go ([0-9]+\.[0-9]+)`); image != module {
		t.Errorf("Dockerfile builds with Go %s, go.mod asks for %s", image, module)
	}
}

// TestDockerignore has all that the binary is made of reach the image's build,
// and nothing that only looks like it.
func TestDockerignore(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{if and .Module .Module.Main}}{{.ImportPath}}{{end}}`, ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	needed := map[string]bool{"go.mod": true, "go.sum": true}
	for pkg := range strings.FieldsSeq(string(out)) {
		folder, _, _ := strings.Cut(strings.TrimPrefix(pkg, module), "/")
		needed[folder] = true
	}
	src, err := os.ReadFile(filepath.Join(top, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^!(.+)$`).FindAllStringSubmatch(string(src), -1) {
		taken[m[1]] = true
	}
	if !maps.Equal(needed, taken) {
		t.Errorf(".dockerignore takes %v, the binary is made of %v", slices.Sorted(maps.Keys(taken)), slices.Sorted(maps.Keys(needed)))
	}
	if !regexp.MustCompile(`(?m)\A(#.*\n)*\*\n`).Match(src) {
		t.Error(".dockerignore does not leave out everything first")
	}
}

// TestOperateCommands has every command line of docs/operate.md parsed.
func TestOperateCommands(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(top, "docs/operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^(?:sudo )?gatehouse (.*)$`).FindAllStringSubmatch(string(src), -1)
	if len(lines) < 10 {
		t.Fatalf("docs/operate.md has %d command lines only", len(lines))
	}
	for _, m := range lines {
		line, _, _ := strings.Cut(m[1], " #")
		if strings.HasPrefix(line, "service ") {
			continue // a command of Windows
		}
		cmd, rest, err := newRoot().Find(strings.Fields(line))
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err != nil || cmd.HasSubCommands() && cmd.Name() != "jobs" { // which lists them by itself
			t.Errorf("gatehouse %s: %v", line, err)
		}
	}
}

// TestMigrationLogin has tables changed by another login than the one that serves.
func TestMigrationLogin(t *testing.T) {
	dir := layOut(t)
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("another one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := readProject(filepath.Join(dir, "etc/gatehouse/gatehouse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := (migrationLogin{"owner", password}).use(&p.Store); err != nil {
		t.Fatal(err)
	}
	if s := p.Store.sqlserver; s.Username != "owner" || s.Password.Reveal() != "another one" || s.Server != "sqlserver" {
		t.Errorf("the store is opened as %s at %s", s.Username, s.Server)
	}
	sample := filepath.Join(t.TempDir(), "gatehouse.yaml")
	demo, err := demoFiles.ReadFile("demo/gatehouse.yaml")
	if err == nil {
		demo = []byte(strings.NewReplacer("DIRECTORY", "127.0.0.1:1", "BROKER", "127.0.0.1:2", "LISTEN", "127.0.0.1:0", "OPERATIONS", "127.0.0.1:0").Replace(string(demo)))
		err = os.WriteFile(sample, demo, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ config, args, says string }{
		{p.file, "--username owner", "need each other"},
		{p.file, "--password-file " + password, "need each other"},
		{sample, "--username owner --password-file " + password, "driver sqlserver"},
	} {
		args := append([]string{"migrate", "up", "-c", c.config}, strings.Fields(c.args)...)
		out, err := exec.Command("gatehouse", args...).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != exitUsage || !strings.Contains(string(out), c.says) {
			t.Errorf("migrate up %s: %v\n%s", c.args, err, out)
		}
	}
}
