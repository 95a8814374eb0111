package httpdoor

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// Peer is who is at the other end, as far as it can be believed: what
// X-Forwarded-* headers say counts only when a trusted proxy says it. The
// Forwarded header of RFC 7239 is never believed: a proxy that writes
// X-Forwarded-* passes it on from its caller.
type Peer struct {
	Remote string // address of the caller, without a port where a proxy named it
	Base   string // scheme, host and prefix that the caller used; empty when not sane
	Secure bool   // no hop that is known of was in clear
	Local  bool   // came over the loopback interface and through no proxy
}

// addresses tells who a caller is and which URL it used.
type addresses struct {
	public  string // overrides what requests say; no trailing slash
	trusted []netip.Prefix
}

func (a *addresses) of(r *http.Request) Peer {
	proxied := a.trusts(r.RemoteAddr)
	p := Peer{Remote: r.RemoteAddr, Secure: r.TLS != nil, Local: onLoopback(r) && !isForwarded(r.Header)}
	host, prefix := r.Host, ""
	if proxied {
		p.Remote, host, prefix = a.client(r), forwardedHost(r), last(r.Header, "X-Forwarded-Prefix")
		if proto := last(r.Header, "X-Forwarded-Proto"); proto != "" {
			p.Secure = strings.EqualFold(proto, "https")
		}
	}
	p.Base = a.base(p.Secure, host, prefix, r)
	return p
}

// base is the URL up to the path, or empty when the host is none.
func (a *addresses) base(secure bool, host, prefix string, r *http.Request) string {
	if a.public != "" {
		return a.public
	}
	if host == "" { // HTTP/1.0 needs no Host
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			host = local.String()
		}
	}
	if !SaneHost(host) || !SanePrefix(prefix) {
		return ""
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	return scheme + "://" + host + strings.TrimRight(prefix, "/")
}

func (a *addresses) trusts(address string) bool {
	ip, ok := parseIP(address)
	if !ok {
		return false
	}
	for _, p := range a.trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// client walks X-Forwarded-For from the right, where the nearest proxy wrote,
// to the first address that is not a trusted proxy's.
func (a *addresses) client(r *http.Request) string {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if ip, ok := parseIP(hop); !ok {
			break
		} else if !a.trusts(hop) {
			return ip.String()
		}
	}
	return r.RemoteAddr
}

// parseIP takes an address with or without a port.
func parseIP(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return ip.Unmap().WithZone(""), err == nil
}

// last is the element of a list header that the nearest proxy wrote; what
// stands before it may come from the caller.
func last(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) == 0 {
		return ""
	}
	v := values[len(values)-1]
	return strings.TrimSpace(v[strings.LastIndexByte(v, ',')+1:])
}

func forwardedHost(r *http.Request) string {
	host := last(r.Header, "X-Forwarded-Host")
	if host == "" {
		host = r.Host
	}
	port := last(r.Header, "X-Forwarded-Port")
	named := strings.LastIndexByte(host, ':') > strings.IndexByte(host, ']')
	if named || port == "" || port == "443" || port == "80" {
		return host
	}
	return host + ":" + port
}

// isForwarded reports whether a proxy has left a trace, known or not.
func isForwarded(h http.Header) bool {
	for _, name := range [...]string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via"} {
		if len(h.Values(name)) > 0 {
			return true
		}
	}
	return false
}

func onLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	ip, ok := parseIP(local.String())
	return ok && ip.IsLoopback()
}

// SaneHost admits a host name, an IPv4 address or a bracketed IPv6 address,
// with or without a port: what it returns true for can be written into a WSDL.
func SaneHost(host string) bool {
	const longest = 255 // octets of a DNS name, RFC 1035 §2.3.4
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.IndexByte(host, ']') {
		if name, port = host[:i], host[i+1:]; !isPort(port) {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && ip.Is6() && ip.Zone() == "" && strings.HasSuffix(name, "]")
	}
	return name != "" && len(name) <= longest && consistsOf(name, "-._")
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// SanePrefix admits a path that needs no escaping in a URL or in XML.
func SanePrefix(prefix string) bool {
	return prefix == "" || prefix[0] == '/' && !strings.HasPrefix(prefix, "//") && consistsOf(prefix, "-._~/")
}

// consistsOf reports whether s has only ASCII letters, digits and the bytes of others.
func consistsOf(s, others string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alphanumeric && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}
