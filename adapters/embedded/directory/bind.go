package directory

import (
	"crypto/subtle"
	"fmt"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Sub-codes of a refused bind in Active Directory, and what they are to the
// password policy control (draft-behera-ldap-password-policy §6.2).
const (
	stateWrong      = "52e"
	stateExpired    = "532"
	stateMustChange = "773"
	stateLocked     = "775"
	noPolicy        = -1
)

// verdict is the answer to a bind.
type verdict struct {
	code       int
	diagnostic string
	policy     int // error of the password policy control, or noPolicy
}

func (ss *session) bind(r *request) {
	ss.bound = nil // RFC 4511 §4.2.1: whatever comes, the old identity is gone
	name, auth := octets(child(r.op, 1)), child(r.op, 2)
	v := verdict{code: ldap.LDAPResultAuthMethodNotSupported, policy: noPolicy}
	if auth.ClassType == ber.ClassContext && auth.Tag == 0 {
		ss.server.countBind(name)
		v = ss.simpleBind(name, octets(auth))
	}
	var controls []*ber.Packet
	if v.policy != noPolicy && hasControl(r.controls, ldap.ControlTypeBeheraPasswordPolicy) {
		controls = append(controls, policyControl(v.policy))
	}
	ss.send(r, result(ldap.ApplicationBindResponse, v.code, v.diagnostic), controls...)
}

func (ss *session) simpleBind(name, password string) verdict {
	switch {
	case name == "" && password == "":
		return verdict{policy: noPolicy}
	case password == "": // RFC 4513 §5.1.2: an unauthenticated bind is refused
		return verdict{resultUnwilled, "unauthenticated bind (DN with no password) disallowed", noPolicy}
	}
	t := ss.server.contents()
	n := t.account(name)
	if n == nil || !samePassword(n, password) {
		return t.refuse(stateWrong)
	}
	switch state := n.first("accountstate"); {
	case state == stateMustChange && !t.ad: // only the control tells
		ss.bound = n
		return verdict{policy: 2}
	case state != "":
		return t.refuse(state)
	}
	ss.bound = n
	return verdict{policy: noPolicy}
}

func samePassword(n *node, password string) bool {
	want := n.first("userpassword")
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
}

func (t *tree) refuse(state string) verdict {
	v := verdict{code: ldap.LDAPResultInvalidCredentials, policy: noPolicy}
	if t.ad {
		v.diagnostic = fmt.Sprintf("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data %s, v1db1", state)
		return v
	}
	switch state {
	case stateExpired:
		v.policy = 0
	case stateLocked:
		v.policy = 1
	}
	return v
}
