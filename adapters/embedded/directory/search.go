package directory

import (
	"strconv"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// query is a SearchRequest (RFC 4511 §4.5.1).
type query struct {
	base       string
	scope      int64
	size       int
	filter     filter
	attributes []string
}

func readQuery(op *ber.Packet) (q query, ok bool) {
	if len(op.Children) < 8 {
		return q, false
	}
	scope, ok1 := op.Children[1].Value.(int64)
	size, ok2 := op.Children[3].Value.(int64)
	q = query{base: octets(op.Children[0]), scope: scope, size: int(size), filter: compile(op.Children[6])}
	for _, a := range op.Children[7].Children {
		q.attributes = append(q.attributes, octets(a))
	}
	return q, ok1 && ok2
}

func (ss *session) search(r *request) {
	q, ok := readQuery(r.op)
	switch {
	case !ok:
		ss.done(r, ldap.LDAPResultProtocolError, "malformed search")
	case q.base == "" && q.scope == scopeBase:
		ss.rootDSE(r)
	case ss.bound == nil && !ss.server.config.AnonymousSearch:
		ss.done(r, ldap.LDAPResultInsufficientAccessRights, "bind first")
	default:
		ss.find(r, q)
	}
}

func (ss *session) done(r *request, code int, diagnostic string, controls ...*ber.Packet) {
	ss.send(r, result(ldap.ApplicationSearchResultDone, code, diagnostic), controls...)
}

func (ss *session) rootDSE(r *request) {
	t := ss.server.contents()
	attributes := map[string][]string{
		"namingContexts":       {t.root},
		"supportedLDAPVersion": {"3"},
		"supportedControl":     {ldap.ControlTypePaging, ldap.ControlTypeBeheraPasswordPolicy},
		"supportedExtension":   {oidWhoAmI},
	}
	if ss.server.config.TLS != nil {
		attributes["supportedExtension"] = append(attributes["supportedExtension"], oidStartTLS)
	}
	if t.ad {
		attributes["supportedCapabilities"] = []string{oidADCapable}
		attributes["defaultNamingContext"] = []string{t.root}
	}
	ss.send(r, entryPacket(t, newNode(Entry{Attributes: attributes}), nil, 0))
	ss.done(r, resultOK, "")
}

func (ss *session) find(r *request, q query) {
	t := ss.server.contents()
	candidates, ok := t.below(q.base, q.scope)
	if !ok {
		ss.done(r, ldap.LDAPResultNoSuchObject, "")
		return
	}
	var hits []*node
	for _, n := range candidates {
		if t.match(n, q.filter) {
			hits = append(hits, n)
		}
	}
	if size, cookie, paged := paging(r.controls); paged {
		ss.page(r, q, hits, size, cookie)
		return
	}
	code := resultOK
	if limit := ss.sizeLimit(q.size); limit > 0 && len(hits) > limit {
		hits, code = hits[:limit], ldap.LDAPResultSizeLimitExceeded
	}
	ss.sendEntries(r, t, hits, q.attributes)
	ss.done(r, code, "")
}

func (ss *session) sizeLimit(asked int) int {
	own := ss.server.config.SizeLimit
	if asked > 0 && !ss.server.config.IgnoreSizeLimit && (own == 0 || asked < own) {
		return asked
	}
	return own
}

// page sends one page of hits, or of what the cookie stands for (RFC 2696 §3).
func (ss *session) page(r *request, q query, hits []*node, size int, cookie string) {
	if cookie != "" {
		hits = ss.pages[cookie]
		delete(ss.pages, cookie)
	}
	next := ""
	if size > 0 && len(hits) > size {
		next = "page-" + strconv.FormatInt(r.id, 10)
		ss.pages[next] = hits[size:]
		hits = hits[:size]
	}
	ss.sendEntries(r, ss.server.contents(), hits, q.attributes)
	control := ldap.NewControlPaging(0)
	control.SetCookie([]byte(next))
	ss.done(r, resultOK, "", control.Encode())
}

func (ss *session) sendEntries(r *request, t *tree, hits []*node, attributes []string) {
	for _, n := range hits {
		ss.send(r, entryPacket(t, n, attributes, ss.server.config.MaxValues))
	}
}
