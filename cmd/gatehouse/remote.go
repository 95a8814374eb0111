package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// remoteTimeout bounds one request to a gateway, a replay included.
const remoteTimeout = 2 * time.Minute

// maxAnswer bounds what is read of an answer: a message with payload and reply.
const maxAnswer = 256 << 20

// remoteFlags say which gateway a command speaks to, and as whom.
type remoteFlags struct {
	file, server, user, passwordFile, caFile string
	plaintext                                bool
	public                                   bool // the API is that of the public door
}

func (f *remoteFlags) add(cmd *cobra.Command) {
	configFlag(cmd, &f.file)
	flags := cmd.Flags()
	flags.StringVar(&f.server, "server", "", "`URL` of the gateway's "+f.door()+" API (default: listen."+f.door()+" of the configuration)")
	flags.StringVar(&f.user, "user", "", "directory `login` (default: $GATEHOUSE_USER, else who you are here)")
	flags.StringVar(&f.passwordFile, "password-file", "", "`file` with the password (default: $GATEHOUSE_PASSWORD, else it is asked for)")
	flags.StringVar(&f.caFile, "ca-file", "", "PEM `file` of the authority to trust (default: the system's)")
	flags.BoolVar(&f.plaintext, "allow-plaintext-password", false, "send the password in clear to another machine")
}

// door is where the API is, in the words of the configuration.
func (f *remoteFlags) door() string {
	if f.public {
		return "public"
	}
	return "operations"
}

// directFlag adds the way past the API, with the rights of the configuration.
func directFlag(cmd *cobra.Command, direct *bool) {
	cmd.Flags().BoolVar(direct, "direct", false, "use the store and directory of the configuration instead of a running gateway; acts are recorded as local:<user>@<host>")
}

// client speaks to one gateway as one user.
type client struct {
	base           *url.URL
	user, password string
	session        string // a token in the place of the password
	http           *http.Client
}

// client finds out where and as whom, by the session that gatehouse login has begun
// there, unless a password is given; it asks for the password last.
func (f *remoteFlags) client() (*client, error) {
	c, err := f.connection()
	if err != nil {
		return nil, err
	}
	if f.passwordFile == "" && os.Getenv("GATEHOUSE_PASSWORD") == "" {
		s, err := savedSession(c.base, cmp.Or(f.user, os.Getenv("GATEHOUSE_USER")))
		if err != nil {
			return nil, err
		}
		if s != nil {
			c.user, c.session = s.Login, s.Token
			return c, nil
		}
	}
	return c, f.identify(c)
}

// identify finds out who somebody is, and his password.
func (f *remoteFlags) identify(c *client) (err error) {
	if c.user, err = f.login(); err == nil {
		c.password, err = f.password(c.user, c.base)
	}
	return err
}

