package sqlserver

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
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/microsoft/go-mssqldb/integratedauth"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
)

// TestConfigFaults: every fault of a section is named with its key, at once, and
// no secret is.
func TestConfigFaults(t *testing.T) {
	t.Setenv("KRB5CCNAME", "")
	t.Setenv("KRB5_KTNAME", "")
	dir := t.TempDir()
	for name, content := range map[string]string{"ca.crt": "x", "empty.pem": "x", "junk.der": "x", "one": "hunter2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for section, want := range map[string][]string{
		"":                                 {"server: is missing"},
		"lanes: -1\nshards: -1\nepoch: -2": {"server:", "lanes: -1", "shards: -1", "epoch: -2"},
		"dsn: 'sqlserver://u:hunter2@%zz'": {"dsn: is not a connection string"},
		"dsn: 'sqlserver://u:hunter2@h?port=hunter2'":                              {"dsn: is not a connection string of SQL Server: invalid tcp port"},
		"dsn: 'user id=u;password=hunter2'":                                        {"dsn: names no server"},
		"dsn: 'server=h;password=hunter2;log=255;guid conversion=true'":            {`dsn: leave out "guid conversion"`, `dsn: leave out "log"`},
		"dsn: 'server=h;database=d;applicationintent=ReadOnly'":                    {"dsn: leave out ApplicationIntent"},
		"dsn: 'server=h;fedauth=ActiveDirectoryInteractive;applicationclientid=x'": {"asks a person"},
		"dsn: 'server=h;fedauth=ActiveDirectoryServicePrincipal;user id=x'":        {"dsn: Must provide 'password'"},
		"dsn_file: one\nserver: h\nport: 1433\nencrypt: true":                      {"dsn: names no server", "encrypt: belongs into the dsn", "port: belongs", "server: belongs"},
		"server: h": {"database: is missing", "password: is missing", "username: is missing"},
		"server: 'h,1433'\ndatabase: d\nusername: u\npassword: hunter2":                                                        {`server: "h,1433" is more than a host`},
		"server: 'h\\i'\ndatabase: d\nusername: u\npassword: hunter2":                                                          {"server:"},
		"server: '[::1]'\ndatabase: d\nusername: u\npassword: hunter2":                                                         {"server:"},
		"server: '::1'\ndatabase: d\nusername: 'D\\u'\npassword: hunter2":                                                      {"username: a SQL login has no backslash"},
		"server: h\ninstance: i\nport: 70000\ndatabase: d\nusername: u\npassword: hunter2\nfailover_port: 3":                   {"failover_port: needs failover_partner", "instance: the port says", "port: 70000 is no port"},
		"server: h\ndatabase: d\nauthentication: sqll":                                                                         {`authentication: "sqll" is not one of sql, ntlm, kerberos`},
		"server: h\ndatabase: d\nauthentication: ntlm\nusername: u\npassword: hunter2":                                         {`username: is not DOMAIN\user`},
		"server: h\ndatabase: d\nauthentication: windows\nusername: u":                                                         {"username: has no use"},
		"server: h\ndatabase: d\nauthentication: kerberos":                                                                     {"kerberos: nothing to log in with"},
		"server: h\ndatabase: d\nauthentication: kerberos\npassword: hunter2\nkerberos: {keytab_file: none, realm: R}":         {"kerberos: give a password, a keytab_file", "kerberos.keytab_file: open", "username: is missing"},
		"server: h\ndatabase: d\nusername: u\npassword: hunter2\nkerberos: {realm: R}\nclient_certificate_file: one":           {"client_certificate_file: belongs", "kerberos: belongs"},
		"server: h\ndatabase: d\nauthentication: ActiveDirectoryServicePrincipal\nusername: id@tenant\nfailover_partner: p":    {"failover_partner: mirrored", "password: is missing"},
		"server: h\ndatabase: d\nauthentication: ActiveDirectoryManagedIdentity\npassword: hunter2":                            {"password: has no use"},
		"server: h\ndatabase: d\nusername: u\npassword: hunter2\nencrypt: maybe\ntls: {min_version: '1.1', ca_file: ca.crt}":   {`encrypt: "maybe" is not`, "tls.ca_file:", "tls.min_version:"},
		"server: h\ndatabase: d\nusername: u\npassword: hunter2\nencrypt: disable\ntls: {server_name: x}":                      {"tls: means nothing"},
		"server: h\ndatabase: d\nusername: u\npassword: hunter2\nencrypt: strict\ntls: {insecure_skip_verify: true}":           {"tls.insecure_skip_verify: strict"},
		"server: h\ndatabase: d\nusername: u\npassword: hunter2\ntls: {insecure_skip_verify: true, server_name: x}":            {"tls.insecure_skip_verify: verifies nothing"},
		"server: h\ndatabase: d\nusername: u\npassword: hunter2\ntls: {ca_file: empty.pem, server_certificate_file: junk.der}": {"tls.ca_file: ", "tls.server_certificate_file: ", "tls.server_certificate_file: the certificate is compared"},
	} {
		c, err := readConfig(t, filepath.Join(dir, "f.yaml"), section)
		if err != nil {
			t.Errorf("%q: %v", section, err)
			continue
		}
		err = c.Validate()
		if err == nil {
			t.Errorf("%q is taken", section)
			continue
		}
		if runtime.GOOS != "windows" && c.Authentication == authWindows {
			want = append(want, "authentication: windows logs in as")
		}
		lines := strings.Split(err.Error(), "\n")
		if strings.Contains(err.Error(), "hunter2") || len(lines) != len(want) {
			t.Errorf("%q: %d faults, want %d:\n%v", section, len(lines), len(want), err)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: no %q in\n%v", section, w, err)
			}
		}
	}
}

