package sqlserver

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Connection says key by key where the database is and how to log in.
type Connection struct {
	Server string `yaml:"server"` // host name or address
	Port   int    `yaml:"port"`   // default: 1433, or what SQL Server Browser (UDP 1434) says of the instance
	// Instance is a named instance of the server, instead of port.
	Instance string `yaml:"instance"`
	Database string `yaml:"database"`
	// FailoverPartner is the other server of a mirrored database; it is tried
	// when the first one cannot be reached. An availability group has a listener
	// instead: its name is the server.
	FailoverPartner string `yaml:"failover_partner"`
	FailoverPort    int    `yaml:"failover_port"` // default: port
	// MultiSubnetFailover dials all addresses of the server's name at once, as
	// the listener of an availability group wants it. Default: true.
	MultiSubnetFailover *bool  `yaml:"multi_subnet_failover"`
	ApplicationName     string `yaml:"application_name"` // what the server's views call the gateway; default: gatehouse

	// Authentication is one of sql (the default), ntlm, kerberos, windows,
	// ActiveDirectoryDefault, ActiveDirectoryManagedIdentity,
	// ActiveDirectoryWorkloadIdentity and ActiveDirectoryServicePrincipal.
	Authentication string `yaml:"authentication"`
	// Username is a SQL login, DOMAIN\user for ntlm, user or user@REALM for
	// kerberos, and for Entra the client id, as id@tenant where the tenant is not
	// the server's.
	Username string `yaml:"username"`
	// Password is read again from password_file by every new connection.
	Password config.Secret `yaml:"password"`
	// ClientCertificateFile holds certificate and key of a service principal,
	// instead of a password: PEM or PKCS #12.
	ClientCertificateFile config.Path `yaml:"client_certificate_file"`
	Kerberos              Kerberos    `yaml:"kerberos"`
	ServerSPN             string      `yaml:"server_spn"` // for kerberos and windows; default: MSSQLSvc/server:port

	// Encrypt is strict (TDS 8.0, SQL Server 2022 and Azure SQL), true (the
	// default), false (only the login is encrypted unless the server wants more)
	// or disable.
	Encrypt Encryption `yaml:"encrypt"`
	TLS     TLS        `yaml:"tls"`
}

// Kerberos says where the login's ticket comes from: from the password, from a
// keytab, or from a cache that someone else keeps filled.
type Kerberos struct {
	ConfigFile config.Path `yaml:"config_file"` // default: $KRB5_CONFIG, else /etc/krb5.conf
	Realm      string      `yaml:"realm"`       // default: that of the username, else the file's
	KeytabFile config.Path `yaml:"keytab_file"`
	CacheFile  config.Path `yaml:"cache_file"`
}

// TLS says whom to trust.
type TLS struct {
	CAFile config.Path `yaml:"ca_file"` // .pem, or .der; empty: the system's authorities
	// ServerCertificateFile is the server's own certificate, .pem or .der: that
	// one and no other is taken, whatever its name, issuer and age.
	ServerCertificateFile config.Path `yaml:"server_certificate_file"`
	ServerName            string      `yaml:"server_name"` // the name in the certificate; default: server
	MinVersion            string      `yaml:"min_version"` // 1.2 (default) or 1.3
	InsecureSkipVerify    bool        `yaml:"insecure_skip_verify"`
}

// Encryption is how much of a connection is encrypted. In a file it may be
// written as the words true and false.
type Encryption string

// UnmarshalText takes what stands there; Validate judges it.
func (e *Encryption) UnmarshalText(text []byte) error {
	*e = Encryption(text)
	return nil
}

// The encryptions.
const (
	encryptStrict  Encryption = "strict"
	encryptTrue    Encryption = "true"
	encryptFalse   Encryption = "false"
	encryptDisable Encryption = "disable"
)

// given lists the keys that are set, in the order of the fields.
func (c Connection) given() []string {
	var keys []string
	for field, value := range reflect.ValueOf(c).Fields() {
		if !value.IsZero() {
			keys = append(keys, field.Tag.Get("yaml"))
		}
	}
	return keys
}

