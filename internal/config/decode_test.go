package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

type level int

func (l *level) UnmarshalText(text []byte) error {
	if string(text) != "high" {
		return fmt.Errorf("%q is no level", text)
	}
	*l = 9
	return nil
}

// pair reads a scalar a/b.
type pair struct{ a, b string }

func (p *pair) UnmarshalNode(n *config.Node) error {
	var ok bool
	if p.a, p.b, ok = strings.Cut(n.Text(), "/"); !ok {
		return n.Fault("expected a/b")
	}
	return nil
}

type inner struct {
	Name string `yaml:"name,required"`
	Port uint16 `yaml:"port"`
}

type shared struct {
	Zone string `yaml:"zone"`
}

type sample struct {
	shared   `yaml:",inline"`
	Shared   shared            `yaml:",inline"`
	Text     string            `yaml:"text"`
	On       bool              `yaml:"on"`
	Count    int               `yaml:"count"`
	Ratio    float64           `yaml:"ratio"`
	Wait     time.Duration     `yaml:"wait"`
	Size     config.ByteSize   `yaml:"size"`
	File     config.Path       `yaml:"file"`
	Password config.Secret     `yaml:"password"`
	Level    level             `yaml:"level"`
	Pair     *pair             `yaml:"pair"`
	Inner    inner             `yaml:"inner"`
	Inners   []inner           `yaml:"inners"`
	ByName   map[string]*inner `yaml:"by_name"`
	Raw      *config.Node      `yaml:"raw"`
	Ignored  func()
}

