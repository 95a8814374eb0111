package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/gatehouse/gatehouse/internal/config"
)

type listenSection struct {
	Public listenerSection `yaml:"public,required"`
}

type listenerSection struct {
	Address string      `yaml:"address,required"` // host:port; an empty host is every interface
	TLS     *tlsSection `yaml:"tls"`
}

type tlsSection struct {
	CertFile config.Path `yaml:"cert_file,required"`
	KeyFile  config.Path `yaml:"key_file,required"`
	// ClientCAFile, when set, has every caller show a certificate of that authority.
	ClientCAFile config.Path `yaml:"client_ca_file"`
	MinVersion   string      `yaml:"min_version"` // "1.2" (default) or "1.3"
}

// config checks the files and returns the listener's settings. Certificate and
// key are read at every handshake, so that a rotation needs no restart.
func (t *tlsSection) config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	switch t.MinVersion {
	case "", "1.2":
	case "1.3":
		c.MinVersion = tls.VersionTLS13
	default:
		return nil, fmt.Errorf("listen.public.tls.min_version: %q is neither 1.2 nor 1.3", t.MinVersion)
	}
	if _, err := t.certificate(); err != nil {
		return nil, err
	}
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.certificate() }
	return c, t.clientCAs(c)
}

func (t *tlsSection) certificate() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(string(t.CertFile), string(t.KeyFile))
	if err != nil {
		return nil, fmt.Errorf("listen.public.tls: %w", err)
	}
	return &pair, nil
}

func (t *tlsSection) clientCAs(c *tls.Config) error {
	if t.ClientCAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(string(t.ClientCAFile))
	if err != nil {
		return fmt.Errorf("listen.public.tls.client_ca_file: %w", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("listen.public.tls.client_ca_file: %s holds no certificate", t.ClientCAFile)
	}
	return nil
}
