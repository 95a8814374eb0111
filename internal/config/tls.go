package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
)

// TLS is the client's side of TLS. Its zero value trusts the system's authorities
// and checks the name in the URL.
type TLS struct {
	CAFile     Path   `yaml:"ca_file"`     // PEM; instead of the system's authorities
	CertFile   Path   `yaml:"cert_file"`   // PEM; the client certificate
	KeyFile    Path   `yaml:"key_file"`    // PEM; its key
	ServerName string `yaml:"server_name"` // default: the host in the URL
	MinVersion string `yaml:"min_version"` // 1.2 or 1.3; default: 1.2
}

// Load makes the settings from the section and the files it names. Every fault
// begins with the key it is about, as in tls.ca_file.
func (t TLS) Load() (*tls.Config, error) {
	conf := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	var faults []error
	switch t.MinVersion {
	case "", "1.2":
	case "1.3":
		conf.MinVersion = tls.VersionTLS13
	default:
		faults = append(faults, fmt.Errorf("tls.min_version: %q, expected 1.2 or 1.3", t.MinVersion))
	}
	return conf, errors.Join(append(faults, t.loadAuthorities(conf), t.loadCertificate(conf))...)
}

func (t TLS) loadAuthorities(conf *tls.Config) error {
	if t.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(string(t.CAFile))
	if err != nil {
		return fmt.Errorf("tls.ca_file: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("tls.ca_file: %s holds no certificate in PEM form", t.CAFile)
	}
	return nil
}

func (t TLS) loadCertificate(conf *tls.Config) error {
	if t.CertFile == "" && t.KeyFile == "" {
		return nil
	}
	if t.CertFile == "" || t.KeyFile == "" {
		return errors.New("tls: cert_file and key_file need each other")
	}
	pair, err := tls.LoadX509KeyPair(string(t.CertFile), string(t.KeyFile))
	if err != nil {
		return fmt.Errorf("tls.cert_file: %w", err)
	}
	conf.Certificates = []tls.Certificate{pair}
	return nil
}

// Confidential reports whether nobody else can read what is sent to u: over https, or to
// this machine.
func Confidential(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}