// TestParameters: what the keys say is what the driver reads, whatever letters
// a password has.
func TestParameters(t *testing.T) {
	for _, password := range []string{"simple", `a"b""c`, "semi;colon=;port=1", " spaces ", `{brace}`, "Ü😀\n", `"`, `""`, `';--`} {
		c := Connection{Server: "::1", Port: 1444, Database: "g h;x", Username: `a"b`, Password: config.NewSecret(password),
			FailoverPartner: "p", FailoverPort: 7, MultiSubnetFailover: new(false), TLS: TLS{ServerName: "n", MinVersion: "1.3"}}
		got, err := newTarget(c.text())
		if err != nil {
			t.Fatal(err)
		}
		p := got.params
		if p.Host != "::1" || p.Port != 1444 || p.Database != "g h;x" || p.User != `a"b` || p.Password != password || p.FailOverPartner != "p" ||
			p.FailOverPort != 7 || p.MultiSubnetFailover || p.AppName != "gatehouse" || p.Encryption != msdsn.EncryptionRequired ||
			p.TrustServerCertificate || p.TLSConfig.InsecureSkipVerify || p.TLSConfig.ServerName != "n" || p.TLSConfig.MinVersion != tls.VersionTLS13 {
			t.Errorf("%q: %+v", password, p)
		}
		servers, err := got.connectors()
		if err != nil || len(servers) != 2 {
			t.Errorf("%d servers: %v", len(servers), err)
		}
	}
	named, err := newTarget(Connection{Server: "h", Instance: "i", Database: "d", Encrypt: encryptDisable}.text())
	if p := named.params; err != nil || p.Instance != "i" || p.Port != 0 || p.Encryption != msdsn.EncryptionDisabled || p.ServerSPN != "MSSQLSvc/h:i" || !p.MultiSubnetFailover {
		t.Errorf("%+v, %v", p, err)
	}
	dsn, err := newTarget("sqlserver://u:p@h?app+name=mine&connection+timeout=7")
	if p := dsn.params; err != nil || p.AppName != "mine" || p.ConnTimeout != 0 || p.ServerSPN != "MSSQLSvc/h:1433" {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestLogins: each way to log in comes to the part of the driver that knows it.
func TestLogins(t *testing.T) {
	base := Connection{Server: "h", Database: "d"}
	for authentication, want := range map[string]map[string]string{
		"":                   {"authenticator": "", fedAuth: ""},
		authNTLM:             {"authenticator": "ntlm"},
		authKerberos:         {"authenticator": "krb5", "krb5-realm": "R", "krb5-keytabfile": "/k"},
		authWindows:          {"authenticator": "winsspi"},
		authEntraDefault:     {fedAuth: "ActiveDirectoryDefault"},
		authManagedIdentity:  {fedAuth: "ActiveDirectoryManagedIdentity", "user id": "u"},
		authWorkloadIdentity: {fedAuth: "ActiveDirectoryWorkloadIdentity"},
		authServicePrincipal: {fedAuth: "ActiveDirectoryServicePrincipal", "clientcertpath": "/c"},
	} {
		c := base
		c.Authentication, c.Username = authentication, "u"
		if authentication == authKerberos {
			c.Kerberos = Kerberos{Realm: "R", KeytabFile: "/k"}
		}
		if authentication == authServicePrincipal {
			c.ClientCertificateFile = "/c"
		}
		got, err := newTarget(c.text())
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if got.params.Parameters[name] != value {
				t.Errorf("%s: %s is %q, want %q", authentication, name, got.params.Parameters[name], value)
			}
		}
		if _, err := got.connectors(); err != nil {
			t.Errorf("%s: %v", authentication, err)
		}
		// A provider that is not in the binary would be "not found" when it is too late.
		if _, err := integratedauth.GetIntegratedAuthenticator(got.params); err != nil && strings.Contains(err.Error(), "not found") && authentication != authWindows {
			t.Errorf("%s: %v", authentication, err)
		}
	}
}

// certificate makes one for name, signed by itself, and its files.
func certificate(t *testing.T, name string) (tls.Certificate, config.Path) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, config.Path(file)
}

