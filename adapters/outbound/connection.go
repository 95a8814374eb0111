package outbound

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Connection is how a partner is reached, whatever is said then. Every zero value
// means its default.
type Connection struct {
	// Auth says who calls; with tls.cert_file the client certificate does.
	Auth Auth `yaml:"auth"`
	// TLS is used by https URLs.
	TLS config.TLS `yaml:"tls"`
	// Timeout bounds one attempt, from connecting to the end of the answer. What
	// became of a message whose answer comes later is not known, and it is sent
	// again. Default: 30s.
	Timeout time.Duration `yaml:"timeout"`
	// Proxy is `environment` where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are to be
	// followed. Default: no proxy.
	Proxy string `yaml:"proxy"`
}

// Auth is one of: user name and password (HTTP Basic), a bearer token, or a key
// in a header of the partner's choice.
type Auth struct {
	Username string        `yaml:"username"`
	Password config.Secret `yaml:"password"`
	Bearer   config.Secret `yaml:"bearer"`
	Header   string        `yaml:"header"` // such as X-Api-Key
	Key      config.Secret `yaml:"key"`    // the value of Header
}

const (
	defaultTimeout = 30 * time.Second
	connectTimeout = 10 * time.Second
	environment    = "environment"
)

func (c Connection) withDefaults() Connection {
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	return c
}

// Effective returns the settings with every default filled in.
func (c Connection) Effective() Connection { return c.withDefaults() }

// validate reports every fault of the section, for a partner at u; u is nil where
// the URL is not known yet.
func (c Connection) validate(u *url.URL) error {
	_, tlsErr := c.TLS.Load()
	faults := []error{tlsErr, c.Auth.validate()}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("timeout: %v is negative", c.Timeout))
	}
	if c.Proxy != "" && c.Proxy != environment {
		faults = append(faults, fmt.Errorf("proxy: %q, expected environment, or nothing", c.Proxy))
	}
	if u != nil && !config.Confidential(u) && c.Auth != (Auth{}) {
		faults = append(faults, errors.New("auth: a secret goes over https only, or to this machine"))
	}
	if u != nil && u.Scheme != "https" && c.TLS != (config.TLS{}) {
		faults = append(faults, errors.New("tls: has no meaning for an http URL"))
	}
	return errors.Join(faults...)
}

func (a Auth) validate() error {
	var faults []error
	kinds := 0
	for _, given := range []bool{a.Username != "" || !a.Password.IsZero(), !a.Bearer.IsZero(), a.Header != "" || !a.Key.IsZero()} {
		if given {
			kinds++
		}
	}
	if kinds > 1 {
		faults = append(faults, errors.New("auth: give one of username, bearer and header"))
	}
	if (a.Username == "") != a.Password.IsZero() {
		faults = append(faults, errors.New("auth: username and password need each other"))
	}
	if strings.Contains(a.Username, ":") {
		faults = append(faults, errors.New("auth.username: a colon cannot be sent (RFC 7617 §2)"))
	}
	if (a.Header == "") != a.Key.IsZero() {
		faults = append(faults, errors.New("auth: header and key need each other"))
	}
	if a.Header != "" {
		faults = append(faults, validHeader("auth.header", a.Header, ""))
	}
	return errors.Join(faults...)
}

// apply puts the credentials into a request, as their files have them now.
func (a Auth) apply(req *http.Request) error {
	secret := func(s config.Secret) (string, error) {
		fresh, _ := s.Fresh() // a file that is away for a moment leaves the value before
		if value := fresh.Reveal(); printable(value) {
			return value, nil
		}
		return "", errors.New("the credentials hold a control character")
	}
	switch {
	case a.Username != "":
		password, err := secret(a.Password)
		if err != nil {
			return err
		}
		req.SetBasicAuth(a.Username, password)
	case !a.Bearer.IsZero():
		token, err := secret(a.Bearer)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	case a.Header != "":
		key, err := secret(a.Key)
		if err != nil {
			return err
		}
		req.Header.Set(a.Header, key)
	}
	return nil
}

// validURL never repeats the text: there may be a password in it.
func validURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New("is missing")
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.User != nil:
		return nil, errors.New("must hold no credentials; use auth")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("scheme %q, expected https or http", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("names no host")
	case u.Fragment != "":
		return nil, errors.New("takes no fragment")
	}
	return u, nil
}

// client makes the HTTP client of a channel. It follows no redirect: whatever the
// partner sends the gateway to, credentials and message would go there too.
func (c Connection) client(concurrency int) (*http.Client, error) {
	secure, err := c.TLS.Load()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:        secure,
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        concurrency,
		MaxIdleConnsPerHost:    concurrency,
		IdleConnTimeout:        30 * time.Second, // less than what most servers allow
		MaxResponseHeaderBytes: 64 << 10,
	}
	if c.Proxy == environment {
		transport.Proxy = http.ProxyFromEnvironment
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// reach connects to the host of u and says hello, and nothing more. It returns
// what was found, in words.
func (c Connection) reach(dialer *net.Dialer, u *url.URL, deadline time.Time) (string, error) {
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	address := net.JoinHostPort(u.Hostname(), port)
	dialer.Deadline = deadline
	if u.Scheme != "https" {
		conn, err := dialer.Dial("tcp", address)
		if err != nil {
			return "", err
		}
		return address + " reached", conn.Close()
	}
	secure, err := c.TLS.Load()
	if err != nil {
		return "", err
	}
	conn, err := tls.DialWithDialer(dialer, "tcp", address, secure)
	if err != nil {
		return "", err
	}
	state := conn.ConnectionState()
	until := state.PeerCertificates[0].NotAfter
	return fmt.Sprintf("%s reached, %s, certificate until %s", address, tls.VersionName(state.Version), until.Format(time.DateOnly)), conn.Close()
}
