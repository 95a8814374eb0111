package ldap

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// ClientCertificates finds the entry that a client certificate belongs to. Exactly
// one of By and Filter is set.
type ClientCertificates struct {
	// By lists what to find the entry by: upn, email, common_name or subject. The
	// first of them that a certificate has decides.
	By []string `yaml:"by"`
	// Filter finds the entry by an LDAP filter with {{.CommonName}}, {{.Email}},
	// {{.UPN}}, {{.Serial}}, {{.SubjectKeyID}}, {{.SHA1}} or {{.SHA256}} in it, such
	// as (altSecurityIdentities=X509:<SKI>{{.SubjectKeyID}}).
	Filter string `yaml:"filter"`
	// Pinned demands that the entry holds this very certificate, in userCertificate.
	Pinned bool `yaml:"pinned"`
}

// The rules by which a certificate leads to an entry.
const (
	bySubject    = "subject"     // the subject is the entry's distinguished name
	byCommonName = "common_name" // the subject's common name is the login
	byEmail      = "email"       // an rfc822Name is the entry's mail
	byUPN        = "upn"         // a user principal name is the entry's userPrincipalName
)

var certificateRules = []string{byUPN, byEmail, byCommonName, bySubject}

// certificateSlot is where a filter takes something of the certificate.
var certificateSlot = regexp.MustCompile(`\{\{\.[A-Za-z0-9]*\}\}`)

func (c *ClientCertificates) validate(bad func(path, format string, args ...any)) {
	if c == nil {
		return
	}
	if (len(c.By) == 0) == (c.Filter == "") {
		bad("client_certificates", "name either by: or filter:")
	}
	for i, rule := range c.By {
		if !slices.Contains(certificateRules, rule) {
			bad(fmt.Sprintf("client_certificates.by[%d]", i), "%q is not one of %s", rule, strings.Join(certificateRules, ", "))
		}
	}
	if c.Filter == "" {
		return
	}
	known := slices.Sorted(maps.Keys(slots(&x509.Certificate{})))
	found := certificateSlot.FindAllString(c.Filter, -1)
	for _, slot := range found {
		if !slices.Contains(known, slot) {
			bad("client_certificates.filter", "%s is not one of %s", slot, strings.Join(known, ", "))
		}
	}
	if _, err := goldap.CompileFilter(certificateSlot.ReplaceAllString(c.Filter, "x")); err != nil || len(found) == 0 {
		bad("client_certificates.filter", "%q is not an LDAP filter with something of the certificate in it, such as (mail={{.Email}})", c.Filter)
	}
}

// slots is what a filter may take of a certificate; what it lacks is empty.
// Digests and numbers are hexadecimal, in lower case.
func slots(cert *x509.Certificate) map[string]string {
	sum1, sum256 := sha1.Sum(cert.Raw), sha256.Sum256(cert.Raw)
	serial := ""
	if cert.SerialNumber != nil {
		serial = hex.EncodeToString(cert.SerialNumber.Bytes())
	}
	return map[string]string{
		"{{.CommonName}}":   cert.Subject.CommonName,
		"{{.Email}}":        only(cert.EmailAddresses),
		"{{.UPN}}":          only(principalNames(cert)),
		"{{.Serial}}":       serial,
		"{{.SubjectKeyID}}": hex.EncodeToString(cert.SubjectKeyId),
		"{{.SHA1}}":         hex.EncodeToString(sum1[:]),
		"{{.SHA256}}":       hex.EncodeToString(sum256[:]),
	}
}

// only is the one value of a list, and empty when there are several to choose from.
func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

var errNoRule = errors.New("directory.client_certificates is not configured")

// Holder returns the entry that a client certificate belongs to, whose chain and
// key the TLS handshake has proved. Its errors are those of Lookup.
func (d *Directory) Holder(ctx context.Context, cert *x509.Certificate) (*gateway.Identity, error) {
	if d.config.ClientCertificates == nil {
		return nil, d.unavailable(&misfit{errNoRule.Error()})
	}
	if now := d.now(); now.After(cert.NotAfter) || now.Before(cert.NotBefore) { // the connection outlived it
		return nil, refused(&Refusal{Reason: ReasonCertificate, Detail: "it is not valid now"})
	}
	sum := sha256.Sum256(cert.Raw)
	key := d.memory.digest(ofCertificate, string(sum[:]), "")
	if identity, err, known := d.remembered(key); known {
		return identity, err
	}
	return d.share(ctx, key, func(ctx context.Context) (*gateway.Identity, error) {
		return d.conclude(ctx, key, func(ctx context.Context) (accepted, error) {
			return d.vouched(ctx, func(ctx context.Context, conn *conn) (*goldap.Entry, *profile, error) {
				return d.holder(ctx, conn, cert)
			})
		})
	})
}

// holder finds the entry by the rule, and holds it against the certificate.
func (d *Directory) holder(ctx context.Context, conn *conn, cert *x509.Certificate) (*goldap.Entry, *profile, error) {
	p := conn.server.known()
	if p == nil {
		return nil, nil, errLost
	}
	search, err := d.certificateSearch(p, cert)
	if err != nil {
		return nil, nil, err
	}
	user, err := d.one(ctx, conn, p, search.base, search.scope, search.filter)
	if r, ok := errors.AsType[*Refusal](err); ok && r.Detail == "" {
		r.Detail = search.words
	}
	if err == nil && d.config.ClientCertificates.Pinned && !holds(user, cert) {
		err = &Refusal{Reason: ReasonCertificate, DN: user.DN, Detail: "the entry's userCertificate does not hold it"}
	}
	return user, p, err
}