// TestWhomToTrust: with encryption, a server is known by its authority and name
// or by its very certificate, and otherwise it is told nothing.
func TestWhomToTrust(t *testing.T) {
	own, file := certificate(t, "sql.example")
	_, other := certificate(t, "sql.example")
	f := newFakeServer(t)
	f.with(func() {
		f.wrap = func(conn net.Conn) net.Conn {
			return tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: []string{"tds/8.0"}})
		}
	})
	for name, tt := range map[string]struct {
		tls  TLS
		good bool
	}{
		"authority and name":   {TLS{CAFile: file, ServerName: "sql.example"}, true},
		"the certificate":      {TLS{ServerCertificateFile: file}, true},
		"another name":         {TLS{CAFile: file}, false},
		"another authority":    {TLS{CAFile: other, ServerName: "sql.example"}, false},
		"another certificate":  {TLS{ServerCertificateFile: other}, false},
		"nobody in particular": {TLS{ServerName: "sql.example"}, false},
	} {
		c := f.config()
		c.Encrypt, c.TLS = encryptStrict, tt.tls
		before := len(f.passwords())
		d := fakeDialect(t, c)
		err := ask(t, d)
		if err == nil {
			err = ask(t, d) // what TLS says between two requests does not make the link seem dead
		}
		if (err == nil) != tt.good || err != nil && classify(err) != sqlstore.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		if told := len(f.passwords()) - before; tt.good != (told == 1) || told > 1 {
			t.Errorf("%s: the password was told %d times", name, told)
		}
	}
}

// TestEffective: what is shown as in effect is a configuration that leads to
// the same place.
func TestEffective(t *testing.T) {
	for _, c := range []Config{
		{Connection: Connection{Server: "h", Database: "d", Username: "u", Password: config.NewSecret("p")}},
		{Connection: Connection{Server: "h", Instance: "i", Database: "d", Username: "u", Password: config.NewSecret("p"), Encrypt: encryptDisable}},
		{DSN: config.NewSecret("server=h;database=d"), Lanes: 7},
	} {
		shown := c.Effective()
		if err := shown.Validate(); err != nil || shown.Lanes == 0 || shown.Shards == 0 || shown.MigrationTimeout == 0 {
			t.Errorf("%+v: %v", shown, err)
		}
		before, err := c.target()
		if err != nil {
			t.Fatal(err)
		}
		after, err := shown.target()
		if b, a := before.params, after.params; err != nil || a.Host != b.Host || a.Instance != b.Instance || a.Encryption != b.Encryption ||
			a.AppName != b.AppName || a.ServerSPN != b.ServerSPN || a.MultiSubnetFailover != b.MultiSubnetFailover {
			t.Errorf("%+v, before %+v: %v", a, b, err)
		}
	}
}
