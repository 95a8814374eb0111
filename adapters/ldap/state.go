package ldap

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// Refusal is why a login was refused: for the audit trail only. It travels as
// the cause of a fault whose sentence is the same for every reason, since each
// of them would tell a guesser something.
type Refusal struct {
	Reason Reason
	DN     string // of the entry, as the directory has it, when one was found
	Detail string // what the directory said, or empty
}

// Error renders reason, entry and detail.
func (r *Refusal) Error() string {
	text := string(r.Reason)
	if r.DN != "" {
		text += fmt.Sprintf(" (%s)", r.DN)
	}
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	return text
}

// Reason is a short phrase.
type Reason string

// The reasons.
const (
	ReasonEmpty      Reason = "empty user name or password"
	ReasonCharacters Reason = "control characters, invalid UTF-8 or excessive length in user name or password"
	ReasonUnknown    Reason = "no such user"
	ReasonAmbiguous  Reason = "several entries with this user name"
	ReasonPassword   Reason = "wrong password"
	ReasonLocked     Reason = "account locked"
	ReasonExpired    Reason = "password expired"
	ReasonMustChange Reason = "password must be changed"
	ReasonDisabled   Reason = "account disabled"
	ReasonAccountEnd Reason = "account expired"
	ReasonHours      Reason = "not at this hour"
	ReasonPlace      Reason = "not from this workstation"
	ReasonGuard      Reason = "too many wrong passwords lately; the directory was not asked"
	ReasonRepeated   Reason = "refused a moment ago with the same password; the directory was not asked"
	ReasonDirectory  Reason = "refused by the directory"
	// ReasonCertificate is of a client certificate.
	ReasonCertificate Reason = "the certificate belongs to no entry"
)

// Active Directory hides the state in the diagnostic message of code 49. But
// for a wrong password and a lock, the states show with the right password only.
var adState = regexp.MustCompile(`AcceptSecurityContext error, data ([0-9a-fA-F]+)`)

var adReasons = map[string]Reason{
	"525": ReasonUnknown, "52e": ReasonPassword, "530": ReasonHours, "531": ReasonPlace, "532": ReasonExpired,
	"533": ReasonDisabled, "701": ReasonAccountEnd, "773": ReasonMustChange, "775": ReasonLocked,
}

// Errors of the password policy control (draft-behera-ldap-password-policy §6.2).
var policyReasons = map[int8]Reason{0: ReasonExpired, 1: ReasonLocked, 2: ReasonMustChange}

// policyReason reads the control of a bind's answer; empty when there is
// nothing against the login.
func policyReason(controls []goldap.Control) Reason {
	c, ok := goldap.FindControl(controls, goldap.ControlTypeBeheraPasswordPolicy).(*goldap.ControlBeheraPasswordPolicy)
	if !ok {
		return ""
	}
	return policyReasons[c.Error]
}

// bindReason tells why a bind was refused, or is empty when the code is not a
// refusal but a breakdown.
func bindReason(err *goldap.Error, controls []goldap.Control) Reason {
	switch err.ResultCode {
	case goldap.LDAPResultInvalidCredentials:
		return credentialsReason(err, controls)
	case goldap.LDAPResultNoSuchObject, goldap.LDAPResultInvalidDNSyntax:
		return ReasonUnknown
	case goldap.LDAPResultInappropriateAuthentication, goldap.LDAPResultConstraintViolation,
		goldap.LDAPResultInsufficientAccessRights:
		return ReasonDirectory
	case goldap.LDAPResultUnwillingToPerform:
		// 389 Directory Server says so of an inactivated account; of anything
		// else it is the server that has a problem.
		if strings.Contains(strings.ToLower(err.Err.Error()), "account") {
			return ReasonDisabled
		}
	}
	return ""
}

