package main

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// filter is a seccomp program under construction (seccomp(2)): what systemd
// makes of a unit's settings, for tests to put on a process.
type filter struct {
	numbers map[string]uint32 // of system calls
	rules   []rule
	allowed map[string]bool
}

// rule judges a call by one argument, of which it looks at the low 32 bits: the
// call is denied where the masked argument is one of values, or, when only is
// set, where it is none of them.
type rule struct {
	call   string
	arg    int
	mask   uint32
	values []uint32
	only   bool
}

func newFilter(t *testing.T) *filter {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+runtime.GOARCH+".go"))
	if err != nil {
		t.Fatal(err)
	}
	f := &filter{numbers: map[string]uint32{}, allowed: map[string]bool{}}
	for _, m := range regexp.MustCompile(`SYS_([A-Z0-9_]+)\s+= (\d+)`).FindAllSubmatch(src, -1) {
		n, err := strconv.ParseUint(string(m[2]), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		f.numbers[strings.ToLower(string(m[1]))] = uint32(n)
	}
	return f
}

// set takes a SystemCallFilter setting: names and @groups, with a ~ to be denied.
func (f *filter) set(t *testing.T, value string) {
	t.Helper()
	value, deny := strings.CutPrefix(value, "~")
	for name := range strings.FieldsSeq(value) {
		for _, call := range expand(t, name) {
			f.allowed[call] = !deny
		}
	}
	// systemd allows these whatever a list says.
	for _, call := range expand(t, "@default") {
		f.allowed[call] = true
	}
}

// expand asks systemd which system calls a group holds.
func expand(t *testing.T, name string) []string {
	t.Helper()
	if !strings.HasPrefix(name, "@") {
		return []string{name}
	}
	out, err := exec.Command("systemd-analyze", "syscall-filter", name).Output()
	if err != nil {
		t.Fatalf("systemd-analyze syscall-filter %s: %v", name, err)
	}
	var calls []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && line != name && !strings.HasPrefix(line, "#") {
			calls = append(calls, expand(t, line)...)
		}
	}
	return calls
}

// deny adds rules.
func (f *filter) deny(rules ...rule) { f.rules = append(f.rules, rules...) }

// Offsets in struct seccomp_data.
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16
)

// seccomp(2)'s answers.
const (
	answerAllow = 0x7fff0000
	answerError = 0x00050000
)

// program is the filter in the kernel's language: rules first, then what is
// allowed; everything else is refused with EPERM.
func (f *filter) program(t *testing.T) []unix.SockFilter {
	t.Helper()
	arch := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	if arch == 0 {
		t.Skipf("no filter for %s", runtime.GOARCH)
	}
	refuse := func(e unix.Errno) unix.SockFilter { return statement(unix.BPF_RET, answerError|uint32(e)) }
	p := []unix.SockFilter{
		load(dataArch), jump(unix.BPF_JEQ, arch, 1, 0), refuse(unix.EPERM),
		load(dataNumber),
		// The x32 calls of amd64 have numbers of their own: native is the rest.
		jump(unix.BPF_JGE, 0x40000000, 0, 1), refuse(unix.EPERM),
		// Its flags lie in memory, which no filter sees: the caller falls back to clone.
		jump(unix.BPF_JEQ, f.numbers["clone3"], 0, 1), refuse(unix.ENOSYS),
	}
	for _, r := range f.rules {
		number, known := f.numbers[r.call]
		if !known {
			continue // not a call of this architecture
		}
		body := r.body(refuse(unix.EPERM))
		p = append(p, jump(unix.BPF_JEQ, number, 0, uint8(len(body))))
		p = append(p, body...)
	}
	allowed := 0
	for call, ok := range f.allowed {
		if number, known := f.numbers[call]; ok && known {
			p = append(p, jump(unix.BPF_JEQ, number, 0, 1), statement(unix.BPF_RET, answerAllow))
			allowed++
		}
	}
	if allowed < 150 {
		t.Fatalf("only %d system calls are allowed: the unit's filter was not understood", allowed)
	}
	return append(p, refuse(unix.EPERM))
}

// body looks at the argument, and gives the call's number back to the rest.
func (r rule) body(refuse unix.SockFilter) []unix.SockFilter {
	body := []unix.SockFilter{load(dataArgs + 8*uint32(r.arg)), statement(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, r.mask)}
	for i, v := range r.values {
		left := uint8(len(r.values) - i - 1) // comparisons to come
		if r.only {
			body = append(body, jump(unix.BPF_JEQ, v, left+1, 0)) // past the refusal
			continue
		}
		body = append(body, jump(unix.BPF_JEQ, v, left, boolean(left == 0)))
	}
	return append(body, refuse, load(dataNumber))
}

func boolean(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func load(offset uint32) unix.SockFilter {
	return statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset)
}

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(test uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | test, Jt: yes, Jf: no, K: k}
}

// file is the program as bubblewrap reads it.
func (f *filter) file(t *testing.T) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "filter"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := binary.Write(file, binary.NativeEndian, f.program(t)); err != nil {
		t.Fatal(err)
	}
	return file
}
