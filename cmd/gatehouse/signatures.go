package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// signaturesSection says whose signatures of messages are taken (WS-Security).
type signaturesSection struct {
	// CAFile holds the authorities whose certificates may sign, in PEM.
	CAFile config.Path `yaml:"ca_file,required"`
	// CRLFile names the certificates of those authorities that are withdrawn: lists
	// in PEM, or one in DER. It is read again when it changes.
	CRLFile config.Path `yaml:"crl_file"`
	// CertificatesFile holds certificates, in PEM, of senders who do not send theirs
	// but refer to them, by issuer and serial number, key identifier or thumbprint.
	CertificatesFile config.Path `yaml:"certificates_file"`
	// SHA1 takes signatures and digests with SHA-1, of senders who can do no better.
	SHA1 bool `yaml:"sha1"`
}

// securitySection says what is signed at one endpoint.
type securitySection struct {
	// Signed refuses messages that are not signed, and says what a signature has to
	// cover: body, timestamp, addressing, headers. Default: messages need not be
	// signed, and of those that are body and timestamp have to be covered.
	Signed signedParts `yaml:"signed"`
	// Reply signs the answers.
	Reply *wss.Key `yaml:"reply"`
}

// signedParts are the parts that a signature has to cover.
type signedParts []wss.Part

// UnmarshalNode reads a list of parts, with the Body among them.
func (s *signedParts) UnmarshalNode(n *config.Node) error {
	nodes := n.Items()
	if n.Kind == config.Scalar {
		nodes = []*config.Node{n}
	}
	for _, item := range nodes {
		part := wss.Part(item.Text())
		if !slices.Contains(wss.AllParts, part) {
			return item.Fault("%q is no part that can be signed; it is one of %s", item.Text(), partNames())
		}
		*s = append(*s, part)
	}
	if !slices.Contains(*s, wss.Body) {
		return n.Fault("the body is always signed: it has to stand here")
	}
	return nil
}

func partNames() string {
	var out []string
	for _, p := range wss.AllParts {
		out = append(out, string(p))
	}
	return strings.Join(out, ", ")
}

// checkSecurity looks at what endpoints want signed.
func (p *project) checkSecurity(faults *config.Faults) {
	for _, r := range p.Routes {
		for i, e := range r.From {
			if e.Security == nil {
				continue
			}
			at := r.node.Get("from").Items()[i].Get("security")
			switch {
			case e.SOAP == "":
				faults.Add(at.Fault("security is of soap endpoints"))
			case e.Security.Signed != nil && !slices.Contains(p.ways(e), gateway.WaySignature):
				faults.Add(at.Get("signed").Fault("nobody can sign here: signature is no way in; %s, and authentication, where it is given, names it", configuredBy[gateway.WaySignature]))
			}
		}
	}
}

// checkSigners reads the files that signatures are verified and made with.
func (p *project) checkSigners() error {
	a := &assembly{project: p, log: slog.New(slog.DiscardHandler)}
	return errors.Join(a.connectSignatures(), a.connectSecurity())
}

// connectSignatures reads the certificates that may sign.
func (a *assembly) connectSignatures() error {
	s := a.project.Authentication.Signatures
	if s == nil {
		return nil
	}
	authorities, err := wss.Certificates(s.CAFile)
	if err != nil {
		return fmt.Errorf("authentication.signatures.ca_file: %w", err)
	}
	known := authorities
	if s.CertificatesFile != "" {
		named, err := wss.Certificates(s.CertificatesFile)
		if err != nil {
			return fmt.Errorf("authentication.signatures.certificates_file: %w", err)
		}
		known = append(slices.Clone(known), named...)
	}
	var revoked func([][]*x509.Certificate) error
	if s.CRLFile != "" {
		lists, err := newRevocations(string(s.CRLFile), time.Now, a.log)
		if err != nil {
			return fmt.Errorf("authentication.signatures.crl_file: %w", err)
		}
		revoked = func(chains [][]*x509.Certificate) error {
			return lists.verify(tls.ConnectionState{VerifiedChains: chains})
		}
	}
	window := a.project.Authentication.TokenWindow
	if window == 0 {
		window = gateway.DefaultTokenWindow
	}
	a.signatures = &wss.Verifier{Trust: wss.TrustIn(authorities, revoked), Known: known, SHA1: s.SHA1, Window: window}
	return nil
}

// connectSecurity reads the keys that sign answers.
func (a *assembly) connectSecurity() error {
	a.security = map[string]gateway.Security{}
	var faults []error
	for _, r := range a.project.Routes {
		for _, e := range r.From {
			if e.Security == nil || e.SOAP == "" {
				continue
			}
			s := gateway.Security{Signed: e.Security.Signed, Demanded: e.Security.Signed != nil}
			if e.Security.Reply != nil {
				var err error
				if s.Reply, err = e.Security.Reply.Load(); err != nil {
					faults = append(faults, fmt.Errorf("route %s: security.reply.%w", r.Route, err))
				}
			}
			a.security[e.name()] = s
		}
	}
	return errors.Join(faults...)
}

// reportSecurity warns of what clients would not expect.
func (p *project) reportSecurity(r *checkReport) {
	for _, section := range p.Routes {
		for _, e := range section.From {
			s := e.Security
			if s == nil || s.Signed == nil {
				continue
			}
			if !slices.Contains(s.Signed, wss.Timestamp) {
				r.warn("messages to %s need no signed timestamp: one that is recorded can be sent again later", e.name())
			}
			if s.Reply == nil {
				r.warn("messages to %s are signed and its answers are not: clients that follow the published policy expect both", e.name())
			}
		}
	}
}
