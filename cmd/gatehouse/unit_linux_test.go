package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const unitFile = top + "/deploy/gatehouse.service"

// confinement is what the unit's settings make of a process, as far as it can be
// had without systemd: bubblewrap for what a process sees, seccomp for what it
// may ask of the kernel.
type confinement struct {
	t      *testing.T
	args   []string
	filter *filter
	start  []string // ExecStart
	reload string

	credentials string // the folder of the service's copies
}

// unitSettings are the translations. A setting without one fails the test, so that
// none is added untried.
var unitSettings = map[string]func(c *confinement, value string){
	"Type":                     expect("notify"), // the socket is listened to
	"ExecStart":                func(c *confinement, v string) { c.start = strings.Fields(v) },
	"ExecReload":               func(c *confinement, v string) { c.reload = v },
	"Restart":                  elsewhere,
	"RestartSec":               elsewhere,
	"RestartPreventExitStatus": expect("2"),
	"TimeoutStartSec":          elsewhere,
	"TimeoutStopSec":           elsewhere,
	"User":                     elsewhere, // no box runs as root
	"Group":                    elsewhere,
	"UMask":                    elsewhere,
	"StateDirectory":           func(c *confinement, v string) { c.add("--bind", publicDir(c.t, 0o777), "/var/lib/"+v) },
	"StateDirectoryMode":       elsewhere,
	"WorkingDirectory":         func(c *confinement, v string) { c.add("--chdir", v) },
	"LimitNOFILE":              elsewhere,
	"LimitCORE":                elsewhere,
	"LoadCredential":           (*confinement).credential,
	"BindReadOnlyPaths":        (*confinement).bindReadOnly,
	"CapabilityBoundingSet":    nothing("--cap-drop", "ALL"),
	"AmbientCapabilities":      nothing(),
	"NoNewPrivileges":          yes(), // bubblewrap always sets it
	"PrivateUsers":             yes("--unshare-user"),
	"ProtectSystem":            expect("strict"), // everything is bound read-only
	"ProtectHome":              yes(),            // there are no home folders in the box
	"PrivateTmp":               yes("--tmpfs", "/tmp", "--tmpfs", "/var/tmp"),
	"PrivateDevices":           yes("--dev", "/dev"),
	"PrivateIPC":               yes("--unshare-ipc"),
	"ProtectProc":              (*confinement).protectProc,
	"ProtectClock":             yes(),
	"ProtectControlGroups":     yes("--unshare-cgroup-try"),
	"ProtectHostname":          yes("--unshare-uts"),
	"ProtectKernelLogs":        yes(),
	"ProtectKernelModules":     yes(),
	"ProtectKernelTunables":    yes(), // bubblewrap's /proc/sys is read-only
	"RemoveIPC":                elsewhere,
	"RestrictAddressFamilies":  (*confinement).families,
	"RestrictNamespaces":       (*confinement).namespaces,
	"RestrictRealtime":         (*confinement).realtime,
	"RestrictSUIDSGID":         (*confinement).setIDs,
	"LockPersonality":          (*confinement).personality,
	"MemoryDenyWriteExecute":   (*confinement).writeExecute,
	"SystemCallArchitectures":  expect("native"), // the filter knows one architecture
	"SystemCallFilter":         func(c *confinement, v string) { c.filter.set(c.t, v) },
	"SystemCallErrorNumber":    expect("EPERM"),
}

// elsewhere is for settings that are systemd's own doing.
func elsewhere(*confinement, string) {}

// expect is for settings that have a translation for one value only.
func expect(want string, args ...string) func(*confinement, string) {
	return func(c *confinement, value string) {
		if value != want {
			c.t.Errorf("the value %q is not translated", value)
		}
		c.add(args...)
	}
}

func yes(args ...string) func(*confinement, string)     { return expect("yes", args...) }
func nothing(args ...string) func(*confinement, string) { return expect("", args...) }

func (c *confinement) add(args ...string) { c.args = append(c.args, args...) }

// credential hands over a copy that only the service can read.
func (c *confinement) credential(value string) {
	name, from, _ := strings.Cut(value, ":")
	if filepath.Dir(from) != "/etc/gatehouse/secrets" {
		c.t.Errorf("the credential %s comes from %s", name, from)
	}
	if c.credentials == "" {
		c.credentials = publicDir(c.t, 0o755)
	}
	if err := os.WriteFile(filepath.Join(c.credentials, name), []byte("gatehouse-secret\n"), 0o444); err != nil {
		c.t.Fatal(err)
	}
}

