package httpdoor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestPeer(t *testing.T) {
	inside := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	forwarded := http.Header{
		"X-Forwarded-For":   {"203.0.113.9, 198.51.100.7"},
		"X-Forwarded-Proto": {"https"},
		"X-Forwarded-Host":  {"orders.example.com"},
	}
	with := func(name, value string) http.Header {
		h := forwarded.Clone()
		h.Set(name, value)
		return h
	}
	tests := []struct {
		name   string
		public string
		remote string
		host   string
		tls    bool
		header http.Header
		want   Peer
	}{
		{"direct", "", "192.0.2.1:5", "gw:8443", true, nil, Peer{Remote: "192.0.2.1:5", Base: "https://gw:8443", Secure: true}},
		{"direct in clear", "", "192.0.2.1:5", "gw", false, nil, Peer{Remote: "192.0.2.1:5", Base: "http://gw"}},
		{"untrusted peer", "", "192.0.2.1:5", "gw", false, forwarded, Peer{Remote: "192.0.2.1:5", Base: "http://gw"}},
		{"trusted proxy", "", "10.1.2.3:5", "gw", false, forwarded, Peer{Remote: "198.51.100.7", Base: "https://orders.example.com", Secure: true}},
		{"trusted proxy over IPv6", "", "[fd00::1]:5", "gw", false, forwarded, Peer{Remote: "198.51.100.7", Base: "https://orders.example.com", Secure: true}},
		{"mapped IPv4", "", "[::ffff:10.1.2.3]:5", "gw", false, forwarded, Peer{Remote: "198.51.100.7", Base: "https://orders.example.com", Secure: true}},
		{"chain of proxies", "", "10.1.2.3:5", "gw", false, with("X-Forwarded-For", "evil, 198.51.100.7, 10.9.9.9"), Peer{Remote: "198.51.100.7", Base: "https://orders.example.com", Secure: true}},
		{"nonsense in the chain", "", "10.1.2.3:5", "gw", false, with("X-Forwarded-For", "<script>"), Peer{Remote: "10.1.2.3:5", Base: "https://orders.example.com", Secure: true}},
		{"in clear before the proxy", "", "10.1.2.3:5", "gw", true, with("X-Forwarded-Proto", "http"), Peer{Remote: "198.51.100.7", Base: "http://orders.example.com"}},
		{"prefix and port", "", "10.1.2.3:5", "gw", false,
			http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Port": {"8443"}, "X-Forwarded-Prefix": {"/gate/"}},
			Peer{Remote: "10.1.2.3:5", Base: "https://gw:8443/gate", Secure: true}},
		{"forged host list", "", "10.1.2.3:5", "gw", false, with("X-Forwarded-Host", "evil.example, orders.example.com"), Peer{Remote: "198.51.100.7", Base: "https://orders.example.com", Secure: true}},
		{"injected prefix", "", "10.1.2.3:5", "gw", false, with("X-Forwarded-Prefix", `/"><x`), Peer{Remote: "198.51.100.7", Secure: true}},
		{"prefix that is a host", "", "10.1.2.3:5", "gw", false, with("X-Forwarded-Prefix", "//evil"), Peer{Remote: "198.51.100.7", Secure: true}},
		{"injected host", "", "192.0.2.1:5", `evil"/><x`, true, nil, Peer{Remote: "192.0.2.1:5", Secure: true}},
		{"public URL wins", "https://api.example.com/in", "192.0.2.1:5", "evil", false, forwarded, Peer{Remote: "192.0.2.1:5", Base: "https://api.example.com/in"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr, r.Host, r.Header, r.TLS = tt.remote, tt.host, tt.header, nil
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			a := addresses{public: tt.public, trusted: inside}
			if got := a.of(r); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestPeerIsLocal(t *testing.T) {
	tests := []struct {
		name   string
		local  string
		header http.Header
		want   bool
	}{
		{"loopback", "127.0.0.1:80", nil, true},
		{"loopback IPv6", "[::1]:80", nil, true},
		{"another interface", "192.0.2.1:80", nil, false},
		{"through a proxy nobody vouched for", "127.0.0.1:80", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, false},
		{"RFC 7239", "127.0.0.1:80", http.Header{"Forwarded": {"for=203.0.113.9"}}, false},
		{"a proxy that hides the caller", "127.0.0.1:80", http.Header{"Via": {"1.1 front"}}, false},
		{"a proxy with little to say", "127.0.0.1:80", http.Header{"X-Forwarded-For": {""}}, false},
		{"a proxy with a word of its own", "127.0.0.1:80", http.Header{"X-Real-Ip": {"203.0.113.9"}}, false},
		{"a proxy that keeps the host", "127.0.0.1:80", http.Header{"X-Forwarded-Host": {"gate.example"}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr, err := net.ResolveTCPAddr("tcp", tt.local)
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(addr))
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
			if tt.header != nil {
				r.Header = tt.header
			}
			if got := (&addresses{}).of(r); got.Local != tt.want {
				t.Errorf("local is %v, want %v", got.Local, tt.want)
			}
		})
	}
}

func TestSaneHost(t *testing.T) {
	tests := map[string]bool{
		"gw": true, "gw:8443": true, "orders.example.com": true, "192.0.2.1:80": true, "[::1]": true, "[2001:db8::1]:8443": true, "under_score.local": true,
		"": false, ":80": false, "gw:": false, "gw:0": false, "gw:99999": false, "gw:80:80": false, "gw/path": false, "user@gw": false, "gw?x": false,
		"gw#x": false, `gw"`: false, "gw<": false, "gw ": false, "gw\n": false, "[::1": false, "::1": false, "[gw]": false, "[fe80::1%25eth0]": false,
		"gw%00": false, "bücher.example": false, strings.Repeat("a", 256): false,
	}
	for host, want := range tests {
		if got := SaneHost(host); got != want {
			t.Errorf("SaneHost(%q) = %v, want %v", host, got, want)
		}
	}
}
