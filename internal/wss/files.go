package wss

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Key names the files of a key that signs.
type Key struct {
	CertFile config.Path `yaml:"cert_file,required"` // PEM; the certificate, which goes with every signature
	KeyFile  config.Path `yaml:"key_file,required"`  // PEM; its key, RSA or ECDSA
}

// Load reads the files.
func (k Key) Load() (*Signer, error) {
	pair, err := tls.LoadX509KeyPair(string(k.CertFile), string(k.KeyFile))
	if err != nil {
		return nil, fmt.Errorf("cert_file: %w", err)
	}
	s, err := NewSigner(pair.PrivateKey, pair.Leaf)
	if err != nil {
		return nil, fmt.Errorf("cert_file: %w", err)
	}
	return s, nil
}

// Certificates reads the certificates of a file in PEM; it is an error where there
// are none.
func Certificates(path config.Path) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(string(path))
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, cert)
	}
	if out == nil {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return out, nil
}

// TrustIn returns a Verifier's Trust in certificates that lead to one of the
// authorities, or are themselves among them, and valid. revoked, which may be nil,
// is told the ways that lead there, and refuses them all by an error.
func TrustIn(authorities []*x509.Certificate, revoked func(chains [][]*x509.Certificate) error) func(*x509.Certificate, time.Time) error {
	roots := x509.NewCertPool()
	for _, c := range authorities {
		roots.AddCert(c)
	}
	return func(cert *x509.Certificate, at time.Time) error {
		if cert == nil {
			return errors.New("there is no certificate")
		}
		chains, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		if err != nil || revoked == nil {
			return err
		}
		return revoked(chains)
	}
}
