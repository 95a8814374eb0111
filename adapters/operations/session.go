package operations

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// sessions are the logins of people who are not asked for their password again with
// every command. A token says who somebody is and until when, signed with a key that
// this process makes and keeps to itself: the end of the process is the end of all of
// them. What he may do it does not say: that is asked of the directory each time.
//
// It is safe for concurrent use, and its memory is bounded.
type sessions struct {
	now func() time.Time
	ttl time.Duration

	mu      sync.Mutex
	key     []byte
	revoked map[string]time.Time // by id: until when the token would have been good
}

// claims are what a token says.
type claims struct {
	ID    string    `json:"id"`
	DN    string    `json:"dn"`
	Until time.Time `json:"until"`
}

const (
	tokenPrefix = "gh1." // so that a scanner of secrets knows one when it sees it
	maxToken    = 4096
	maxRevoked  = 10_000
)

func newSessions(ttl time.Duration, now func() time.Time) *sessions {
	return &sessions{now: now, ttl: ttl, key: newKey(), revoked: map[string]time.Time{}}
}

func newKey() []byte {
	key := make([]byte, sha256.Size)
	rand.Read(key) // never fails
	return key
}

// issue makes a token for an entry.
func (s *sessions) issue(dn string) (token string, until time.Time) {
	until = s.now().UTC().Add(s.ttl).Truncate(time.Second)
	body, err := json.Marshal(claims{ID: rand.Text(), DN: dn, Until: until})
	if err != nil {
		panic(err) // three fields that marshal
	}
	text := tokenPrefix + base64.RawURLEncoding.EncodeToString(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	return text + "." + base64.RawURLEncoding.EncodeToString(s.sign(text)), until
}

// sign is the signature of a token's text; s.mu is held.
func (s *sessions) sign(text string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// read returns what a token says, or that it is not good any more, which is the same
// answer as that it never was.
func (s *sessions) read(token string) (claims, error) {
	var c claims
	ended := fault.New(fault.CodeSession, "")
	at := strings.LastIndexByte(token, '.')
	if len(token) > maxToken || !strings.HasPrefix(token, tokenPrefix) || at < len(tokenPrefix) {
		return c, ended
	}
	text := token[:at]
	signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	if err != nil {
		return c, ended
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !hmac.Equal(signature, s.sign(text)) {
		return c, ended
	}
	body, err := base64.RawURLEncoding.DecodeString(text[len(tokenPrefix):])
	if err != nil || json.Unmarshal(body, &c) != nil {
		return claims{}, ended
	}
	if _, revoked := s.revoked[c.ID]; revoked || !s.now().Before(c.Until) {
		return claims{}, ended
	}
	return c, nil
}

// revoke ends a session. Past a great many that have not run out by themselves yet,
// all of them end.
func (s *sessions) revoke(c claims) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for id, until := range s.revoked {
		if !now.Before(until) {
			delete(s.revoked, id)
		}
	}
	if len(s.revoked) >= maxRevoked {
		s.key = newKey()
		clear(s.revoked)
		return
	}
	s.revoked[c.ID] = c.Until
}

// bearer returns the token of a session that a request carries; other bearers' tokens
// are not ours to read.
func bearer(r *http.Request) (token string, carried bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && strings.HasPrefix(token, tokenPrefix)
}

// Session is a login, for as long as it is good.
type Session struct {
	Token string    `json:"token"`
	Login string    `json:"login"`
	DN    string    `json:"dn"`
	Until time.Time `json:"until"`
}

// login begins a session for whoever has just shown his password: a session does not
// prolong itself.
func (h *Handler) login(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	if _, carried := bearer(c.r); carried {
		return nil, fault.New(fault.CodeRequest, "a login takes the password, not another login")
	}
	token, until := h.sessions.issue(c.DN)
	h.Log.InfoContext(c.ctx, "operator logged in", "user", c.DN, "until", until, "source", source(c.r))
	return Session{Token: token, Login: c.Login, DN: c.DN, Until: until}, nil
}

// logout ends the session that the request is made with.
func (h *Handler) logout(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	token, carried := bearer(c.r)
	if !carried {
		return nil, fault.New(fault.CodeRequest, "a logout takes the login that ends")
	}
	ended, err := h.sessions.read(token)
	if err != nil {
		return nil, err
	}
	h.sessions.revoke(ended)
	h.Log.InfoContext(c.ctx, "operator logged out", "user", c.DN, "source", source(c.r))
	return map[string]string{"status": "ended"}, nil
}

// operator finds out who a request is from: by a session, or by name and password.
func (h *Handler) operator(c *call) (*gateway.Operator, error) {
	token, carried := bearer(c.r)
	if !carried {
		proof, err := h.proof(c.r)
		if err != nil {
			return nil, err
		}
		return h.Core.Operator(c.ctx, proof)
	}
	if !h.config.AllowPlaintextPasswords && !private(c.r) {
		return nil, fault.New(fault.CodeClearTextPassword, "")
	}
	who, err := h.sessions.read(token)
	if err != nil {
		return nil, err
	}
	return h.Core.Known(c.ctx, who.DN)
}