func credentialsReason(err *goldap.Error, controls []goldap.Control) Reason {
	if m := adState.FindStringSubmatch(err.Err.Error()); m != nil {
		if r, ok := adReasons[strings.ToLower(m[1])]; ok {
			return r
		}
	}
	if r := policyReason(controls); r != "" {
		return r
	}
	return ReasonPassword
}

// Flags of userAccountControl ([MS-ADTS] §2.2.16).
const (
	disabledFlag     = 0x2     // ACCOUNTDISABLE
	neverExpiresFlag = 0x10000 // DONT_EXPIRE_PASSWORD
)

// standingAttributes say what state an account is in, where no bind does.
var standingAttributes = []string{"accountExpires", "nsAccountLock", "pwdAccountLockedTime", "lockoutTime", "pwdLastSet", "pwdReset"}

// lockedForGood is pwdAccountLockedTime of an account that an administrator
// locked (draft-behera-ldap-password-policy §5.3.3).
const lockedForGood = "000001010000Z"

// standing tells what an entry says against its account, or nothing. A lock by
// wrong passwords is none: it would let anybody shut a sender out that does not
// use its password.
func (d *Directory) standing(user *goldap.Entry) Reason {
	if strings.EqualFold(user.GetEqualFoldAttributeValue("nsAccountLock"), "true") {
		return ReasonDisabled
	}
	if user.GetEqualFoldAttributeValue("pwdAccountLockedTime") == lockedForGood {
		return ReasonLocked
	}
	ticks, err := strconv.ParseInt(user.GetEqualFoldAttributeValue("accountExpires"), 10, 64)
	if err != nil || ticks == 0 || ticks == math.MaxInt64 { // never, [MS-ADA1] §2.2
		return ""
	}
	if fileTime(ticks).Before(d.now()) {
		return ReasonAccountEnd
	}
	return ""
}

// condition tells what an entry says of its account that does not keep whoever is
// vouched for out, but a login by password, perhaps: how long a lock lasts is the
// directory's to know. Empty: nothing.
func (d *Directory) condition(user *goldap.Entry) string {
	var parts []string
	value := user.GetEqualFoldAttributeValue
	flags := number(value("userAccountControl"))
	if flags&disabledFlag != 0 {
		parts = append(parts, "disabled, which account_state.check_user_account_control says to pass over")
	}
	if ticks := number(value("lockoutTime")); ticks > 0 {
		parts = append(parts, lockedAt(fileTime(ticks)))
	}
	if at, err := time.Parse("20060102150405Z0700", value("pwdAccountLockedTime")); err == nil {
		parts = append(parts, lockedAt(at))
	}
	if value("pwdLastSet") == "0" && flags&neverExpiresFlag == 0 || strings.EqualFold(value("pwdReset"), "true") {
		parts = append(parts, string(ReasonMustChange))
	}
	if ticks := number(value("accountExpires")); ticks > 0 && ticks != math.MaxInt64 {
		parts = append(parts, "expires at "+shownTime(fileTime(ticks)))
	}
	return strings.Join(parts, "; ")
}

func lockedAt(at time.Time) string {
	return "locked after wrong passwords at " + shownTime(at) + ", unless that is over"
}

func shownTime(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// number reads an attribute's value; zero when it is none.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// fileTime reads 100 ns since 1601 ([MS-DTYP] §2.3.3).
func fileTime(ticks int64) time.Time {
	const perSecond, before1970 = 10_000_000, 11_644_473_600
	return time.Unix(ticks/perSecond-before1970, ticks%perSecond*100)
}

// An outage is a server that cannot answer now: another one may.
type outage struct {
	doing string
	err   error
	local bool // the gateway's own limit; the server is not to blame
}

func (o *outage) Error() string { return o.doing + ": " + o.err.Error() }
func (o *outage) Unwrap() error { return o.err }

// A misfit is a directory that answers, but not as configured: no other server
// will do better, and somebody must act.
type misfit struct{ message string }

func (m *misfit) Error() string { return m.message }

func isOutage(err error) bool {
	_, ok := errors.AsType[*outage](err)
	return ok
}
