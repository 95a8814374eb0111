package directory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// child is a part of a packet; an empty packet when there is none.
func child(p *ber.Packet, i int) *ber.Packet {
	if i < len(p.Children) && p.Children[i] != nil {
		return p.Children[i]
	}
	return &ber.Packet{}
}

// octets is the content of a primitive packet.
func octets(p *ber.Packet) string {
	if p.Data == nil {
		return ""
	}
	return p.Data.String()
}

func text(value string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, value, "")
}

func sequence(children ...*ber.Packet) *ber.Packet {
	p := ber.NewSequence("")
	for _, c := range children {
		p.AppendChild(c)
	}
	return p
}

// result is an LDAPResult (RFC 4511 §4.1.9).
func result(tag ber.Tag, code int, diagnostic string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	p.AppendChild(text(""))
	p.AppendChild(text(diagnostic))
	return p
}

func responseTag(op *ber.Packet) ber.Tag {
	switch op.Tag {
	case ldap.ApplicationSearchRequest:
		return ldap.ApplicationSearchResultDone
	case ldap.ApplicationExtendedRequest:
		return ldap.ApplicationExtendedResponse
	}
	return op.Tag + 1
}

// entryPacket is a SearchResultEntry with the attributes asked for (RFC 4511
// §4.5.1.8): none named means all that are not computed.
func entryPacket(t *tree, n *node, asked []string, most int) *ber.Packet {
	list := sequence()
	add := func(name string, values []string) {
		name, values = ranged(name, values, most)
		if len(values) > 0 {
			list.AppendChild(sequence(text(name), set(values)))
		}
	}
	if len(asked) == 0 || slices.Contains(asked, "*") {
		for key, a := range n.attributes {
			add(a.name, t.values(n, key))
		}
	}
	for _, name := range asked {
		if !strings.ContainsAny(name, "*+") || strings.Contains(name, rangeOption) {
			plain, _, _ := strings.Cut(name, rangeOption)
			add(name, t.values(n, plain))
		}
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(text(n.dn))
	p.AppendChild(list)
	return p
}

const rangeOption = ";range="

// ranged is the part of an attribute's values that is sent at once, by the name
// that says which ([MS-ADTS] §3.1.1.3.1.3.3); zero stands for no limit.
func ranged(name string, values []string, most int) (string, []string) {
	plain, asked, isPart := strings.Cut(name, rangeOption)
	if most == 0 || !isPart && len(values) <= most {
		return name, values
	}
	from, _, _ := strings.Cut(asked, "-")
	first, err := strconv.Atoi(from)
	if isPart && err != nil || first < 0 || first > len(values) {
		return name, nil
	}
	if rest := values[first:]; len(rest) <= most {
		return fmt.Sprintf("%s%s%d-*", plain, rangeOption, first), rest
	}
	return fmt.Sprintf("%s%s%d-%d", plain, rangeOption, first, first+most-1), values[first : first+most]
}

func set(values []string) *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	for _, v := range values {
		p.AppendChild(text(v))
	}
	return p
}

func hasControl(controls []*ber.Packet, oid string) bool {
	return slices.ContainsFunc(controls, func(c *ber.Packet) bool { return octets(child(c, 0)) == oid })
}

// paging reads the paged results control of a request.
func paging(controls []*ber.Packet) (size int, cookie string, ok bool) {
	for _, c := range controls {
		if octets(child(c, 0)) != ldap.ControlTypePaging {
			continue
		}
		value, err := ber.DecodePacketErr([]byte(octets(child(c, len(c.Children)-1))))
		if err != nil {
			return 0, "", false
		}
		n, isInt := child(value, 0).Value.(int64)
		return int(n), octets(child(value, 1)), isInt
	}
	return 0, "", false
}

// policyControl tells an error by the password policy response control.
func policyControl(code int) *ber.Packet {
	value := sequence(ber.NewInteger(ber.ClassContext, ber.TypePrimitive, 1, int64(code), ""))
	return sequence(text(ldap.ControlTypeBeheraPasswordPolicy), text(string(value.Bytes())))
}

// send writes one message. A peer that is gone is noticed by the next read.
func (ss *session) send(r *request, op *ber.Packet, controls ...*ber.Packet) {
	message := sequence(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, r.id, ""), op)
	if len(controls) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, c := range controls {
			list.AppendChild(c)
		}
		message.AppendChild(list)
	}
	_, _ = ss.conn.Write(message.Bytes())
}