func (c *confinement) bindReadOnly(value string) {
	from, to, _ := strings.Cut(value, ":")
	if from != "%d" {
		c.t.Errorf("%s is bound, which is not the credentials", from)
	}
	c.add("--ro-bind", c.credentials, to)
}

func (c *confinement) protectProc(value string) {
	if value != "invisible" {
		c.t.Errorf("the value %q is not translated", value)
	}
	c.add("--unshare-pid", "--as-pid-1", "--proc", "/proc")
}

func (c *confinement) families(value string) {
	numbers := map[string]uint32{"AF_INET": unix.AF_INET, "AF_INET6": unix.AF_INET6, "AF_UNIX": unix.AF_UNIX}
	var values []uint32
	for name := range strings.FieldsSeq(value) {
		n, known := numbers[name]
		if !known {
			c.t.Errorf("the address family %s is not translated", name)
		}
		values = append(values, n)
	}
	c.filter.deny(rule{"socket", 0, 0xffffffff, values, true})
}

func (c *confinement) namespaces(string) {
	flags := []uint32{unix.CLONE_NEWNS, unix.CLONE_NEWCGROUP, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC, unix.CLONE_NEWUSER, unix.CLONE_NEWPID, unix.CLONE_NEWNET}
	for _, flag := range flags {
		c.filter.deny(rule{"clone", 0, flag, []uint32{flag}, false}, rule{"unshare", 0, flag, []uint32{flag}, false})
	}
	c.filter.deny(rule{"setns", 1, 0, []uint32{0}, false})
}

func (c *confinement) realtime(string) {
	c.filter.deny(rule{"sched_setscheduler", 1, 0xffffffff, []uint32{unix.SCHED_FIFO, unix.SCHED_RR, unix.SCHED_DEADLINE}, false})
}

func (c *confinement) setIDs(string) {
	modes := map[string]int{"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "mkdir": 1, "mkdirat": 2, "mknod": 1, "mknodat": 2, "creat": 1, "open": 2, "openat": 3}
	for call, arg := range modes {
		for _, bit := range []uint32{unix.S_ISUID, unix.S_ISGID} {
			c.filter.deny(rule{call, arg, bit, []uint32{bit}, false})
		}
	}
}

func (c *confinement) personality(string) {
	c.filter.deny(rule{"personality", 0, 0xffffffff, []uint32{0, 0xffffffff}, true})
}

func (c *confinement) writeExecute(string) {
	const both, shmExec = unix.PROT_WRITE | unix.PROT_EXEC, 0o100000 // shmat(2)
	c.filter.deny(
		rule{"mmap", 2, both, []uint32{both}, false},
		rule{"mprotect", 2, unix.PROT_EXEC, []uint32{unix.PROT_EXEC}, false},
		rule{"pkey_mprotect", 2, unix.PROT_EXEC, []uint32{unix.PROT_EXEC}, false},
		rule{"shmat", 2, shmExec, []uint32{shmExec}, false},
	)
}

// readUnit returns the settings of one section, in their order.
func readUnit(t *testing.T, section string) [][2]string {
	t.Helper()
	src, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	var out [][2]string
	in := ""
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(line)
		switch key, value, ok := strings.Cut(line, "="); {
		case strings.HasPrefix(line, "["):
			in = strings.Trim(line, "[]")
		case ok && !strings.HasPrefix(line, "#") && in == section:
			out = append(out, [2]string{key, value})
		}
	}
	return out
}

// confine translates the unit. Its box has the sample of r as configuration.
func confine(t *testing.T, r *plainRun, binary string) *confinement {
	t.Helper()
	c := &confinement{t: t, filter: newFilter(t)}
	// A system that nobody may write to, with the program and the configuration
	// where the unit looks for them.
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64"} {
		c.add("--ro-bind-try", dir, dir)
	}
	for _, file := range []string{"hosts", "resolv.conf", "nsswitch.conf", "ssl", "passwd", "group", "localtime"} {
		c.add("--ro-bind-try", "/etc/"+file, "/etc/"+file)
	}
	c.add("--tmpfs", "/usr/local", "--ro-bind", binary, "/usr/local/bin/gatehouse")
	c.add("--ro-bind", r.dir, "/etc/gatehouse")
	for _, s := range readUnit(t, "Service") {
		translate, known := unitSettings[s[0]]
		if !known {
			t.Errorf("deploy/gatehouse.service: %s is not tried", s[0])
			continue
		}
		translate(c, s[1])
	}
	return c
}

