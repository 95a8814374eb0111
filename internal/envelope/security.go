package envelope

import (
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// passwordProfile starts the URIs of the password types (WSS UsernameToken
// Profile 1.0 §3.1).
const passwordProfile = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#"

// tokenAdvice says what is possible instead.
const tokenAdvice = "a wsse:UsernameToken with a password of type PasswordText over TLS, or HTTP Basic authentication over TLS"

const (
	namespaceSignature  = "http://www.w3.org/2000/09/xmldsig#"
	namespaceEncryption = "http://www.w3.org/2001/04/xmlenc#"
)

var (
	nameUsernameToken = document.Name{Space: NamespaceSecurity, Local: "UsernameToken"}
	nameUsername      = document.Name{Space: NamespaceSecurity, Local: "Username"}
	namePassword      = document.Name{Space: NamespaceSecurity, Local: "Password"}
	nameTimestamp     = document.Name{Space: NamespaceUtility, Local: "Timestamp"}
	nameBinaryToken   = document.Name{Space: NamespaceSecurity, Local: "BinarySecurityToken"}
	nameSignature     = document.Name{Space: namespaceSignature, Local: "Signature"}
)

// security reads the one Security block that is for us (WSS 1.0 §5), and its
// one UsernameToken. A Timestamp without a signature proves nothing and is
// passed over. That there is a signature is noted, and a certificate is that of
// one; every other token is refused, for it would not be verified.
func (p *peek) security() error {
	var block document.Node
	var err error
	p.each(nameSecurity, func(n document.Node) {
		if block.Exists() && err == nil {
			err = credentialsFault(n, "there is more than one Security header for this receiver", subcodeSecurity)
		}
		block = n
	})
	if err != nil || !block.Exists() {
		return err
	}
	var token, certificate document.Node
	for n := range block.Children() {
		switch {
		case n.Is(nameTimestamp):
		case n.Is(nameSignature):
			p.head.Signed = true
		case n.Is(nameBinaryToken):
			certificate = n
		case n.Name().Space == namespaceEncryption:
			return encrypted(n)
		case !n.Is(nameUsernameToken):
			return unsupported(n, n.Name().String())
		case token.Exists():
			return credentialsFault(n, "there is more than one UsernameToken", subcodeSecurity)
		default:
			token = n
		}
	}
	if certificate.Exists() && !p.head.Signed {
		return unsupported(certificate, certificate.Name().String())
	}
	if !token.Exists() {
		return nil
	}
	return p.token(token)
}

// token reads a UsernameToken, for the caller to verify.
func (p *peek) token(n document.Node) error {
	username, err := oneChild(n, nameUsername)
	if err != nil {
		return err
	}
	password, err := oneChild(n, namePassword)
	if err != nil {
		return err
	}
	digest, err := isDigest(password)
	if err != nil {
		return err
	}
	t := &UsernameToken{
		Username: strings.Clone(strings.Trim(username.Text(), " \t\r\n")),
		Password: strings.Clone(password.Text()),
		Digest:   digest,
	}
	if err := checkCredential(username, t.Username); err != nil {
		return err
	}
	if err := t.freshness(n); err != nil {
		return err
	}
	if digest {
		err = t.readDigest(n, password)
	} else {
		err = checkCredential(password, t.Password)
	}
	if err == nil {
		p.head.Token = t
	}
	return err
}

func oneChild(n document.Node, name document.Name) (document.Node, error) {
	child := n.Child(name)
	switch {
	case !child.Exists():
		return child, credentialsFault(n, "the UsernameToken has no "+name.Local, subcodeToken)
	case child.Next(name).Exists():
		return child, credentialsFault(child.Next(name), "the UsernameToken has more than one "+name.Local, subcodeToken)
	case child.FirstChild().Exists():
		return child, credentialsFault(child, name.Local+" must hold text only", subcodeToken)
	}
	return child, nil
}

// isDigest tells the two types of password apart, and refuses every other.
// PasswordText is also the default.
func isDigest(password document.Node) (bool, error) {
	kind, ok := password.Attr(document.Name{Local: "Type"})
	kind = strings.Trim(kind, " ")
	switch {
	case !ok, kind == passwordProfile+"PasswordText":
		return false, nil
	case kind == passwordProfile+"PasswordDigest":
		return true, nil
	}
	return false, unsupported(password, "a password of type "+clip(strings.TrimPrefix(kind, passwordProfile), 200))
}

// checkCredential refuses what no directory has as a name or password: nothing
// (an LDAP bind with an empty password succeeds as anonymous, RFC 4513 §5.1.2)
// and control characters. It never quotes the value.
func checkCredential(n document.Node, value string) error {
	switch {
	case value == "":
		return credentialsFault(n, n.Name().Local+" is empty", subcodeToken)
	case strings.IndexFunc(value, unicode.IsControl) >= 0:
		return credentialsFault(n, n.Name().Local+" holds a control character", subcodeToken)
	}
	return nil
}

func credentialsFault(n document.Node, message string, subcode document.Name) error {
	cause := &Cause{Subcodes: []document.Name{subcode}}
	return fault.New(fault.CodeCredentials, "").With(at(n, message)).Because(cause)
}

// encrypted refuses what was encrypted for us: nothing is decrypted here.
func encrypted(n document.Node) error {
	d := at(n, "nothing that is encrypted is read here")
	d.Found = clip(n.Name().String(), 200)
	cause := &Cause{Subcodes: []document.Name{{Space: NamespaceSecurity, Local: "UnsupportedAlgorithm"}}}
	return fault.New(fault.CodeTokenUnsupported, "the message is encrypted, which is not supported here; send it in clear, over TLS").With(d).Because(cause)
}

func unsupported(n document.Node, found string) error {
	d := at(n, "this cannot be verified here")
	d.Found, d.Expected = strings.Clone(found), tokenAdvice
	cause := &Cause{Subcodes: []document.Name{subcodeUnsupported}}
	return fault.New(fault.CodeTokenUnsupported, "this kind of security token is not supported; what is taken is %s", tokenAdvice).With(d).Because(cause)
}