// withDefaults fills in what the driver would take for granted.
func (c Connection) withDefaults() Connection {
	if c.Port == 0 && c.Instance == "" {
		c.Port = 1433
	}
	if c.MultiSubnetFailover == nil {
		c.MultiSubnetFailover = new(true)
	}
	c.ApplicationName = cmp.Or(c.ApplicationName, applicationName)
	c.Authentication = cmp.Or(c.Authentication, authSQL)
	c.Encrypt = cmp.Or(c.Encrypt, encryptTrue)
	if c.Encrypt != encryptDisable {
		c.TLS.MinVersion = cmp.Or(c.TLS.MinVersion, "1.2")
	}
	return c
}

func (c Connection) validate(bad faulter) {
	validateHost(c.Server, "server", bad)
	if c.Database == "" {
		bad("database", "is missing")
	}
	for path, port := range map[string]int{"port": c.Port, "failover_port": c.FailoverPort} {
		if port < 0 || port > 65535 {
			bad(path, "%d is no port", port)
		}
	}
	if c.Port != 0 && c.Instance != "" {
		bad("instance", "the port says where the server listens; give one of them")
	}
	if c.FailoverPartner != "" {
		validateHost(c.FailoverPartner, "failover_partner", bad)
	} else if c.FailoverPort != 0 {
		bad("failover_port", "needs failover_partner")
	}
	c.validateLogin(bad)
	c.validateEncryption(bad)
}

// validateHost wants a name or an address alone: a port, an instance or a
// protocol has a key of its own.
func validateHost(host, path string, bad faulter) {
	switch {
	case host == "":
		bad(path, "is missing")
	case net.ParseIP(host) == nil && strings.ContainsAny(host, `\/,:;"'[]() `):
		bad(path, "%q is more than a host name or address; port and instance have keys of their own", host)
	}
}

func (c Connection) validateEncryption(bad faulter) {
	t := c.TLS
	known := []Encryption{"", encryptStrict, encryptTrue, encryptFalse, encryptDisable}
	if !slices.Contains(known, c.Encrypt) {
		bad("encrypt", "%q is not strict, true, false or disable", string(c.Encrypt))
	}
	if c.Encrypt == encryptDisable && t != (TLS{}) {
		bad("tls", "means nothing with encrypt: disable")
	}
	if t.MinVersion != "" && t.MinVersion != "1.2" && t.MinVersion != "1.3" {
		bad("tls.min_version", "%q is not 1.2 or 1.3", t.MinVersion)
	}
	if t.InsecureSkipVerify && c.Encrypt == encryptStrict {
		bad("tls.insecure_skip_verify", "strict always verifies")
	}
	if t.InsecureSkipVerify && (t.CAFile != "" || t.ServerCertificateFile != "" || t.ServerName != "") {
		bad("tls.insecure_skip_verify", "verifies nothing; the other keys of tls would be ignored")
	}
	if t.ServerCertificateFile != "" && (t.CAFile != "" || t.ServerName != "") {
		bad("tls.server_certificate_file", "the certificate is compared byte for byte; ca_file and server_name would be ignored")
	}
	validateCertificate(t.CAFile, "tls.ca_file", bad)
	validateCertificate(t.ServerCertificateFile, "tls.server_certificate_file", bad)
}

// validateCertificate looks into the file, because the driver takes one without
// a certificate for one that trusts nobody, and tells the format by its name.
func validateCertificate(file config.Path, path string, bad faulter) {
	if file == "" {
		return
	}
	if err := readCertificate(string(file)); err != nil {
		bad(path, "%v", err)
	}
}

func readCertificate(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	switch strings.ToLower(filepath.Ext(file)) {
	case ".pem":
		block, _ := pem.Decode(content)
		if block == nil || block.Type != "CERTIFICATE" {
			return fmt.Errorf("%s does not begin with a certificate in PEM", file)
		}
		content = block.Bytes
	case ".der":
	default:
		return fmt.Errorf("%s: the name has to end in .pem or .der and say the format", file)
	}
	if _, err := x509.ParseCertificate(content); err != nil {
		return fmt.Errorf("%s holds no certificate: %w", file, err)
	}
	return nil
}
