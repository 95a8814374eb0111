package httpdoor

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// Held answers with 304 a caller that has the document already. Caches may keep it
// and must ask whether it is still the one (RFC 9111 §5.2.2.4). False says that it
// is to be sent. A Cache-Control that is set already stays.
func (x *Exchange) Held(doc []byte) bool {
	tag := entityTag(doc)
	if header := x.W.Header(); header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-cache")
	}
	x.W.Header().Set("ETag", tag)
	if !holds(x.R.Header, tag) {
		return false
	}
	x.answered = true
	x.W.WriteHeader(http.StatusNotModified)
	return true
}

// entityTag names a document by its bytes (RFC 9110 §8.8.3): what it describes,
// address and this program's way of writing all show in them.
func entityTag(doc []byte) string {
	sum := sha256.Sum256(doc)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// holds reports whether the caller has the document already (RFC 9110 §13.1.2).
func holds(h http.Header, tag string) bool {
	for held := range strings.SplitSeq(strings.Join(h.Values("If-None-Match"), ","), ",") {
		held = strings.TrimPrefix(strings.TrimSpace(held), "W/")
		if held == tag || held == "*" {
			return true
		}
	}
	return false
}
