package ldap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"
)

// part is an attribute description with a range: which of its values have come
// ([MS-ADTS] §3.1.1.3.1.3.3).
type part struct {
	name  string // without the range, other options included
	first int
	last  int
	whole bool // these are the last ones
}

// parsePart reads memberOf;range=0-1499, or memberOf;range=1500-* of the last part.
func parsePart(description string) (p part, ok bool) {
	options := strings.Split(description, ";")
	at := slices.IndexFunc(options, func(o string) bool { return len(o) > 6 && strings.EqualFold(o[:6], "range=") })
	if at < 1 {
		return p, false
	}
	first, last, _ := strings.Cut(options[at][6:], "-")
	p.name = strings.Join(slices.Delete(options, at, at+1), ";")
	p.whole = last == "*"
	var err error
	if p.first, err = strconv.Atoi(first); err != nil || p.first < 0 {
		return p, false
	}
	if !p.whole {
		p.last, err = strconv.Atoi(last)
	}
	return p, err == nil && p.name != "" && (p.whole || p.last >= p.first)
}

// complete fetches the rest of attributes of which the server sent a part: Active
// Directory sends 1,500 values, or as many as its policy says, and waits to be
// asked for more. The entry has them under their own names then. Of one attribute
// it takes little more than limit values.
func (c *conn) complete(ctx context.Context, entry *goldap.Entry, limit int) error {
	for i, a := range entry.Attributes {
		p, ok := parsePart(a.Name)
		if !ok {
			continue
		}
		whole := &goldap.EntryAttribute{Name: p.name, Values: slices.Clone(a.Values), ByteValues: slices.Clone(a.ByteValues)}
		for !p.whole && len(whole.Values) <= limit {
			next, more, err := c.after(ctx, entry.DN, p)
			if err != nil {
				return err
			}
			whole.Values, whole.ByteValues = append(whole.Values, more.Values...), append(whole.ByteValues, more.ByteValues...)
			p = next
		}
		entry.Attributes[i] = whole
	}
	// Beside a part stands the attribute itself, without values.
	entry.Attributes = slices.DeleteFunc(entry.Attributes, func(a *goldap.EntryAttribute) bool { return len(a.Values) == 0 })
	return nil
}

// parts hands the values of an attribute to take, part by part as the server gives
// them, as long as it wants more.
func (c *conn) parts(ctx context.Context, entry *goldap.Entry, attribute string, take func(values []string) (more bool, err error)) error {
	for _, a := range entry.Attributes {
		p, ranged := parsePart(a.Name)
		if !ranged {
			p = part{name: a.Name, whole: true}
		}
		if !strings.EqualFold(p.name, attribute) {
			continue
		}
		for {
			more, err := take(a.Values)
			if err != nil || !more {
				return err
			}
			if p.whole {
				break
			}
			if p, a, err = c.after(ctx, entry.DN, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// after asks for the part that follows p. A server that answers with another, or
// with none, would be asked for ever.
func (c *conn) after(ctx context.Context, dn string, p part) (part, *goldap.EntryAttribute, error) {
	asked := fmt.Sprintf("%s;range=%d-*", p.name, p.last+1)
	request := goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{asked}, nil)
	result, err := c.search(ctx, request)
	if err != nil {
		return p, nil, err
	}
	if len(result.Entries) == 0 {
		return p, nil, &Refusal{Reason: ReasonUnknown, Detail: "the entry is gone"}
	}
	for _, a := range result.Entries[0].Attributes {
		next, ok := parsePart(a.Name)
		if ok && strings.EqualFold(next.name, p.name) && next.first == p.last+1 && (next.whole || len(a.Values) > 0) {
			return next, a, nil
		}
	}
	return p, nil, &misfit{fmt.Sprintf("%s: the server has more values of %s in %q and does not send %s", c.server.url, p.name, dn, asked)}
}
