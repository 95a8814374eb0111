package outbound

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// HTTP is the http section of a channel: each delivery is a request, with its body
// as it was published.
type HTTP struct {
	// URL is where deliveries go. {routing_key}, {ordering_key} and {type} in its
	// path or query stand for the delivery's, percent-encoded; the host is fixed.
	URL string `yaml:"url,required"`
	// Method is POST, PUT or PATCH. Default: POST.
	Method string `yaml:"method"`
	// Headers are added to every request. Secrets belong under auth.
	Headers map[string]string `yaml:"headers"`
	// IdempotencyHeader carries the delivery's id, which is the same at every
	// attempt. Default: Idempotency-Key.
	IdempotencyHeader string `yaml:"idempotency_header"`
	// Success are the statuses that say that the partner has taken the delivery.
	// Default: [2xx].
	Success []Status `yaml:"success"`
	// Retry are the statuses after which it is sent again; any other is a refusal.
	// Default: [408, 425, 429, 5xx].
	Retry      []Status `yaml:"retry"`
	Connection `yaml:",inline"`
}

// Effective returns the settings with every default filled in.
func (c HTTP) Effective() HTTP {
	c.Method = cmp.Or(c.Method, http.MethodPost)
	c.IdempotencyHeader = cmp.Or(c.IdempotencyHeader, "Idempotency-Key")
	if c.Success == nil {
		c.Success = successes
	}
	if c.Retry == nil {
		c.Retry = retried
	}
	c.Connection = c.Connection.withDefaults()
	return c
}

// Validate reports every fault of the section at once.
func (c HTTP) Validate() error {
	var faults []error
	t, err := parseTemplate(c.URL)
	if err != nil {
		faults = append(faults, fmt.Errorf("url: %w", err))
	}
	e := c.Effective()
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, e.Method) {
		faults = append(faults, fmt.Errorf("method: %q, expected POST, PUT or PATCH", c.Method))
	}
	faults = append(faults, validHeader("idempotency_header", e.IdempotencyHeader, ""))
	for name, value := range c.Headers {
		faults = append(faults, validHeader("headers", name, value))
	}
	if c.Success != nil && len(c.Success) == 0 {
		faults = append(faults, errors.New("success: is empty; then nothing would ever be delivered"))
	}
	for _, s := range e.Success {
		if s.low/100 == 3 || s.low == http.StatusUnauthorized || s.low == http.StatusProxyAuthRequired {
			faults = append(faults, errors.New("success: a redirect or a refused login is none"))
		}
	}
	var u *url.URL
	if t != nil {
		u = t.base
	}
	return errors.Join(append(faults, c.Connection.validate(u))...)
}

// poster is the HTTP channel's way of calling.
type poster struct {
	config   HTTP
	template *template
}

func (p *poster) request(ctx context.Context, d *gateway.Delivery) (*http.Request, error) {
	target, err := p.template.of(d)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, p.config.Method, target, bytes.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	setDelivery(req.Header, d)
	for name, value := range p.config.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set(p.config.IdempotencyHeader, d.WireID)
	if d.ContentType != "" {
		req.Header.Set("Content-Type", d.ContentType)
	}
	return req, p.config.Auth.apply(req)
}

// judge needs the status alone: what else a partner says is kept, and not read.
func (p *poster) judge(a *answered) verdict {
	if !among(p.config.Success, a.status) {
		return ofStatus(a, p.config.Retry)
	}
	if a.broken != nil {
		return verdict{warning: "the answer was cut off"}
	}
	return verdict{}
}

// template is a URL with places for what a delivery brings.
type template struct {
	base  *url.URL // with something harmless in each place
	parts []templatePart
}

type templatePart struct{ text, place string }

// places are what a URL may name, and what they stand for.
var places = map[string]func(*gateway.Delivery) string{
	"routing_key":  func(d *gateway.Delivery) string { return d.RoutingKey },
	"ordering_key": func(d *gateway.Delivery) string { return d.OrderingKey },
	"type":         func(d *gateway.Delivery) string { return d.Type },
}

func parseTemplate(text string) (*template, error) {
	t := &template{}
	rest, plain := text, ""
	for {
		before, after, found := strings.Cut(rest, "{")
		t.parts = append(t.parts, templatePart{text: before})
		plain += before
		if !found {
			break
		}
		name, behind, closed := strings.Cut(after, "}")
		if !closed || places[name] == nil {
			return nil, fmt.Errorf("{%s} is none of {routing_key}, {ordering_key} and {type}", name)
		}
		t.parts = append(t.parts, templatePart{place: name})
		plain += "\x00"
		rest = behind
	}
	// Only behind the host may something stand that a message brings.
	at := strings.IndexByte(plain, 0)
	slash := strings.Index(strings.TrimPrefix(strings.TrimPrefix(plain, "https://"), "http://"), "/")
	if prefix := len(plain) - len(strings.TrimPrefix(strings.TrimPrefix(plain, "https://"), "http://")); at >= 0 && (slash < 0 || at < prefix+slash) {
		return nil, errors.New("what a message brings may stand in the path and the query only")
	}
	var err error
	t.base, err = validURL(strings.ReplaceAll(plain, "\x00", "x"))
	return t, err
}

// of is the URL for a delivery. A message chooses a segment of the path, never
// another folder.
func (t *template) of(d *gateway.Delivery) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
		if p.place == "" {
			continue
		}
		value := places[p.place](d)
		if value == "" {
			return "", fmt.Errorf("the delivery has no %s, which url names", p.place)
		}
		b.WriteString(strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	}
	u, err := url.Parse(b.String())
	if err != nil {
		return "", err
	}
	for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
		if len(t.parts) > 1 && (segment == "." || segment == "..") {
			return "", errors.New("the delivery would lead to another folder of url")
		}
	}
	return b.String(), nil
}