// holds reports whether the entry has this very certificate.
func holds(user *goldap.Entry, cert *x509.Certificate) bool {
	for _, a := range user.Attributes {
		name, _, _ := strings.Cut(a.Name, ";")
		if strings.EqualFold(name, "userCertificate") && slices.ContainsFunc(a.ByteValues, func(v []byte) bool { return string(v) == string(cert.Raw) }) {
			return true
		}
	}
	return false
}

// entrySearch is where to look for an entry, and why.
type entrySearch struct {
	base   string
	scope  int
	filter string
	words  string
}

// certificateSearch makes the search that finds a certificate's entry.
func (d *Directory) certificateSearch(p *profile, cert *x509.Certificate) (entrySearch, error) {
	rules := d.config.ClientCertificates
	s := entrySearch{base: p.userBase(&d.config), scope: d.userScope()}
	if rules.Filter != "" {
		filter, ok := fillSlots(rules.Filter, slots(cert))
		if !ok {
			return s, &Refusal{Reason: ReasonCertificate, Detail: "it lacks what client_certificates.filter takes of it, or has it more than once"}
		}
		s.filter, s.words = allOf(d.config.UserSearch.Filter, filter), filter
		return s, nil
	}
	for _, rule := range rules.By {
		if rule == bySubject && len(cert.RawSubject) > 0 {
			return d.subjectSearch(s, cert)
		}
		attributes, values := p.certificateValues(&d.config, rule, cert)
		if len(values) == 0 {
			continue
		}
		var parts []string
		for _, a := range attributes {
			for _, v := range values {
				parts = append(parts, equality(a, v))
			}
		}
		s.filter, s.words = allOf(d.config.UserSearch.Filter, anyOf(parts)), anyOf(parts)
		return s, nil
	}
	return s, &Refusal{Reason: ReasonCertificate, Detail: "it has none of " + strings.Join(rules.By, ", ")}
}

// certificateValues is what a rule compares: attributes of the entry with values
// of the certificate.
func (p *profile) certificateValues(c *Config, rule string, cert *x509.Certificate) (attributes, values []string) {
	switch rule {
	case byUPN:
		return []string{"userPrincipalName"}, principalNames(cert)
	case byEmail:
		return []string{"mail"}, cert.EmailAddresses
	case byCommonName:
		if cert.Subject.CommonName != "" {
			return p.usernameAttributes(c), []string{cert.Subject.CommonName}
		}
	}
	return nil, nil
}

// subjectSearch looks at the entry whose name is the subject, if that lies where
// users do.
func (d *Directory) subjectSearch(s entrySearch, cert *x509.Certificate) (entrySearch, error) {
	subject, err := subjectDN(cert)
	if err != nil {
		return s, &Refusal{Reason: ReasonCertificate, Detail: err.Error()}
	}
	base, err := NormalizeDN(s.base)
	if err == nil && !strings.HasSuffix(subject, ","+base) {
		return s, &Refusal{Reason: ReasonUnknown, Detail: "the subject " + subject + " is not below " + base}
	}
	return entrySearch{subject, goldap.ScopeBaseObject, d.config.UserSearch.Filter, subject}, nil
}

// subjectDN is the subject as a normalised distinguished name.
func subjectDN(cert *x509.Certificate) (string, error) {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(cert.RawSubject, &rdns); err != nil || len(rest) > 0 {
		return "", errors.New("its subject cannot be read")
	}
	var names []string
	for _, rdn := range slices.Backward(rdns) { // RFC 4514 §2.1: the last one first
		var pairs []string
		for _, a := range rdn {
			text, ok := a.Value.(string)
			if !ok {
				return "", fmt.Errorf("its subject holds %v, which is no text", a.Type)
			}
			pairs = append(pairs, a.Type.String()+"="+goldap.EscapeDN(text))
		}
		names = append(names, strings.Join(pairs, "+"))
	}
	return NormalizeDN(strings.Join(names, ","))
}

// fillSlots puts escaped values into a filter; false when one is missing.
func fillSlots(filter string, values map[string]string) (string, bool) {
	whole := true
	filled := certificateSlot.ReplaceAllStringFunc(filter, func(slot string) string {
		value := values[slot]
		whole = whole && value != ""
		return goldap.EscapeFilter(value)
	})
	return filled, whole
}

var (
	oidAltName       = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidPrincipalName = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
)

// principalNames are the user principal names among the subject's alternative
// names: otherName of a Microsoft type (RFC 5280 §4.2.1.6).
func principalNames(cert *x509.Certificate) []string {
	var names []string
	for _, e := range cert.Extensions {
		if !e.Id.Equal(oidAltName) {
			continue
		}
		var all asn1.RawValue
		if rest, err := asn1.Unmarshal(e.Value, &all); err != nil || len(rest) > 0 {
			return nil
		}
		for rest := all.Bytes; len(rest) > 0; {
			var one asn1.RawValue
			var err error
			if rest, err = asn1.Unmarshal(rest, &one); err != nil {
				return nil
			}
			if name := principalName(one); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// principalName reads one alternative name; empty when it is of another kind.
func principalName(name asn1.RawValue) string {
	if name.Class != asn1.ClassContextSpecific || name.Tag != 0 {
		return ""
	}
	var kind asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(name.Bytes, &kind)
	if err != nil || !kind.Equal(oidPrincipalName) {
		return ""
	}
	var wrapped asn1.RawValue
	if _, err := asn1.Unmarshal(rest, &wrapped); err != nil || wrapped.Class != asn1.ClassContextSpecific || wrapped.Tag != 0 {
		return ""
	}
	var text string
	if _, err := asn1.UnmarshalWithParams(wrapped.Bytes, &text, "utf8"); err != nil {
		return ""
	}
	return text
}
