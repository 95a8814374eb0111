package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// endsSoon is how long before its end check speaks of a certificate.
const endsSoon = 30 * 24 * time.Hour

// certificateKeys are the keys, of any section, that name files of certificates.
var certificateKeys = []string{"cert_file", "ca_file", "client_ca_file"}

// checkCertificates tells which certificates of the configuration end soon. One
// that a listener shows and that is not valid now is a fault.
func (p *project) checkCertificates(r *checkReport, now time.Time) error {
	var faults []error
	walkNodes(p.root, func(key string, n *config.Node) {
		var path config.Path
		if !slices.Contains(certificateKeys, key) || path.UnmarshalNode(n) != nil {
			return
		}
		found, err := certificatesOf(string(path))
		if err != nil {
			return // whoever reads the file tells
		}
		text, ended := validity(key, found, now)
		switch {
		case text == "":
		case ended && key == "cert_file" && p.shown(path):
			faults = append(faults, n.Fault("%s %s", path, text))
		default:
			r.warn("%s: %s %s", n.Path(), path, text)
		}
	})
	return errors.Join(faults...)
}

// shown reports whether a listener shows this certificate.
func (p *project) shown(path config.Path) bool {
	if t := p.Listen.Public.TLS; t != nil && t.CertFile == path {
		return true
	}
	o := p.Listen.Operations
	return o != nil && o.TLS != nil && o.TLS.CertFile == path
}

func walkNodes(n *config.Node, each func(key string, n *config.Node)) {
	for _, e := range n.Entries() {
		each(e.Key, e.Value)
		walkNodes(e.Value, each)
	}
	for _, item := range n.Items() {
		walkNodes(item, each)
	}
}

const maxCertificates = 1 << 20

func certificatesOf(path string) (out []*x509.Certificate, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCertificates {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxCertificates)
	}
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return out, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
}

// validity says what is to be told of the validity of a file's certificates: of a
// chain the first that ends, of authorities when the last of them ends, for until
// then there is one to be trusted.
func validity(key string, found []*x509.Certificate, now time.Time) (text string, ended bool) {
	if len(found) == 0 {
		return "", false
	}
	order := func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) }
	c := slices.MinFunc(found, order)
	if key != "cert_file" {
		c = slices.MaxFunc(found, order)
	}
	left := c.NotAfter.Sub(now)
	until := c.NotAfter.UTC().Format(time.RFC3339)
	switch {
	case now.Before(c.NotBefore):
		return fmt.Sprintf("is valid only from %s (%s)", c.NotBefore.UTC().Format(time.RFC3339), c.Subject), true
	case left < 0:
		return fmt.Sprintf("ended at %s (%s)", until, c.Subject), true
	case left < endsSoon:
		return fmt.Sprintf("ends at %s, in %s (%s)", until, plural.Of(int(left/(24*time.Hour)), "day", "days"), c.Subject), false
	}
	return "", false
}
