package outbound

import (
	"context"
	"net"
	"net/url"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Reach looks whether the partner's host answers: a connection, and TLS where the
// URL says so. No request is made. It returns what was found, in words.
func (c HTTP) Reach(ctx context.Context) (string, error) {
	t, err := parseTemplate(c.URL)
	if err != nil {
		return "", err
	}
	return c.Connection.look(ctx, t.base)
}

// Reach looks whether the partner's host answers, as HTTP.Reach does.
func (c SOAP) Reach(ctx context.Context, p *Partner) (string, error) {
	u, err := validURL(c.address(p))
	if err != nil {
		return "", err
	}
	return c.Connection.look(ctx, u)
}

func (c Connection) look(ctx context.Context, u *url.URL) (string, error) {
	if c.Proxy == environment {
		return u.Host + " is not looked at: requests may go through a proxy", nil
	}
	deadline := time.Now().Add(connectTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	found, err := c.reach(&net.Dialer{}, u, deadline)
	if err != nil {
		return "", fault.New(fault.CodeChannelUnavailable, "%s cannot be reached", u.Host).Because(err)
	}
	return found, nil
}