// connection is a client of nobody yet.
func (f *remoteFlags) connection() (*client, error) {
	base, err := f.base()
	if err != nil {
		return nil, err
	}
	if base.Scheme == "http" && !f.plaintext && !isLoopback(base.Hostname()) {
		return nil, usageError{fmt.Errorf("%s would carry the password in clear; use https, or --allow-plaintext-password", base)}
	}
	secure, err := f.tls()
	if err != nil {
		return nil, err
	}
	return &client{base: base, http: &http.Client{
		Timeout:   remoteTimeout,
		Transport: &http.Transport{TLSClientConfig: secure, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true},
		// The password is for nobody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// base is the URL that addresses of the API begin with.
func (f *remoteFlags) base() (*url.URL, error) {
	if f.server == "" {
		return configuredServer(f.file, f.door())
	}
	u, err := url.Parse(f.server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, usageError{fmt.Errorf("--server: %q is no URL such as https://gatehouse.corp.example:8444", f.server)}
	}
	return u, nil
}

// configuredServer is where the gateway of a configuration has a door. Nothing else of
// the configuration is looked at: an operator may read it without being able to read
// its secrets.
func configuredServer(file, door string) (*url.URL, error) {
	const otherwise = "name the gateway with --server, or use --direct"
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("%w; %s", err, otherwise)}
	}
	root, err := config.Parse(file, src)
	if err != nil {
		return nil, err
	}
	n := root.Get("listen").Get(door)
	switch {
	case n == nil:
		return nil, usageError{fmt.Errorf("%s has no listen.%s; %s", file, door, otherwise)}
	case door == "operations":
		return operationsURL(n)
	}
	var section listenerSection
	if err := n.Decode(&section); err != nil {
		return nil, err
	}
	return doorURL(n, door, section.Address, section.TLS != nil)
}

// operationsURL is where this machine reaches the door of a listen.operations section.
func operationsURL(n *config.Node) (*url.URL, error) {
	var section operationsSection
	if err := n.Decode(&section); err != nil {
		return nil, err
	}
	section = section.Effective()
	return doorURL(n, "operations", section.Address, section.TLS != nil)
}

// doorURL is where this machine reaches an address that is listened on.
func doorURL(n *config.Node, door, address string, secure bool) (*url.URL, error) {
	if err := validAddress(door, address); err != nil {
		return nil, n.Get("address").Fault("%v", err)
	}
	host, port, _ := net.SplitHostPort(address) // it is valid
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if secure {
		u.Scheme = "https"
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (f *remoteFlags) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.caFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(f.caFile)
	if err != nil {
		return nil, usageError{fmt.Errorf("--ca-file: %w", err)}
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, usageError{fmt.Errorf("--ca-file: %s holds no certificate", f.caFile)}
	}
	return c, nil
}

func (f *remoteFlags) login() (string, error) {
	if login := cmp.Or(f.user, os.Getenv("GATEHOUSE_USER")); login != "" {
		return login, nil
	}
	u, err := user.Current()
	if err != nil {
		return "", usageError{fmt.Errorf("nobody knows who you are (%w); use --user", err)}
	}
	return u.Username, nil
}

func (f *remoteFlags) password(login string, server *url.URL) (string, error) {
	if f.passwordFile != "" {
		src, err := os.ReadFile(f.passwordFile)
		if err != nil {
			return "", usageError{fmt.Errorf("--password-file: %w", err)}
		}
		return strings.TrimRight(string(src), "\r\n"), nil
	}
	if password := os.Getenv("GATEHOUSE_PASSWORD"); password != "" {
		return password, nil
	}
	terminal := int(os.Stdin.Fd())
	if !term.IsTerminal(terminal) {
		return "", usageError{errors.New("there is no terminal to ask for the password at; use --password-file or $GATEHOUSE_PASSWORD")}
	}
	fmt.Fprintf(os.Stderr, "password of %s for %s: ", login, server)
	typed, err := term.ReadPassword(terminal)
	fmt.Fprintln(os.Stderr)
	return string(typed), err
}

// get asks for an address of the API and decodes the answer into into.
func (c *client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, http.MethodGet, path, query, nil, into)
}

// post has something done, for a reason.
func (c *client) post(ctx context.Context, path, reason string, into any) error {
	return c.send(ctx, path, map[string]string{"reason": reason}, into)
}

// send has something done that takes more than a reason.
func (c *client) send(ctx context.Context, path string, what, into any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, path, nil, body, into)
}

func (c *client) do(ctx context.Context, method, path string, query url.Values, body []byte, into any) error {
	u := c.base.JoinPath("api/v1", path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	if c.session != "" {
		req.Header.Set("Authorization", "Bearer "+c.session)
	} else {
		req.SetBasicAuth(c.user, c.password)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "gatehouse/"+version)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("nothing listens at %s; does the gateway run, and has its configuration listen.operations?", c.base)
	}
	if err != nil {
		return err // it names method and URL
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", c.base, err)
	}
	return c.read(res, answer, into)
}

// read tells the gateway's answers from those of others.
func (c *client) read(res *http.Response, answer []byte, into any) error {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")) // empty when it is none
	switch {
	case res.StatusCode == http.StatusOK && media == "application/json":
		if err := json.Unmarshal(answer, into); err != nil {
			return fmt.Errorf("the answer of %s cannot be read: %w", c.base, err)
		}
		return nil
	case media == "application/problem+json":
		var p operations.Problem
		if err := json.Unmarshal(answer, &p); err == nil && p.Code != "" {
			return c.refused(&p)
		}
	}
	return fmt.Errorf("%s answers %s and is no operations API of a gateway", c.base, res.Status)
}

// refused is a problem in the words of the command line. It may quote what
// senders wrote.
func (c *client) refused(p *operations.Problem) error {
	text := p.Fault().Error()
	switch {
	case p.Code == fault.CodeSession:
		text += " (gatehouse login)"
	case p.Status == http.StatusUnauthorized:
		text = fmt.Sprintf("%s lets nobody in as %s: %s", c.base, c.user, text)
	case p.Instance != "":
		text = fmt.Sprintf("%s (%s)", text, p.Instance)
	}
	return errors.New(strings.Map(inert, text))
}

// localActor is who an act past the API is recorded as.
func localActor() (string, error) {
	name := "uid" + strconv.Itoa(os.Getuid()) // in an image without a list of users
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("finding out where somebody acts: %w", err)
	}
	return "local:" + name + "@" + host, nil
}
