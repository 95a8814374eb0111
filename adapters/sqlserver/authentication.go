package sqlserver

import (
	"os"
	"runtime"
	"slices"
	"strings"

	// The providers register themselves: krb5 for kerberos; the driver brings
	// ntlm and, on Windows, winsspi.
	_ "github.com/microsoft/go-mssqldb/integratedauth/krb5"
)

// The ways to log in. Those of Entra have the names that Microsoft's drivers
// give them.
const (
	authSQL              = "sql"
	authNTLM             = "ntlm"
	authKerberos         = "kerberos"
	authWindows          = "windows"
	authEntraDefault     = "ActiveDirectoryDefault"
	authManagedIdentity  = "ActiveDirectoryManagedIdentity"
	authWorkloadIdentity = "ActiveDirectoryWorkloadIdentity"
	authServicePrincipal = "ActiveDirectoryServicePrincipal"
)

// demand says whether a way to log in takes a key.
type demand uint8

const (
	refuses demand = iota
	allows
	needs
)

// method is what one way to log in needs of the section.
type method struct {
	name               string
	username, password demand
	// provider is the driver's name for integrated authentication.
	provider string
	entra    bool
}

// methods lists the ways to log in.
func methods() []method {
	return []method{
		{name: authSQL, username: needs, password: needs},
		{name: authNTLM, username: needs, password: needs, provider: "ntlm"},
		{name: authKerberos, username: allows, password: allows, provider: "krb5"},
		{name: authWindows, provider: "winsspi"},
		{name: authEntraDefault, entra: true},
		{name: authManagedIdentity, username: allows, entra: true},
		{name: authWorkloadIdentity, username: allows, entra: true},
		{name: authServicePrincipal, username: needs, password: allows, entra: true},
	}
}

// method finds the section's way to log in.
func (c Connection) method() (method, bool) {
	all := methods()
	if c.Authentication == "" {
		return all[0], true
	}
	i := slices.IndexFunc(all, func(m method) bool { return m.name == c.Authentication })
	if i < 0 {
		return method{}, false
	}
	return all[i], true
}

func (c Connection) validateLogin(bad faulter) {
	m, ok := c.method()
	if !ok {
		var names []string
		for _, m := range methods() {
			names = append(names, m.name)
		}
		bad("authentication", "%q is not one of %s", c.Authentication, strings.Join(names, ", "))
		return
	}
	judge(m, "username", m.username, c.Username != "", bad)
	judge(m, "password", m.password, !c.Password.IsZero(), bad)
	if m.name != authKerberos && c.Kerberos != (Kerberos{}) {
		bad("kerberos", "belongs to authentication: kerberos")
	}
	if m.name != authServicePrincipal && c.ClientCertificateFile != "" {
		bad("client_certificate_file", "belongs to authentication: "+authServicePrincipal)
	}
	if m.entra && c.FailoverPartner != "" {
		bad("failover_partner", "mirrored databases know no Entra logins")
	}
	switch m.name {
	case authSQL:
		if strings.Contains(c.Username, `\`) {
			bad("username", "a SQL login has no backslash; for an account of Windows set authentication to ntlm or kerberos")
		}
	case authNTLM:
		if domain, user, _ := strings.Cut(c.Username, `\`); c.Username != "" && (domain == "" || user == "") {
			bad("username", `is not DOMAIN\user`)
		}
	case authKerberos:
		c.validateKerberos(bad)
	case authWindows:
		if runtime.GOOS != "windows" {
			bad("authentication", "windows logs in as the account that the gateway runs as, on Windows only; here use kerberos")
		}
	case authServicePrincipal:
		if c.Password.IsZero() && c.ClientCertificateFile == "" {
			bad("password", "is missing; give the client's secret, or client_certificate_file")
		}
		validateReadable(string(c.ClientCertificateFile), "client_certificate_file", bad)
	}
}

func judge(m method, key string, d demand, given bool, bad faulter) {
	switch {
	case d == needs && !given:
		bad(key, "is missing; authentication %s needs it", m.name)
	case d == refuses && given:
		bad(key, "has no use with authentication: %s", m.name)
	}
}

func (c Connection) validateKerberos(bad faulter) {
	k := c.Kerberos
	sources := 0
	for _, given := range []bool{!c.Password.IsZero(), k.KeytabFile != "", k.CacheFile != ""} {
		if given {
			sources++
		}
	}
	switch {
	case sources > 1:
		bad("kerberos", "give a password, a keytab_file or a cache_file: one of them")
	case sources == 0 && os.Getenv("KRB5CCNAME") == "" && os.Getenv("KRB5_KTNAME") == "":
		bad("kerberos", "nothing to log in with: give a password, a keytab_file or a cache_file")
	}
	if c.Username == "" && (k.KeytabFile != "" || !c.Password.IsZero()) {
		bad("username", "is missing; a keytab or password is somebody's")
	}
	for path, file := range map[string]string{
		"kerberos.config_file": string(k.ConfigFile), "kerberos.keytab_file": string(k.KeytabFile), "kerberos.cache_file": string(k.CacheFile),
	} {
		validateReadable(file, path, bad)
	}
}

// validateReadable opens a file that the driver will open.
func validateReadable(file, path string, bad faulter) {
	if file == "" {
		return
	}
	f, err := os.Open(file)
	if err != nil {
		bad(path, "%v", err)
		return
	}
	f.Close() // nothing was written
}
