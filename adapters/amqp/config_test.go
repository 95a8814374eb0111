package amqp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

func validConfig() amqp.Config {
	return amqp.Config{URLs: []string{"amqp://mq1", "amqps://mq2:5671/sales"}, Username: "u", Password: config.NewSecret("s3cret")}
}

func TestConfigValidate(t *testing.T) {
	if err := validConfig().Validate(); err != nil {
		t.Fatalf("a valid configuration: %v", err)
	}
	for name, test := range map[string]struct {
		change func(*amqp.Config)
		want   []string
	}{
		"no urls":          {func(c *amqp.Config) { c.URLs = nil }, []string{"urls: at least one"}},
		"two bad urls":     {func(c *amqp.Config) { c.URLs = []string{"http://a", "amqp://"} }, []string{`urls[0]: scheme "http"`, "urls[1]: names no host"}},
		"credentials":      {func(c *amqp.Config) { c.URLs = []string{"amqp://u:s3cret@h"} }, []string{"no credentials"}},
		"not a url":        {func(c *amqp.Config) { c.URLs = []string{"amqp://s3cret%zz@h"} }, []string{"is not a URL"}},
		"query":            {func(c *amqp.Config) { c.URLs = []string{"amqp://h?heartbeat=0"} }, []string{"no query"}},
		"no user":          {func(c *amqp.Config) { c.Username = "" }, []string{"username: is missing"}},
		"no password":      {func(c *amqp.Config) { c.Password = config.Secret{} }, []string{"password_file"}},
		"heartbeat":        {func(c *amqp.Config) { c.Heartbeat = time.Millisecond }, []string{"heartbeat: 1ms"}},
		"negative":         {func(c *amqp.Config) { c.ConnectTimeout, c.ConfirmTimeout = -1, -1 }, []string{"connect_timeout", "confirm_timeout"}},
		"window":           {func(c *amqp.Config) { c.PublishWindow, c.PublishConnections = -1, 65 }, []string{"publish_window", "publish_connections"}},
		"tls version":      {func(c *amqp.Config) { c.TLS.MinVersion = "1.1" }, []string{`tls.min_version: "1.1"`}},
		"missing ca":       {func(c *amqp.Config) { c.TLS.CAFile = "no-such-file" }, []string{"tls.ca_file"}},
		"cert without key": {func(c *amqp.Config) { c.TLS.CertFile = "x" }, []string{"cert_file and key_file"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := validConfig()
			test.change(&c)
			err := c.Validate()
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestConfigDecode(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "mq")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	node, err := config.Parse("gatehouse.yaml", []byte(`
urls: [amqps://mq1, amqps://mq2]
username: gatehouse
password_file: `+secret+`
heartbeat: 5s
publish_window: 50
tls: {server_name: mq, min_version: "1.3"}
`))
	if err != nil {
		t.Fatal(err)
	}
	var c amqp.Config
	if err := node.Decode(&c); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil || c.Password.Reveal() != "s3cret" || c.Heartbeat != 5*time.Second || c.PublishWindow != 50 || c.TLS.ServerName != "mq" {
		t.Errorf("decoded %+v, error %v", c, err)
	}
}

func TestChannelValidate(t *testing.T) {
	for exchange, valid := range map[string]bool{"orders": true, "": false, strings.Repeat("x", 256): false} {
		if err := (amqp.Channel{Exchange: exchange}).Validate(); (err == nil) != valid {
			t.Errorf("exchange of %d bytes: %v", len(exchange), err)
		}
	}
}

func TestEndpointDecode(t *testing.T) {
	decode := func(text string) (e amqp.Endpoint, err error) {
		node, err := config.Parse("gatehouse.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return e, node.Decode(&e)
	}
	e, err := decode("queue: in.orders\nsender: user_id\nprefetch: 100\nmax_message_bytes: 2MiB\nqueue_type: classic\nsingle_active_consumer: false\nhold: 30s\ndrain_timeout: 5s")
	if err != nil || e.Validate() != nil || e.Name() != "amqp:in.orders" || !e.Sender.UserID || e.MaxMessageBytes != 2<<20 || *e.SingleActiveConsumer || e.Hold != 30*time.Second {
		t.Errorf("decoded %+v, error %v", e, err)
	}
	if e, err = decode("{queue: q, sender: {fixed: erp}}"); err != nil || e.Validate() != nil || e.Sender != (amqp.Sender{Fixed: "erp"}) {
		t.Errorf("decoded %+v, error %v", e, err)
	}
	for text, want := range map[string]string{
		"{sender: user_id}":                          "queue",
		"{queue: q}":                                 "sender",
		"{queue: q, sender: anybody}":                `expected user_id or {fixed: <login>}, found "anybody"`,
		"{queue: q, sender: {fixed: a, user_id: b}}": "user_id",
		"{queue: q, sender: {}}":                     "fixed",
		"{queue: q, sender: user_id, ack: never}":    "ack",
	} {
		if _, err := decode(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestEndpointValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*amqp.Endpoint)
		want   []string
	}{
		"valid":       {func(*amqp.Endpoint) {}, nil},
		"nothing":     {func(e *amqp.Endpoint) { *e = amqp.Endpoint{} }, []string{"queue: is missing", "sender: expected"}},
		"two senders": {func(e *amqp.Endpoint) { e.Sender = amqp.Sender{UserID: true, Fixed: "erp"} }, []string{"sender: expected"}},
		"long name":   {func(e *amqp.Endpoint) { e.Queue = strings.Repeat("q", 256) }, []string{"queue: has more than 255 bytes"}},
		"stream":      {func(e *amqp.Endpoint) { e.QueueType = "stream" }, []string{`queue_type: "stream"`}},
		"numbers": {func(e *amqp.Endpoint) {
			e.Prefetch, e.MaxMessageBytes, e.MaxBytesInHand, e.Hold, e.DrainTimeout = 2001, -1, -1, -1, -1
		},
			[]string{"prefetch: 2001", "max_message_bytes: ", "max_bytes_in_hand: ", "hold: ", "drain_timeout: "}},
	} {
		t.Run(name, func(t *testing.T) {
			e := amqp.Endpoint{Queue: "q", Sender: amqp.Sender{UserID: true}}
			test.change(&e)
			err := e.Validate()
			if (err == nil) != (test.want == nil) {
				t.Fatalf("error %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q: %v", want, err)
				}
			}
		})
	}
}

// TestTLS verifies the broker's certificate: by its authority and by its name.
func TestTLS(t *testing.T) {
	certificate, ca := selfSigned(t)
	_, s := startBroker(t, broker.Config{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	for name, test := range map[string]struct {
		tls  amqp.TLS
		want string
	}{
		"trusted":      {amqp.TLS{CAFile: config.Path(ca), MinVersion: "1.3"}, ""},
		"unknown":      {amqp.TLS{}, "unknown authority"},
		"another name": {amqp.TLS{CAFile: config.Path(ca), ServerName: "elsewhere.example"}, "elsewhere.example"},
	} {
		t.Run(name, func(t *testing.T) {
			c := amqp.Config{URLs: []string{"amqps://" + s.address}, Username: s.user, Password: config.NewSecret(s.password), TLS: test.tls}
			p := newClient(t, c, t.Output()).Publisher("x", amqp.Channel{Exchange: "amq.topic"})
			defer closePublisher(t, p)
			err := p.Publish(t.Context(), gatewaytest.Deliveries(1, nowhere))[0]
			if test.want == "" && codeOf(err) != fault.CodeUnroutable {
				t.Errorf("result: %v", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("result lacks %q: %v", test.want, err)
			}
		})
	}
}

// selfSigned makes a certificate for 127.0.0.1 and the file that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
