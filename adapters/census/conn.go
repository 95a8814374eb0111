package census

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// ask answers one question, on the connection that there is, or on another when that
// one turns out to be dead. The end of ctx ends it.
func (d *Directory) ask(ctx context.Context, question func(context.Context) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.conn != nil
	err := d.once(ctx, question)
	if kept && d.conn == nil && err != nil && ctx.Err() == nil {
		err = d.once(ctx, question)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

func (d *Directory) once(ctx context.Context, question func(context.Context) error) error {
	if d.conn == nil || d.conn.IsClosing() {
		if err := d.connect(ctx); err != nil {
			return err
		}
	}
	return question(ctx)
}

// connect opens a connection to the first server that takes one.
func (d *Directory) connect(ctx context.Context) error {
	if d.refused != nil && time.Now().Before(d.until) {
		return d.refused // asking again and again would lock the service account
	}
	err := errClosed
	for _, s := range d.config.Servers {
		if err = d.open(ctx, s); err == nil {
			return nil
		}
		d.drop()
		err = fmt.Errorf("%s: %w", s.URL, err)
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// open connects, speaks TLS as configured and binds. The deadline on the connection is
// what bounds it: the library has none for the handshake of StartTLS.
func (d *Directory) open(ctx context.Context, s Server) error {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	d.tcp = tcp
	stop := context.AfterFunc(ctx, func() { tcp.Close() })
	defer stop()
	secure := d.config.TLS.Clone()
	if secure.ServerName == "" {
		secure.ServerName = s.Host
	}
	under := tcp
	if s.TLS {
		secured := tls.Client(tcp, secure)
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		under = secured
	}
	d.conn = goldap.NewConn(under, s.TLS)
	d.conn.SetTimeout(d.config.Timeout)
	d.conn.Start()
	if d.config.StartTLS && !s.TLS {
		if err := d.conn.StartTLS(secure); err != nil {
			return err
		}
	}
	if d.config.BindDN != "" {
		if err := d.conn.Bind(d.config.BindDN, d.config.BindPassword.Reveal()); err != nil {
			err = fmt.Errorf("binding as %s: %w", d.config.BindDN, err)
			if goldap.IsErrorWithCode(err, goldap.LDAPResultInvalidCredentials) {
				d.refused, d.until = err, time.Now().Add(refusedFor)
			}
			return err
		}
	}
	return d.learnBase()
}

// learnBase takes the server's own base where none is configured.
func (d *Directory) learnBase() error {
	if d.base != "" {
		return nil
	}
	request := goldap.NewSearchRequest("", goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)",
		[]string{"defaultNamingContext", "namingContexts"}, nil)
	result, err := d.conn.Search(request)
	if err != nil {
		return err
	}
	for _, e := range result.Entries {
		for _, name := range []string{"defaultNamingContext", "namingContexts"} {
			if base := e.GetEqualFoldAttributeValue(name); base != "" && d.base == "" {
				d.base = base
			}
		}
	}
	if d.base == "" {
		return errors.New("the server names no naming context: set group_search.base_dn")
	}
	return nil
}

// search asks once. An entry that is not there is none; whatever else is no answer
// ends the connection, where a late one would be taken for the next question's.
func (d *Directory) search(ctx context.Context, base string, scope int, filter string, attributes []string, controls []goldap.Control) (*goldap.SearchResult, error) {
	tcp := d.tcp
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { tcp.Close() })
	request := goldap.NewSearchRequest(base, scope, goldap.NeverDerefAliases, d.config.MaxGroups+d.config.PageSize, 0, false, filter, attributes, controls)
	request.EnforceSizeLimit = true
	result, err := d.conn.Search(request)
	if !stop() {
		d.drop()
		return nil, context.Cause(ctx)
	}
	answer, ok := errors.AsType[*goldap.Error](err)
	switch {
	case err == nil:
		return result, nil
	case ok && scope == goldap.ScopeBaseObject && (answer.ResultCode == goldap.LDAPResultNoSuchObject || answer.ResultCode == goldap.LDAPResultInvalidDNSyntax):
		return &goldap.SearchResult{}, nil
	}
	d.drop()
	return nil, fmt.Errorf("searching %q: %w", base, err)
}

// drop ends the connection. The TCP connection goes first: with a peer that does not
// read, the library would wait for its own writes.
func (d *Directory) drop() {
	if d.tcp != nil {
		d.tcp.Close()
	}
	if d.conn != nil {
		_ = d.conn.Close()
	}
	d.tcp, d.conn = nil, nil
}

// refusedFor is how long the service account is not tried again after a refusal.
const refusedFor = time.Minute

// sidFilter writes an identifier as a filter compares it; one that has no binary form
// as nothing that is anybody's.
func sidFilter(text string) string {
	parts := strings.Split(text, "-")[2:]
	authority, err := strconv.ParseUint(parts[0], 10, 48)
	raw := append([]byte{1, byte(len(parts) - 1)}, binary.BigEndian.AppendUint64(nil, authority)[2:]...)
	for _, p := range parts[1:] {
		n, bad := strconv.ParseUint(p, 10, 32)
		err = errors.Join(err, bad)
		raw = binary.LittleEndian.AppendUint32(raw, uint32(n))
	}
	if err != nil {
		raw = []byte{0}
	}
	var b strings.Builder
	for _, c := range raw {
		fmt.Fprintf(&b, "\\%02x", c)
	}
	return b.String()
}

// sidText writes a binary security identifier as people do ([MS-DTYP] §2.4.2.1);
// empty when it is none.
func sidText(raw []byte) string {
	if len(raw) < 8 || raw[0] != 1 || len(raw) != 8+4*int(raw[1]) {
		return ""
	}
	var b strings.Builder
	authority := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[2:8]...))
	fmt.Fprintf(&b, "S-1-%d", authority)
	for i := 8; i < len(raw); i += 4 {
		fmt.Fprintf(&b, "-%d", binary.LittleEndian.Uint32(raw[i:]))
	}
	return b.String()
}
