package ldap

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"
)

// shortTypes are the attribute types that servers and people write in more than
// one way (RFC 4514 §3, RFC 4519).
var shortTypes = map[string]string{
	"2.5.4.3": "cn", "commonname": "cn",
	"2.5.4.4": "sn", "surname": "sn",
	"2.5.4.5": "serialnumber",
	"2.5.4.6": "c", "countryname": "c",
	"2.5.4.7": "l", "localityname": "l",
	"2.5.4.8": "st", "stateorprovincename": "st",
	"2.5.4.9": "street", "streetaddress": "street",
	"2.5.4.10": "o", "organizationname": "o",
	"2.5.4.11": "ou", "organizationalunitname": "ou",
	"0.9.2342.19200300.100.1.1": "uid", "userid": "uid",
	"0.9.2342.19200300.100.1.25": "dc", "domaincomponent": "dc",
	"1.2.840.113549.1.9.1": "emailaddress", "email": "emailaddress",
}

// NormalizeDN returns the one form in which distinguished names are compared,
// kept and shown (RFC 4514, RFC 4518): attribute types by their short names,
// everything in lower case, runs of spaces as one, escapes as \, rather than
// \2C, multi-valued RDNs sorted. An empty name is an error.
func NormalizeDN(dn string) (string, error) {
	if !utf8.ValidString(dn) {
		return "", errors.New("a distinguished name that is not UTF-8")
	}
	parsed, err := goldap.ParseDN(dn)
	if err != nil {
		return "", fmt.Errorf("%q is not a distinguished name: %w", dn, err)
	}
	if len(parsed.RDNs) == 0 {
		return "", errors.New("an empty distinguished name")
	}
	rdns := make([]string, len(parsed.RDNs))
	for i, rdn := range parsed.RDNs {
		pairs := make([]string, len(rdn.Attributes))
		for j, a := range rdn.Attributes {
			name, err := shortType(a.Type)
			if err != nil {
				return "", fmt.Errorf("%q is not a distinguished name: %w", dn, err)
			}
			pairs[j] = name + "=" + normalValue(a.Value)
		}
		slices.Sort(pairs)
		rdns[i] = strings.Join(pairs, "+")
	}
	return strings.Join(rdns, ","), nil
}

func shortType(name string) (string, error) {
	name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "oid.")
	if name == "" || strings.Trim(name, attributeLetters) != "" {
		return "", fmt.Errorf("%q is no attribute type", name)
	}
	if short, ok := shortTypes[name]; ok {
		return short, nil
	}
	return name, nil
}

// foldSpace is caseIgnoreMatch without the Unicode normalisation form: lower
// case, outer spaces gone, inner runs as one.
func foldSpace(s string) string { return strings.ToLower(oneSpace(s)) }

// oneSpace returns s without outer spaces and with inner runs of them as one;
// most names are that already, and are not copied.
func oneSpace(s string) string {
	before := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' || c == ' ' && before == ' ' {
			return strings.Join(strings.Fields(s), " ")
		}
		before = c
	}
	return strings.TrimSuffix(s, " ")
}

// normalValue folds and escapes a value. One that is not text is compared byte
// by byte: folding would make all of its bytes the same.
func normalValue(value string) string {
	if utf8.ValidString(value) {
		return escapeValue(foldSpace(value))
	}
	var b strings.Builder
	for _, c := range []byte(value) {
		b.WriteString(hexEscape(c))
	}
	return b.String()
}

func hexEscape(c byte) string { return `\` + hex.EncodeToString([]byte{c}) }

// escapeValue escapes what RFC 4514 §2.4 demands, the equals sign, which Samba
// reads in no other way, and characters that would not print; letters of any script
// stay as they are.
func escapeValue(value string) string {
	var b strings.Builder
	for i, r := range value {
		switch {
		case strings.ContainsRune(`"+,;<=>\`, r), i == 0 && r == '#':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7F:
			b.WriteString(hexEscape(byte(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// bindable escapes a value for a name that is sent as it is written here.
func bindable(value string) string { return strings.ReplaceAll(goldap.EscapeDN(value), "=", `\=`) }

// firstValue is the value of the leftmost attribute of a name: what people call
// the group. It is empty for what is no name.
func firstValue(dn string) string {
	parsed, err := goldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) == 0 || len(parsed.RDNs[0].Attributes) == 0 {
		return ""
	}
	return parsed.RDNs[0].Attributes[0].Value
}

// equality is the filter (attribute=value) with the value escaped (RFC 4515 §3).
func equality(attribute, value string) string {
	return "(" + attribute + "=" + goldap.EscapeFilter(value) + ")"
}

// binaryEquality is the filter for a value that is not text.
func binaryEquality(attribute string, value []byte) string {
	var b strings.Builder
	b.WriteString("(" + attribute + "=")
	for _, c := range value {
		b.WriteString(hexEscape(c))
	}
	return b.String() + ")"
}

// anyOf is the filter that takes what one of the parts takes.
func anyOf(parts []string) string { return "(|" + strings.Join(parts, "") + ")" }

// allOf is the filter that takes what all parts take.
func allOf(parts ...string) string { return "(&" + strings.Join(parts, "") + ")" }
