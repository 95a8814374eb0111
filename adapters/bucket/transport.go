package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

const (
	connectTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, in bytes, other than of a file: a page of
	// 1,000 names has some 600 KB.
	maxAnswer = 8 << 20
	// tries is how often a request is made.
	tries = 3
)

// client makes the HTTP client of a store.
func (c Connection) client() (*http.Client, error) {
	secure, err := c.TLS.Load()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:        secure,
		TLSHandshakeTimeout:    connectTimeout,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second, // less than what most servers allow
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}
	if c.Proxy == environment {
		transport.Proxy = http.ProxyFromEnvironment
	}
	return &http.Client{
		Transport:     &bounded{base: transport, timeout: c.Timeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// bounded makes requests that end in time, and bounds what is read of their answers.
type bounded struct {
	base    http.RoundTripper
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), b.timeout)
	res, err := b.base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if ctx.Err() != nil && req.Context().Err() == nil {
			err = fmt.Errorf("no answer within %v: %w", b.timeout, errors.New(err.Error()))
		}
		cancel()
		return nil, err
	}
	if res.StatusCode >= 300 && res.StatusCode < 400 && res.StatusCode != http.StatusNotModified {
		cancel()
		return nil, errors.Join(fault.New(fault.CodeFeedUnavailable, "the bucket answers with a redirect (%d), which is not followed: are endpoint and region right?", res.StatusCode), res.Body.Close())
	}
	res.Body = &answer{ReadCloser: res.Body, left: answerLimit(req), cancel: cancel}
	return res, nil
}

type limitKey struct{}

// withLimit has the answers to requests of ctx read up to another bound.
func withLimit(ctx context.Context, bytes int64) context.Context {
	return context.WithValue(ctx, limitKey{}, bytes)
}

func answerLimit(req *http.Request) int64 {
	if limit, given := req.Context().Value(limitKey{}).(int64); given {
		return limit
	}
	return maxAnswer
}

// answer is the body of an answer as far as it is read.
type answer struct {
	io.ReadCloser
	left   int64
	cancel context.CancelFunc
}

var errLong = errors.New("the answer is longer than what is read")

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	if a.left < 0 {
		return 0, errLong
	}
	n, err := a.ReadCloser.Read(p[:min(int64(len(p)), a.left+1)])
	if a.left -= int64(n); a.left < 0 {
		return 0, errLong
	}
	return n, err
}

// Close implements io.Closer.
func (a *answer) Close() error {
	defer a.cancel() // what is left is not waited for
	return a.ReadCloser.Close()
}
