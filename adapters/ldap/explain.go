package ldap

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// explain puts why a server does not answer into words that say what to do.
func explain(s *server, err error) string {
	if text := explainTLS(s, err); text != "" {
		return text
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the host name %s is not known", dns.Name)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens at %s", s.address)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Sprintf("there is no way to %s", s.address)
	}
	return err.Error()
}

// explainTLS recognises what is wrong with the certificate. The library turns
// the handshake error of StartTLS into text, so the text must do.
func explainTLS(s *server, err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Sprintf("%s does not speak TLS: ldaps:// on a port for ldap://?", s.address)
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	text := err.Error()
	switch {
	case unknown || strings.Contains(text, "signed by unknown authority"):
		return "the server's certificate is signed by nobody we trust: set tls.ca_file"
	case name || strings.Contains(text, "certificate is valid for") || strings.Contains(text, "doesn't contain any IP SANs"):
		return fmt.Sprintf("the server's certificate is not for %s: use the name it is for, or set tls.server_name (%v)", s.tls.ServerName, err)
	case isInvalid && invalid.Reason == x509.Expired || strings.Contains(text, "has expired or is not yet valid"):
		return "the server's certificate has expired or is not yet valid"
	}
	return ""
}