// box is the confinement for one program.
func (c *confinement) box(filtered bool, env []string, program ...string) box {
	b := box{args: slices.Concat(c.args, []string{"--remount-ro", "/usr/local"}), program: program, env: env}
	if filtered {
		b.filter = c.filter.file(c.t)
	}
	return b
}

// needSystemd looks for the tools that judge units; systemd need not run.
func needSystemd(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI has no systemd-analyze; testdata/servers/run.sh installs it")
		}
		t.Skip("systemd-analyze is not installed: install systemd, or run under testdata/servers/run.sh as root")
	}
}

// TestUnitVerify has systemd itself read the unit, and judge how exposed the
// service is: 2 of 10 at most.
func TestUnitVerify(t *testing.T) {
	needSystemd(t)
	src, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "gatehouse.service")
	here, err := os.Executable() // something that there is
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(src), "/usr/local/bin/gatehouse", here)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", unit).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

// TestUnitConfinement runs the gateway as the unit would: start, one order,
// reload, end. A second program tries what the settings forbid.
func TestUnitConfinement(t *testing.T) {
	bubblewrap(t)
	needSystemd(t)
	r := newProject(t, asInstalled)
	if err := os.Mkdir(filepath.Join(r.dir, "secrets"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := confine(t, r, staticBinary(t, "."))
	t.Run("serve", func(t *testing.T) { c.serve(t, r) })
	t.Run("deny", func(t *testing.T) { c.deny(t) })
}

// asInstalled has the sample keep its data and its secrets where the unit puts them.
func asInstalled(text string) string {
	return strings.NewReplacer(
		"path: data/gatehouse.db", "path: /var/lib/gatehouse/gatehouse.db",
		"bind_password: gatehouse-secret", "bind_password_file: secrets/ldap",
		"  password: gatehouse-secret", "  password_file: secrets/mq",
	).Replace(text)
}

func (c *confinement) serve(t *testing.T, r *plainRun) {
	if out, err := c.box(true, nil, "/usr/local/bin/gatehouse", "migrate", "up", "-c", "/etc/gatehouse/gatehouse.yaml").run(t); err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	m := listenAsManager(t)
	b := c.box(true, []string{"NOTIFY_SOCKET=/run/notify"}, c.start...)
	b.args = append(b.args, "--bind", m.path, "/run/notify")
	p := b.start(t)
	m.next(t, `READY=1\nSTATUS=serving configuration [0-9a-f]+`)
	if a := r.order(t); a.status != 200 {
		t.Errorf("an order is answered with %d: %s", a.status, a.body)
	}
	if c.reload != "/bin/kill -HUP $MAINPID" {
		t.Errorf("ExecReload=%s is not what is tried here", c.reload)
	}
	signalAndFollow(t, p.pid, m)
	if err := <-p.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// deny has the probe try everything in the whole confinement, and, to see that
// it could, what the filter forbids without the filter.
func (c *confinement) deny(t *testing.T) {
	probe := staticBinary(t, "./testdata/probe")
	tries := func(filtered bool) map[string]string {
		b := c.box(filtered, nil, "/run/probe", strconv.Itoa(os.Getpid()))
		b.args = append(b.args, "--ro-bind", probe, "/run/probe")
		out, err := b.run(t)
		if err != nil {
			t.Fatalf("probe: %v\n%s", err, out)
		}
		found := map[string]string{}
		for line := range strings.Lines(out) {
			name, result, _ := strings.Cut(strings.TrimSpace(line), ": ")
			found[name] = result
		}
		if len(found) < 15 {
			t.Fatalf("the probe tried %d things only:\n%s", len(found), out)
		}
		return found
	}
	confined, open := tries(true), tries(false)
	for name, result := range confined {
		if result == "done" {
			t.Errorf("%s: it could", name)
		}
	}
	for _, name := range []string{"open a netlink socket", "map memory to write and execute", "make memory executable", "make a user namespace",
		"change its personality", "make a file that runs as its owner"} {
		if open[name] != "done" {
			t.Errorf("%s, without the filter: %s; so the try proves nothing", name, open[name])
		}
		if confined[name] != syscall.EPERM.Error() {
			t.Errorf("%s: %s", name, confined[name])
		}
	}
}
