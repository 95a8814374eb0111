package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sys/unix"
)

// alone says, in the environment, that this process has a network to itself.
const alone = "GATEHOUSE_TEST_ALONE"

// ownNetwork runs the calling test again in a network of its own, so that
// servers can have the ports that their files say, and reports whether this is
// that second run.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	root := os.Geteuid() == 0
	if os.Getenv(alone) != "" {
		if root {
			if err := loopbackUp(); err != nil {
				t.Fatalf("bringing the loopback interface up: %v", err)
			}
		}
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := []string{self, "-test.run=^" + t.Name() + "$", "-test.v", "-test.timeout=5m"}
	if !root { // bubblewrap brings the interface up
		again = append([]string{"bwrap", "--dev-bind", "/", "/", "--unshare-user", "--unshare-net", "--"}, again...)
	}
	cmd := exec.Command(again[0], again[1:]...)
	cmd.Env = append(os.Environ(), alone+"=yes")
	if root { // who then still may become somebody else
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("this kernel or container lets nobody have a network of his own: %v", err)
	}
	if err != nil {
		t.Errorf("in a network of its own: %v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("in a network of its own it did not run:\n%s", out)
	}
	return false
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	return errors.Join(err, unix.Close(fd))
}

// together is compose.yaml as boxes on one machine: OpenLDAP and RabbitMQ from
// the system's packages, the gateway with nothing but its binary and its
// mounts. SQL Server is the one that is missing; SQLite stands in for it.
type together struct {
	t        *testing.T
	compose  *composition
	secrets  string
	hosts    string
	database string
	binary   string
	ca       *x509.CertPool
}

// TestComposeTogether starts what compose.yaml starts, with its files, and sends
// an order through both doors.
func TestComposeTogether(t *testing.T) {
	bubblewrap(t)
	if !isFile("/usr/sbin/slapd") || !isFile("/usr/lib/rabbitmq/bin/rabbitmq-server") {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI has no slapd or rabbitmq-server; testdata/servers/run.sh installs them")
		}
		t.Skip("slapd and rabbitmq-server are not installed: install them, or run under testdata/servers/run.sh as root")
	}
	if !ownNetwork(t) {
		return
	}
	c := newTogether(t)
	c.server("openldap", []string{"/bin/sh", "/gatehouse/start.sh"}, "127.0.0.1:1636")
	c.server("rabbitmq", []string{"/usr/lib/rabbitmq/bin/rabbitmq-server"}, "127.0.0.1:5671")
	for _, args := range [][]string{{"migrate", "up"}, {"check", "--connect", "--user", "erp.alice"}} {
		out, err := c.gateway(args...).run(t)
		if err != nil || strings.Contains(out, "warning: queue") {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	p := c.gateway(c.compose.Services["gatehouse"].Command...).start(t)
	c.awaitLive()
	c.exchange()
	if err := syscall.Kill(p.pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func newTogether(t *testing.T) *together {
	t.Helper()
	c := &together{t: t, compose: readComposition(t), secrets: publicDir(t, 0o755), database: publicDir(t, 0o777), binary: staticBinary(t, "."), ca: x509.NewCertPool()}
	if err := os.CopyFS(c.secrets, os.DirFS(makeSecrets(t))); err != nil {
		t.Fatal(err)
	}
	c.hosts = filepath.Join(publicDir(t, 0o755), "hosts")
	if err := os.WriteFile(c.hosts, []byte("127.0.0.1 localhost gatehouse openldap rabbitmq sqlserver\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(c.secrets, "ca.pem"))
	if err != nil || !c.ca.AppendCertsFromPEM(pem) {
		t.Fatalf("the sample's authority: %v", err)
	}
	return c
}

// mounts are the service's files and secrets, copied to where nobody may read them.
func (c *together) mounts(name string) (args []string) {
	s := c.compose.Services[name]
	for to, from := range s.binds() {
		args = append(args, "--ro-bind", c.public(from), to)
	}
	for _, secret := range s.Secrets {
		args = append(args, "--ro-bind", filepath.Join(c.secrets, secret), "/run/secrets/"+secret)
	}
	return append(args, "--ro-bind", c.hosts, "/etc/hosts", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")
}

// public copies a file or a folder. The gateway's configuration gets its store
// exchanged.
func (c *together) public(path string) string {
	copied := filepath.Join(publicDir(c.t, 0o755), filepath.Base(path))
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if err := os.CopyFS(copied, os.DirFS(path)); err != nil {
			c.t.Fatal(err)
		}
		return copied
	}
	src, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	if filepath.Base(path) == "gatehouse.yaml" {
		_, rest, found := strings.Cut(string(src), "\ndirectory:")
		if !found {
			c.t.Fatalf("%s has no directory section", path)
		}
		src = []byte("store: {driver: sqlite, path: /data/gatehouse.db, migrations: mappings/migrations/sqlite}\ndirectory:" + rest)
	}
	if err := os.WriteFile(copied, src, 0o755); err != nil {
		c.t.Fatal(err)
	}
	return copied
}

// server starts a server of the system's packages and waits until it listens.
func (c *together) server(name string, program []string, address string) {
	var args []string
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ldap", "/etc/ssl", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols"} {
		args = append(args, "--ro-bind-try", dir, dir)
	}
	for _, v := range c.compose.Services[name].Volumes {
		if volume, to, _ := strings.Cut(v, ":"); !strings.HasPrefix(volume, "./") {
			args = append(args, "--bind", publicDir(c.t, 0o777), to)
		}
	}
	args = append(append(args, c.mounts(name)...), "--tmpfs", "/var/log", "--unshare-pid", "--unshare-user")
	if name == "openldap" { // what its image has
		args = append(args, "--ro-bind", c.public(filepath.Join(top, "deploy/compose/openldap")), "/gatehouse")
	}
	b := box{args: args, program: program, env: []string{
		"HOME=/var/lib/rabbitmq", "RABBITMQ_NODENAME=rabbitmq@localhost", "RABBITMQ_LOG_BASE=/tmp", "RABBITMQ_LOGS=-", "RABBITMQ_PID_FILE=/tmp/pid",
	}}
	p := b.start(c.t)
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-p.ended:
			c.t.Fatalf("%s ended: %v", name, err)
		default:
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s does not listen at %s", name, address)
		}
	}
}

// gateway is a container of the image.
func (c *together) gateway(args ...string) box {
	s := c.compose.Services["gatehouse"]
	if !s.ReadOnly || len(s.CapDrop) != 1 || s.CapDrop[0] != "ALL" || s.User == "" || s.User[0] == '0' {
		c.t.Error("the gateway's container is not confined as it was")
	}
	root := append(c.mounts("gatehouse"),
		"--ro-bind", c.binary, "/gatehouse", "--bind", c.database, "/data", "--remount-ro", "/",
		"--chdir", "/etc/gatehouse", "--cap-drop", "ALL", "--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts", "--unshare-user")
	return box{args: root, program: append([]string{"/gatehouse"}, args...)}
}

// awaitLive asks as the image's HEALTHCHECK does.
func (c *together) awaitLive() {
	b := c.gateway("check", "--live")
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		out, err := b.run(c.t)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("not live: %v\n%s", err, out)
		}
	}
}

// exchange sends the order by SOAP, then by AMQP: the broker has asked the
// directory who sent it, and it is a duplicate. An operator sees one message.
func (c *together) exchange() {
	body, err := os.ReadFile(filepath.Join(top, "mappings/cases/order.xml"))
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, "https://localhost:8443/soap/orders/OrderService", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.SetBasicAuth("erp.alice", "erp.alice-secret")
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.ca}}, Timeout: patience}).Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		c.t.Errorf("the order by SOAP is answered with %s", res.Status)
	}
	c.publish(payload(c.t, body))
	c.awaitMessages(`"route":"submit-order"`)
}