func TestDecode(t *testing.T) {
	n, err := config.Parse("/etc/gatehouse/f.yaml", []byte(`
zone: Z
text: 1.20
on: true
count: -0012
ratio: 1e-2
wait: 1m30s
size: 64KiB
file: certs/ca.pem
password: "p: w"
level: high
pair: x/y
inner: {name: i, port: 65535}
inners:
  - name: one
  - {name: two, port: 0x10}
by_name:
  "a.b": {name: three}
raw: {anything: [goes]}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := sample{Text: "default"}
	if err := n.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Raw.Get("anything").Items()[0].Text() != "goes" || got.Password.Reveal() != "p: w" {
		t.Errorf("raw %v, password %q", got.Raw, got.Password.Reveal())
	}
	got.Raw, got.Password = nil, config.Secret{}
	want := sample{Shared: shared{"Z"}, Text: "1.20", On: true, Count: -12, Ratio: 0.01, Wait: 90 * time.Second, Size: 65536,
		File: "/etc/gatehouse/certs/ca.pem", Level: 9, Pair: &pair{"x", "y"}, Inner: inner{"i", 65535},
		Inners: []inner{{"one", 0}, {"two", 16}}, ByName: map[string]*inner{"a.b": {"three", 0}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %+v\nwant    %+v", got, want)
	}
}

func TestDecodeKeepsDefaults(t *testing.T) {
	n := parse(t, "text:\nwait: ~\nsize:\nlevel:\ninners:\npair:\npassword:\nfile:\n")
	got := sample{Text: "default", Wait: 7, Size: 8, Level: 2, File: "x", Inners: []inner{{"a", 1}}, Password: config.NewSecret("s")}
	want := got
	if err := n.Decode(&got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := parse(t, "").Decode(&got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("an empty file: %+v, %v", got, err)
	}
	if err := (*config.Node)(nil).Decode(&got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("no node: %+v, %v", got, err)
	}
}

func TestDecodeReportsAllFaults(t *testing.T) {
	n := parse(t, `
txet: x
wait: 3
size: 1MB
on: yes
count: 99999999999999999999
ratio: .inf
level: low
pair: xy
text: true
file: [a]
inner: {prot: 70000, port: 70000}
inners: {name: x}
by_name: [1]
frobnicate: 1
zone: {a: b}
`)
	err := n.Decode(&sample{})
	want := []string{
		"f.yaml:2:1: txet: unknown key; did you mean text?",
		"f.yaml:3:7: wait: expected a duration such as 500ms, 3s, 10m or 24h, found 3",
		`f.yaml:4:7: size: "1MB" is not a size; write bytes, or a whole number with KiB, MiB or GiB`,
		`f.yaml:5:5: on: expected true or false, found the text "yes"`,
		"f.yaml:6:8: count: expected a whole number, found 99999999999999999999",
		"f.yaml:7:8: ratio: expected a number, found .inf",
		`f.yaml:8:8: level: "low" is no level`,
		"f.yaml:9:7: pair: expected a/b",
		"f.yaml:10:7: text: expected text, found the boolean true (in quotes it is text)",
		"f.yaml:11:7: file: expected the path of a file, found a list",
		`f.yaml:12:8: inner: the key "name" is missing`,
		"f.yaml:12:9: inner.prot: unknown key; did you mean port?",
		"f.yaml:12:28: inner.port: expected a whole number from 0 to 65535, found 70000",
		"f.yaml:13:9: inners: expected a list, found a map",
		"f.yaml:14:10: by_name: expected a map, found a list",
		"f.yaml:15:1: frobnicate: unknown key; known are by_name, count, file,",
		"f.yaml:16:7: zone: expected text, found a map",
	}
	got := strings.Split(fmt.Sprint(err), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("faults:\n%s\nwant:\n%s", err, strings.Join(want, "\n"))
		}
	}
}

func TestDecodeWants(t *testing.T) {
	if err := parse(t, "a: 1").Decode(sample{}); err == nil {
		t.Error("decoded into a copy")
	}
	if err := parse(t, "- 1").Decode(&sample{}); err == nil || !strings.Contains(err.Error(), "f.yaml:1:1: expected a map, found a list") {
		t.Errorf("a list for a struct: %v", err)
	}
}

func TestSecretSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one", "from file\n")
	write("two", " two\n\n")
	write("windows", "x\r\n")
	write("empty", "\n")
	write("big", strings.Repeat("x", 65<<10))
	t.Setenv("GATEHOUSE_SECRET", "from env")
	t.Setenv("GATEHOUSE_EMPTY", "")
	for src, want := range map[string]string{
		"password: plain": "plain", "password: 007": "007", "password: true": "true", `password: " x "`: " x ",
		"password: ${GATEHOUSE_SECRET}": "from env", "password: a${GATEHOUSE_SECRET}": "a${GATEHOUSE_SECRET}",
		"password_file: one": "from file", "password_file: two": " two\n", "password_file: windows": "x",
		"password:\npassword_file: " + filepath.Join(dir, "one"): "from file",

		"password: x\npassword_file: one": "!f.yaml:2:1: password_file: give password or password_file, not both",
		"password_file: none":             "!reading the secret: open",
		"password_file: empty":            "!is empty or larger",
		"password_file: big":              "!is empty or larger",
		"password_file: .":                "!reading the secret",
		"password: ${GATEHOUSE_NO_SUCH}":  "!GATEHOUSE_NO_SUCH is not set or empty",
		"password: ${GATEHOUSE_EMPTY}":    "!is not set or empty",
		"password: [a]":                   "!expected text, found a list",
		"text: ${GATEHOUSE_SECRET}":       "!an environment variable can stand for a secret only",
		"pasword: x":                      "!did you mean password?",
	} {
		n, err := config.Parse(filepath.Join(dir, "f.yaml"), []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		var s sample
		err = n.Decode(&s)
		if msg, refused := strings.CutPrefix(want, "!"); refused != (err != nil) || refused && !strings.Contains(err.Error(), msg) {
			t.Errorf("%q: error %v, want %q", src, err, want)
		} else if !refused && s.Password.Reveal() != want {
			t.Errorf("%q: %q, want %q", src, s.Password.Reveal(), want)
		}
	}
}

func TestSecretIsNeverSeen(t *testing.T) {
	const value = "s3cr3t"
	s := config.NewSecret(value)
	holder := struct {
		Open   config.Secret
		hidden config.Secret
		ptr    *config.Secret
	}{s, s, &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&out, verb+verb+verb, s, &s, holder)
	}
	j, err := json.Marshal(map[string]any{"a": s, "b": holder, "c": []config.Secret{s}})
	out.Write(j)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "a", s, "b", holder, "c", &s)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "a", s, "b", holder, "c", &s)
	fmt.Fprint(&out, errors.New(s.String()), s.GoString())
	if err != nil || strings.Contains(out.String(), value) || strings.Contains(out.String(), fmt.Sprintf("%x", value)) {
		t.Errorf("the secret is seen (%v): %s", err, out.String())
	}
	if !strings.Contains(out.String(), "***") {
		t.Error("no stars")
	}
}

func TestSecretIsNotInFaults(t *testing.T) {
	n := parse(t, "password: {s3cr3t: s3cr3t}\nlevel: x\n")
	if err := n.Decode(&sample{}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("fault %v", err)
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1": 1, "4096": 4096, "64KiB": 65536, "1 MiB": 1 << 20, "2GiB": 2 << 30,
		"-1": -1, "1.5MiB": -1, "": -1, "KiB": -1, "1kb": -1, "9999999999GiB": -1, "8589934592GiB": -1, "0x10": -1} {
		var b config.ByteSize
		err := b.UnmarshalText([]byte(text))
		if (err != nil) != (want < 0) || want >= 0 && int64(b) != want {
			t.Errorf("%q is %d, %v; want %d", text, b, err, want)
		}
	}
	for b, want := range map[config.ByteSize]string{0: "0", 1: "1", 1 << 10: "1KiB", 1536: "1536", 3 << 20: "3MiB", 1 << 30: "1GiB"} {
		if b.String() != want {
			t.Errorf("%d prints %q", int64(b), b.String())
		}
	}
}

func TestFaultsCollect(t *testing.T) {
	var fs config.Faults
	if fs.Err() != nil {
		t.Error("no faults are an error")
	}
	fs.Add(nil)
	fs.Add(errors.New("plain"))
	fs.Add(fmt.Errorf("wrapped: %w", config.Faults{{File: "b", Line: 2, Column: 1, Message: "two"}, {File: "b", Line: 1, Column: 9, Message: "one"}}))
	fs.Add(config.Fault{File: "b", Line: 2, Column: 1, Message: "two"})
	if got, want := fs.Err().Error(), "plain\nb:1:9: one\nb:2:1: two"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestFreshSecret: what logs in again follows a rotated file, and goes on with
// the last value while there is none.
func TestFreshSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	var s sample
	if err := parse(t, "password_file: "+file).Decode(&s); err != nil {
		t.Fatal(err)
	}
	if s.Password.Unread().Reveal() != "" || !reflect.DeepEqual(s.Password.Unread(), s.Password.Unread().Unread()) {
		t.Error("unread, the secret still has its value")
	}
	before := s.Password
	write("second\n")
	if again := config.NewSecret("x"); !reflect.DeepEqual(again.Unread(), again) {
		t.Error("a secret without a file has lost its value")
	}
	var later sample
	if err := parse(t, "password_file: "+file).Decode(&later); err != nil || reflect.DeepEqual(before, later.Password) || !reflect.DeepEqual(before.Unread(), later.Password.Unread()) {
		t.Errorf("a rotation is a change of what is not read (%v)", err)
	}
	fresh, err := s.Password.Fresh()
	if err != nil || fresh.Reveal() != "second" || s.Password.Reveal() != "first" {
		t.Errorf("fresh %q, first %q: %v", fresh.Reveal(), s.Password.Reveal(), err)
	}
	write("")
	if again, err := fresh.Fresh(); err == nil || again.Reveal() != "second" || strings.Contains(err.Error(), "second") {
		t.Errorf("from an empty file: %q, %v", again.Reveal(), err)
	}
	if plain, err := config.NewSecret("x").Fresh(); err != nil || plain.Reveal() != "x" {
		t.Errorf("a secret without a file: %q, %v", plain.Reveal(), err)
	}
}

// TestLiterals: the secrets that stand in a file itself are known by their places, each
// once, however often and in however many portions the file is decoded.
func TestLiterals(t *testing.T) {
	t.Setenv("A_SECRET", "x")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "s"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := config.Parse(filepath.Join(dir, "c.yaml"), []byte(`a: {password: clear}
b: {password: "${A_SECRET}"}
c: {password_file: s}
d: {password: ""}
e: {password: " ${A_SECRET}"}
f: [clear, "${A_SECRET}"]
g: {name: clear}
`))
	if err != nil {
		t.Fatal(err)
	}
	type section struct {
		Password config.Secret `yaml:"password"`
		Name     string        `yaml:"name"`
	}
	for range 2 {
		var into struct {
			A, B, C, D, E, G section
			F                []config.Secret
		}
		for key, part := range map[string]any{"a": &into.A, "b": &into.B, "c": &into.C, "d": &into.D, "e": &into.E, "f": &into.F, "g": &into.G} {
			if err := root.Get(key).Decode(part); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	for _, n := range root.Literals() {
		got = append(got, n.Path())
	}
	slices.Sort(got)
	if want := []string{"a.password", "e.password", "f[0]"}; !slices.Equal(got, want) {
		t.Errorf("%q stand in clear, want %q", got, want)
	}
}
