package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"slices"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/config"
)

type listenSection struct {
	// Public is where senders come in.
	Public listenerSection `yaml:"public,required"`
	// Operations is where operators and monitoring come in; without it there is
	// no such door.
	Operations *operationsSection `yaml:"operations"`
}

type listenerSection struct {
	Address string      `yaml:"address,required"` // host:port; an empty host is every interface
	TLS     *tlsSection `yaml:"tls"`
}

type operationsSection struct {
	Address           string      `yaml:"address"` // host:port; an empty host is every interface. Default: 127.0.0.1:8444
	TLS               *tlsSection `yaml:"tls"`
	operations.Config `yaml:",inline"`
}

// Effective returns the section with every default filled in.
func (s operationsSection) Effective() operationsSection {
	s.Address = cmp.Or(s.Address, operations.DefaultAddress)
	s.Config = s.Config.Effective()
	return s
}

// tlsSection is the server's side of TLS.
type tlsSection struct {
	CertFile config.Path `yaml:"cert_file,required"`
	KeyFile  config.Path `yaml:"key_file,required"`
	// ClientCAFile, when set, has every caller show a certificate of that authority.
	ClientCAFile config.Path `yaml:"client_ca_file"`
	// ClientCRLFile, when set, names the certificates of that authority that are
	// withdrawn: lists in PEM, or one in DER. It is read again when it changes.
	ClientCRLFile config.Path `yaml:"client_crl_file"`
	// ClientCertificates is required (default), or optional: who shows none comes in
	// another way. It needs client_ca_file.
	ClientCertificates string `yaml:"client_certificates"`
	MinVersion         string `yaml:"min_version"` // "1.2" (default) or "1.3"
}

// validate checks what can be judged without looking at files.
func (s listenSection) validate() error {
	faults := []error{validAddress("public", s.Public.Address), s.Public.TLS.validate("public")}
	if o := s.Operations; o != nil {
		faults = append(faults, validAddress("operations", o.Address), o.TLS.validate("operations"))
		for line := range joined(o.Config.Validate()) {
			faults = append(faults, fmt.Errorf("operations.%w", line))
		}
	}
	return errors.Join(faults...)
}

func validAddress(door, address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%s.address: %q is not host:port, such as 127.0.0.1:8080 or :8443", door, address)
	}
	return nil
}

// joined yields the errors that were joined to one.
func joined(err error) iter.Seq[error] {
	return func(yield func(error) bool) {
		several, ok := err.(interface{ Unwrap() []error })
		if !ok && err != nil {
			yield(err)
		}
		if !ok {
			return
		}
		for _, one := range several.Unwrap() {
			if !yield(one) {
				return
			}
		}
	}
}

func (t *tlsSection) validate(door string) error {
	switch {
	case t == nil:
		return nil
	case !slices.Contains([]string{"", "1.2", "1.3"}, t.MinVersion):
		return fmt.Errorf("%s.tls.min_version: %q is neither \"1.2\" nor \"1.3\"", door, t.MinVersion)
	case !slices.Contains([]string{"", "required", optional}, t.ClientCertificates):
		return fmt.Errorf("%s.tls.client_certificates: %q is neither required nor optional", door, t.ClientCertificates)
	case t.ClientCRLFile != "" && t.ClientCAFile == "":
		return fmt.Errorf("%s.tls.client_crl_file: needs client_ca_file, whose certificates are withdrawn", door)
	case t.ClientCertificates != "" && t.ClientCAFile == "":
		return fmt.Errorf("%s.tls.client_certificates: needs client_ca_file, to know whose certificates count", door)
	}
	return nil
}

// optional is tls.client_certificates where callers may come without.
const optional = "optional"

// of checks the files and returns the settings of a door's listener, which follow
// the files: a rotation needs no restart.
func (t *tlsSection) of(door string, log *slog.Logger) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	return t.rotating(door, log)
}

func (t *tlsSection) certificate() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(string(t.CertFile), string(t.KeyFile))
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// asks reports whether callers are asked for certificates.
func (t *tlsSection) asks() bool { return t != nil && t.ClientCAFile != "" }

func (t *tlsSection) clientCAs(c *tls.Config) error {
	if !t.asks() {
		return nil
	}
	pem, err := os.ReadFile(string(t.ClientCAFile))
	if err != nil {
		return err
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if t.ClientCertificates == optional {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", t.ClientCAFile)
	}
	return nil
}
