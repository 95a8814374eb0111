package sqlserver

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/azuread"
	"github.com/microsoft/go-mssqldb/msdsn"
)

// fedAuth is the parameter that names an Entra login.
const fedAuth = "fedauth"

// applicationName is what the server's views call the gateway.
const applicationName = "gatehouse"

// target is where to connect: a connection string, and what it says.
type target struct {
	text   string
	params msdsn.Config
}

// target is where the section leads, with its secrets as they were last read.
func (c Config) target() (target, error) {
	if !c.DSN.IsZero() {
		return newTarget(c.DSN.Reveal())
	}
	return newTarget(c.text())
}

// refresh reads the secrets from their files again. Where that fails the last
// value stands: the error is worth a word only when the login fails.
func (c *Config) refresh() error {
	dsn, dsnErr := c.DSN.Fresh()
	password, passwordErr := c.Password.Fresh()
	c.DSN, c.Password = dsn, password
	return errors.Join(dsnErr, passwordErr)
}

func newTarget(text string) (target, error) {
	params, err := parseDSN(text)
	if err != nil {
		return target{}, fmt.Errorf("dsn: %w", err)
	}
	params.ConnTimeout = 0  // the link's deadlines do better
	params.DialTimeout = -1 // the context bounds it
	if params.Parameters[msdsn.AppName] == "" {
		params.AppName = applicationName
	}
	if params.ServerSPN == "" {
		params.ServerSPN = "MSSQLSvc/" + params.Host + ":" + cmp.Or(params.Instance, strconv.FormatUint(cmp.Or(params.Port, 1433), 10))
	}
	return target{text, params}, nil
}

// connectors has one for each server: a partner is tried by ourselves, with a
// time limit of its own. The driver would give it what the first one left.
func (t target) connectors() ([]*mssql.Connector, error) {
	if t.params.Parameters[fedAuth] != "" {
		c, err := azuread.NewConnector(t.text)
		return []*mssql.Connector{c}, err
	}
	first := t.params
	first.FailOverPartner = ""
	out := []*mssql.Connector{mssql.NewConnectorConfig(first)}
	if partner := t.params.FailOverPartner; partner != "" {
		second := first
		second.Host = partner
		second.Port = cmp.Or(t.params.FailOverPort, first.Port)
		second.ServerSPN = cmp.Or(t.params.FailOverPartnerSPN, strings.Replace(first.ServerSPN, first.Host, partner, 1))
		if second.TLSConfig != nil && !second.HostInCertificateProvided {
			second.TLSConfig = second.TLSConfig.Clone()
			second.TLSConfig.ServerName = partner
		}
		out = append(out, mssql.NewConnectorConfig(second))
	}
	return out, nil
}

// text writes a connection string in ADO's form.
func (c Connection) text() string {
	var b strings.Builder
	set := func(name, value string) {
		if value != "" {
			b.WriteString(name + `="` + strings.ReplaceAll(value, `"`, `""`) + `";`)
		}
	}
	server := c.Server
	if c.Instance != "" {
		server += `\` + c.Instance
	}
	set(msdsn.Server, server)
	set(msdsn.Port, number(c.Port))
	set(msdsn.Database, c.Database)
	set(msdsn.FailoverPartner, c.FailoverPartner)
	set(msdsn.FailOverPort, number(c.FailoverPort))
	if c.MultiSubnetFailover != nil {
		set(msdsn.MultiSubnetFailover, strconv.FormatBool(*c.MultiSubnetFailover))
	}
	set(msdsn.AppName, cmp.Or(c.ApplicationName, applicationName))
	c.setLogin(set)
	c.setEncryption(set)
	return b.String()
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func (c Connection) setLogin(set func(name, value string)) {
	m, _ := c.method()
	if m.entra {
		set(fedAuth, m.name)
	}
	set("authenticator", m.provider)
	set(msdsn.UserID, c.Username)
	set(msdsn.Password, c.Password.Reveal())
	set("clientcertpath", string(c.ClientCertificateFile))
	set(msdsn.ServerSpn, c.ServerSPN)
	set("krb5-configfile", string(c.Kerberos.ConfigFile))
	set("krb5-realm", c.Kerberos.Realm)
	set("krb5-keytabfile", string(c.Kerberos.KeytabFile))
	set("krb5-credcachefile", string(c.Kerberos.CacheFile))
}

func (c Connection) setEncryption(set func(name, value string)) {
	set(msdsn.Encrypt, string(cmp.Or(c.Encrypt, encryptTrue)))
	set(msdsn.Certificate, string(c.TLS.CAFile))
	set(msdsn.ServerCertificate, string(c.TLS.ServerCertificateFile))
	set(msdsn.HostNameInCertificate, c.TLS.ServerName)
	set(msdsn.TLSMin, c.TLS.MinVersion)
	if c.TLS.InsecureSkipVerify {
		set(msdsn.TrustServerCertificate, "true")
	}
}
