package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

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

// validate checks what can be judged without looking at files.
func (s listenSection) validate() error {
	var faults []error
	if address := s.Public.Address; address != "" {
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("public.address: %q is not host:port, such as 127.0.0.1:8080 or :8443", address))
		}
	}
	if t := s.Public.TLS; t != nil && !slices.Contains([]string{"", "1.2", "1.3"}, t.MinVersion) {
		faults = append(faults, fmt.Errorf("public.tls.min_version: %q is neither \"1.2\" nor \"1.3\"", t.MinVersion))
	}
	return errors.Join(faults...)
}

// config checks the files and returns the listener's settings. Certificate and
// key are read at every handshake, so that a rotation needs no restart.
func (t *tlsSection) config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.MinVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
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