// payload is the element in an envelope's body.
func payload(t *testing.T, envelope []byte) []byte {
	t.Helper()
	_, rest, begins := bytes.Cut(envelope, []byte("<o:SubmitOrder>"))
	inner, _, ends := bytes.Cut(rest, []byte("</o:SubmitOrder>"))
	if !begins || !ends {
		t.Fatal("the sample holds no order")
	}
	return fmt.Appendf(nil, `<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1">%s</o:SubmitOrder>`, inner)
}

// publish puts an order on the queue, as a sender whom the broker knows by the
// directory, and waits for the gateway's reply.
func (c *together) publish(order []byte) {
	conn, err := amqp091.DialConfig("amqps://127.0.0.1:5671/", amqp091.Config{
		SASL:            []amqp091.Authentication{&amqp091.PlainAuth{Username: "erp.alice", Password: "erp.alice-secret"}},
		TLSClientConfig: &tls.Config{RootCAs: c.ca},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		c.t.Fatal(err)
	}
	const direct = "amq.rabbitmq.reply-to" // senders may make no queues
	replies, err := ch.Consume(direct, "", true, false, false, false, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = ch.PublishWithContext(ctx, "in", "orders", true, false, amqp091.Publishing{
		UserId: "erp.alice", MessageId: "composed-1", ContentType: "application/xml", Body: order, ReplyTo: direct, CorrelationId: "c1",
	})
	if err != nil {
		c.t.Fatal(err)
	}
	select {
	case reply := <-replies:
		if reply.CorrelationId != "c1" || !bytes.Contains(reply.Body, []byte("OrderId")) {
			c.t.Errorf("the reply: %s", reply.Body)
		}
	case <-ctx.Done():
		c.t.Error("the order by AMQP is not answered")
	}
}

// awaitMessages has an operator of the directory look at the ledger.
func (c *together) awaitMessages(want string) {
	password := filepath.Join(c.t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("ops.olga-secret"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	out, err := exec.Command("gatehouse", "messages", "list", "--json", "--server", "https://localhost:8444", "--user", "ops.olga",
		"--password-file", password, "--ca-file", filepath.Join(c.secrets, "ca.pem")).CombinedOutput()
	if err != nil || strings.Count(string(out), want) != 1 {
		c.t.Errorf("messages list: %v, want one %s\n%s", err, want, out)
	}
}
