package main

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// box is a process's view of a machine: what bubblewrap shows it, and what it
// keeps from it.
type box struct {
	args    []string
	filter  *os.File // seccomp program, or nil
	program []string
	env     []string
}

// nobody is whom boxes run as when root runs the tests. Root's own files would
// be writable to root without any capability.
const nobody = 64999

func asNobody(cmd *exec.Cmd) *exec.Cmd {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return cmd
}

// publicDir is a temporary folder that nobody may enter, too, and, when he may
// write, fill.
func publicDir(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatehouse-test-")
	if err == nil {
		err = os.Chmod(dir, mode) // whatever the umask
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// bubblewrap finds what boxes are made with. Continuous integration has it
// installed; a kernel that does not let it work is the one reason to skip there.
func bubblewrap(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI has no bubblewrap; testdata/servers/run.sh installs it")
		}
		t.Skip("bubblewrap is not installed: install it, or run under testdata/servers/run.sh as root")
	}
	out, err := asNobody(exec.Command("bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "--proc", "/proc", "true")).CombinedOutput()
	if err != nil {
		t.Skipf("this kernel or container does not let bubblewrap work: %s", out)
	}
}

// boxed is a process in a box.
type boxed struct {
	*exec.Cmd
	pid   int // of the program itself, not of its box
	ended chan error
}

// command makes the box; extra files come after the filter.
func (b box) command() *exec.Cmd {
	args := append([]string{"--die-with-parent", "--new-session"}, b.args...)
	cmd := asNobody(exec.Command("bwrap"))
	if b.filter != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, b.filter)
		args = append(args, "--seccomp", "3")
	}
	args = append(args, "--")
	cmd.Args = append(append([]string{"bwrap"}, args...), b.program...)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, b.env...)
	return cmd
}

// run runs the program to its end and returns what it printed.
func (b box) run(t *testing.T) (string, error) {
	t.Helper()
	if b.filter != nil {
		if _, err := b.filter.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
	}
	out, err := b.command().CombinedOutput()
	return string(out), err
}

// start starts the program and returns when it has a process id of its own.
func (b box) start(t *testing.T) *boxed {
	t.Helper()
	if b.filter != nil {
		if _, err := b.filter.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := b.command()
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.ExtraFiles = append(cmd.ExtraFiles, write)
	info := fmt.Sprint(2 + len(cmd.ExtraFiles))
	cmd.Args = append([]string{"bwrap", "--info-fd", info}, cmd.Args[1:]...)
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	var told struct {
		PID int `json:"child-pid"`
	}
	if err := json.NewDecoder(read).Decode(&told); err != nil {
		t.Fatalf("bubblewrap: %v", err)
	}
	p := &boxed{Cmd: cmd, pid: told.PID, ended: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		p.ended <- cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	return p
}

// plainRun is a gateway on the sample's configuration with embedded servers,
// its tables made.
type plainRun struct {
	dir, file, base string
	lab             *lab
}

func newPlainRun(t *testing.T) *plainRun {
	t.Helper()
	r := newProject(t, func(text string) string { return text })
	if out, err := exec.Command("gatehouse", "migrate", "up", "-c", r.file).CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	return r
}

// newProject starts the servers and writes the sample, its configuration changed
// by change.
func newProject(t *testing.T, change func(string) string) *plainRun {
	t.Helper()
	r := &plainRun{dir: publicDir(t, 0o755), lab: newDeployLab(t)}
	r.file, r.base = filepath.Join(r.dir, "gatehouse.yaml"), "http://"+r.lab.addresses["gateway"]
	if err := r.writeProject(change); err != nil {
		t.Fatal(err)
	}
	return r
}

func newDeployLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{exchange: "orders", addresses: map[string]string{}}
	t.Cleanup(l.close)
	for _, name := range []string{"directory", "broker", "gateway", "operations"} {
		address, err := freeAddress()
		if err != nil {
			t.Fatal(err)
		}
		l.addresses[name] = address
	}
	if err := errors.Join(l.start("directory"), l.start("broker")); err != nil {
		t.Fatal(err)
	}
	return l
}

func (r *plainRun) writeProject(change func(string) string) error {
	template, err := demoFiles.ReadFile("demo/gatehouse.yaml")
	if err != nil {
		return err
	}
	text := strings.NewReplacer("DIRECTORY", r.lab.addresses["directory"], "BROKER", r.lab.addresses["broker"],
		"LISTEN", r.lab.addresses["gateway"], "OPERATIONS", r.lab.addresses["operations"]).Replace(string(template))
	return errors.Join(
		os.CopyFS(filepath.Join(r.dir, "wsdl"), os.DirFS(filepath.Join(top, "wsdl"))),
		os.CopyFS(filepath.Join(r.dir, "mappings"), os.DirFS(filepath.Join(top, "mappings"))),
		os.MkdirAll(filepath.Join(r.dir, "data"), 0o755),
		os.WriteFile(r.file, []byte(change(text)), 0o644),
	)
}

// order sends one order and returns the answer.
func (r *plainRun) order(t *testing.T) soapAnswer {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(top, "testdata/soap/order-full.xml"))
	if err != nil {
		t.Fatal(err)
	}
	q := soapRequest{url: r.base + "/soap/orders/OrderService", user: "erp.alice", password: "erp.alice-secret", header: http.Header{}, body: body}
	a := q.once()
	if a.err != nil {
		t.Error(a.err)
	}
	return a
}

// staticBinary is the program, or another package of this folder, as a file that
// needs no other: the test's own binary is the program, too, where it is static.
func staticBinary(t *testing.T, pkg string) string {
	t.Helper()
	binary := filepath.Join(publicDir(t, 0o755), "program")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if pkg == "." && isStatic(t, self) {
		program, err := os.ReadFile(self)
		if err == nil {
			err = os.WriteFile(binary, program, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		return binary
	}
	cmd := exec.Command("go", "build", "-o", binary, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return binary
}

// isStatic reports whether a program asks for no interpreter, and so for no libraries.
func isStatic(t *testing.T, program string) bool {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return !slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}
