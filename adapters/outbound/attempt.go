package outbound

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// maxRead is how much of an answer is read; gateway.MaxResponse of it is kept.
const maxRead = 1 << 20

// attempt sends one delivery and judges the answer. The error is nil or a
// *fault.Error; there is no response when nothing went out.
func (p *Publisher) attempt(ctx context.Context, d *gateway.Delivery) (*gateway.Response, error) {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := p.caller.request(ctx, d)
	if err != nil {
		return nil, fault.New(fault.CodeNotPublishable, "no request can be made of this delivery: %s", shown(err.Error())).Because(err)
	}
	req.Header.Set("User-Agent", "Gatehouse")
	began := p.now()
	res, err := p.client.Do(req)
	if err != nil {
		response := &gateway.Response{At: p.now().UTC(), Took: p.now().Sub(began)}
		return response, unanswered(whole, sent.Load(), err)
	}
	defer res.Body.Close()
	a := read(res)
	a.delivery, a.now = d.WireID, p.now()
	v := p.caller.judge(a)
	response := &gateway.Response{At: a.now.UTC(), Took: a.now.Sub(began), Status: a.status, ContentType: a.header.Get("Content-Type"),
		Body: a.body[:min(len(a.body), gateway.MaxResponse)], Cut: a.longer || a.broken != nil || len(a.body) > gateway.MaxResponse, Reason: v.warning}
	if v.fault == nil {
		return response, nil
	}
	return response, v.fault
}

// unanswered judges an attempt without an answer. When nothing was sent the
// partner was not there; when something was, this message's fate is unknown.
func unanswered(ctx context.Context, sent bool, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the URL: there may be a secret in its query
	}
	switch {
	case ctx.Err() != nil: // our own end, not the partner's
		return fault.New(fault.CodeChannelUnavailable, "").Because(errors.Join(ctx.Err(), err))
	case !sent:
		return fault.New(fault.CodeChannelUnavailable, "the partner cannot be reached").Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.CodeNotTaken, "the partner did not answer in time").Because(withoutEnd(err))
	}
	return fault.New(fault.CodeNotTaken, "the connection ended before the partner answered").Because(err)
}

// withoutEnd is the text of an error, so that nobody takes the attempt's deadline
// for the end of the caller.
func withoutEnd(err error) error { return errors.New(err.Error()) }

// read reads an answer as far as it is of use, and lets go of what is behind.
func read(res *http.Response) *answered {
	a := &answered{status: res.StatusCode, header: res.Header}
	a.body, a.broken = io.ReadAll(io.LimitReader(res.Body, maxRead+1))
	if len(a.body) > maxRead {
		a.body, a.longer = a.body[:maxRead], true
	}
	return a
}
